/** String literals: prefixes, quotes and escapes. What follows an unknown escape stays as it is written. */
import type { Position } from '../problem.ts';
import { RulesFault } from '../problem.ts';

const SIMPLE: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\u0007',
  b: '\b',
  f: '\f',
  v: '\v',
  '\n': '',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

export interface Escaped {
  readonly text: string;
  /** index behind the escape */
  readonly end: number;
}

/** The escape whose backslash stands at `from`. */
export function readEscape(source: string, from: number, at: Position): Escaped {
  const letter = source[from + 1];
  if (letter === undefined) throw unfinished(at);
  if (letter === '\r' && source[from + 2] === '\n') return { text: '', end: from + 3 };
  const simple = SIMPLE[letter];
  if (simple !== undefined) return { text: simple, end: from + 2 };
  const octal = /^[0-7]{1,3}/.exec(source.slice(from + 1, from + 4));
  if (octal !== null) return codePoint(octal[0], 8, from + 1 + octal[0].length, at);
  const digits = HEX_DIGITS[letter];
  if (digits === undefined) return { text: `\\${letter}`, end: from + 2 };
  const hex = source.slice(from + 2, from + 2 + digits);
  if (hex.length < digits || !/^[0-9A-Fa-f]+$/.test(hex)) throw badEscape(`\\${letter}${hex}`, at);
  return codePoint(hex, 16, from + 2 + digits, at);
}

function codePoint(digits: string, radix: number, end: number, at: Position): Escaped {
  const code = Number.parseInt(digits, radix);
  if (code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) throw badEscape(digits, at);
  return { text: String.fromCodePoint(code), end };
}

/** A raw string keeps its backslashes, except before a quote. */
export function readRawEscape(source: string, from: number, at: Position): Escaped {
  const next = source[from + 1];
  if (next === undefined) throw unfinished(at);
  return { text: next === '"' || next === "'" ? next : `\\${next}`, end: from + 2 };
}

export function unfinished(at: Position): RulesFault {
  return new RulesFault('the string has no end', 'close it with the quote that opened it; only """ may span lines', at);
}

function badEscape(shown: string, at: Position): RulesFault {
  return new RulesFault(`the escape \`${shown}\` names no character`, 'write \\\\ for a backslash', at);
}
