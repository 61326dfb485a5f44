/**
 * Runs the statements of one file. Every step is counted; `position` is where the operation in hand stands, so that a
 * fault without a place of its own gets it.
 */

import { assertInvariant, unreachable } from '@agentbox/base';
import { BOUNDS } from '../bounds.ts';
import { type Position, RulesFault } from '../problem.ts';
import type { Argument, Clause, Comprehension, Definition, Expression, Lambda, Statement, Target } from './ast.ts';
import { Budget } from './budget.ts';
import { bindParameters } from './call.ts';
import { DICT_METHODS, extendList, LIST_METHODS, putEntry } from './collection-methods.ts';
import { hashKey } from './compare.ts';
import { binary, unary } from './operators.ts';
import type { ScopeNode, Scopes } from './resolve.ts';
import { Scope } from './scope.ts';
import { elementsOf, itemOf, mayChange, placeOf, sliceOf, whileHeld } from './sequences.ts';
import { STRING_METHODS } from './string-methods.ts';
import { repr, str } from './text.ts';
import {
  type DictValue,
  type Environment,
  emptyDict,
  type FunctionValue,
  type Given,
  isTrue,
  listOf,
  tupleOf,
  typeName,
  type Value,
} from './values.ts';

/** What a statement does to those behind it; a value is returned in a box. */
type Flow = 'on' | 'break' | 'continue' | { readonly returned: Value };

export class Interpreter {
  readonly budget = new Budget();
  readonly #scopes: Scopes;
  #position: Position = { line: 1, column: 1 };
  #calls = 0;

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  /** where the operation in hand stands */
  get position(): Position {
    return this.#position;
  }

  run(statements: readonly Statement[], builtins: Environment): void {
    this.#block(statements, new Scope(this.#names('file'), builtins));
  }

  #names(node: ScopeNode | 'file'): ReadonlySet<string> {
    const names = this.#scopes.get(node);
    assertInvariant(names !== undefined, 'every scope was resolved');
    return names;
  }

  #block(statements: readonly Statement[], scope: Environment): Flow {
    for (const statement of statements) {
      const flow = this.#statement(statement, scope);
      if (flow !== 'on') return flow;
    }
    return 'on';
  }

  #statement(statement: Statement, scope: Environment): Flow {
    this.#position = statement.at;
    this.budget.step();
    switch (statement.kind) {
      case 'pass':
        return 'on';
      case 'break':
      case 'continue':
        return statement.kind;
      case 'return':
        return { returned: statement.value === null ? null : this.#evaluate(statement.value, scope) };
      case 'expression':
        this.#evaluate(statement.value, scope);
        return 'on';
      case 'def':
        scope.set(statement.name, this.#function(statement, statement.name, scope));
        return 'on';
      case 'assign':
        this.#assign(statement.target, this.#evaluate(statement.value, scope), scope);
        return 'on';
      case 'modify':
        this.#modify(statement, scope);
        return 'on';
      case 'if':
        return this.budget.deeper(() => this.#choice(statement, scope));
      case 'for':
        return this.budget.deeper(() => this.#loop(statement, scope));
    }
    return unreachable(statement);
  }

  #choice(statement: Extract<Statement, { readonly kind: 'if' }>, scope: Environment): Flow {
    for (const { condition, body } of statement.branches) {
      if (isTrue(this.#evaluate(condition, scope))) return this.#block(body, scope);
    }
    return this.#block(statement.otherwise, scope);
  }

  #loop(statement: Extract<Statement, { readonly kind: 'for' }>, scope: Environment): Flow {
    const values = this.#evaluate(statement.source, scope);
    this.#position = statement.at;
    const items = elementsOf(values, this.budget);
    return whileHeld(values, () => {
      for (const item of items) {
        this.#position = statement.at;
        this.budget.step();
        this.#assign(statement.target, item, scope);
        const flow = this.#block(statement.body, scope);
        if (flow === 'break') break;
        if (typeof flow === 'object') return flow;
      }
      return 'on';
    });
  }

  #assign(target: Target, value: Value, scope: Environment): void {
    if (target.kind === 'name') return scope.set(target.name, value);
    if (target.kind === 'index') {
      const object = this.#evaluate(target.object, scope);
      const index = this.#evaluate(target.index, scope);
      this.#position = target.at;
      return this.#put(object, index, value);
    }
    this.#position = target.at;
    const items = elementsOf(value, this.budget);
    if (items.length !== target.targets.length)
      throw new RulesFault(
        `${items.length} values for ${target.targets.length} names`,
        'give as many values as there are names',
      );
    for (const [index, inner] of target.targets.entries()) this.#assign(inner, items[index] ?? null, scope);
    return undefined;
  }

  #put(object: Value, index: Value, value: Value): void {
    if (typeof object === 'object' && object !== null) {
      if (object.kind === 'dict') return putEntry(object, index, value, this.budget);
      if (object.kind === 'list') {
        mayChange(object);
        object.items[placeOf(index, object.items.length)] = value;
        return undefined;
      }
    }
    throw new RulesFault(`a ${typeName(object)} does not change`, 'make a new one');
  }

  /** `x += y` changes a list and, with |=, a dict itself; everything else is replaced. */
  #modify(statement: Extract<Statement, { readonly kind: 'modify' }>, scope: Environment): void {
    const { target, operator, at } = statement;
    assertInvariant(target.kind !== 'unpack', 'the parser refuses several targets');
    const object = target.kind === 'index' ? this.#evaluate(target.object, scope) : null;
    const index = target.kind === 'index' ? this.#evaluate(target.index, scope) : null;
    this.#position = at;
    const before = target.kind === 'name' ? scope.get(target.name) : itemOf(object, index, this.budget);
    const value = this.#evaluate(statement.value, scope);
    this.#position = at;
    const after = this.#modified(operator, before, value);
    if (target.kind === 'name') scope.set(target.name, after);
    else this.#put(object, index, after);
  }

  #modified(operator: Extract<Statement, { readonly kind: 'modify' }>['operator'], before: Value, value: Value): Value {
    if (typeof before === 'object' && before !== null) {
      if (operator === '+' && before.kind === 'list') {
        extendList(before, value, this.budget);
        return before;
      }
      const isUnion = operator === '|' && before.kind === 'dict';
      if (isUnion && typeof value === 'object' && value !== null && value.kind === 'dict') {
        for (const [key, item] of value.entries.values()) putEntry(before, key, item, this.budget);
        return before;
      }
    }
    assertInvariant(operator !== 'and' && operator !== 'or', 'there is no such modifier');
    return binary(operator, before, value, this.budget);
  }

  #evaluate(node: Expression, scope: Environment): Value {
    this.budget.step();
    if (node.kind === 'constant') return node.value;
    if (node.kind === 'name') {
      this.#position = node.at;
      return scope.get(node.name);
    }
    this.budget.enter();
    const value = this.#compound(node, scope);
    this.budget.leave();
    return value;
  }

  #compound(node: Exclude<Expression, { readonly kind: 'name' | 'constant' }>, scope: Environment): Value {
    switch (node.kind) {
      case 'format':
        return this.#format(node, scope);
      case 'list':
        return listOf(this.#all(node.items, scope));
      case 'tuple':
        return tupleOf(this.#all(node.items, scope));
      case 'dict':
        return this.#dict(node, scope);
      case 'unary': {
        const operand = this.#evaluate(node.operand, scope);
        this.#position = node.at;
        return unary(node.operator, operand, this.budget);
      }
      case 'binary':
        return this.#binary(node, scope);
      case 'choice':
        return this.#evaluate(isTrue(this.#evaluate(node.condition, scope)) ? node.yes : node.no, scope);
      case 'call':
        return this.#call(node, scope);
      case 'attribute': {
        const object = this.#evaluate(node.object, scope);
        this.#position = node.at;
        return this.#method(object, node.name);
      }
      case 'index': {
        const [object = null, index = null] = this.#all([node.object, node.index], scope);
        this.#position = node.at;
        return itemOf(object, index, this.budget);
      }
      case 'slice': {
        const object = this.#evaluate(node.object, scope);
        const [start, stop, step] = node.bounds;
        const value = (bound: Expression | null): Value => (bound === null ? null : this.#evaluate(bound, scope));
        const bounds = [value(start), value(stop), value(step)] as const;
        this.#position = node.at;
        return sliceOf(object, bounds, this.budget);
      }
      case 'lambda':
        return this.#function(node, 'lambda', scope);
      case 'list-comprehension':
      case 'dict-comprehension':
        return this.#comprehension(node, scope);
      default:
        return unreachable(node);
    }
  }

  #all(nodes: readonly Expression[], scope: Environment): Value[] {
    this.budget.make(nodes.length);
    return nodes.map((node) => this.#evaluate(node, scope));
  }

  #format(node: Extract<Expression, { readonly kind: 'format' }>, scope: Environment): string {
    const texts = node.pieces.map((piece) => {
      if (piece.kind === 'text') return piece.text;
      const value = this.#evaluate(piece.value, scope);
      return piece.conversion === 'r' ? repr(value, this.budget) : str(value, this.budget);
    });
    this.#position = node.at;
    this.budget.make(texts.reduce((sum, text) => sum + text.length, 0));
    return texts.join('');
  }

  #dict(node: Extract<Expression, { readonly kind: 'dict' }>, scope: Environment): DictValue {
    const dict = emptyDict();
    for (const [keyNode, valueNode] of node.entries) {
      const key = this.#evaluate(keyNode, scope);
      const value = this.#evaluate(valueNode, scope);
      this.#position = keyNode.at;
      if (dict.entries.has(hashKey(key)))
        throw new RulesFault(`the key ${repr(key, this.budget)} stands twice`, 'leave one of them out');
      putEntry(dict, key, value, this.budget);
    }
    return dict;
  }

  #binary(node: Extract<Expression, { readonly kind: 'binary' }>, scope: Environment): Value {
    const left = this.#evaluate(node.left, scope);
    const { operator } = node;
    if (operator === 'and') return isTrue(left) ? this.#evaluate(node.right, scope) : left;
    if (operator === 'or') return isTrue(left) ? left : this.#evaluate(node.right, scope);
    const right = this.#evaluate(node.right, scope);
    this.#position = node.at;
    return binary(operator, left, right, this.budget);
  }

  #method(object: Value, name: string): Value {
    const bound = this.#bound(object, name);
    if (bound !== undefined) return { kind: 'builtin', name, run: bound };
    throw new RulesFault(`a ${typeName(object)} has no method \`${name}\``, 'docs/policy.md lists the methods');
  }

  #bound(object: Value, name: string): ((given: Given) => Value) | undefined {
    if (typeof object === 'string') {
      const method = Object.hasOwn(STRING_METHODS, name) ? STRING_METHODS[name] : undefined;
      return method && ((given) => method(object, given, this.budget));
    }
    if (typeof object !== 'object' || object === null) return undefined;
    if (object.kind === 'list') {
      const method = Object.hasOwn(LIST_METHODS, name) ? LIST_METHODS[name] : undefined;
      return method && ((given) => method(object, given, this.budget));
    }
    if (object.kind !== 'dict') return undefined;
    const method = Object.hasOwn(DICT_METHODS, name) ? DICT_METHODS[name] : undefined;
    return method && ((given) => method(object, given, this.budget));
  }

  #comprehension(node: Comprehension, outer: Environment): Value {
    const scope = new Scope(this.#names(node), outer);
    const items: Value[] = [];
    const dict = emptyDict();
    this.#clauses(node.clauses, 0, scope, outer, () => {
      this.budget.make(1);
      if (node.key === null) items.push(this.#evaluate(node.value, scope));
      else {
        const key = this.#evaluate(node.key, scope);
        const value = this.#evaluate(node.value, scope);
        this.#position = node.key.at;
        putEntry(dict, key, value, this.budget);
      }
    });
    return node.key === null ? listOf(items) : dict;
  }

  /** `within` is the scope of the source: the first one belongs to the scope outside. */
  #clauses(clauses: readonly Clause[], at: number, scope: Environment, within: Environment, found: () => void): void {
    const clause = clauses[at];
    if (clause === undefined) return found();
    const next = (): void => this.#clauses(clauses, at + 1, scope, scope, found);
    if (clause.kind === 'if')
      return isTrue(this.#evaluate(clause.condition, scope)) ? this.budget.deeper(next) : undefined;
    const values = this.#evaluate(clause.source, within);
    this.#position = clause.source.at;
    const items = elementsOf(values, this.budget);
    return whileHeld(values, () => {
      for (const item of items) {
        this.budget.step();
        this.#assign(clause.target, item, scope);
        this.budget.deeper(next);
      }
    });
  }

  #function(node: Definition | Lambda, name: string, scope: Environment): FunctionValue {
    const fallbacks = new Map<string, Value>();
    for (const parameter of node.parameters) {
      if (parameter.fallback !== null) fallbacks.set(parameter.name, this.#evaluate(parameter.fallback, scope));
    }
    return { kind: 'function', name, node, fallbacks, scope };
  }

  #call(node: Extract<Expression, { readonly kind: 'call' }>, scope: Environment): Value {
    const callee = this.#evaluate(node.callee, scope);
    const given = this.#given(node.args, scope);
    this.#position = node.at;
    const value = this.call(callee, given);
    this.#position = node.at;
    return value;
  }

  #given(args: readonly Argument[], scope: Environment): Given {
    const positional: Value[] = [];
    const named = new Map<string, Value>();
    const name = (key: string, value: Value): void => {
      if (named.has(key)) throw new RulesFault(`the argument \`${key}\` is given twice`, 'give it once');
      named.set(key, value);
    };
    for (const argument of args) {
      const value = this.#evaluate(argument.value, scope);
      this.budget.make(1);
      if (argument.kind === 'positional') positional.push(value);
      else if (argument.kind === 'named') name(argument.name, value);
      else if (argument.kind === 'rest') for (const item of elementsOf(value, this.budget)) positional.push(item);
      else for (const [key, item] of namedRest(value)) name(key, item);
    }
    return { positional, named };
  }

  /** Runs a function of the file or a builtin. */
  call(callee: Value, given: Given): Value {
    this.budget.step();
    if (typeof callee !== 'object' || callee === null || (callee.kind !== 'function' && callee.kind !== 'builtin'))
      throw new RulesFault(`a ${typeName(callee)} cannot be called`, 'call a function');
    if (callee.kind === 'builtin') return callee.run(given);
    const { node } = callee;
    if (this.#calls >= BOUNDS.callDepth)
      throw new RulesFault(`more than ${BOUNDS.callDepth} calls inside each other`, 'use a loop, or fewer functions');
    this.#calls += 1;
    const scope = new Scope(this.#names(node), callee.scope);
    for (const [name, value] of bindParameters(callee, given, this.budget)) scope.set(name, value);
    const value = this.budget.deeper(() =>
      node.kind === 'lambda' ? this.#evaluate(node.body, scope) : returnedBy(this.#block(node.body, scope)),
    );
    this.#calls -= 1;
    return value;
  }
}

const returnedBy = (flow: Flow): Value => (typeof flow === 'object' ? flow.returned : null);

function namedRest(value: Value): readonly (readonly [string, Value])[] {
  if (typeof value !== 'object' || value === null || value.kind !== 'dict')
    throw new RulesFault(`** takes a dict, not a ${typeName(value)}`, 'give a dict with names as keys');
  return [...value.entries.values()].map(([key, item]) => {
    if (typeof key !== 'string') throw new RulesFault('** takes names as keys', 'use strings as keys');
    return [key, item];
  });
}
