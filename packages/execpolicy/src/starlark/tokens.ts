/** The tokens of a rule file. */
import { unreachable } from '@agentbox/base';
import type { Position } from '../problem.ts';

export const KEYWORDS: ReadonlySet<string> = new Set([
  'and',
  'break',
  'continue',
  'def',
  'elif',
  'else',
  'for',
  'if',
  'in',
  'lambda',
  'load',
  'not',
  'or',
  'pass',
  'return',
]);

/** Words of Python that no Starlark program may use as a name. */
export const RESERVED: ReadonlySet<string> = new Set([
  'as',
  'assert',
  'async',
  'await',
  'class',
  'del',
  'except',
  'finally',
  'from',
  'global',
  'import',
  'is',
  'nonlocal',
  'raise',
  'try',
  'while',
  'with',
  'yield',
]);

/** Longest first, so that the first one that fits is the right one. */
export const OPERATORS: readonly string[] = [
  '<<=',
  '>>=',
  '//=',
  '**',
  '//',
  '<<',
  '>>',
  '==',
  '!=',
  '<=',
  '>=',
  '+=',
  '-=',
  '*=',
  '/=',
  '%=',
  '&=',
  '|=',
  '^=',
  '->',
  ...Array.from('+-*/%&|^~<>=.,:;()[]{}'),
];

/** How a value stands in an f-string: as str() or as repr(). */
export type Conversion = 's' | 'r';

export type FormatPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly tokens: readonly Token[]; readonly conversion: Conversion };

export type Token = { readonly at: Position } & (
  | { readonly kind: 'name' | 'keyword' | 'operator'; readonly text: string }
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'format'; readonly parts: readonly FormatPart[] }
  | { readonly kind: 'newline' | 'indent' | 'dedent' | 'end' }
);

/** A token as a message names it. */
export function tokenText(token: Token): string {
  switch (token.kind) {
    case 'name':
      return `name \`${token.text}\``;
    case 'keyword':
    case 'operator':
      return `\`${token.text}\``;
    case 'int':
      return `number ${token.value}`;
    case 'string':
      return 'a string';
    case 'format':
      return 'an f-string';
    case 'newline':
      return 'end of line';
    case 'indent':
      return 'deeper indentation';
    case 'dedent':
      return 'end of block';
    case 'end':
      return 'end of file';
  }
  return unreachable(token);
}
