/**
 * Decides where each chunk of an update goes. In order, from a cursor that moves forward; what does not fit there may
 * stand in one other place, if only one. A choice between equal places is reported, or refused when `strict`.
 */
import { FIRM, LOOSE, type Wanted, wanted } from './levels.ts';
import type { Chunk } from './patch.ts';
import { type Found, overlap, placesAt, type Span, seekEnd, seekFirst, seekLast, seekUnique } from './seek.ts';
import { isBlank, type Source } from './source.ts';

/** Lines `from` to `to` of the file give way to `lines`. */
export interface Replacement {
  readonly from: number;
  readonly to: number;
  readonly lines: readonly string[];
}

export type PlaceNote =
  | { readonly kind: 'ambiguous'; readonly matches: number; readonly line: number }
  | { readonly kind: 'folded'; readonly line: number }
  | { readonly kind: 'not-at-end'; readonly line: number }
  | { readonly kind: 'out-of-order'; readonly line: number };

export type PlaceFailure =
  | { readonly kind: 'context'; readonly chunk: Chunk; readonly text: string; readonly behind: Behind | null }
  | { readonly kind: 'lines'; readonly chunk: Chunk; readonly old: readonly string[]; readonly behind: Behind | null }
  | { readonly kind: 'ambiguous'; readonly chunk: Chunk; readonly lines: readonly number[] };

/** Where lines that were not found do stand, out of reach of their chunk. Lines of the file count from 1. */
export interface Behind {
  readonly line: number;
  /** the chunk that has been given some of these lines; null: they stand above where the search begins */
  readonly usedBy: Chunk | null;
  /** the line after which the search begins */
  readonly after: number;
}

export type PlaceResult =
  | { readonly kind: 'placed'; readonly replacements: readonly Replacement[]; readonly notes: readonly PlaceNote[] }
  | { readonly kind: 'failed'; readonly failure: PlaceFailure };

interface Cut {
  readonly old: readonly string[];
  readonly pattern: readonly Wanted[];
  readonly next: readonly string[];
}

interface Placed {
  readonly chunk: Chunk;
  readonly cut: Cut;
  readonly found: Found;
  /** the first line that the search was allowed to use */
  readonly from: number;
  readonly movable: boolean;
}

type Step =
  | { readonly kind: 'placed'; readonly placed: Placed; readonly notes: readonly PlaceNote[] }
  | { readonly kind: 'insert'; readonly at: number; readonly cursor: number }
  | { readonly kind: 'failed'; readonly failure: PlaceFailure };

/** A chunk as what must be there and what will be. */
function cutOf(chunk: Chunk): Cut {
  const old = chunk.lines.filter((line) => line.sign !== '+').map((line) => line.text);
  return {
    old,
    pattern: old.map(wanted),
    next: chunk.lines.filter((line) => line.sign !== '-').map((line) => line.text),
  };
}

/** Without the last empty line, which often stands for the end of the file's last line. */
function shorten(cut: Cut): Cut | null {
  if (cut.old.at(-1) !== '') return null;
  return {
    old: cut.old.slice(0, -1),
    pattern: cut.pattern.slice(0, -1),
    next: cut.next.at(-1) === '' ? cut.next.slice(0, -1) : cut.next,
  };
}

/** The text of a unified diff's header without its ranges, or of a context line without its closing `@@`. */
function headerText(context: string): string {
  const ranges = /^-\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)$/u.exec(context);
  return (ranges?.[1] ?? context).replace(/\s*@@\s*$/u, '');
}

const barePattern = /^-\d+(?:,\d+)? \+\d+(?:,\d+)? @@$/u;

type Anchor = { readonly kind: 'at'; readonly line: number; readonly anchored: boolean } | { readonly missing: string };

/** Each context line is sought after the one before it. Taken literally first: a file may hold such a header itself. */
function seekContexts(source: Source, chunk: Chunk, from: number): Anchor {
  let line = from;
  let anchored = false;
  for (const context of chunk.contexts) {
    const literal = seekFirst(source, [wanted(context)], line);
    const text = barePattern.test(context) ? '' : headerText(context);
    const found = literal ?? (text === '' || text === context ? null : seekFirst(source, [wanted(text)], line));
    if (found === null && text !== '') return { missing: context };
    if (found !== null) {
      line = found.at + 1;
      anchored = true;
    }
  }
  return { kind: 'at', line, anchored };
}

/** Both cuts of a chunk, tried in turn. */
function withShorter(cut: Cut, seek: (pattern: readonly Wanted[]) => Found | null): { cut: Cut; found: Found } | null {
  const found = seek(cut.pattern);
  if (found !== null) return { cut, found };
  const shorter = shorten(cut);
  const second = shorter === null ? null : seek(shorter.pattern);
  return shorter === null || second === null ? null : { cut: shorter, found: second };
}

function lastFilledLine(source: Source): number {
  let end = source.count;
  while (end > 0 && isBlank(source, end - 1)) end -= 1;
  return end;
}

interface Taken extends Span {
  readonly chunk: Chunk;
}

class Placer {
  readonly #source: Source;
  readonly #strict: boolean;
  readonly #taken: Taken[] = [];

  constructor(source: Source, strict: boolean) {
    this.#source = source;
    this.#strict = strict;
  }

  take(span: Taken): void {
    if (span.to > span.from) this.#taken.push(span);
  }

  /** The lines as they stand in the whole file, when that is where the chunk may not go. */
  #behind(pattern: readonly Wanted[], from: number): Behind | null {
    const found = pattern.length === 0 ? null : seekFirst(this.#source, pattern, 0);
    if (found === null) return null;
    const span = { from: found.at, to: found.at + pattern.length };
    const usedBy = this.#taken.find((taken) => overlap(taken, span))?.chunk ?? null;
    return usedBy === null && found.at >= from ? null : { line: found.at + 1, usedBy, after: from };
  }

  step(chunk: Chunk, cursor: number): Step {
    const anchor = seekContexts(this.#source, chunk, cursor);
    const cut = cutOf(chunk);
    if ('missing' in anchor) {
      return (
        this.#elsewhere(chunk, cut, cursor) ?? {
          kind: 'failed',
          failure: {
            kind: 'context',
            chunk,
            text: anchor.missing,
            behind: this.#behind([wanted(anchor.missing)], cursor),
          },
        }
      );
    }
    if (cut.old.length === 0) {
      const at = anchor.anchored && !chunk.endOfFile ? anchor.line : this.#source.count;
      return { kind: 'insert', at, cursor: anchor.line };
    }
    return (
      this.#inOrder(chunk, cut, anchor.line, anchor.anchored) ??
      this.#elsewhere(chunk, cut, cursor) ??
      this.#loosely(chunk, cut, anchor.line) ?? {
        kind: 'failed',
        failure: { kind: 'lines', chunk, old: cut.old, behind: this.#behind(cut.pattern, anchor.line) },
      }
    );
  }

  #placed(
    chunk: Chunk,
    hit: { cut: Cut; found: Found },
    from: number,
    movable: boolean,
    notes: readonly PlaceNote[] = [],
  ): Step {
    return { kind: 'placed', placed: { chunk, cut: hit.cut, found: hit.found, from, movable }, notes };
  }

  #inOrder(chunk: Chunk, cut: Cut, from: number, anchored: boolean): Step | null {
    const source = this.#source;
    if (!chunk.endOfFile) {
      const hit = withShorter(cut, (pattern) => seekFirst(source, pattern, from, this.#taken));
      return hit === null ? null : this.#placed(chunk, hit, from, !anchored);
    }
    const atEnd = withShorter(cut, (pattern) =>
      pattern.length === 0 ? { at: from, level: 0 } : seekEnd(source, pattern, from),
    );
    if (atEnd !== null) return this.#placed(chunk, atEnd, from, false);
    const end = lastFilledLine(source);
    const beforeBlanks = withShorter(cut, (pattern) => seekEnd(source, pattern, from, end));
    if (beforeBlanks !== null) return this.#placed(chunk, beforeBlanks, from, false);
    const last = withShorter(cut, (pattern) => (pattern.length === 0 ? null : seekLast(source, pattern, from)));
    if (last === null) return null;
    return this.#placed(chunk, last, from, false, [{ kind: 'not-at-end', line: last.found.at + 1 }]);
  }

  /** A chunk that does not fit after the cursor may belong before it: the only place counts, several are refused. */
  #elsewhere(chunk: Chunk, cut: Cut, cursor: number): Step | null {
    if (cursor === 0 || cut.old.length === 0) return null;
    const anchor = seekContexts(this.#source, chunk, 0);
    if ('missing' in anchor) return null;
    const unique = seekUnique(this.#source, cut.pattern, anchor.line, this.#taken, FIRM);
    if (unique.kind === 'none') return null;
    if (unique.kind === 'many') return { kind: 'failed', failure: { kind: 'ambiguous', chunk, lines: unique.lines } };
    const note: PlaceNote = { kind: 'out-of-order', line: unique.found.at + 1 };
    return this.#placed(chunk, { cut, found: unique.found }, anchor.line, false, [note]);
  }

  #loosely(chunk: Chunk, cut: Cut, from: number): Step | null {
    if (this.#strict) return null;
    const unique = seekUnique(this.#source, cut.pattern, from, this.#taken, [LOOSE]);
    if (unique.kind !== 'one') return null;
    const note: PlaceNote = { kind: 'folded', line: unique.found.at + 1 };
    return this.#placed(chunk, { cut, found: unique.found }, from, false, [note]);
  }
}

/** Kept lines stay the file's own; only the runs between them are replaced. */
function replacementsOf(placed: Placed): readonly Replacement[] {
  const { cut, found } = placed;
  const out: Replacement[] = [];
  let old = 0;
  let next = 0;
  let oldFrom = 0;
  let nextFrom = 0;
  const flush = (): void => {
    if (old === oldFrom && next === nextFrom) return;
    out.push({ from: found.at + oldFrom, to: found.at + old, lines: cut.next.slice(nextFrom, next) });
  };
  for (const line of placed.chunk.lines) {
    if (line.sign === ' ') {
      // The empty last line that was left out of the search stands for no line of the file.
      if (old >= cut.old.length || next >= cut.next.length) break;
      flush();
      oldFrom = old + 1;
      nextFrom = next + 1;
    }
    if (line.sign !== '+') old += 1;
    if (line.sign !== '-') next += 1;
  }
  old = cut.old.length;
  next = cut.next.length;
  flush();
  return out;
}

/** Chunks without an anchor that could also stand further down, with the chunks after them still fitting. */
function ambiguities(
  source: Source,
  placed: readonly Placed[],
): readonly { chunk: Chunk; places: readonly number[] }[] {
  const out: { chunk: Chunk; places: readonly number[] }[] = [];
  let limit = source.count;
  for (const item of placed.toReversed()) {
    const { pattern } = item.cut;
    const level = item.found.level;
    const last =
      item.movable && pattern.length > 0 ? seekLast(source, pattern, item.found.at, [level], limit) : item.found;
    if (last !== null && last.at > item.found.at) {
      const within = { from: item.found.at, to: last.at + pattern.length };
      out.unshift({ chunk: item.chunk, places: placesAt(source, pattern, level, within) });
    }
    limit = Math.min(limit, last?.at ?? item.found.at);
  }
  return out;
}

/** All chunks or none. Ambiguity is judged last, because a chunk further down may settle where one above belongs. */
export function placeChunks(source: Source, chunks: readonly Chunk[], strict: boolean): PlaceResult {
  const placer = new Placer(source, strict);
  const replacements: Replacement[] = [];
  const notes: PlaceNote[] = [];
  const placed: Placed[] = [];
  let cursor = 0;
  for (const chunk of chunks) {
    const step = placer.step(chunk, cursor);
    if (step.kind === 'failed') return step;
    if (step.kind === 'insert') {
      replacements.push({ from: step.at, to: step.at, lines: chunk.lines.map((line) => line.text) });
      cursor = step.cursor;
      continue;
    }
    const at = step.placed.found.at;
    replacements.push(...replacementsOf(step.placed));
    notes.push(...step.notes);
    placed.push(step.placed);
    cursor = at + step.placed.cut.old.length;
    placer.take({ from: at, to: cursor, chunk });
  }
  const inOrder = !notes.some((note) => note.kind === 'out-of-order');
  for (const { chunk, places } of inOrder ? ambiguities(source, placed) : []) {
    if (strict) {
      return { kind: 'failed', failure: { kind: 'ambiguous', chunk, lines: places.map((place) => place + 1) } };
    }
    notes.push({ kind: 'ambiguous', matches: places.length, line: (places[0] ?? 0) + 1 });
  }
  return { kind: 'placed', replacements: replacements.toSorted((a, b) => a.from - b.from), notes };
}
