/**
 * Every program that the guard decided about, numbered from 1 without gaps across restarts. Appending is cheap and
 * never fails; flush() says whether it is on disk, and nothing that leads out or refuses takes effect before that.
 * Only what is on disk is ever read, so that no number is given twice to different entries that somebody has seen.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Emitter, type Signal } from '@agentbox/base';
import { AgentboxError, type ExecEntry, OPERATOR } from '@agentbox/protocol';
import { z } from 'zod';
import { ExecSegments } from './exec-segments.ts';

export interface ExecLogOptions {
  /** of agentbox: the log is in `box/execs` below it */
  readonly home: string;
  /** bytes on disk; the oldest entries go first */
  readonly quotaBytes?: number;
  /** hears once when the disk takes no more, and once when it does again */
  readonly onNote?: (text: string) => void;
}

const QUOTA_BYTES = 64 * 1024 * 1024;
const LARGEST_SEGMENT = 1024 * 1024;
/** files that the quota is divided into, so that little goes at once */
const SEGMENTS = 16;
/** time that an entry waits for others before it is written, and between two attempts on a full disk */
const WRITE_MS = 50;
/** characters that wait in memory while the disk takes nothing; beyond them the oldest entries go */
const PENDING_CHARS = 8 * 1024 * 1024;
/** characters of one argument, and of all of one program */
const ARGUMENT_CHARS = 4096;
const ARGUMENTS_CHARS = 64 * 1024;
const READ_MOST = 10_000;
/** between two notes of how far the log is kept elsewhere */
const NOTE_MS = 1000;

interface Pending {
  readonly number: number;
  readonly line: string;
}

const Fault = z.object({ code: z.string() });

export class ExecLog {
  readonly #segments: ExecSegments;
  readonly #acknowledgedFile: string;
  readonly #onNote: (text: string) => void;
  readonly #changed = new Emitter<number>();
  #pending: Pending[] = [];
  #pendingChars = 0;
  #last: number;
  #acknowledged: number;
  #told: number;
  #failing = false;
  #timer: NodeJS.Timeout | null = null;
  #noting: NodeJS.Timeout | null = null;

  constructor({ home, quotaBytes = QUOTA_BYTES, onNote = () => undefined }: ExecLogOptions) {
    const directory = path.join(home, 'box', 'execs');
    const segmentBytes = Math.min(LARGEST_SEGMENT, Math.ceil(quotaBytes / SEGMENTS));
    this.#segments = new ExecSegments(directory, { quotaBytes, segmentBytes });
    this.#acknowledgedFile = path.join(directory, 'acknowledged');
    this.#acknowledged = readNumber(this.#acknowledgedFile);
    this.#onNote = onNote;
    this.#last = this.#segments.last;
    this.#told = this.#last;
  }

  /** number of the newest entry, on disk or not */
  get last(): number {
    return this.#last;
  }

  /** number of the newest entry on disk, when there are new ones */
  get changed(): Signal<number> {
    return this.#changed;
  }

  append(entry: Omit<ExecEntry, 'number'>): number {
    this.#last += 1;
    const line = `${JSON.stringify({ number: this.#last, ...entry, what: bounded(entry.what) })}\n`;
    this.#pending.push({ number: this.#last, line });
    this.#pendingChars += line.length;
    if (this.#pendingChars > PENDING_CHARS) this.#makeRoom();
    if (this.#timer === null) {
      this.#timer = setTimeout(() => this.#writeLater(), WRITE_MS);
      this.#timer.unref();
    }
    return this.#last;
  }

  /** Returns when every entry so far is on disk; throws DISK_FULL or AUDIT_UNAVAILABLE when that cannot be said. */
  flush(): void {
    this.#write('synced');
  }

  /** On disk, with numbers above `after`, oldest first; one `dropped` entry stands for each run of those that are gone. */
  read(after: number, max: number): readonly ExecEntry[] {
    this.#attempt('synced');
    return this.#kept(after, max, this.#segments.last);
  }

  /** The same, while this process goes on: what is appended meanwhile is for the next time. */
  async readAside(after: number, max: number): Promise<readonly ExecEntry[]> {
    this.#attempt('written');
    const { last } = this.#segments;
    try {
      await this.#segments.syncAside();
    } catch {
      return this.read(after, max);
    }
    this.#recovered();
    return this.#kept(after, max, last);
  }

  #kept(after: number, max: number, through: number): readonly ExecEntry[] {
    const found: ExecEntry[] = [];
    const most = Math.min(max, READ_MOST);
    let before = after;
    for (const entry of this.#segments.entries(after)) {
      if (entry.number > through) break;
      const dropped = entry.number - 1 - Math.max(before, Math.min(this.#acknowledged, entry.number - 1));
      if (dropped > 0 && found.length < most) found.push(gap(entry, dropped));
      if (found.length >= most) break;
      found.push(entry);
      before = entry.number;
    }
    return found;
  }

  /** What is numbered so or lower is kept elsewhere and may go. */
  acknowledge(through: number): void {
    const known = Math.min(through, this.#segments.last);
    if (known <= this.#acknowledged) return;
    this.#acknowledged = known;
    this.#noting ??= setTimeout(() => this.#noteAcknowledged(), NOTE_MS).unref();
    this.#segments.forget(known);
  }

  #noteAcknowledged(): void {
    if (this.#noting === null) return;
    clearTimeout(this.#noting);
    this.#noting = null;
    try {
      writeFileSync(`${this.#acknowledgedFile}.new`, `${this.#acknowledged}\n`, { mode: 0o600 });
      renameSync(`${this.#acknowledgedFile}.new`, this.#acknowledgedFile);
    } catch {
      // It only keeps acknowledged entries from being called dropped: a later one makes up for it.
    }
  }

  close(): void {
    this.#attempt('synced');
    this.#noteAcknowledged();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#segments.close();
  }

  #writeLater(): void {
    this.#timer = null;
    this.#attempt('written');
    if (this.#pending.length === 0) return;
    this.#timer = setTimeout(() => this.#writeLater(), WRITE_MS);
    this.#timer.unref();
  }

  /** Where nobody waits for an answer, a failure is a note and another attempt. */
  #attempt(how: 'written' | 'synced'): void {
    try {
      this.#write(how);
    } catch (fault) {
      if (!(fault instanceof AgentboxError)) throw fault;
    }
  }

  /** `written` outlives this process, `synced` the machine. */
  #write(how: 'written' | 'synced'): void {
    try {
      this.#writePending();
      if (how === 'synced') this.#segments.sync();
    } catch (fault) {
      throw this.#failed(fault);
    }
    if (how === 'synced') this.#recovered();
    this.#tell();
  }

  #writePending(): void {
    const [first] = this.#pending;
    if (first === undefined) return;
    this.#segments.write(first.number, this.#pending.map(({ line }) => line).join(''));
    this.#pending = [];
    this.#pendingChars = 0;
  }

  #tell(): void {
    const { last } = this.#segments;
    if (last === this.#told) return;
    this.#told = last;
    this.#changed.emit(last);
  }

  #makeRoom(): void {
    let gone = 0;
    for (; this.#pendingChars > PENDING_CHARS / 2 && gone < this.#pending.length - 1; gone += 1)
      this.#pendingChars -= this.#pending[gone]?.line.length ?? 0;
    this.#pending.splice(0, gone);
  }

  #failed(fault: unknown): AgentboxError {
    const code = Fault.safeParse(fault).data?.code ?? 'UNKNOWN';
    const isFull = code === 'ENOSPC' || code === 'EDQUOT';
    const message = isFull
      ? 'the disk of the log of programs is full'
      : `the log of programs cannot be written (${code})`;
    if (!this.#failing) this.#onNote(message);
    this.#failing = true;
    return new AgentboxError(isFull ? 'DISK_FULL' : 'AUDIT_UNAVAILABLE', message);
  }

  #recovered(): void {
    if (this.#failing) this.#onNote('the log of programs is written again');
    this.#failing = false;
  }
}

function bounded(what: ExecEntry['what']): ExecEntry['what'] {
  return what.kind === 'exec' ? { ...what, argv: boundedArguments(what.argv) } : what;
}

function boundedArguments(argv: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const word of argv) {
    if (chars > ARGUMENTS_CHARS) return [...kept, `[... ${argv.length - kept.length} more arguments]`];
    kept.push(word.length > ARGUMENT_CHARS ? cut(word) : word);
    chars += Math.min(word.length, ARGUMENT_CHARS) + 1;
  }
  return kept;
}

/** Between characters. */
function cut(word: string): string {
  const head = word.slice(0, ARGUMENT_CHARS).replace(/[\ud800-\udbff]$/, '');
  return `${head}[... ${word.length - head.length} more characters]`;
}

/** Stands just before the oldest entry that is left; the session is that entry's, for want of one of its own. */
function gap({ number, at, session }: ExecEntry, count: number): ExecEntry {
  return { number: number - 1, at, session, owner: OPERATOR, what: { kind: 'dropped', count } };
}

function readNumber(file: string): number {
  try {
    const value = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  } catch {
    return 0;
  }
}
