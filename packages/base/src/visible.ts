/**
 * Text of others, made safe to show to a person who decides on it: every character that is not seen, or that moves,
 * colours or turns what follows, stands there as `\u{...}`. Nothing is left out, and no two texts look the same for it.
 */

/** Controls, formats (bidi, zero width, tags), separators other than the space, lone surrogates, fillers, unassigned. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu;
const PLAIN_WORD = /^[\w@%+=:,./-]+$/;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** One line, whatever it holds. A backslash is doubled where escapes stand beside it. */
export function visible(text: string): string {
  if (text.search(UNSEEN) === -1) return text;
  return text.replaceAll('\\', '\\\\').replaceAll(UNSEEN, escaped);
}

/** Words as a POSIX shell reads them; a word with unseen characters, or with one of `also`, is written as `$'...'`. */
export function quoted(words: readonly string[], also: readonly string[] = []): string {
  return words.map((word) => quotedWord(word, also)).join(' ');
}

function quotedWord(word: string, also: readonly string[]): string {
  if (PLAIN_WORD.test(word)) return word;
  const hasEscapes = word.search(UNSEEN) !== -1 || also.some((character) => word.includes(character));
  if (!hasEscapes) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  let body = word.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`).replaceAll(UNSEEN, escaped);
  for (const character of also) body = body.replaceAll(character, escaped(character));
  return `$'${body}'`;
}
