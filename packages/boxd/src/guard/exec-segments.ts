/**
 * The log of programs on disk: files of lines, each named by the number of its first entry. Only the last one is
 * written to, and only it can end in half a line, which is taken off when it is opened. Numbers between two files that
 * neither holds were dropped.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ExecEntry } from '@agentbox/protocol';

interface Segment {
  readonly path: string;
  /** number of its first entry, whether it has one yet or not */
  readonly first: number;
  bytes: number;
}

const NAME = /^([0-9]{16})\.jsonl$/;
const LINE_END = 0x0a;
const syncAside = promisify(fdatasync);

export interface SegmentLimits {
  /** bytes of all files together */
  readonly quotaBytes: number;
  /** bytes after which a new file is begun */
  readonly segmentBytes: number;
}

export class ExecSegments {
  readonly #directory: string;
  readonly #limits: SegmentLimits;
  readonly #segments: Segment[];
  #fd: number | null = null;
  #dirty = false;
  #writes = 0;
  /** end of the last line that a reader had already: whoever follows the log reads on from there */
  #reached = { path: '', number: 0, at: 0 };
  /** number of the last entry that is on disk; what was begun with when there is none */
  #last: number;

  constructor(directory: string, limits: SegmentLimits) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.#directory = directory;
    this.#limits = limits;
    this.#segments = listSegments(directory);
    this.#last = this.#recover();
  }

  get last(): number {
    return this.#last;
  }

  /** number of the oldest entry that is kept, or that of the next one when none is */
  get first(): number {
    return this.#segments[0]?.first ?? this.#last + 1;
  }

  /** Lines whose numbers follow each other, beginning with `first`. Throws what the system says, and then holds none of them. */
  write(first: number, lines: string): void {
    const bytes = Buffer.from(lines);
    const current = this.#current(first);
    const fd = (this.#fd ??= openSync(current.path, 'r+'));
    // A part that was written before a failure is written over by the next attempt, or is half a line at the end.
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, current.bytes + at);
    current.bytes += bytes.length;
    this.#dirty = true;
    this.#writes += 1;
    this.#last = first + lines.split('\n').length - 2;
    this.#fitQuota();
  }

  /** Throws when it cannot be said that everything written is on the disk. */
  sync(): void {
    if (!this.#dirty || this.#fd === null) return;
    fdatasyncSync(this.#fd);
    this.#dirty = false;
  }

  /** The same without holding up this process; what is written meanwhile is not on the disk by it. */
  async syncAside(): Promise<void> {
    if (!this.#dirty || this.#fd === null) return;
    const writes = this.#writes;
    await syncAside(this.#fd);
    if (this.#writes === writes) this.#dirty = false;
  }

  /** Entries with numbers above `after`, oldest first. */
  *entries(after: number): Generator<ExecEntry> {
    for (const [index, { path: file, bytes }] of this.#segments.entries()) {
      const next = this.#segments[index + 1];
      if (next !== undefined && next.first <= after + 1) continue;
      const goesOn = this.#reached.path === file && this.#reached.number <= after;
      const from = goesOn ? this.#reached.at : 0;
      const text = readPart(file, from, bytes);
      for (let at = 0, end = text.indexOf(LINE_END); end >= 0; at = end + 1, end = text.indexOf(LINE_END, at)) {
        const entry = parseLine(text.toString('utf8', at, end));
        if (entry === null) continue;
        if (entry.number > after) yield entry;
        else this.#reached = { path: file, number: entry.number, at: from + end + 1 };
      }
    }
  }

  /** Removes files that hold nothing above `through`; the last one stays, because the numbers go on from it. */
  forget(through: number): void {
    for (let next = this.#segments[1]; next !== undefined && next.first <= through + 1; next = this.#segments[1])
      this.#removeOldest();
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #current(first: number): Segment {
    const current = this.#segments.at(-1);
    const goesOn = current !== undefined && first === this.#last + 1 && current.bytes < this.#limits.segmentBytes;
    return goesOn ? current : this.#begin(first);
  }

  #begin(first: number): Segment {
    this.sync();
    const segment = { path: path.join(this.#directory, `${String(first).padStart(16, '0')}.jsonl`), first, bytes: 0 };
    const fd = openSync(segment.path, 'w+', 0o600);
    syncDirectory(this.#directory);
    this.close();
    this.#fd = fd;
    if (this.#segments.at(-1)?.first === first) this.#segments.pop();
    this.#segments.push(segment);
    return segment;
  }

  #fitQuota(): void {
    let total = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    while (total > this.#limits.quotaBytes && this.#segments.length > 1) total -= this.#removeOldest();
  }

  #removeOldest(): number {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return 0;
    rmSync(oldest.path, { force: true });
    return oldest.bytes;
  }

  /** Takes half a line off the end, and gives the number that the next one follows. */
  #recover(): number {
    const current = this.#segments.at(-1);
    if (current === undefined) return 0;
    const bytes = readFileSync(current.path);
    const whole = bytes.lastIndexOf(LINE_END) + 1;
    if (whole < bytes.length) truncate(current.path, whole);
    current.bytes = whole;
    const lines = bytes.subarray(0, whole).toString().split('\n');
    const last = lines.map(parseLine).findLast((entry) => entry !== null);
    return last?.number ?? current.first - 1;
  }
}

function listSegments(directory: string): Segment[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      if (digits === undefined) return [];
      const file = path.join(directory, name);
      return [{ path: file, first: Number(digits), bytes: statSync(file).size }];
    })
    .toSorted((left, right) => left.first - right.first);
}

function readPart(file: string, from: number, to: number): Buffer {
  const part = Buffer.allocUnsafe(Math.max(0, to - from));
  const fd = openSync(file, 'r');
  try {
    return part.subarray(0, readSync(fd, part, 0, part.length, from));
  } finally {
    closeSync(fd);
  }
}

/** The files are this daemon's own, in a directory of its user alone: only that a line is whole is looked at. */
function parseLine(line: string): ExecEntry | null {
  if (line === '') return null;
  try {
    const entry: ExecEntry = JSON.parse(line);
    return Number.isSafeInteger(entry.number) && typeof entry.what.kind === 'string' ? entry : null;
  } catch {
    return null;
  }
}

function truncate(file: string, bytes: number): void {
  const fd = openSync(file, 'r+');
  try {
    ftruncateSync(fd, bytes);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
