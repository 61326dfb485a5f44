/** Expressions of rule files, by precedence. Comparisons do not chain, and a tuple without parentheses has no last comma. */
import { BOUNDS } from '../bounds.ts';
import { type Position, RulesFault } from '../problem.ts';
import type { Argument, BinaryOperator, Clause, Expression, FormatPiece, Parameter } from './ast.ts';
import { argumentsFault, parametersFault } from './signature-order.ts';
import { toTarget } from './targets.ts';
import { TokenStream } from './token-stream.ts';
import type { FormatPart } from './tokens.ts';

/** Weakest first; every level is read from left to right. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['|'],
  ['^'],
  ['&'],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '%', '//'],
];
const COMPARISONS: readonly BinaryOperator[] = ['==', '!=', '<=', '>=', '<', '>', 'in'];
const CALL_HINT = 'close the call with ), and put commas between its arguments';

type Bounds = readonly [Expression | null, Expression | null, Expression | null];

export class ExpressionParser {
  readonly #tokens: TokenStream;
  readonly #depths = new WeakMap<Expression, number>();

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
  }

  /** One expression, or several with commas between them as a tuple. */
  list(read: () => Expression = () => this.test()): Expression {
    const at = this.#tokens.here;
    const first = read();
    if (!this.#tokens.sees(',')) return first;
    const items = [first];
    while (this.#tokens.accept(',')) {
      if (this.#endsList()) throw new RulesFault('a tuple that ends with a comma', 'put it in parentheses', at);
      items.push(read());
    }
    return this.#deep({ kind: 'tuple', items, at }, items);
  }

  #endsList(): boolean {
    const { kind } = this.#tokens.next;
    return kind === 'newline' || kind === 'end' || this.#tokens.seesAny(['=', 'in', ';', ':', ')']) !== undefined;
  }

  /** What may stand left of `in` in a for: no comparison, so that `in` stays the loop's. */
  targets(): Expression {
    return this.list(() => this.#binary(0));
  }

  test(): Expression {
    return this.#tokens.nested(() => {
      if (this.#tokens.sees('lambda')) return this.#lambda();
      const at = this.#tokens.here;
      const yes = this.#or();
      if (!this.#tokens.accept('if')) return yes;
      const condition = this.#or();
      this.#tokens.expect('else', 'a choice is written `a if condition else b`');
      const no = this.test();
      return this.#deep({ kind: 'choice', condition, yes, no, at }, [condition, yes, no]);
    });
  }

  /** Notes how deep the tree is: every walk over it is as deep. */
  #deep(node: Expression, children: readonly Expression[]): Expression {
    const depth = 1 + children.reduce((most, child) => Math.max(most, this.#depths.get(child) ?? 1), 0);
    if (depth > BOUNDS.treeDepth)
      throw new RulesFault(
        `an expression of more than ${BOUNDS.treeDepth} levels`,
        'divide it with variables, or build lists with a loop',
        node.at,
      );
    this.#depths.set(node, depth);
    return node;
  }

  #chain(operators: readonly BinaryOperator[], read: () => Expression): Expression {
    let left = read();
    for (;;) {
      const at = left.at;
      const operator = operators.find((one) => this.#tokens.sees(one));
      if (operator === undefined) return left;
      this.#tokens.take();
      const right = read();
      left = this.#deep({ kind: 'binary', operator, left, right, at }, [left, right]);
    }
  }

  #or(): Expression {
    return this.#chain(['or'], () => this.#chain(['and'], () => this.#not()));
  }

  #not(): Expression {
    const at = this.#tokens.here;
    if (!this.#tokens.accept('not')) return this.#comparison();
    const operand = this.#tokens.nested(() => this.#not());
    return this.#deep({ kind: 'unary', operator: 'not', operand, at }, [operand]);
  }

  #comparison(): Expression {
    const left = this.#binary(0);
    const operator = this.#comparisonOperator();
    if (operator === null) return left;
    const right = this.#binary(0);
    const again = this.#tokens.here;
    if (this.#comparisonOperator() !== null)
      throw new RulesFault('comparisons do not chain', 'write `a < b and b < c`', again);
    return this.#deep({ kind: 'binary', operator, left, right, at: left.at }, [left, right]);
  }

  #comparisonOperator(): BinaryOperator | null {
    if (this.#tokens.sees('not') && this.#tokens.sees('in', 1)) {
      this.#tokens.take();
      this.#tokens.take();
      return 'not in';
    }
    const found = COMPARISONS.find((one) => this.#tokens.sees(one));
    if (found === undefined) return null;
    this.#tokens.take();
    return found;
  }

  #binary(level: number): Expression {
    const operators = LEVELS[level];
    return operators === undefined ? this.#unary() : this.#chain(operators, () => this.#binary(level + 1));
  }

  #unary(): Expression {
    const at = this.#tokens.here;
    const operator = (['-', '+', '~'] as const).find((one) => this.#tokens.sees(one));
    if (operator === undefined) return this.#primary();
    this.#tokens.take();
    const operand = this.#tokens.nested(() => this.#unary());
    return this.#deep({ kind: 'unary', operator, operand, at }, [operand]);
  }

  #primary(): Expression {
    let object = this.#operand();
    for (;;) {
      if (this.#tokens.accept('(')) object = this.#call(object);
      else if (this.#tokens.accept('[')) object = this.#subscript(object);
      else if (this.#tokens.accept('.')) {
        const name = this.#tokens.name('a dot is followed by the name of a method');
        object = this.#deep({ kind: 'attribute', object, name, at: object.at }, [object]);
      } else return object;
    }
  }

  #call(callee: Expression): Expression {
    const args: Argument[] = [];
    const faultAt: Position[] = [];
    while (!this.#tokens.accept(')')) {
      if (args.length > 0) {
        this.#tokens.expect(',', CALL_HINT);
        if (this.#tokens.accept(')')) break;
      }
      faultAt.push(this.#tokens.here);
      args.push(this.#argument());
    }
    const fault = argumentsFault(args, faultAt);
    if (fault !== null) throw fault;
    return this.#deep({ kind: 'call', callee, args, at: callee.at }, [callee, ...args.map(({ value }) => value)]);
  }

  #argument(): Argument {
    if (this.#tokens.accept('*')) return { kind: 'rest', name: '', value: this.test() };
    if (this.#tokens.accept('**')) return { kind: 'named-rest', name: '', value: this.test() };
    if (this.#tokens.next.kind === 'name' && this.#tokens.sees('=', 1)) {
      const name = this.#tokens.name(CALL_HINT);
      this.#tokens.take();
      return { kind: 'named', name, value: this.test() };
    }
    return { kind: 'positional', name: '', value: this.test() };
  }

  #subscript(object: Expression): Expression {
    const parts: [Expression | null, Expression | null, Expression | null] = [null, null, null];
    let colons = 0;
    while (!this.#tokens.accept(']')) {
      if (this.#tokens.sees(':') && colons < 2) {
        this.#tokens.take();
        colons += 1;
      } else if (parts[colons] === null) parts[colons] = this.test();
      else throw this.#tokens.unexpected('`]`', 'close the index with ]');
    }
    return this.#indexed(object, parts, colons);
  }

  #indexed(object: Expression, bounds: Bounds, colons: number): Expression {
    const { at } = object;
    const [index] = bounds;
    const given = bounds.filter((bound) => bound !== null);
    if (colons > 0) return this.#deep({ kind: 'slice', object, bounds, at }, [object, ...given]);
    if (index === null) throw new RulesFault('an index is missing', 'write x[0] or x[1:]', at);
    return this.#deep({ kind: 'index', object, index, at }, [object, index]);
  }

  #operand(): Expression {
    const { at } = this.#tokens.next;
    if (this.#tokens.sees('[')) return this.#listLiteral(at);
    if (this.#tokens.sees('{')) return this.#dictLiteral(at);
    if (this.#tokens.sees('(')) return this.#parenthesis(at);
    const token = this.#tokens.next;
    if (token.kind === 'format') {
      this.#tokens.take();
      const pieces = token.parts.map((part) => this.#formatPiece(part));
      return this.#deep(
        { kind: 'format', pieces, at },
        pieces.flatMap((piece) => (piece.kind === 'value' ? [piece.value] : [])),
      );
    }
    if (token.kind === 'name') return this.#leaf({ kind: 'name', name: token.text, at });
    if (token.kind === 'int' || token.kind === 'string')
      return this.#leaf({ kind: 'constant', value: token.value, at });
    throw this.#tokens.unexpected('a value', 'a value is a string, a number, a name, a list, a dict or a call');
  }

  #leaf(node: Expression): Expression {
    this.#tokens.take();
    return node;
  }

  #formatPiece(part: FormatPart): FormatPiece {
    if (part.kind === 'text') return part;
    const tokens = new TokenStream(part.tokens);
    const parser = new ExpressionParser(tokens);
    const value = this.#tokens.nested(() => parser.test());
    if (tokens.next.kind !== 'end')
      throw tokens.unexpected('`}`', 'a brace of an f-string holds one value, with !r for its quoted form');
    const depth = parser.depthOf(value);
    this.#depths.set(value, depth);
    return { kind: 'value', value, conversion: part.conversion };
  }

  depthOf(node: Expression): number {
    return this.#depths.get(node) ?? 1;
  }

  #parenthesis(at: Position): Expression {
    this.#tokens.take();
    const items: Expression[] = [];
    let commas = 0;
    while (!this.#tokens.accept(')')) {
      if (items.length > commas) {
        this.#tokens.expect(',', 'close the parenthesis with )');
        commas += 1;
        if (this.#tokens.accept(')')) break;
      }
      items.push(this.test());
    }
    const [only] = items;
    return only !== undefined && commas === 0 ? only : this.#deep({ kind: 'tuple', items, at }, items);
  }

  #listLiteral(at: Position): Expression {
    this.#tokens.take();
    const items: Expression[] = [];
    while (!this.#tokens.accept(']')) {
      if (items.length > 0) {
        this.#tokens.expect(',', 'put commas between the items and ] at the end');
        if (this.#tokens.accept(']')) break;
      }
      const value = this.test();
      if (items.length === 0 && this.#tokens.sees('for')) {
        const clauses = this.#clauses(']');
        const inner = [value, ...clauses.map(clauseExpression)];
        return this.#deep({ kind: 'list-comprehension', key: null, value, clauses, at }, inner);
      }
      items.push(value);
    }
    return this.#deep({ kind: 'list', items, at }, items);
  }

  #dictLiteral(at: Position): Expression {
    this.#tokens.take();
    const entries: (readonly [Expression, Expression])[] = [];
    while (!this.#tokens.accept('}')) {
      if (entries.length > 0) {
        this.#tokens.expect(',', 'put commas between the entries and } at the end');
        if (this.#tokens.accept('}')) break;
      }
      const key = this.test();
      this.#tokens.expect(':', 'an entry of a dict is written key: value');
      const value = this.test();
      if (entries.length === 0 && this.#tokens.sees('for')) {
        const clauses = this.#clauses('}');
        const inner = [key, value, ...clauses.map(clauseExpression)];
        return this.#deep({ kind: 'dict-comprehension', key, value, clauses, at }, inner);
      }
      entries.push([key, value]);
    }
    return this.#deep({ kind: 'dict', entries, at }, entries.flat());
  }

  #clauses(closing: string): readonly Clause[] {
    const clauses: Clause[] = [];
    while (!this.#tokens.accept(closing)) {
      if (this.#tokens.accept('for')) {
        const target = toTarget(this.targets());
        this.#tokens.expect('in', 'a loop is written `for name in values`');
        clauses.push({ kind: 'for', target, source: this.#tokens.nested(() => this.#or()) });
      } else if (this.#tokens.accept('if'))
        clauses.push({ kind: 'if', condition: this.#tokens.nested(() => this.#or()) });
      else
        throw this.#tokens.unexpected(
          `\`${closing}\``,
          'a comprehension is written [value for name in values if condition]',
        );
    }
    return clauses;
  }

  #lambda(): Expression {
    const { at } = this.#tokens.take();
    const parameters = this.parameters(':');
    const body = this.test();
    const fallbacks = parameters.flatMap(({ fallback }) => (fallback === null ? [] : [fallback]));
    return this.#deep({ kind: 'lambda', parameters, body, at }, [body, ...fallbacks]);
  }

  /** Up to and with `closing`. */
  parameters(closing: ')' | ':'): readonly Parameter[] {
    const parameters: Parameter[] = [];
    while (!this.#tokens.accept(closing)) {
      if (parameters.length > 0) {
        this.#tokens.expect(',', 'put commas between the parameters');
        if (this.#tokens.accept(closing)) break;
      }
      parameters.push(this.#parameter());
      if (closing === ')' && this.#tokens.sees(':'))
        throw this.#tokens.unexpected('`,`', 'types are not written in rule files: leave out the `: type`');
    }
    const fault = parametersFault(parameters);
    if (fault !== null) throw fault;
    return parameters;
  }

  #parameter(): Parameter {
    const at = this.#tokens.here;
    const hint = 'a parameter is a name, name=value, *name or **name';
    if (this.#tokens.accept('**')) return { kind: 'named-rest', name: this.#tokens.name(hint), fallback: null, at };
    if (this.#tokens.accept('*')) {
      if (this.#tokens.next.kind !== 'name') return { kind: 'separator', name: '', fallback: null, at };
      return { kind: 'rest', name: this.#tokens.name(hint), fallback: null, at };
    }
    const name = this.#tokens.name(hint);
    return { kind: 'plain', name, fallback: this.#tokens.accept('=') ? this.test() : null, at };
  }
}

const clauseExpression = (clause: Clause): Expression => (clause.kind === 'for' ? clause.source : clause.condition);
