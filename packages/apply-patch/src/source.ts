/**
 * The lines of a file as ranges of its bytes. Nothing is copied or decoded until a line is looked at, which keeps a
 * file of 200,000 lines cheap.
 */
import { decodeUtf8 } from './utf8.ts';

export interface Source {
  readonly bytes: Uint8Array;
  readonly count: number;
  /** offset of the first byte of each line; one more entry than there are lines */
  readonly starts: Uint32Array;
  /** offset after the last byte of each line, its line end left out */
  readonly ends: Uint32Array;
  /** what is known of each line: UNKNOWN, ASCII or WIDE; filled in when first asked */
  readonly widths: Uint8Array;
  /** the file's first line end, which new lines take */
  readonly lineEnd: '\n' | '\r\n';
  readonly endsInLineEnd: boolean;
}

const UNKNOWN = 0;
const ASCII = 1;
const WIDE = 2;

/** Offsets of the line starts, and the end of the file after them. indexOf is native, a loop over bytes is not. */
function lineStarts(bytes: Uint8Array): Uint32Array {
  let starts = new Uint32Array(1024);
  let count = 0;
  for (let start = 0; start < bytes.length; ) {
    if (count + 2 > starts.length) {
      const larger = new Uint32Array(starts.length * 2);
      larger.set(starts);
      starts = larger;
    }
    starts[count] = start;
    count += 1;
    const end = bytes.indexOf(10, start);
    start = end < 0 ? bytes.length : end + 1;
  }
  starts[count] = bytes.length;
  return starts.subarray(0, count + 1);
}

function lineEnds(bytes: Uint8Array, starts: Uint32Array): Uint32Array {
  const ends = new Uint32Array(starts.length - 1);
  for (let index = 0; index < ends.length; index += 1) {
    const next = starts[index + 1] ?? 0;
    const end = bytes[next - 1] === 10 ? next - 1 : next;
    ends[index] = end < next && end > (starts[index] ?? 0) && bytes[end - 1] === 13 ? end - 1 : end;
  }
  return ends;
}

export function readSource(bytes: Uint8Array): Source {
  const starts = lineStarts(bytes);
  const ends = lineEnds(bytes, starts);
  const first = bytes.indexOf(10);
  return {
    bytes,
    count: ends.length,
    starts,
    ends,
    widths: new Uint8Array(ends.length),
    lineEnd: first > 0 && bytes[first - 1] === 13 ? '\r\n' : '\n',
    endsInLineEnd: bytes.length === 0 || bytes[bytes.length - 1] === 10,
  };
}

export function isAscii(source: Source, index: number): boolean {
  const known = source.widths[index] ?? UNKNOWN;
  if (known !== UNKNOWN) return known === ASCII;
  const to = source.ends[index] ?? 0;
  let at = source.starts[index] ?? 0;
  while (at < to && (source.bytes[at] ?? 0x80) < 0x80) at += 1;
  source.widths[index] = at === to ? ASCII : WIDE;
  return at === to;
}

export function lineText(source: Source, index: number): string {
  return decodeUtf8(source.bytes, source.starts[index] ?? 0, source.ends[index] ?? 0);
}

export function isBlank(source: Source, index: number): boolean {
  for (let at = source.starts[index] ?? 0; at < (source.ends[index] ?? 0); at += 1) {
    const byte = source.bytes[at] ?? 0;
    if (byte !== 32 && (byte < 9 || byte > 13)) return false;
  }
  return true;
}
