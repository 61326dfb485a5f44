/** Measures of a text, and where it may be cut so that one side has at most so many bytes and no character is split. */

/** Tokens are estimated as four bytes each, rounded up. */
export function tokensOf(bytes: number): number {
  return Math.ceil(bytes / 4);
}

/** A budget of tokens in bytes; what is no number is no budget. */
export function budgetBytes(maxTokens: number): number {
  return Math.max(0, Number.isNaN(maxTokens) ? 0 : Math.floor(maxTokens)) * 4;
}

/** The index after the longest beginning that has at most `maxBytes` bytes. */
export function headEnd(text: string, maxBytes: number): number {
  let bytes = 0;
  let index = 0;
  while (index < text.length) {
    const point = text.codePointAt(index) ?? 0;
    bytes += byteLengthOf(point);
    if (bytes > maxBytes) return index;
    index += point > 0xffff ? 2 : 1;
  }
  return index;
}

/** The index of the longest end that has at most `maxBytes` bytes. */
export function tailStart(text: string, maxBytes: number): number {
  let bytes = 0;
  let index = text.length;
  while (index > 0) {
    const low = (text.charCodeAt(index - 1) & 0xfc00) === 0xdc00 && index > 1;
    const paired = low && (text.charCodeAt(index - 2) & 0xfc00) === 0xd800;
    bytes += paired ? 4 : byteLengthOf(text.charCodeAt(index - 1));
    if (bytes > maxBytes) return index;
    index -= paired ? 2 : 1;
  }
  return 0;
}

function byteLengthOf(point: number): number {
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  return point > 0xffff ? 4 : 3;
}

/** Lines as `wc -l` counts them, with an unfinished last one. */
export function lineCount(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return text === '' || text.endsWith('\n') ? count : count + 1;
}
