/** Finds runs of lines in a file, level by level: a whole scan at one level comes before the next level. */
import { FIRM, type Level, lineMatches, type Wanted } from './levels.ts';
import type { Source } from './source.ts';

export interface Found {
  readonly at: number;
  readonly level: Level;
}

/** Half-open range of lines that are spoken for. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export const overlap = (left: Span, right: Span): boolean => left.to > right.from && left.from < right.to;

/** All lines of a run at one level; a run that would leave the file matches nowhere. */
function matchesAt(source: Source, pattern: readonly Wanted[], at: number, level: Level): boolean {
  if (at < 0 || at + pattern.length > source.count) return false;
  let line = at;
  for (const wanted of pattern) {
    if (!lineMatches(source, line, wanted, level)) return false;
    line += 1;
  }
  return true;
}

const free = (taken: readonly Span[], from: number, to: number): boolean =>
  taken.every((span) => to <= span.from || from >= span.to);

/** First match at or after `from`. An empty pattern matches where it stands. */
export function seekFirst(
  source: Source,
  pattern: readonly Wanted[],
  from: number,
  taken: readonly Span[] = [],
): Found | null {
  if (pattern.length === 0) return { at: from, level: 0 };
  for (const level of FIRM) {
    for (let at = from; at + pattern.length <= source.count; at += 1) {
      if (matchesAt(source, pattern, at, level) && free(taken, at, at + pattern.length)) return { at, level };
    }
  }
  return null;
}

/** The match that ends with the last line of the file (or with line `end`). */
export function seekEnd(source: Source, pattern: readonly Wanted[], from: number, end = source.count): Found | null {
  const at = end - pattern.length;
  if (at < from) return null;
  const level = FIRM.find((candidate) => matchesAt(source, pattern, at, candidate));
  return level === undefined ? null : { at, level };
}

/** Last match at or after `from`, below `limit`. */
export function seekLast(
  source: Source,
  pattern: readonly Wanted[],
  from: number,
  levels: readonly Level[] = FIRM,
  limit = source.count,
): Found | null {
  for (const level of levels) {
    for (let at = limit - pattern.length; at >= from; at -= 1) {
      if (matchesAt(source, pattern, at, level)) return { at, level };
    }
  }
  return null;
}

export type Unique =
  | { readonly kind: 'one'; readonly found: Found }
  | { readonly kind: 'many'; readonly lines: readonly number[] }
  | { readonly kind: 'none' };

/** How many matches are told apart before a search for a unique one gives up counting. */
const COUNTED = 10;

/** All places at one level, at most COUNTED of them. */
export function placesAt(
  source: Source,
  pattern: readonly Wanted[],
  level: Level,
  within: Span,
  taken: readonly Span[] = [],
): readonly number[] {
  const places: number[] = [];
  const last = Math.min(within.to, source.count) - pattern.length;
  for (let at = within.from; at <= last && places.length < COUNTED; at += 1) {
    if (matchesAt(source, pattern, at, level) && free(taken, at, at + pattern.length)) places.push(at);
  }
  return places;
}

/** The only match at the best level that matches anywhere. */
export function seekUnique(
  source: Source,
  pattern: readonly Wanted[],
  from: number,
  taken: readonly Span[],
  levels: readonly Level[],
): Unique {
  if (pattern.length === 0) return { kind: 'none' };
  for (const level of levels) {
    const places = placesAt(source, pattern, level, { from, to: source.count }, taken);
    const [at] = places;
    if (at !== undefined && places.length === 1) return { kind: 'one', found: { at, level } };
    if (places.length > 1) return { kind: 'many', lines: places.map((place) => place + 1) };
  }
  return { kind: 'none' };
}
