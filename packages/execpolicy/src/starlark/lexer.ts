/** Text to tokens. Indentation becomes tokens; inside brackets lines and indentation do not count. */
import { BOUNDS } from '../bounds.ts';
import { type Position, RulesFault } from '../problem.ts';
import { isDigit, isNamePart, isNameStart } from './characters.ts';
import { readEscape, readRawEscape, unfinished } from './string-literal.ts';
import { type Conversion, type FormatPart, KEYWORDS, OPERATORS, RESERVED, type Token } from './tokens.ts';

const NO_TABS = 'indent with spaces';
/** more than the longest number that is read */
const MOST_DIGITS = 2048;
const PREFIX = /^(?:fr|r|f|b)?["']/;

interface Quotes {
  readonly mark: string;
  readonly isRaw: boolean;
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #indents = [0];
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #brackets = 0;
  #formats = 0;

  constructor(source: string) {
    this.#source = source;
  }

  read(): readonly Token[] {
    this.#indentation();
    while (this.#at < this.#source.length) {
      if (this.#skipBlank()) continue;
      if (this.#peek() === '\n') this.#newline();
      else this.#tokens.push(this.#token());
    }
    this.#tokens.push({ kind: 'newline', at: this.#here() });
    for (let open = this.#indents.length; open > 1; open -= 1) this.#tokens.push({ kind: 'dedent', at: this.#here() });
    this.#tokens.push({ kind: 'end', at: this.#here() });
    return this.#tokens;
  }

  #peek(ahead = 0): string {
    return this.#source[this.#at + ahead] ?? '';
  }

  #here(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  /** Moves to `to`, counting the lines on the way. */
  #move(to: number): void {
    for (let at = this.#at; at < to; at += 1) {
      if (this.#source[at] !== '\n') continue;
      this.#line += 1;
      this.#lineStart = at + 1;
    }
    this.#at = to;
  }

  #skipBlank(): boolean {
    const char = this.#peek();
    if (char === '\t') throw new RulesFault('a tab', NO_TABS, this.#here());
    if (char === ' ' || (char === '\r' && this.#peek(1) === '\n')) this.#at += 1;
    else if (char === '\\' && this.#peek(1) === '\n') this.#move(this.#at + 2);
    else if (char === '\\' && this.#peek(1) === '\r' && this.#peek(2) === '\n') this.#move(this.#at + 3);
    else if (char === '#') this.#at = this.#lineEnd();
    else return false;
    return true;
  }

  #lineEnd(): number {
    const end = this.#source.indexOf('\n', this.#at);
    return end === -1 ? this.#source.length : end;
  }

  #newline(): void {
    const at = this.#here();
    this.#move(this.#at + 1);
    if (this.#brackets > 0) return;
    this.#tokens.push({ kind: 'newline', at });
    this.#indentation();
  }

  /** Measures the next line that holds more than space and comment. */
  #indentation(): void {
    for (;;) {
      const rest = /[^ \t\r]/g;
      rest.lastIndex = this.#at;
      const found = rest.exec(this.#source);
      if (found === null) return this.#move(this.#source.length);
      if (found[0] === '#') {
        this.#at = found.index;
        this.#at = this.#lineEnd();
      } else if (found[0] !== '\n') return this.#indentTo(found.index);
      else this.#at = found.index;
      if (this.#at >= this.#source.length) return undefined;
      this.#move(this.#at + 1);
    }
  }

  #indentTo(column: number): void {
    const space = this.#source.slice(this.#at, column);
    const at = this.#here();
    if (space.includes('\t')) throw new RulesFault('a tab', NO_TABS, at);
    const width = space.replaceAll('\r', '').length;
    this.#at = column;
    const now = this.#indents.at(-1) ?? 0;
    if (width > now) {
      if (this.#indents.length > BOUNDS.syntaxDepth) throw tooDeep(at);
      this.#indents.push(width);
      this.#tokens.push({ kind: 'indent', at });
    }
    while (width < (this.#indents.at(-1) ?? 0)) {
      this.#indents.pop();
      this.#tokens.push({ kind: 'dedent', at });
    }
    if (width !== this.#indents.at(-1))
      throw new RulesFault('the line is indented like none above it', 'align it with the block it belongs to', at);
  }

  #token(): Token {
    const at = this.#here();
    const char = this.#peek();
    const prefix = PREFIX.exec(this.#source.slice(this.#at, this.#at + 3))?.[0];
    if (prefix !== undefined) return this.#string(prefix, at);
    if (isNameStart(char)) return this.#word(at);
    if (isDigit(char) || (char === '.' && isDigit(this.#peek(1)))) return this.#number(at);
    const operator = OPERATORS.find((one) => this.#source.startsWith(one, this.#at));
    if (operator === undefined) {
      const shown = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
      throw new RulesFault(`\`${shown}\` means nothing here`, 'text belongs in quotes, a remark behind #', at);
    }
    if ('([{'.includes(operator)) this.#brackets += 1;
    if (')]}'.includes(operator)) this.#brackets -= 1;
    this.#at += operator.length;
    return { kind: 'operator', text: operator, at };
  }

  #word(at: Position): Token {
    let end = this.#at;
    while (isNamePart(this.#source[end] ?? '')) end += 1;
    const text = this.#source.slice(this.#at, end);
    this.#at = end;
    if (RESERVED.has(text))
      throw new RulesFault(
        `\`${text}\` is not part of the language`,
        'rule files know def, for, if and expressions',
        at,
      );
    return { kind: KEYWORDS.has(text) ? 'keyword' : 'name', text, at };
  }

  #number(at: Position): Token {
    const [digits = ''] =
      /^(?:0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][01]+|\d*)/.exec(this.#source.slice(this.#at, this.#at + MOST_DIGITS)) ??
      [];
    const next = this.#source.slice(this.#at + digits.length, this.#at + digits.length + 2);
    if (/^0\d/.test(digits)) throw new RulesFault('a number begins with 0', 'octal numbers begin with 0o', at);
    if (digits === '' || /^(?:\.|[eE][0-9+-])/.test(next))
      throw new RulesFault('a number with a fraction or an exponent', 'rule files know whole numbers only', at);
    // Four bits for each digit is more than any radix here needs, and BigInt() of long text is slow.
    if (digits.length * 4 > BOUNDS.numberBits) throw new RulesFault('the number is too long', 'use a shorter one', at);
    this.#at += digits.length;
    return { kind: 'int', value: BigInt(digits), at };
  }

  #string(prefix: string, at: Position): Token {
    if (prefix.startsWith('b')) throw new RulesFault('bytes are not known here', 'leave out the b', at);
    const quote = prefix.at(-1) ?? '"';
    this.#at += prefix.length;
    const isTriple = this.#source.startsWith(quote + quote, this.#at);
    if (isTriple) this.#at += 2;
    const quotes = { mark: isTriple ? quote.repeat(3) : quote, isRaw: prefix.includes('r') };
    if (prefix.startsWith('f')) return { kind: 'format', parts: this.#format(quotes, at), at };
    const value = this.#text(quotes, at, false);
    this.#at += quotes.mark.length;
    return { kind: 'string', value, at };
  }

  /** Up to the closing quote, or in an f-string up to a brace that opens a value. */
  #text(quotes: Quotes, at: Position, isFormat: boolean): string {
    let text = '';
    while (!this.#source.startsWith(quotes.mark, this.#at)) {
      const char = this.#peek();
      if (char === '' || (char === '\n' && quotes.mark.length === 1)) throw unfinished(at);
      if (isFormat && (char === '{' || char === '}')) {
        if (this.#peek(1) !== char) {
          if (char === '{') return text;
          throw new RulesFault('a lone `}` in an f-string', 'write }} for a brace', this.#here());
        }
        this.#at += 1;
      }
      if (char === '\\') {
        const escape = (quotes.isRaw ? readRawEscape : readEscape)(this.#source, this.#at, this.#here());
        text += escape.text;
        this.#move(escape.end);
      } else {
        if (char !== '\r') text += char;
        this.#move(this.#at + 1);
      }
    }
    return text;
  }

  #format(quotes: Quotes, at: Position): readonly FormatPart[] {
    this.#formats += 1;
    if (this.#formats > BOUNDS.syntaxDepth) throw tooDeep(at);
    const parts: FormatPart[] = [];
    for (;;) {
      const text = this.#text(quotes, at, true);
      if (text !== '') parts.push({ kind: 'text', text });
      if (this.#source.startsWith(quotes.mark, this.#at)) break;
      parts.push(this.#formatValue());
    }
    this.#at += quotes.mark.length;
    this.#formats -= 1;
    return parts;
  }

  #formatValue(): FormatPart {
    const opened = this.#here();
    const depth = this.#brackets;
    const tokens: Token[] = [];
    // The mark of a conversion stands directly behind the value.
    let hasBlank = false;
    this.#brackets += 1;
    this.#at += 1;
    while (this.#brackets > depth) {
      if (this.#at >= this.#source.length) throw unfinished(opened);
      if (!hasBlank && this.#brackets === depth + 1 && /^![^=]/.test(this.#source.slice(this.#at, this.#at + 2)))
        return { kind: 'value', tokens: ended(tokens, this.#here()), conversion: this.#conversion() };
      if (this.#skipBlank()) hasBlank = true;
      else if (this.#peek() === '\n') this.#move(this.#at + 1);
      else {
        tokens.push(this.#token());
        hasBlank = false;
      }
    }
    return { kind: 'value', tokens: ended(tokens.slice(0, -1), this.#here()), conversion: 's' };
  }

  #conversion(): Conversion {
    const found = /^! *([sr]) *\}/.exec(this.#source.slice(this.#at, this.#at + 64));
    if (found === null) throw new RulesFault('an unknown conversion', 'write {value!r} or {value!s}', this.#here());
    this.#at += found[0].length;
    this.#brackets -= 1;
    return found[1] === 'r' ? 'r' : 's';
  }
}

const ended = (tokens: readonly Token[], at: Position): readonly Token[] => [...tokens, { kind: 'end', at }];

const tooDeep = (at: Position): RulesFault =>
  new RulesFault(`more than ${BOUNDS.syntaxDepth} levels inside each other`, 'use a variable or a function', at);

export function tokenize(source: string): readonly Token[] {
  return new Lexer(source).read();
}
