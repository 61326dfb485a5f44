/**
 * Reads one terminal escape sequence (ECMA-48 with the xterm strings). Never runs past MAX_STRING_CHARS, so that a
 * string that nobody ends cannot hide what comes after it, and a hostile text costs linear time.
 */

export type EscapeSequence =
  | { readonly kind: 'csi'; readonly end: number; readonly params: string; readonly final: string }
  | { readonly kind: 'escape'; readonly end: number; readonly final: string }
  /** OSC, DCS, APC, PM or SOS, or nothing that a terminal knows */
  | { readonly kind: 'ignored'; readonly end: number }
  /** the text ends before the sequence does */
  | { readonly kind: 'incomplete' };

/** the longest string sequence (an inline image, say) that is taken as one */
const MAX_STRING_CHARS = 262_144;
/** the longest control sequence that is taken as one */
const MAX_CSI_CHARS = 256;

const STRING_INTRODUCERS = new Set(['P', 'X', ']', '^', '_']);

/** `at` is the index of the ESC. */
export function readEscape(text: string, at: number, atEnd: boolean): EscapeSequence {
  const next = text[at + 1];
  if (next === undefined) return atEnd ? { kind: 'ignored', end: at + 1 } : { kind: 'incomplete' };
  if (next === '[') return readCsi(text, at + 2, atEnd);
  if (STRING_INTRODUCERS.has(next)) return readString(text, at + 2, atEnd);
  return readShort(text, at + 1, atEnd);
}

function readCsi(text: string, start: number, atEnd: boolean): EscapeSequence {
  const limit = Math.min(text.length, start + MAX_CSI_CHARS);
  let index = start;
  while (index < limit && inRange(text.charCodeAt(index), 0x30, 0x3f)) index += 1;
  const params = text.slice(start, index);
  const intermediates = index;
  while (index < limit && inRange(text.charCodeAt(index), 0x20, 0x2f)) index += 1;
  if (index === text.length && !atEnd) return { kind: 'incomplete' };
  if (index >= limit || !inRange(text.charCodeAt(index), 0x40, 0x7e)) return { kind: 'ignored', end: index };
  if (index > intermediates) return { kind: 'ignored', end: index + 1 };
  return { kind: 'csi', end: index + 1, params, final: text.charAt(index) };
}

/** ESC, intermediate bytes, one final byte: character sets, save and restore, reset. */
function readShort(text: string, start: number, atEnd: boolean): EscapeSequence {
  const limit = Math.min(text.length, start + MAX_CSI_CHARS);
  let index = start;
  while (index < limit && inRange(text.charCodeAt(index), 0x20, 0x2f)) index += 1;
  if (index === text.length && !atEnd) return { kind: 'incomplete' };
  if (index >= limit || !inRange(text.charCodeAt(index), 0x30, 0x7e)) return { kind: 'ignored', end: index };
  if (index > start) return { kind: 'ignored', end: index + 1 };
  return { kind: 'escape', end: index + 1, final: text.charAt(index) };
}

function readString(text: string, start: number, atEnd: boolean): EscapeSequence {
  const limit = start + MAX_STRING_CHARS;
  for (let index = start; index < text.length && index < limit; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 0x07 || code === 0x9c || code === 0x18 || code === 0x1a) return { kind: 'ignored', end: index + 1 };
    if (code !== 0x1b) continue;
    if (index + 1 === text.length && !atEnd) return { kind: 'incomplete' };
    return { kind: 'ignored', end: text[index + 1] === '\\' ? index + 2 : index };
  }
  if (!atEnd && text.length < limit) return { kind: 'incomplete' };
  return { kind: 'ignored', end: start };
}

function inRange(code: number, low: number, high: number): boolean {
  return code >= low && code <= high;
}
