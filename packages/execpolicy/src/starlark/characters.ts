/** What belongs to a name, a number, white space. ASCII where the language says ASCII. */

export const isNameStart = (char: string): boolean => /^[A-Za-z_]$/.test(char);
export const isNamePart = (char: string): boolean => /^[A-Za-z0-9_]$/.test(char);
export const isDigit = (char: string): boolean => char >= '0' && char <= '9' && char.length === 1;

/** White space as Unicode's White_Space has it: a byte order mark is none. */
export const WHITE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/u;
const WHITE_ENDS = new RegExp(`^(?:${WHITE.source})+|(?:${WHITE.source})+$`, 'gu');

export const trimWhite = (text: string): string => text.replaceAll(WHITE_ENDS, '');

/** A string counts, is indexed and is cut by characters, never by UTF-16 units. */
export const charsOf = (text: string): readonly string[] => Array.from(text);

export function charCount(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) {
    if ((text.charCodeAt(at) & 0xfc00) !== 0xdc00) count += 1;
  }
  return count;
}
