/**
 * UTF-8 both ways for a room without TextDecoder. Lone surrogates travel as their three-byte form and foreign bytes as
 * U+DC80..U+DCFF, so that decoding loses nothing and a damaged line never equals a sound one.
 */
export interface Utf8Scan {
  /** offset of the first byte that is not UTF-8, or -1 */
  readonly firstBad: number;
  /** sound sequences of two bytes and more */
  readonly multibyte: number;
}

/** Length of the sound sequence at `at`, or 0. Overlong forms, surrogates and values over U+10FFFF are not sound. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let step = 1; step < length; step += 1) {
    if (((bytes[at + step] ?? 0) & 0xc0) !== 0x80) return 0;
  }
  const second = bytes[at + 1] ?? 0;
  if (lead === 0xe0 && second < 0xa0) return 0;
  if (lead === 0xed && second > 0x9f) return 0;
  if (lead === 0xf0 && second < 0x90) return 0;
  if (lead === 0xf4 && second > 0x8f) return 0;
  return length;
}

/** Most of most files is ASCII: a tight loop over it is worth its own function. */
function skipAscii(bytes: Uint8Array, from: number): number {
  const size = bytes.length;
  let at = from;
  while (at < size && (bytes[at] ?? 0x80) < 0x80) at += 1;
  return at;
}

export function scanUtf8(bytes: Uint8Array): Utf8Scan {
  let firstBad = -1;
  let multibyte = 0;
  let at = 0;
  while (at < bytes.length) {
    at = skipAscii(bytes, at);
    if (at >= bytes.length) break;
    const length = sequenceLength(bytes, at);
    if (length === 0 && firstBad < 0) firstBad = at;
    if (length > 1) multibyte += 1;
    at += Math.max(length, 1);
  }
  return { firstBad, multibyte };
}

function codePointAt(bytes: Uint8Array, at: number, length: number): number {
  const lead = bytes[at] ?? 0;
  if (length === 1) return lead;
  let point = lead & (0x7f >> length);
  for (let step = 1; step < length; step += 1) point = (point << 6) | ((bytes[at + step] ?? 0) & 0x3f);
  return point;
}

export function decodeUtf8(bytes: Uint8Array, from = 0, to = bytes.length): string {
  let text = '';
  let at = from;
  while (at < to) {
    const length = sequenceLength(bytes, at);
    if (length === 0 || at + length > to) {
      text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
      at += 1;
    } else {
      text += String.fromCodePoint(codePointAt(bytes, at, length));
      at += length;
    }
  }
  return text;
}

function pushCodePoint(out: number[], point: number): void {
  if (point < 0x80) out.push(point);
  else if (point < 0x800) out.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f));
  else if (point < 0x10000) out.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  else {
    out.push(0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f));
  }
}

export function encodeUtf8(text: string): Uint8Array {
  const out: number[] = [];
  for (const character of text) pushCodePoint(out, character.codePointAt(0) ?? 0);
  return Uint8Array.from(out);
}

/** Joins slices into one array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
