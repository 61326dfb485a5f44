/**
 * Makes visible what could make a text read as another one: bidirectional controls, zero-width characters, C1 controls,
 * fillers, tags and stray variation selectors become `<U+202E>`. A joiner or a selector stays where a script or an
 * emoji needs it: after a character outside ASCII (a selector also after a keycap base).
 */

const RANGES: readonly (readonly [string, string])[] = [
  ['80', '9f'], // C1 controls
  ['ad', 'ad'], // soft hyphen
  ['34f', '34f'], // grapheme joiner
  ['61c', '61c'], // Arabic letter mark
  ['115f', '1160'], // Hangul fillers
  ['17b4', '17b5'], // Khmer inherent vowels
  ['180b', '180f'], // Mongolian selectors
  ['200b', '200f'], // zero width, joiners, direction marks
  ['2028', '202e'], // line separators, embeddings, overrides
  ['2060', '206f'], // invisible operators, isolates
  ['3164', '3164'], // Hangul filler
  ['fe00', 'fe0f'], // variation selectors
  ['feff', 'feff'], // byte order mark
  ['ffa0', 'ffa0'], // half-width filler
  ['fff9', 'fffb'], // interlinear annotation
  ['1bca0', '1bca3'], // shorthand controls
  ['1d173', '1d17a'], // musical controls
  ['e0000', 'e0fff'], // tags, more selectors
];
const HOSTILE_CLASS = `[${RANGES.map(([first, last]) => `\\u{${first}}-\\u{${last}}`).join('')}]`;
const HOSTILE = new RegExp(HOSTILE_CLASS, 'u');
const HOSTILE_ALL = new RegExp(HOSTILE_CLASS, 'gu');
const EMOJI_SELECTOR = '\ufe0f';
const ZERO_WIDTH_JOINER = '\u200d';
/** scripts before Arabic do not join; the first sign that has an emoji form */
const FIRST_JOINED = 0x0600;
const FIRST_SELECTED = 0x00a9;
const LONE_SURROGATE = /\p{Surrogate}/u;

export function revealInvisible(text: string): string {
  const sound = LONE_SURROGATE.test(text) ? text.toWellFormed() : text;
  if (!HOSTILE.test(sound)) return sound;
  return sound.replace(HOSTILE_ALL, (found, at: number) => (belongs(sound, found, at) ? found : visible(found)));
}

/** `<U+202E>` for U+202E. */
function visible(character: string): string {
  return `<U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`;
}

function belongs(text: string, found: string, at: number): boolean {
  if (found === ZERO_WIDTH_JOINER || found === '\u200c') {
    const next = text.codePointAt(at + 1) ?? 0;
    return isShown(text, at - 1) && next >= FIRST_JOINED && !HOSTILE.test(String.fromCodePoint(next));
  }
  if (found < '\ufe00' || found > EMOJI_SELECTOR || at === 0) return false;
  const before = text.charCodeAt(at - 1);
  return before >= FIRST_SELECTED ? !HOSTILE.test(codePointBefore(text, at)) : isKeycap(text, before, at);
}

/** Whether a joiner may follow what stands at `at`: a letter of a joining script, an emoji, or an emoji's selector. */
function isShown(text: string, at: number): boolean {
  if (text.charCodeAt(at) === EMOJI_SELECTOR.charCodeAt(0)) return belongs(text, EMOJI_SELECTOR, at);
  return text.charCodeAt(at) >= FIRST_JOINED && !HOSTILE.test(codePointBefore(text, at + 1));
}

function codePointBefore(text: string, at: number): string {
  const paired = (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00;
  return text.slice(at - (paired ? 2 : 1), at);
}

function isKeycap(text: string, before: number, at: number): boolean {
  const base = (before >= 0x30 && before <= 0x39) || before === 0x23 || before === 0x2a;
  return base && text.charCodeAt(at + 1) === 0x20e3;
}
