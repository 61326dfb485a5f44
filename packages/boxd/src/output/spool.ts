/**
 * The whole output of one stream on disk: the first `headBytes` for good, then a mark that says how far it was
 * written, then a ring of `ringBytes` that overwrites its oldest bytes. Writes are asynchronous and in order; what
 * waits to be written is bounded by the caller, who stops reading while `backlog` is over the bound. On a full disk
 * the spool leaves a gap and goes on when there is space again: what it holds stays readable.
 */
import { constants, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type BlockPool, WriteQueue } from './blocks.ts';
import { Gaps, type Range } from './gaps.ts';
import { encodeMark, type Found, MARK_BYTES, type SpoolShape } from './mark.ts';

/** Bytes on disk for all sessions of a box. */
export interface SpoolBudget {
  /** false when the box's quota is used up */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export interface SpoolOptions {
  readonly path: string;
  readonly shape: SpoolShape;
  readonly budget: SpoolBudget;
  readonly pool: BlockPool;
  /** what is already there, when a daemon finds the spool of its predecessor */
  readonly existing: Found;
  /** a range that will never be on disk */
  readonly onGap: (gap: Range) => void;
  readonly onNote: (note: string) => void;
  readonly onDrain: () => void;
}

/** with less than this waiting, the process's pipe may be read again */
const LOW_BYTES = 512 * 1024;
/** time between two attempts to write again after a failure */
const RETRY_MS = 500;

export class Spool {
  readonly #options: SpoolOptions;
  readonly #pending: WriteQueue;
  #backlog = 0;
  /** offset after the last byte that is on disk */
  #flushed: number;
  /** offset after the last byte whose write has begun: older ring content below it may be gone */
  #begun: number;
  #extent: number;
  /** offset after the last byte that was appended, written or not */
  #end: number;
  #frozenAt: number | null = null;
  #failedAt = 0;
  /** the reader was told of a failure and not yet of its end */
  #failing = false;
  readonly #gaps = new Gaps();
  #evicted = false;
  #file: Promise<FileHandle> | null = null;
  /** under way: the descriptor is theirs until they have read */
  #readers = 0;
  #writing: Promise<void> | null = null;
  #waiting: { readonly through: number; readonly resolve: () => void }[] = [];
  #retired = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#pending = new WriteQueue(options.pool);
    const { written, unsure, diskBytes } = options.existing;
    this.#flushed = written;
    this.#end = written;
    // A batch that a killed daemon had begun may have overwritten the oldest bytes of the ring.
    this.#begun = written + unsure;
    this.#extent = diskBytes;
    for (const gap of options.existing.gaps) this.#gaps.add(gap);
  }

  /** bytes that the spool takes of the quota */
  get diskBytes(): number {
    return this.#extent;
  }

  get backlog(): number {
    return this.#backlog;
  }

  /** offset after which nothing is on disk any more, because it could not be written */
  get frozenAt(): number | null {
    return this.#frozenAt;
  }

  /** True when bytes from `offset` on are missing on disk. */
  misses(offset: number): boolean {
    return this.#frozenAt !== null || this.#gaps.anyAfter(offset);
  }

  /** Copies `bytes`. */
  append(bytes: Uint8Array): void {
    const from = this.#end;
    this.#end += bytes.length;
    if (this.#frozenAt !== null) {
      if (Date.now() - this.#failedAt < RETRY_MS) return;
      this.#resume(from);
    }
    this.#pending.push(bytes);
    this.#backlog += bytes.length;
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything appended so far is on disk, or never will be. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** Resolves when everything before `offset` is on disk, or never will be. */
  async flushThrough(offset: number): Promise<void> {
    if (this.#writing === null || this.#flushed >= offset) return;
    await new Promise<void>((resolve) => void this.#waiting.push({ through: offset, resolve }));
  }

  /** The parts of [from, to) that the disk holds, in order, as offsets. */
  held(from: number, to: number): readonly Range[] {
    const { headBytes, ringBytes } = this.#options.shape;
    const oldest = Math.max(headBytes, this.#begun - ringBytes);
    if (this.#evicted) return [];
    const parts = [
      { from, to: Math.min(to, headBytes, this.#flushed) },
      { from: Math.max(from, oldest), to: Math.min(to, this.#flushed) },
    ];
    return parts.filter((part) => part.from < part.to).flatMap((part) => this.#gaps.without(part));
  }

  /** Bytes from `from` on, at most `max`, from one part that `held` named; fewer when overwritten meanwhile. */
  async read(from: number, max: number): Promise<{ readonly from: number; readonly bytes: Uint8Array }> {
    this.#readers += 1;
    try {
      return await this.#readOpen(await this.#open(), from, max);
    } finally {
      this.#readers -= 1;
      await this.#closeWhenRetired();
    }
  }

  async #readOpen(
    file: FileHandle,
    from: number,
    max: number,
  ): Promise<{ readonly from: number; readonly bytes: Uint8Array }> {
    const { headBytes, ringBytes } = this.#options.shape;
    const position = this.#positionOf(from);
    const regionEnd = from < headBytes ? headBytes : headBytes + MARK_BYTES + ringBytes;
    const wanted = Math.min(max, regionEnd - position, this.#flushed - from);
    const buffer = Buffer.allocUnsafe(Math.max(0, wanted));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    const oldest = from < headBytes ? 0 : Math.max(headBytes, this.#begun - ringBytes);
    const lost = Math.min(bytesRead, Math.max(0, oldest - from));
    return { from: from + lost, bytes: buffer.subarray(lost, bytesRead) };
  }

  /** Gives the descriptor back once all is written; reading opens the file again for a moment. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.flush();
    await this.#closeWhenRetired();
  }

  /** Gives the disk back: everything counts as dropped from now on. Only for a stream that has ended. */
  evict(): void {
    this.#evicted = true;
    rmSync(this.#options.path, { force: true });
    this.#options.budget.give(this.#extent);
    this.#extent = 0;
  }

  #positionOf(offset: number): number {
    const { headBytes, ringBytes } = this.#options.shape;
    return offset < headBytes ? offset : headBytes + MARK_BYTES + ((offset - headBytes) % ringBytes);
  }

  /** Whoever comes while it is being opened gets the same descriptor; a failure is tried again by the next. */
  async #open(): Promise<FileHandle> {
    const opening = this.#file ?? open(this.#options.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#file = opening;
    try {
      return await opening;
    } catch (fault) {
      if (this.#file === opening) this.#file = null;
      throw fault;
    }
  }

  async #closeWhenRetired(): Promise<void> {
    if (!this.#retired || this.#writing !== null || this.#readers > 0 || this.#file === null) return;
    const file = this.#file;
    this.#file = null;
    await (await file).close();
  }

  async #drain(): Promise<void> {
    try {
      while (!this.#pending.empty) await this.#pending.consume((batch) => this.#writeBatch(batch));
    } catch (fault) {
      this.#freeze(fault);
    } finally {
      this.#writing = null;
      this.#wake();
      this.#options.onDrain();
    }
  }

  async #writeBatch(batch: Uint8Array): Promise<void> {
    const { headBytes, ringBytes } = this.#options.shape;
    const file = await this.#open();
    for (let rest = batch; rest.length > 0; ) {
      const offset = this.#flushed;
      const position = this.#positionOf(offset);
      const room = (offset < headBytes ? headBytes : headBytes + MARK_BYTES + ringBytes) - position;
      const part = rest.subarray(0, room);
      this.#grow(position + part.length);
      this.#begun = offset + part.length;
      await writeWhole(file, part, position);
      // Written behind the bytes: a successor trusts what lies before it.
      if (offset >= headBytes) await writeWhole(file, encodeMark(this.#begun, ringBytes), headBytes);
      this.#flushed = this.#begun;
      this.#sayWritten(offset);
      rest = rest.subarray(part.length);
    }
    this.#backlog -= batch.length;
    this.#wake();
    if (this.#backlog < LOW_BYTES) this.#options.onDrain();
  }

  #wake(): void {
    const due = this.#waiting.filter(({ through }) => this.#writing === null || this.#flushed >= through);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => !due.includes(one));
    for (const { resolve } of due) resolve();
  }

  #grow(extent: number): void {
    if (extent <= this.#extent) return;
    if (!this.#options.budget.take(extent - this.#extent)) throw new QuotaReached();
    this.#extent = extent;
  }

  /** Tries the disk again: what was printed meanwhile is a gap. */
  #resume(offset: number): void {
    const gap = { from: this.#flushed, to: offset };
    this.#gaps.add(gap);
    this.#options.onGap(gap);
    this.#frozenAt = null;
    this.#flushed = offset;
    this.#begun = offset;
  }

  #freeze(fault: unknown): void {
    this.#failedAt = Date.now();
    this.#begun = this.#flushed;
    this.#frozenAt = this.#flushed;
    this.#pending.clear();
    this.#backlog = 0;
    if (this.#failing) return;
    this.#failing = true;
    const why = fault instanceof Error ? fault.message : String(fault);
    this.#options.onNote(`output after byte ${this.#flushed} is kept in memory only: ${why}`);
  }

  #sayWritten(offset: number): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#options.onNote(`output from byte ${offset} on is written to disk again`);
  }
}

class QuotaReached extends Error {
  override readonly name = 'QuotaReached';
  override readonly message = 'the quota for all output logs of this box is used up';
}

async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
