/**
 * One command: its state, its output logs and, while anything of it lives, its processes and input. A session never
 * forgets what it answered: output is read by offset, and its end is told as often as it is asked for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AgentboxError,
  type AwaitingInput,
  type CollectReply,
  type CollectRequest,
  type DeniedExec,
  type ExecQuestion,
  type ExitStatus,
  type KillReply,
  type ReadReply,
  type ReadRequest,
  type SessionInfo,
  type SessionState,
  type TerminalSize,
  type WriteReply,
  type WriteRequest,
} from '@agentbox/protocol';
import type { OutputLog } from '../output/log.ts';
import { ScreenScanner } from '../output/screen.ts';
import { type ProcessFacts, readProcess } from '../process/table.ts';
import { describeBackground, membersOf, sendSignal, signalTree, type TreeRoot } from '../process/tree.ts';
import type { SessionChange } from '../wire/events.ts';
import { awaitingInput } from './awaiting.ts';
import { closedInput } from './input.ts';
import type { Journal, SessionFacts } from './journal.ts';
import { untilSettled } from './settling.ts';
import type { Live } from './start.ts';
import { Waiters } from './waiters.ts';

export interface SessionLogs {
  readonly output: OutputLog;
  readonly stderr: OutputLog | null;
}

export interface SessionParts {
  readonly facts: SessionFacts;
  readonly journal: Journal;
  readonly logs: SessionLogs;
  readonly onExit: 'keep' | 'kill';
  readonly notes: string[];
  readonly onChange: (kind: SessionChange) => void;
  /** true while everything of the box is being ended: nothing then stays in the background */
  readonly boxEnds: () => boolean;
  /** the group is needed no more once it is empty */
  readonly retireGroup: (group: Live['group']) => void;
}

/** for what on_exit ends, before the answer */
const END_LIMIT_MS = 400;
const SETTLE_STEP_MS = 10;
const LAST_LINE_BYTES = 4096;
const BACKGROUND_FRESH_MS = 1000;
const AFTER_KILL_MS = 1000;

/** of each session in a list: the whole is told of one that is asked for */
const LISTED_COMMAND = 500;
const LISTED_BACKGROUND = 10;
const LISTED_BACKGROUND_COMMAND = 200;

const cut = (text: string, length: number): string => (text.length > length ? `${text.slice(0, length)}…` : text);

export class Session {
  readonly facts: SessionFacts;
  readonly journal: Journal;
  readonly logs: SessionLogs;
  /** the caller's own words, understood by nobody here; gone with the daemon, as its place in the output then is */
  bookmark: string | null = null;
  readonly #parts: SessionParts;
  readonly #screen = new ScreenScanner();
  readonly #waiters = new Waiters();
  #live: Live | null = null;
  #leaderAlive = false;
  #pid = 0;
  #startedAt = 0;
  #state: SessionState = { kind: 'running' };
  #size: TerminalSize | null;
  #lastOutputAt = 0;
  #backgroundAt = 0;
  #openStreams = 0;
  #exit: ExitStatus | null = null;
  /** when it was found lost: it is kept from then on as long as any other */
  #lostAt: number | null = null;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.facts = parts.facts;
    this.journal = parts.journal;
    this.logs = parts.logs;
    this.#size = parts.facts.io.kind === 'tty' ? parts.facts.io.size : null;
  }

  get running(): boolean {
    return this.#state.kind === 'running';
  }

  /** Nothing of it is known to run any more. */
  get over(): boolean {
    return !this.running && !(this.#state.kind === 'exited' && this.#state.background.length > 0);
  }

  get pid(): number {
    return this.#pid;
  }

  get startedAt(): number {
    return this.#startedAt;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** ms since the epoch of the end, or null */
  get endedAt(): number | null {
    return this.#exit?.at ?? this.#lostAt;
  }

  /** What the session says of itself when it is one of many. */
  summary(): SessionInfo {
    const info = this.info();
    const { state } = info;
    const command = cut(info.command, LISTED_COMMAND);
    if (state.kind !== 'exited') return { ...info, command };
    const background = state.background.slice(0, LISTED_BACKGROUND);
    const shown = background.map((one) => ({ ...one, command: cut(one.command, LISTED_BACKGROUND_COMMAND) }));
    return { ...info, command, state: { ...state, background: shown } };
  }

  /** Looks whether what it left in the background still runs. */
  refresh(): void {
    this.#refreshBackground();
  }

  /** What a predecessor left: its state is known, its processes are gone. */
  recall(pid: number, startedAt: number, state: SessionState): void {
    this.#pid = pid;
    this.#startedAt = startedAt;
    this.#state = state;
    this.#exit = state.kind === 'exited' ? state.exit : null;
    this.#lostAt = state.kind === 'lost' ? Date.now() : null;
  }

  /** Programs of it that wait for a person. */
  get questions(): readonly ExecQuestion[] {
    return this.#live?.guarded?.guard.questions ?? [];
  }

  get #denied(): readonly DeniedExec[] {
    return this.#live?.guarded?.guard.denied ?? [];
  }

  /** A program waits for a person, or waits no more. */
  questionsChanged(): void {
    this.#waiters.look();
    this.#parts.onChange('questions');
  }

  /** Called in the turn that started the process. */
  attach(live: Live): void {
    this.#live = live;
    this.#leaderAlive = true;
    this.#pid = live.pid;
    this.#startedAt = live.startedAt;
    if (live.note !== null) this.#parts.notes.push(live.note);
    for (const socket of [live.output, live.stderr]) {
      if (socket === null) continue;
      this.#openStreams += 1;
      socket.on('close', () => this.#streamClosed());
      // A terminal that closed is only noticed by whoever ends it.
      socket.on('end', () => void socket.destroy());
    }
  }

  /** A chunk that the process printed. */
  printed(stream: 'output' | 'stderr', bytes: Uint8Array): void {
    const log = this.log(stream);
    if (this.#size !== null) this.#screen.push(bytes, log.written);
    log.append(bytes);
    this.#lastOutputAt = Date.now();
    if (log.full) this.#socketOf(stream)?.pause();
    this.#waiters.touched();
    this.#parts.onChange('output');
  }

  /** The disk caught up: reading goes on. */
  drained(): void {
    for (const stream of ['output', 'stderr'] as const) {
      const socket = this.#socketOf(stream);
      if (socket?.isPaused() === true && !this.log(stream).full) socket.resume();
    }
  }

  leaderExited(exit: ExitStatus): void {
    // A guard tells of the command's end before its own.
    if (this.#exit !== null) return;
    this.#exit = exit;
    this.#leaderAlive = false;
    this.#live?.terminal?.release();
    void this.#settle(exit);
  }

  info(): SessionInfo {
    this.#refreshBackground();
    return {
      ...this.facts,
      pid: this.#pid,
      startedAt: this.#startedAt,
      state: this.#state,
      written: this.logs.output.written,
      notes: this.#parts.notes,
      bookmark: this.bookmark,
    };
  }

  async collect(request: CollectRequest, signal: AbortSignal): Promise<CollectReply> {
    const log = this.log(request.stream);
    if (this.running && request.waitMs > 0) {
      const { untilInput, knownQuestions = null } = request;
      const looks = untilInput || knownQuestions !== null;
      if (!this.#asksAnew(request)) {
        await this.#waiters.wait(request.waitMs, signal, looks ? () => this.#isDue(log, request) : null);
      }
      if (signal.aborted) throw new AgentboxError('CANCELLED', 'the collect was cancelled');
    }
    this.#refreshBackground();
    const awaiting = this.running ? this.#awaiting() : null;
    const state = this.#state;
    const next = log.written;
    log.remember();
    const from = Math.min(request.from, next);
    const wanted = next - from;
    const whole = wanted <= request.headBytes + request.tailBytes;
    const tailFrom = whole ? next : next - request.tailBytes;
    // The tail is read first: its memory copy is taken in this turn, before the log moves on.
    const tail = log.readAll(tailFrom, next);
    const head = await log.readAll(from, whole ? next : from + request.headBytes);
    const tailSlice = await tail;
    const dropped = log.dropped(from, next);
    const newlines = await log.newlinesSince(from, next);
    const start = head.bytes.length === 0 ? from : head.from;
    return {
      state,
      from: start,
      next,
      omitted: next - start - head.bytes.length - tailSlice.bytes.length,
      dropped,
      newlines,
      awaitingInput: awaiting,
      silentInput: this.running && this.#silent(),
      screenFrom: this.#screen.since,
      size: this.#size,
      questions: this.questions,
      denied: this.#denied,
      heldMs: this.#live?.guarded?.guard.heldMs ?? 0,
      head: head.bytes,
      tail: tailSlice.bytes,
    };
  }

  async read(request: ReadRequest): Promise<ReadReply> {
    const log = this.log(request.stream);
    const asked = await log.read(request.from, request.max);
    const behindGap = asked.bytes.length === 0 && asked.from < log.written && request.max > 0;
    const slice = behindGap ? await log.read(log.keptFrom(asked.from), request.max) : asked;
    return {
      from: slice.from,
      next: slice.from + slice.bytes.length,
      written: log.written,
      dropped: Math.max(0, slice.from - request.from),
      bytes: slice.bytes,
    };
  }

  async write(request: WriteRequest): Promise<WriteReply> {
    if (this.#state.kind === 'lost') throw new AgentboxError('SESSION_LOST', this.#state.cause);
    const input = this.#live?.input;
    if (input === null || input === undefined) throw closedInput();
    return input.write(request);
  }

  resize(size: TerminalSize): void {
    if (this.#size === null) throw new AgentboxError('NO_TTY', 'this session has no terminal');
    if (this.#live?.terminal === null || this.#live === null || this.#live.output.destroyed) return;
    this.#live.terminal.resize(size);
    this.#size = size;
  }

  /** What Ctrl-C does: the foreground group of the terminal, or the group of the command. */
  interrupt(signal: NodeJS.Signals): void {
    const live = this.#live;
    if (live === null) return;
    const closed = live.output.destroyed;
    const group = live.terminal === null || closed ? undefined : live.terminal.foregroundGroup();
    const own = this.#commandGroup(live);
    if (group !== undefined) sendSignal(-group, signal);
    else if (this.#leaderAlive) sendSignal(-own, signal);
    else for (const one of this.#members()) if (one.group === own) sendSignal(one.pid, signal);
  }

  /** The process group of the command: below a guard it need not be the one of what was started. */
  #commandGroup(live: Live): number {
    const command = live.guarded?.command ?? null;
    return (command === null ? undefined : readProcess(command)?.group) ?? live.pid;
  }

  async kill(signal: NodeJS.Signals, waitMs: number): Promise<KillReply> {
    if (this.#live === null) return { signalled: 0, alive: 0, state: this.#state };
    const ended = await signalTree(() => this.#root(), signal, waitMs);
    const deadline = Date.now() + AFTER_KILL_MS;
    while (ended.alive === 0 && this.running && Date.now() < deadline) await sleep(SETTLE_STEP_MS);
    this.#refreshBackground(true);
    if (!this.running) this.#parts.retireGroup(this.#live.group);
    return { ...ended, state: this.#state };
  }

  note(text: string): void {
    this.#parts.notes.push(text);
  }

  /** bytes that its output takes of the disk */
  get diskBytes(): number {
    return this.logs.output.diskBytes + (this.logs.stderr?.diskBytes ?? 0);
  }

  /** Its output makes room for others: it reads as dropped from now on. */
  evictLogs(): void {
    if (this.#openStreams > 0 || this.diskBytes === 0) return;
    this.note('the output was dropped: the quota for all output logs of this box was used up');
    this.logs.output.evict();
    this.logs.stderr?.evict();
  }

  /** Gives up everything that is open; the processes must be gone. */
  async close(): Promise<void> {
    this.#live?.close();
    await this.journal.settled();
    await this.logs.output.retire();
    await this.logs.stderr?.retire();
  }

  log(stream: 'output' | 'stderr'): OutputLog {
    return stream === 'stderr' && this.logs.stderr !== null ? this.logs.stderr : this.logs.output;
  }

  #socketOf(stream: 'output' | 'stderr'): Live['stderr'] {
    return stream === 'stderr' ? (this.#live?.stderr ?? null) : (this.#live?.output ?? null);
  }

  #root(): TreeRoot {
    const { tag = '', group = null } = this.#live ?? {};
    return {
      leader: this.#pid,
      startedAt: this.#startedAt,
      tag,
      group,
      leaderAlive: this.#leaderAlive,
      session: this.facts.session,
    };
  }

  /** Without what only keeps the sandbox standing. */
  #members(): readonly ProcessFacts[] {
    if (this.#live === null) return [];
    const { guarded } = this.#live;
    const members = membersOf(this.#root());
    return guarded === null ? members : members.filter(({ pid }) => !guarded.infrastructure.has(pid));
  }

  #streamClosed(): void {
    this.#openStreams -= 1;
    if (this.#openStreams === 0 && !this.running) void this.#retire();
  }

  async #settle(exit: ExitStatus): Promise<void> {
    if (this.#parts.onExit === 'kill') await signalTree(() => this.#root(), 'SIGKILL', END_LIMIT_MS);
    await untilSettled({
      open: () => this.#openStreams,
      paused: () => this.logs.output.full || this.logs.stderr?.full === true,
      printed: () => this.logs.output.written + (this.logs.stderr?.written ?? 0),
      members: () => this.#members(),
    });
    const background = this.#parts.boxEnds() ? [] : describeBackground(this.#members());
    this.#backgroundAt = Date.now();
    this.#state = { kind: 'exited', exit, background };
    this.#waiters.release();
    this.#parts.onChange('state');
    this.#parts.retireGroup(this.#live?.group ?? null);
    if (this.#openStreams === 0) await this.#retire();
    await this.journal.ended(exit, this.logs.output.written, this.logs.stderr?.written ?? 0);
  }

  async #retire(): Promise<void> {
    this.#live?.close();
    await this.logs.output.retire();
    await this.logs.stderr?.retire();
  }

  #isDue(log: OutputLog, request: CollectRequest): boolean {
    if (this.#asksAnew(request)) return true;
    if (!request.untilInput || (request.untilOutput === true && log.written <= request.from)) return false;
    return this.#awaiting() !== null;
  }

  /** Somebody must be asked what the caller does not know of. */
  #asksAnew({ knownQuestions }: CollectRequest): boolean {
    return knownQuestions != null && this.questions.some(({ id }) => !knownQuestions.includes(id));
  }

  #silent(): boolean {
    const live = this.#live;
    if (live === null || live.terminal === null || live.output.destroyed) return false;
    const { canonical, echo } = live.terminal.modes();
    return canonical && !echo;
  }

  #awaiting(): AwaitingInput | null {
    const live = this.#live;
    if (live === null || live.input === null || !live.input.open || live.output.destroyed) return null;
    return awaitingInput({
      terminal: live.terminal,
      stdinPipe: live.stdinPipe,
      lastLine: this.logs.output.lastLine(LAST_LINE_BYTES),
      inScreenProgram: this.#screen.since !== null,
      quietMs: Date.now() - Math.max(this.#lastOutputAt, this.#startedAt),
      apart: live.guarded?.infrastructure ?? new Set(),
      members: () => this.#members(),
    });
  }

  /** Background processes come, listen and go after the command has ended. */
  #refreshBackground(now = false): void {
    const state = this.#state;
    if (state.kind !== 'exited' || (state.background.length === 0 && !now)) return;
    if (!now && Date.now() - this.#backgroundAt < BACKGROUND_FRESH_MS) return;
    this.#backgroundAt = Date.now();
    this.#state = { ...state, background: describeBackground(this.#members()) };
  }
}
