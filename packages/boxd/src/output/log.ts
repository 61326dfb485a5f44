/**
 * One stream of a session as a log with offsets. Reading never consumes. The end is in memory, the whole in a spool;
 * what the spool's quota dropped is counted exactly.
 */
import { countLineEnds, LineIndex } from './line-index.ts';
import { Spool, type SpoolOptions } from './spool.ts';
import { Tail } from './tail.ts';

/** read at once to count line ends */
const COUNT_BYTES = 1024 * 1024;

export interface LogLimits {
  /** end of the output kept in memory, in bytes */
  readonly tailBytes: number;
  /** bytes that may wait for the disk; more stops the reading of the process's pipe */
  readonly backlogBytes: number;
}

export interface LogSlice {
  /** offset of the first byte; larger than asked when what came before was dropped */
  readonly from: number;
  readonly bytes: Uint8Array;
}

/** Where a line begins; a later line when the one asked for was dropped, the end when it was never printed. */
export interface FoundLine {
  readonly offset: number;
  /** number of the line at `offset`, from 1 */
  readonly line: number;
}

interface Gap {
  readonly gapAt: number;
  /** line ends before it */
  readonly passed: number;
}

const SCAN_BYTES = 512 * 1024;
const LINE_FEED = 10;

export class OutputLog {
  readonly #limits: LogLimits;
  readonly #tail: Tail;
  readonly #spool: Spool;
  readonly #lines = new LineIndex();
  /** total of line ends is unknown for what a predecessor wrote */
  readonly #counted: boolean;

  constructor(limits: LogLimits, spool: SpoolOptions) {
    this.#limits = limits;
    this.#spool = new Spool(spool);
    this.#tail = new Tail(limits.tailBytes, spool.existing.written);
    this.#counted = spool.existing.written === 0;
  }

  get written(): number {
    return this.#tail.written;
  }

  /** true while the process's pipe should not be read */
  get full(): boolean {
    return this.#spool.backlog > this.#limits.backlogBytes;
  }

  /** Copies `bytes`. */
  append(bytes: Uint8Array): void {
    this.#tail.append(bytes);
    this.#lines.append(bytes);
    this.#spool.append(bytes);
  }

  /** At most `max` bytes from `from` on; ends early at a gap, so that what it returns is contiguous. */
  async read(from: number, max: number): Promise<LogSlice> {
    const to = Math.min(this.written, from + max);
    if (from >= to) return { from: Math.min(from, this.written), bytes: new Uint8Array(0) };
    if (from >= this.#tail.from) return { from, bytes: this.#tail.copy(from, to) };
    await this.#spool.flushThrough(to);
    const part = this.#spool.held(from, to)[0];
    if (part === undefined) return this.#afterGap(from, to);
    const { from: memoryFrom } = this.#tail;
    if (part.from > memoryFrom) return { from: memoryFrom, bytes: this.#tail.copy(memoryFrom, to) };
    const slice = await this.#spool.read(part.from, part.to - part.from);
    return slice.bytes.length === 0 ? this.#afterGap(from, to) : slice;
  }

  /** [from, to) as far as it is kept; gaps are left out. */
  async readAll(from: number, to: number): Promise<LogSlice> {
    const parts: Uint8Array[] = [];
    let first: number | undefined;
    for (let at = from; at < to; ) {
      const slice = await this.read(at, to - at);
      if (slice.bytes.length === 0) break;
      first ??= slice.from;
      parts.push(slice.bytes);
      at = slice.from + slice.bytes.length;
    }
    const only = parts.length === 1 ? parts[0] : undefined;
    return { from: first ?? to, bytes: only ?? Buffer.concat(parts) };
  }

  /** Bytes of [from, to) that can never be read again. */
  dropped(from: number, to: number): number {
    const memoryFrom = Math.max(from, Math.min(to, this.#tail.from));
    const onDisk =
      this.#spool.frozenAt === null ? this.#heldBelow(from, memoryFrom) : this.#heldFrozen(from, memoryFrom);
    return memoryFrom - from - onDisk;
  }

  /** Line ends in [from, to). */
  async newlinesSince(from: number, to: number): Promise<number> {
    if (this.#counted) return (await this.#newlinesBefore(to)) - (await this.#newlinesBefore(from));
    return this.#count(from, to);
  }

  /** The first offset from `from` on that can still be read. */
  keptFrom(from: number): number {
    const onDisk = this.#spool.held(from, Math.max(from, this.#tail.from))[0]?.from;
    return Math.min(this.written, onDisk ?? Math.max(from, this.#tail.from));
  }

  /** Reads at most two strides of the index, however long the log is. */
  async findLine(line: number): Promise<FoundLine> {
    const lineEnd = line - 1;
    if (lineEnd <= 0) return { offset: 0, line: 1 };
    if (this.#counted && lineEnd > this.#lines.total) return { offset: this.written, line: this.#lines.total + 1 };
    const mark = this.#counted ? this.#lines.markBefore(lineEnd) : { offset: 0, total: 0 };
    const found = await this.#scan(mark.offset, mark.total, lineEnd);
    if ('line' in found) return found;
    // What lies between the mark and the gap was counted; behind a gap it is counted back from the next mark.
    const kept = this.keptFrom(found.gapAt);
    const before = this.#counted ? await this.#newlinesBehindGap(kept) : found.passed;
    if (lineEnd <= before) return { offset: kept, line: before + 1 };
    const behind = await this.#scan(kept, before, lineEnd);
    return 'line' in behind ? behind : { offset: this.written, line };
  }

  /** Number of the line that `offset`, which must be kept, lies in; exact behind a gap too. */
  async lineAt(offset: number): Promise<number> {
    if (!this.#counted) return (await this.newlinesSince(0, offset)) + 1;
    const mark = this.#lines.before(offset);
    if (mark.offset === offset) return mark.total + 1;
    const between = await this.readAll(mark.offset, offset);
    const contiguous = between.bytes.length === offset - mark.offset;
    return 1 + (contiguous ? mark.total + countLineEnds(between.bytes) : await this.#newlinesBehindGap(offset));
  }

  /** The end of the output as text without its line ends: what a prompt looks like. */
  lastLine(maxBytes: number): string {
    const from = Math.max(this.#tail.from, this.written - maxBytes);
    const text = Buffer.from(this.#tail.copy(from, this.written)).toString('utf8');
    return text.slice(text.lastIndexOf('\n') + 1);
  }

  /** Marks the present end as a place that the next question will probably start from. */
  remember(): void {
    this.#lines.remember();
  }

  /** After the end of the process: memory and descriptor are given back as far as the disk holds the output. */
  async retire(): Promise<void> {
    await this.#spool.retire();
    if (!this.#spool.misses(this.#tail.from)) this.#tail.clear();
  }

  /** bytes that the stream takes of the disk */
  get diskBytes(): number {
    return this.#spool.diskBytes;
  }

  /** Gives up what is on disk of a stream that has ended, to make room for others. */
  evict(): void {
    this.#spool.evict();
  }

  /** What the quota dropped between a mark and the offset counts as having no line ends. */
  async #newlinesBefore(offset: number): Promise<number> {
    const mark = this.#lines.before(offset);
    if (mark.offset === offset) return mark.total;
    return mark.total + (await this.#count(mark.offset, offset));
  }

  async #count(from: number, to: number): Promise<number> {
    let found = 0;
    for (let at = from; at < to; ) {
      const slice = await this.read(at, Math.min(COUNT_BYTES, to - at));
      const next = slice.from + slice.bytes.length;
      found += countLineEnds(slice.bytes, 0, Math.min(slice.bytes.length, Math.max(0, to - slice.from)));
      if (next <= at) break;
      at = next;
    }
    return found;
  }

  async #newlinesBehindGap(kept: number): Promise<number> {
    const mark = this.#lines.after(kept);
    return mark.total - countLineEnds((await this.readAll(kept, mark.offset)).bytes);
  }

  /** Forward from an offset whose total is known, as far as the bytes are contiguous. */
  async #scan(from: number, total: number, lineEnd: number): Promise<FoundLine | Gap> {
    let passed = total;
    for (let at = from; at < this.written; ) {
      const slice = await this.read(at, SCAN_BYTES);
      if (slice.from !== at || slice.bytes.length === 0) return { gapAt: at, passed };
      const ends = countLineEnds(slice.bytes);
      if (passed + ends >= lineEnd) {
        let end = -1;
        for (let left = lineEnd - passed; left > 0; left -= 1) end = slice.bytes.indexOf(LINE_FEED, end + 1);
        return { offset: at + end + 1, line: lineEnd + 1 };
      }
      passed += ends;
      at += slice.bytes.length;
    }
    return { offset: this.written, line: passed + 1 };
  }

  #heldBelow(from: number, to: number): number {
    // What is still on its way to the disk counts as kept: reading waits for it.
    const waiting = Math.max(0, to - Math.max(from, this.written - this.#spool.backlog));
    return sum(this.#spool.held(from, to - waiting)) + waiting;
  }

  #heldFrozen(from: number, to: number): number {
    return sum(this.#spool.held(from, to));
  }

  async #afterGap(from: number, to: number): Promise<LogSlice> {
    const next = this.#spool.held(from, this.#tail.from)[0]?.from ?? Math.max(from, this.#tail.from);
    // A reader that pages through a gap is told where it ends.
    if (next >= to || next <= from) return { from: Math.max(next, to), bytes: new Uint8Array(0) };
    return next >= this.#tail.from
      ? { from: next, bytes: this.#tail.copy(next, to) }
      : this.#spool.read(next, to - next);
  }
}

const sum = (parts: readonly { readonly from: number; readonly to: number }[]): number =>
  parts.reduce((total, part) => total + part.to - part.from, 0);
