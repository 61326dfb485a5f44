/**
 * Fits what a command printed into a token budget for a model: cleaned, head and tail cut at line ends, and the exact
 * range of the log that is left out. Works on bytes, so that offsets stay true when some are not UTF-8. Pure.
 */
import { cleanOutput, decodeUtf8 } from './output/index.ts';

export interface Printed {
  /** offset of the first byte of `head` in the log */
  readonly from: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** bytes between head and tail that are not here */
  readonly between: number;
  /** line ends in the whole range, the part between included */
  readonly newlines: number;
}

export interface FitOptions {
  readonly maxTokens: number;
  /** as printed, with escape sequences */
  readonly raw: boolean;
  /** nothing more will be printed: what is unfinished is shown as it is */
  readonly ended: boolean;
  readonly startsOnAlternateScreen: boolean;
}

export interface Fitted {
  readonly head: string;
  readonly tail: string;
  readonly omitted: { readonly from: number; readonly bytes: number; readonly lines: number } | null;
  /** bytes at the end that begin a character or an escape sequence: the next answer begins with them */
  readonly heldBytes: number;
  readonly binary: boolean;
  readonly screen: 'none' | 'addressed' | 'alternate';
  /** full-screen programs that were left again */
  readonly closedScreens: number;
}

const LINE_FEED = 10;
/** room for the line that says what is left out */
const MARKER_BYTES = 200;

export function fitOutput(printed: Printed, options: FitOptions): Fitted {
  const budget = options.maxTokens * 4;
  const whole = printed.between === 0 ? joined(printed.head, printed.tail) : null;
  if (whole !== null) {
    const shown = render(whole, options, { atStart: true, atEnd: true });
    if (Buffer.byteLength(shown.text) <= budget) {
      return { ...shown, head: shown.text, tail: '', omitted: null };
    }
  }
  const room = budget > 2 * MARKER_BYTES ? budget - MARKER_BYTES : budget;
  return cutMiddle(printed, whole, options, room);
}

function cutMiddle(printed: Printed, whole: Uint8Array | null, options: FitOptions, room: number): Fitted {
  const source = whole ?? printed.head;
  const headBytes = fitHead(source, room / 2, options.raw);
  const rest = whole === null ? printed.tail : whole.subarray(headBytes);
  const tailBytes = fitTail(rest, room / 2, options.raw);
  const head = source.subarray(0, headBytes);
  const tail = rest.subarray(rest.length - tailBytes);
  const shownHead = render(head, options, { atStart: true, atEnd: false });
  const shownTail = render(tail, options, { atStart: false, atEnd: true });
  const total = printed.head.length + printed.between + printed.tail.length;
  return {
    head: shownHead.text,
    tail: shownTail.text,
    omitted: {
      from: printed.from + headBytes,
      bytes: total - headBytes - tailBytes,
      lines: Math.max(0, printed.newlines - lineEnds(head) - lineEnds(tail)),
    },
    heldBytes: shownTail.heldBytes,
    binary: shownHead.binary || shownTail.binary,
    screen: shownTail.screen,
    closedScreens: shownHead.closedScreens + shownTail.closedScreens,
  };
}

interface Rendered {
  readonly text: string;
  readonly heldBytes: number;
  readonly binary: boolean;
  readonly screen: Fitted['screen'];
  readonly closedScreens: number;
}

function render(
  bytes: Uint8Array,
  options: FitOptions,
  place: { readonly atStart: boolean; readonly atEnd: boolean },
): Rendered {
  const closed = options.ended || !place.atEnd;
  const decoded = decodeUtf8(bytes, { atEnd: closed });
  if (options.raw) return { ...decoded, screen: 'none', closedScreens: 0 };
  const cleaned = cleanOutput(decoded.text, {
    atEnd: closed,
    startsOnAlternateScreen: options.startsOnAlternateScreen && place.atStart,
  });
  return {
    text: cleaned.text,
    heldBytes: decoded.heldBytes + cleaned.heldBytes,
    binary: decoded.binary,
    screen: cleaned.screen,
    closedScreens: cleaned.closedScreens,
  };
}

/** How many bytes from the start give at most `room` bytes of text; whole lines where one fits. */
function fitHead(bytes: Uint8Array, room: number, raw: boolean): number {
  let used = 0;
  let end = 0;
  while (end < bytes.length) {
    const lineEnd = endOfLine(bytes, end);
    used += shownBytes(bytes.subarray(end, lineEnd), raw);
    if (used > room) break;
    end = lineEnd;
  }
  return end > 0 ? end : wholeBefore(bytes, Math.min(bytes.length, Math.floor(room)));
}

function fitTail(bytes: Uint8Array, room: number, raw: boolean): number {
  let used = 0;
  let start = bytes.length;
  while (start > 0) {
    const lineStart = bytes.lastIndexOf(LINE_FEED, start - 2) + 1;
    used += shownBytes(bytes.subarray(lineStart, start), raw);
    if (used > room) break;
    start = lineStart;
  }
  if (start < bytes.length) return bytes.length - start;
  return bytes.length - wholeAfter(bytes, Math.max(0, bytes.length - Math.floor(room)));
}

/** What a line takes in the answer; lines that redraw one another take less together, never more. */
function shownBytes(line: Uint8Array, raw: boolean): number {
  const text = decodeUtf8(line, { atEnd: true }).text;
  return Buffer.byteLength(raw ? text : cleanOutput(text, { atEnd: true }).text);
}

function endOfLine(bytes: Uint8Array, from: number): number {
  const at = bytes.indexOf(LINE_FEED, from);
  return at < 0 ? bytes.length : at + 1;
}

const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

function wholeBefore(bytes: Uint8Array, end: number): number {
  let at = end;
  while (at > 0 && end - at < 3 && continues(bytes[at])) at -= 1;
  return at;
}

function wholeAfter(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && at - start < 3 && continues(bytes[at])) at += 1;
  return at;
}

function lineEnds(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) count += 1;
  return count;
}

export function joined(head: Uint8Array, tail: Uint8Array): Uint8Array {
  return tail.length === 0 ? head : Buffer.concat([head, tail]);
}
