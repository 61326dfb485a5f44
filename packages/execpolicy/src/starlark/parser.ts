/** Tokens to the statements of a rule file. */
import { BOUNDS } from '../bounds.ts';
import { RulesFault } from '../problem.ts';
import type { BinaryOperator, Branch, Statement } from './ast.ts';
import { ExpressionParser } from './expressions.ts';
import { tokenize } from './lexer.ts';
import { toTarget } from './targets.ts';
import { TokenStream } from './token-stream.ts';

const MODIFIERS: ReadonlyMap<string, BinaryOperator> = new Map([
  ['+=', '+'],
  ['-=', '-'],
  ['*=', '*'],
  ['//=', '//'],
  ['%=', '%'],
  ['&=', '&'],
  ['|=', '|'],
  ['^=', '^'],
  ['<<=', '<<'],
  ['>>=', '>>'],
]);

class Parser {
  readonly #tokens: TokenStream;
  readonly #expressions: ExpressionParser;

  constructor(source: string) {
    this.#tokens = new TokenStream(tokenize(source));
    this.#expressions = new ExpressionParser(this.#tokens);
  }

  file(): readonly Statement[] {
    const statements: Statement[] = [];
    while (this.#tokens.next.kind !== 'end') {
      if (!this.#tokens.acceptKind('newline')) statements.push(...this.#statement());
    }
    return statements;
  }

  #statement(): readonly Statement[] {
    const { at } = this.#tokens.next;
    if (this.#tokens.next.kind === 'indent')
      throw new RulesFault('a line is indented without reason', 'only what follows a line with : is indented', at);
    if (this.#tokens.accept('def')) return [this.#definition(at)];
    if (this.#tokens.accept('if')) return [this.#choice(at)];
    if (this.#tokens.accept('for')) return [this.#loop(at)];
    return this.#simpleLine();
  }

  #definition(at: Statement['at']): Statement {
    const name = this.#tokens.name('a function is written `def name(parameters):`');
    this.#tokens.expect('(', 'a function is written `def name(parameters):`');
    const parameters = this.#expressions.parameters(')');
    if (this.#tokens.sees('->')) throw this.#tokens.unexpected('`:`', 'types are not written in rule files');
    return { kind: 'def', name, parameters, body: this.#suite(), at };
  }

  #choice(at: Statement['at']): Statement {
    const branches: Branch[] = [{ condition: this.#expressions.test(), body: this.#suite() }];
    while (this.#tokens.accept('elif')) branches.push({ condition: this.#expressions.test(), body: this.#suite() });
    const otherwise = this.#tokens.accept('else') ? this.#suite() : [];
    return { kind: 'if', branches, otherwise, at };
  }

  #loop(at: Statement['at']): Statement {
    const target = toTarget(this.#expressions.targets());
    this.#tokens.expect('in', 'a loop is written `for name in values:`');
    const source = this.#expressions.test();
    return { kind: 'for', target, source, body: this.#suite(), at };
  }

  /** What follows a colon: the rest of the line, or an indented block. */
  #suite(): readonly Statement[] {
    this.#tokens.expect(':', 'the line ends with a colon');
    return this.#tokens.nested(() => {
      if (!this.#tokens.acceptKind('newline')) return this.#simpleLine();
      while (this.#tokens.acceptKind('newline')) continue;
      if (!this.#tokens.acceptKind('indent'))
        throw this.#tokens.unexpected('an indented block', 'indent what belongs to the line above, or write pass');
      const body: Statement[] = [];
      while (!this.#tokens.acceptKind('dedent')) {
        if (!this.#tokens.acceptKind('newline')) body.push(...this.#statement());
      }
      return body;
    });
  }

  #simpleLine(): readonly Statement[] {
    const statements = [this.#simple()];
    while (this.#tokens.accept(';')) {
      if (this.#tokens.next.kind !== 'newline') statements.push(this.#simple());
    }
    if (!this.#tokens.acceptKind('newline'))
      throw this.#tokens.unexpected('the end of the line', 'one statement stands on a line, or ; between them');
    return statements;
  }

  #simple(): Statement {
    const { at } = this.#tokens.next;
    if (this.#tokens.sees('load'))
      throw new RulesFault('load is not allowed', 'a rule file stands alone: write what it needs into it', at);
    for (const kind of ['break', 'continue', 'pass'] as const) if (this.#tokens.accept(kind)) return { kind, at };
    if (this.#tokens.accept('return')) return { kind: 'return', value: this.#returned(), at };
    const left = this.#expressions.list();
    if (this.#tokens.sees(':')) throw this.#tokens.unexpected('`=`', 'types are not written in rule files');
    if (this.#tokens.accept('='))
      return { kind: 'assign', target: toTarget(left), value: this.#expressions.list(), at };
    const modifier = this.#modifier();
    if (modifier !== undefined) {
      const target = toTarget(left);
      if (target.kind === 'unpack')
        throw new RulesFault('several values cannot be modified at once', 'modify one after the other', at);
      return { kind: 'modify', target, operator: modifier, value: this.#expressions.list(), at };
    }
    if (left.kind === 'tuple' && left.at === at && !this.#wasParenthesis(left.items[0]?.at, at))
      throw this.#tokens.unexpected('`=`', 'a tuple alone on a line does nothing');
    return { kind: 'expression', value: left, at };
  }

  /** A tuple without parentheses begins where its first item does. */
  #wasParenthesis(first: Statement['at'] | undefined, at: Statement['at']): boolean {
    return first === undefined || first.line !== at.line || first.column !== at.column;
  }

  #modifier(): BinaryOperator | undefined {
    for (const [text, operator] of MODIFIERS) if (this.#tokens.accept(text)) return operator;
    return undefined;
  }

  #returned() {
    const { kind } = this.#tokens.next;
    return kind === 'newline' || this.#tokens.sees(';') ? null : this.#expressions.list();
  }
}

export function parseFile(source: string): readonly Statement[] {
  if (source.length > BOUNDS.fileChars)
    throw new RulesFault(`the file has more than ${BOUNDS.fileChars} characters`, 'divide it into several files', {
      line: 1,
      column: 1,
    });
  return new Parser(source).file();
}
