/** A cursor over tokens, with the questions that both parsers ask. */
import { BOUNDS } from '../bounds.ts';
import { type Position, RulesFault } from '../problem.ts';
import { type Token, tokenText } from './tokens.ts';

export class TokenStream {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { kind: 'end', at: { line: 1, column: 1 } };
  }

  get next(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  get here(): Position {
    return this.next.at;
  }

  /** true for an operator or keyword `text`, `ahead` tokens from here */
  sees(text: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead] ?? this.#end;
    return (token.kind === 'operator' || token.kind === 'keyword') && token.text === text;
  }

  seesAny(texts: readonly string[]): string | undefined {
    return texts.find((text) => this.sees(text));
  }

  take(): Token {
    const token = this.next;
    this.#at += 1;
    return token;
  }

  accept(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#at += 1;
    return true;
  }

  acceptKind(kind: Token['kind']): boolean {
    if (this.next.kind !== kind) return false;
    this.#at += 1;
    return true;
  }

  expect(text: string, hint: string): void {
    if (!this.accept(text)) throw this.unexpected(`\`${text}\``, hint);
  }

  name(hint: string): string {
    const token = this.next;
    if (token.kind !== 'name') throw this.unexpected('a name', hint);
    this.#at += 1;
    return token.text;
  }

  unexpected(wanted: string, hint: string): RulesFault {
    return new RulesFault(`${tokenText(this.next)} where ${wanted} belongs`, hint, this.here);
  }

  /** Runs `read` one level deeper. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > BOUNDS.syntaxDepth)
      throw new RulesFault(
        `more than ${BOUNDS.syntaxDepth} levels inside each other`,
        'use a variable or a function',
        this.here,
      );
    const value = read();
    this.#depth -= 1;
    return value;
  }
}
