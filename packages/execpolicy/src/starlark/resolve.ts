/**
 * Which names belong to which scope, known before anything runs: an unknown name is an error even in a line that is
 * never reached. A name that is assigned anywhere in a function is that function's in all of it.
 */
import { nearest, unreachable } from '@agentbox/base';
import { type Position, RulesFault } from '../problem.ts';
import type { Comprehension, Definition, Expression, Lambda, Parameter, Statement, Target } from './ast.ts';
import { namesOf } from './targets.ts';

export type ScopeNode = Definition | Lambda | Comprehension;
export type Scopes = ReadonlyMap<ScopeNode | 'file', ReadonlySet<string>>;

/** Names that these statements bind, without those of functions inside. */
function boundBy(statements: readonly Statement[]): readonly string[] {
  return statements.flatMap((statement) => {
    switch (statement.kind) {
      case 'def':
        return [statement.name];
      case 'assign':
      case 'modify':
        return namesOf(statement.target);
      case 'for':
        return [...namesOf(statement.target), ...boundBy(statement.body)];
      case 'if':
        return [...statement.branches.flatMap(({ body }) => boundBy(body)), ...boundBy(statement.otherwise)];
      case 'expression':
      case 'return':
      case 'break':
      case 'continue':
      case 'pass':
        return [];
    }
    return unreachable(statement);
  });
}

class Resolver {
  readonly scopes = new Map<ScopeNode | 'file', ReadonlySet<string>>();
  readonly #builtins: ReadonlySet<string>;
  /** innermost last */
  readonly #open: ReadonlySet<string>[] = [];

  constructor(builtins: ReadonlySet<string>) {
    this.#builtins = builtins;
  }

  file(statements: readonly Statement[]): void {
    const names = new Set(boundBy(statements));
    this.scopes.set('file', names);
    this.#within(names, () => this.#block(statements, false, false));
  }

  #within(names: ReadonlySet<string>, walk: () => void): void {
    this.#open.push(names);
    walk();
    this.#open.pop();
  }

  #name(name: string, at: Position): void {
    if (this.#builtins.has(name) || this.#open.some((names) => names.has(name))) return;
    const meant = nearest(name, [...this.#open.flatMap((names) => [...names]), ...this.#builtins]);
    throw new RulesFault(
      `the name \`${name}\` is not known`,
      meant === undefined
        ? 'quote it if it is text, or assign it'
        : `did you mean \`${meant}\`? Text belongs in quotes`,
      at,
    );
  }

  #block(statements: readonly Statement[], inFunction: boolean, inLoop: boolean): void {
    for (const statement of statements) this.#statement(statement, inFunction, inLoop);
  }

  #statement(statement: Statement, inFunction: boolean, inLoop: boolean): void {
    switch (statement.kind) {
      case 'def':
        return this.#function(statement, () => this.#block(statement.body, true, false), boundBy(statement.body));
      case 'expression':
        return this.#expression(statement.value);
      case 'assign':
      case 'modify':
        this.#expression(statement.value);
        return this.#target(statement.target);
      case 'if':
        for (const { condition, body } of statement.branches) {
          this.#expression(condition);
          this.#block(body, inFunction, inLoop);
        }
        return this.#block(statement.otherwise, inFunction, inLoop);
      case 'for':
        this.#expression(statement.source);
        this.#target(statement.target);
        return this.#block(statement.body, inFunction, true);
      case 'return':
        if (!inFunction) throw misplaced('return', 'a function', statement.at);
        return statement.value === null ? undefined : this.#expression(statement.value);
      case 'break':
      case 'continue':
        if (!inLoop) throw misplaced(statement.kind, 'a loop', statement.at);
        return undefined;
      case 'pass':
        return undefined;
    }
  }

  #function(node: Definition | Lambda, walk: () => void, bound: readonly string[]): void {
    this.#fallbacks(node.parameters);
    const names = new Set([...node.parameters.map(({ name }) => name), ...bound]);
    this.scopes.set(node, names);
    this.#within(names, walk);
  }

  #fallbacks(parameters: readonly Parameter[]): void {
    for (const { fallback } of parameters) if (fallback !== null) this.#expression(fallback);
  }

  #target(target: Target): void {
    if (target.kind === 'unpack') for (const inner of target.targets) this.#target(inner);
    if (target.kind !== 'index') return;
    this.#expression(target.object);
    this.#expression(target.index);
  }

  #comprehension(node: Comprehension): void {
    const [first, ...others] = node.clauses;
    // The first source belongs to the scope outside: the comprehension's own names do not exist there yet.
    if (first?.kind === 'for') this.#expression(first.source);
    const names = new Set(node.clauses.flatMap((clause) => (clause.kind === 'for' ? namesOf(clause.target) : [])));
    this.scopes.set(node, names);
    this.#within(names, () => {
      if (first?.kind === 'for') this.#target(first.target);
      for (const clause of others) {
        this.#expression(clause.kind === 'for' ? clause.source : clause.condition);
        if (clause.kind === 'for') this.#target(clause.target);
      }
      if (node.key !== null) this.#expression(node.key);
      this.#expression(node.value);
    });
  }

  #expression(node: Expression): void {
    switch (node.kind) {
      case 'name':
        return this.#name(node.name, node.at);
      case 'constant':
        return undefined;
      case 'lambda':
        return this.#function(node, () => this.#expression(node.body), []);
      case 'list-comprehension':
      case 'dict-comprehension':
        return this.#comprehension(node);
      case 'format':
      case 'list':
      case 'tuple':
      case 'dict':
      case 'unary':
      case 'binary':
      case 'choice':
      case 'call':
      case 'attribute':
      case 'index':
      case 'slice':
        for (const child of childrenOf(node)) this.#expression(child);
        return undefined;
    }
  }
}

type Leafless = Exclude<Expression, ScopeNode | { readonly kind: 'name' | 'constant' }>;

function childrenOf(node: Leafless): readonly Expression[] {
  switch (node.kind) {
    case 'format':
      return node.pieces.flatMap((piece) => (piece.kind === 'value' ? [piece.value] : []));
    case 'list':
    case 'tuple':
      return node.items;
    case 'dict':
      return node.entries.flat();
    case 'unary':
      return [node.operand];
    case 'binary':
      return [node.left, node.right];
    case 'choice':
      return [node.condition, node.yes, node.no];
    case 'call':
      return [node.callee, ...node.args.map(({ value }) => value)];
    case 'attribute':
      return [node.object];
    case 'index':
      return [node.object, node.index];
    case 'slice':
      return [node.object, ...node.bounds.filter((bound) => bound !== null)];
  }
  return unreachable(node);
}

const misplaced = (word: string, place: string, at: Position): RulesFault =>
  new RulesFault(`\`${word}\` outside of ${place}`, `it belongs inside ${place}`, at);

export function resolveFile(statements: readonly Statement[], builtins: ReadonlySet<string>): Scopes {
  const resolver = new Resolver(builtins);
  resolver.file(statements);
  return resolver.scopes;
}
