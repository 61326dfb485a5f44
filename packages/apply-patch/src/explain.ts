/**
 * Says where a patch that does not match comes nearest to the file, and what differs there. A guess for the reader of
 * the message; nothing is ever changed by it.
 */
import { type Level, lineMatches, wanted } from './levels.ts';
import { isBlank, lineText, type Source } from './source.ts';
import { trim } from './text.ts';
import { encodeUtf8 } from './utf8.ts';

export interface Nearest {
  /** line of the file, from 1 */
  readonly line: number;
  readonly expected: string;
  /** null when the file ends before that line */
  readonly actual: string | null;
  /** first differing character of the trimmed lines, from 1 */
  readonly column: number;
}

/** Lines of the chunk, and of the file, that the search for the nearest place looks at. */
const COMPARED = 8;
const SIMILAR_LINES = 4_000;
const SIMILAR_CHARACTERS = 300;
const SIMILAR_ENOUGH = 0.2;
const FOLDED: Level = 3;

/** By character, not by code unit, as an editor counts columns; from 1. */
function firstDifference(expected: string, actual: string): number {
  const left = Array.from(expected);
  const right = Array.from(actual);
  const length = Math.min(left.length, right.length);
  for (let index = 0; index < length; index += 1) if (left[index] !== right[index]) return index + 1;
  return length + 1;
}

/** Leading space is left out of the comparison unless it is all that differs. */
function nearestAt(source: Source, index: number, expected: string): Nearest {
  const actual = index < source.count ? lineText(source, index) : null;
  const same = actual !== null && trim(actual) === trim(expected);
  const column =
    actual === null ? 1 : same ? firstDifference(expected, actual) : firstDifference(trim(expected), trim(actual));
  return { line: index + 1, expected, actual, column };
}

/** The place where most lines of the chunk match, when any line that says something does. */
function byMatchingLines(source: Source, old: readonly string[]): Nearest | null {
  const lines = old.slice(0, COMPARED).map(wanted);
  let best = { score: 0, at: 0, differs: 0 };
  for (let at = 0; at < source.count; at += 1) {
    let score = 0;
    let differs = -1;
    let offset = 0;
    for (const line of lines) {
      const matches = at + offset < source.count && lineMatches(source, at + offset, line, FOLDED);
      if (matches && line.keys[FOLDED] !== '') score += 1;
      if (!matches && differs < 0) differs = offset;
      offset += 1;
    }
    if (score > best.score) best = { score, at, differs: differs < 0 ? lines.length : differs };
  }
  const expected = old[best.differs];
  return best.score === 0 || expected === undefined ? null : nearestAt(source, best.at + best.differs, expected);
}

function pairsOf(text: string): Map<string, number> {
  const pairs = new Map<string, number>();
  for (let index = 0; index + 1 < text.length; index += 1) {
    const pair = text.slice(index, index + 2).toLowerCase();
    pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
  }
  return pairs;
}

/** Share of letter pairs that two texts have in common, 0 to 1. */
function similarity(pairs: ReadonlyMap<string, number>, size: number, text: string): number {
  const other = pairsOf(text);
  let common = 0;
  for (const [pair, times] of other) common += Math.min(times, pairs.get(pair) ?? 0);
  const total = size + Math.max(text.length - 1, 0);
  return total === 0 ? 0 : (2 * common) / total;
}

/** How many bytes a line shares with a text at both ends, white space around it left out. */
function sharedEnds(source: Source, index: number, text: Uint8Array): number {
  let from = source.starts[index] ?? 0;
  let to = source.ends[index] ?? 0;
  while (from < to && (source.bytes[from] ?? 0) <= 32) from += 1;
  while (to > from && (source.bytes[to - 1] ?? 0) <= 32) to -= 1;
  const most = Math.min(to - from, text.length);
  let head = 0;
  while (head < most && source.bytes[from + head] === text[head]) head += 1;
  let tail = 0;
  while (tail < most - head && source.bytes[to - 1 - tail] === text[text.length - 1 - tail]) tail += 1;
  return head + tail;
}

/** The lines worth a closer look: all of a short file, the one with the most in common at its ends of a long one. */
function candidates(source: Source, text: string): readonly number[] {
  if (source.count <= SIMILAR_LINES) return Array.from({ length: source.count }, (_, index) => index);
  const bytes = encodeUtf8(text);
  let best = { shared: 0, index: 0 };
  for (let index = 0; index < source.count; index += 1) {
    const shared = sharedEnds(source, index, bytes);
    if (shared > best.shared) best = { shared, index };
  }
  return [best.index];
}

function bySimilarity(source: Source, old: readonly string[]): Nearest | null {
  const expected = old.find((line) => trim(line) !== '');
  if (expected === undefined) return null;
  const text = trim(expected).slice(0, SIMILAR_CHARACTERS);
  const pairs = pairsOf(text);
  const size = Math.max(text.length - 1, 0);
  let best = { score: 0, index: -1 };
  for (const index of candidates(source, text)) {
    if (isBlank(source, index)) continue;
    const score = similarity(pairs, size, trim(lineText(source, index)).slice(0, SIMILAR_CHARACTERS));
    if (score > best.score) best = { score, index };
  }
  if (best.score < SIMILAR_ENOUGH) return null;
  const near = nearestAt(source, best.index, expected);
  // A line that is there is no explanation, wherever the chunk has failed.
  return near.expected === near.actual ? null : near;
}

/** A line that matches as a whole says more than many that look alike. */
export function nearest(source: Source, old: readonly string[]): Nearest | null {
  return byMatchingLines(source, old) ?? bySimilarity(source, old);
}

const shown = (text: string): string => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** A character that can be seen as itself, any other by its code point: two that look alike have to be told apart. */
function named(text: string, column: number): string {
  const character = Array.from(text)[column - 1];
  if (character === undefined) return 'the end of the line';
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return /^[\x21-\x7e]$/u.test(character) ? `'${character}'` : `U+${code}`;
}

export function nearestText(found: Nearest): string {
  if (found.actual === null) {
    return `Nearest: the file ends before line ${found.line}, where the patch expects '${shown(found.expected)}'.`;
  }
  const same = trim(found.expected) === trim(found.actual);
  const expected = same ? found.expected : trim(found.expected);
  const actual = same ? found.actual : trim(found.actual);
  const differs = `${named(actual, found.column)} instead of ${named(expected, found.column)}`;
  return `Nearest: line ${found.line} is '${shown(found.actual)}', expected '${shown(found.expected)}' (character ${found.column}: ${differs}).`;
}
