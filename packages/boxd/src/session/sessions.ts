/**
 * Every session of the box: who owns it, whether one more may live, and what remains of those that ended. A foreign
 * session answers exactly as an unknown one. Live sessions are never ended to make room.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AgentboxError,
  type ExitStatus,
  OPERATOR,
  type PrincipalId,
  type SessionId,
  type SessionInfo,
  type SpawnReply,
  type SpawnRequest,
} from '@agentbox/protocol';
import type { BoxGuard, GuardReady } from '../guard/box-guard.ts';
import { BLOCK_BYTES, createBlockPool } from '../output/blocks.ts';
import type { Range } from '../output/gaps.ts';
import { type LogLimits, OutputLog } from '../output/log.ts';
import { findSpool, NOTHING_FOUND, type SpoolShape, type Told } from '../output/mark.ts';
import type { SpoolBudget } from '../output/spool.ts';
import type { SessionChange } from '../wire/events.ts';
import { childEnvironment, type Environment } from './environment.ts';
import { Journal, type Remembered, readJournal, type SessionFacts, type Stream } from './journal.ts';
import { checkRequest, resolveProgram, type ScriptPlace } from './launch.ts';
import type { LoginEnvironment } from './login-environment.ts';
import { Session, type SessionLogs } from './session.ts';
import { type Sink, type Start, type StartParts, startProcess } from './start.ts';

export interface SessionLimits {
  readonly livePerOwner: number;
  readonly liveInBox: number;
  readonly log: LogLimits;
  readonly spool: SpoolShape;
  /** bytes of output on disk for the whole box */
  readonly totalSpoolBytes: number;
  /** how long an ended session can be asked for */
  readonly keepMs: number;
  /** ended sessions kept at most, whatever their age */
  readonly keepCount: number;
  /** time between two looks for ended sessions to forget */
  readonly sweepMs: number;
}

export interface SessionsParts {
  readonly directory: string;
  readonly limits: SessionLimits;
  readonly start: StartParts;
  readonly environment: Environment;
  readonly login: () => Promise<LoginEnvironment>;
  readonly shell: string;
  readonly guard: Pick<BoxGuard, 'prepare'>;
  readonly onEvent: (session: Session, kind: SessionChange) => void;
  readonly onForgotten: (id: SessionId) => void;
}

/** `next` is the last id of the page, or null when no more follow */
export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  readonly next: SessionId | null;
}

/** of the longest texts so many fit into one frame */
const PAGE_SESSIONS = 100;
const NOTES = 16;
/** old sessions read in one turn */
const READ_AT_ONCE = 10;
/** whoever waits for the start is served first */
const READ_AFTER_MS = 1000;
/** for what a guard left outside to be gone */
const UNGUARDED_MS = 2000;
/** this part of the quota is freed beyond need */
const ROOM_SHARE = 64;
/** sessions beyond the bound of the box that only the operator may start */
const OPERATOR_PLACES = 8;
/** for sessions to notice that their processes are gone */
const SETTLE_MS = 500;

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #known = new Map<SessionId, Session>();
  /** asked for, and waiting for the login shell's answer */
  readonly #starting = new Map<SessionId, Promise<Session>>();
  /** owners of those, one entry for each */
  #startingOwners: readonly PrincipalId[] = [];
  readonly #budget: SpoolBudget;
  readonly #pool = createBlockPool();
  #spoolBytes = 0;
  #ending = false;
  /** names of directories that a predecessor left and nobody has read yet */
  readonly #unread = new Set<string>();
  #causeOfLoss = '';

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    this.#budget = {
      take: (bytes) => {
        if (this.#spoolBytes + bytes > parts.limits.totalSpoolBytes) this.#makeRoom(bytes);
        if (this.#spoolBytes + bytes > parts.limits.totalSpoolBytes) return false;
        this.#spoolBytes += bytes;
        return true;
      },
      give: (bytes) => void (this.#spoolBytes -= bytes),
    };
    mkdirSync(parts.directory, { recursive: true, mode: 0o700 });
  }

  /** Starts the command once; asked again for the same id, it answers with the first one's facts. */
  async spawn(request: SpawnRequest): Promise<SpawnReply> {
    // Nothing is awaited before a new session is on its way: a collect may follow in the same chunk.
    const session =
      this.#lookUp(request.session) ?? (await (this.#starting.get(request.session) ?? this.#begin(request)));
    if (session.facts.owner !== request.owner) throw notFound(request.session);
    if (session.state.kind === 'lost') throw new AgentboxError('SESSION_LOST', session.state.cause);
    return { pid: session.pid, startedAt: session.startedAt };
  }

  /** Also waits for one that is being started. */
  async find(owner: PrincipalId, id: SessionId): Promise<Session> {
    const session = this.#lookUp(id) ?? (await this.#starting.get(id)?.catch(() => undefined));
    if (session === undefined || session.facts.owner !== owner) throw notFound(id);
    return session;
  }

  /** `endAll` ends every process of the box; no session is started from now on. */
  async end(endAll: () => Promise<void>): Promise<void> {
    this.#ending = true;
    await endAll();
    const deadline = Date.now() + SETTLE_MS;
    const sessions = [...this.#known.values()];
    while (sessions.some((session) => session.running) && Date.now() < deadline) await sleep(10);
    await Promise.all(sessions.map((session) => session.close()));
  }

  /**
   * A page of those whose id follows `after`, in the order of their ids, so that none is missed or told twice. Also
   * reads what a predecessor left, as far as that is not done.
   */
  async list(owner: PrincipalId | null, after: SessionId | null): Promise<SessionPage> {
    await this.#readAll();
    const wanted = [...this.#known.values()]
      .filter(({ facts }) => (owner === null || facts.owner === owner) && (after === null || facts.session > after))
      .sort((a, b) => (a.facts.session < b.facts.session ? -1 : 1));
    const page = wanted.slice(0, PAGE_SESSIONS);
    const next = wanted.length > page.length ? (page.at(-1)?.facts.session ?? null) : null;
    return { sessions: page.map((session) => session.summary()), next };
  }

  /** Sessions whose command has not ended, or that left something in the background. */
  get living(): number {
    for (const session of this.#known.values()) session.refresh();
    return [...this.#known.values()].filter((session) => !session.over).length + this.#starting.size;
  }

  /**
   * Finds what a predecessor left: an ended session stays ended, a running one is lost. Each is read when it is asked
   * for, and all soon after the start.
   */
  recall(cause: string): void {
    this.#causeOfLoss = cause;
    for (const name of readdirSync(this.#parts.directory)) this.#unread.add(name);
    setTimeout(() => void this.#readAll(), READ_AFTER_MS);
  }

  async #readAll(): Promise<void> {
    while (this.#unread.size > 0 && !this.#ending) {
      for (const name of [...this.#unread].slice(0, READ_AT_ONCE)) this.#read(name);
      await nextTurn();
    }
  }

  #lookUp(id: SessionId): Session | undefined {
    if (this.#unread.has(id)) this.#read(id);
    return this.#known.get(id);
  }

  #read(name: string): void {
    this.#unread.delete(name);
    const directory = path.join(this.#parts.directory, name);
    const remembered = readJournal(directory);
    if (remembered === undefined || remembered.facts.session !== name) return;
    const { started, ended, facts } = remembered;
    const session = this.#create(facts, directory, 'keep', [], remembered);
    const state = ended === null ? { kind: 'lost' as const, cause: this.#causeOfLoss } : exitedState(ended.exit);
    session.recall(started?.pid ?? 0, started?.startedAt ?? Date.now(), state);
    this.#known.set(facts.session, session);
  }

  /** Forgets ended sessions that are too old or too many. */
  sweep(now: number): void {
    this.#parts.start.tracking.sweep();
    for (const session of this.#known.values()) session.refresh();
    const { keepMs, keepCount } = this.#parts.limits;
    const ended = this.#over();
    for (const [index, session] of ended.entries()) {
      const crowded = ended.length - index > keepCount;
      if (crowded || now - (session.endedAt ?? now) > keepMs) this.#forget(session);
    }
  }

  /** A program of the session waits for a person, or waits no more. */
  questionsChanged(id: SessionId): void {
    this.#known.get(id)?.questionsChanged();
  }

  /** Those of which nothing runs, the oldest first. */
  #over(): readonly Session[] {
    return [...this.#known.values()]
      .filter((session) => session.over && session.endedAt !== null)
      .sort((a, b) => (a.endedAt ?? 0) - (b.endedAt ?? 0));
  }

  /**
   * The oldest logs of whoever takes most go first, so that one caller's flood costs the others nothing; and somewhat
   * more than is needed: the next flood then need not look again.
   */
  #makeRoom(bytes: number): void {
    const { totalSpoolBytes } = this.#parts.limits;
    const wanted = totalSpoolBytes - bytes - totalSpoolBytes / ROOM_SHARE;
    const over = this.#over().filter((session) => session.diskBytes > 0);
    const taken = this.#bytesByOwner();
    while (this.#spoolBytes > wanted && over.length > 0) {
      const most = over.reduce((a, b) => ((taken.get(b.facts.owner) ?? 0) > (taken.get(a.facts.owner) ?? 0) ? b : a));
      const before = most.diskBytes;
      most.evictLogs();
      taken.set(most.facts.owner, (taken.get(most.facts.owner) ?? 0) - (before - most.diskBytes));
      over.splice(over.indexOf(most), 1);
    }
  }

  #bytesByOwner(): Map<PrincipalId, number> {
    const taken = new Map<PrincipalId, number>();
    for (const { facts, diskBytes } of this.#known.values()) {
      taken.set(facts.owner, (taken.get(facts.owner) ?? 0) + diskBytes);
    }
    return taken;
  }

  #forget(session: Session): void {
    this.#known.delete(session.facts.session);
    this.#parts.onForgotten(session.facts.session);
    this.#spoolBytes -= session.diskBytes;
    rmSync(session.journal.directory, { recursive: true, force: true });
  }

  async #begin(request: SpawnRequest): Promise<Session> {
    this.#checkRoom(request.owner);
    checkRequest(request);
    const wantsLogin = request.command.kind === 'shell' && request.command.login;
    const starting = Promise.all([
      wantsLogin ? this.#parts.login() : { environment: this.#parts.environment, note: null },
      this.#prepare(request),
    ]).then(([login, ready]) => this.#start(request, login, ready));
    this.#starting.set(request.session, starting);
    this.#startingOwners = [...this.#startingOwners, request.owner];
    try {
      return await starting;
    } finally {
      this.#starting.delete(request.session);
      const place = this.#startingOwners.indexOf(request.owner);
      this.#startingOwners = this.#startingOwners.toSpliced(place, 1);
    }
  }

  /** A rejection, not a throw: whoever waits for the session hears of it. */
  async #prepare(request: SpawnRequest): Promise<GuardReady | null> {
    return request.profile === null ? null : this.#parts.guard.prepare(request, request.profile);
  }

  #checkRoom(owner: PrincipalId): void {
    if (this.#ending) throw new AgentboxError('BOX_UNAVAILABLE', 'the box daemon is ending');
    const { livePerOwner, liveInBox } = this.#parts.limits;
    const live = [...this.#known.values()].filter((session) => session.running);
    const own = live.filter((session) => session.facts.owner === owner);
    const ownCount = own.length + this.#startingOwners.filter((one) => one === owner).length;
    // The operator finds a place however busy the clients are.
    const places = owner === OPERATOR ? liveInBox + OPERATOR_PLACES : liveInBox;
    if (ownCount < livePerOwner && live.length + this.#starting.size < places) return;
    const limit = ownCount >= livePerOwner ? livePerOwner : liveInBox;
    const named = own.map(({ facts }) => `${facts.session} (${facts.command.slice(0, 24).replaceAll(/\s+/g, ' ')})`);
    const message = `${limit} sessions are running already; none was ended for this one: ${named.slice(0, 64).join(', ')}`;
    throw new AgentboxError('TOO_MANY_SESSIONS', message, {
      limit,
      sessions: own.map(({ facts }) => `${facts.session}: ${facts.command.slice(0, 80)}`),
    });
  }

  #start(request: SpawnRequest, { environment: base, note }: LoginEnvironment, ready: GuardReady | null): Session {
    const directory = path.join(this.#parts.directory, request.session);
    const environment = childEnvironment(base, request);
    const session = this.#create(factsOf(request), directory, request.onExit, note === null ? [] : [note], null);
    session.journal.begin(session.facts);
    try {
      const start = this.#settleStart(request, environment, session, ready);
      const sink: Sink = (stream, bytes) => session.printed(stream, bytes);
      const live = startProcess(this.#parts.start, request.io, start, sink);
      session.attach(live);
      this.#parts.start.reaper.onExit(live.pid, (exit) => session.leaderExited(exit));
      if (!session.journal.started(live.pid, live.startedAt)) session.note('the start could not be written to disk');
    } catch (fault) {
      if (session.pid === 0) rmSync(directory, { recursive: true, force: true });
      throw fault;
    }
    this.#known.set(request.session, session);
    this.#parts.onEvent(session, 'state');
    return session;
  }

  #settleStart(request: SpawnRequest, environment: Environment, session: Session, ready: GuardReady | null): Start {
    const script = scriptPlace(request, session.journal.directory);
    const program = resolveProgram(request, environment, this.#parts.shell, script);
    const leader = { ...program, ignoresHangup: request.io.kind === 'tty' && request.onExit === 'keep' };
    if (ready === null) return { program: leader, environment, cwd: request.cwd, guarded: null };
    return ready.launch(
      { program: leader, environment },
      {
        exited: (exit) => session.leaderExited(exit),
        note: (text) => session.note(text),
        unguarded: () => void session.kill('SIGKILL', UNGUARDED_MS),
      },
    );
  }

  #create(
    facts: SessionFacts,
    directory: string,
    onExit: 'keep' | 'kill',
    notes: string[],
    remembered: Remembered | null,
  ): Session {
    const journal = new Journal(directory);
    const logs = this.#openLogs(facts, journal, notes, remembered, () => session.drained());
    const session: Session = new Session({
      facts,
      journal,
      logs,
      onExit,
      notes,
      onChange: (kind) => this.#parts.onEvent(session, kind),
      boxEnds: () => this.#ending,
      retireGroup: (group) => this.#parts.start.tracking.retire(group),
    });
    return session;
  }

  #openLogs(
    facts: SessionFacts,
    journal: Journal,
    notes: string[],
    remembered: Remembered | null,
    onDrain: () => void,
  ): SessionLogs {
    const { log, spool: shape } = this.#parts.limits;
    const onNote = (note: string): void => void (notes.length < NOTES && notes.push(note));
    const open = (stream: Stream): OutputLog => {
      const file = path.join(journal.directory, stream);
      const existing =
        remembered === null ? NOTHING_FOUND : findSpool(file, shape, told(remembered, stream), BLOCK_BYTES);
      if (existing.note !== null) onNote(existing.note);
      this.#spoolBytes += existing.diskBytes;
      const onGap = (range: Range): void => journal.gap(stream, range);
      return new OutputLog(log, {
        path: file,
        shape,
        budget: this.#budget,
        pool: this.#pool,
        existing,
        onDrain,
        onGap,
        onNote,
      });
    };
    const separate = facts.io.kind === 'pipe' && facts.io.stderr === 'separate';
    return { output: open('output'), stderr: separate ? open('stderr') : null };
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const told = ({ ended, gaps }: Remembered, stream: Stream): Told => ({
  ended: ended?.[stream] ?? null,
  gaps: gaps.filter((one) => one.stream === stream),
});

const exitedState = (exit: ExitStatus): Session['state'] => ({ kind: 'exited', exit, background: [] });

function factsOf(request: SpawnRequest): SessionFacts {
  const { command } = request;
  const text = command.kind === 'shell' ? command.text : command.argv.join(' ');
  return {
    session: request.session,
    owner: request.owner,
    command: text.length > 8192 ? `${text.slice(0, 8192)}…` : text,
    cwd: request.cwd,
    io: request.io,
    profile: request.profile?.name ?? 'host',
  };
}

/** A sandbox sees no folder of agentbox: what is written for it goes to the private folder that is its /tmp. */
function scriptPlace({ session, profile }: SpawnRequest, directory: string): ScriptPlace {
  const writtenTo = path.join(profile?.tmp ?? directory, profile === null ? 'command' : `command-${session}`);
  return { writtenTo, seenAs: profile === null ? writtenTo : `/tmp/command-${session}` };
}

const notFound = (id: SessionId): AgentboxError =>
  new AgentboxError('SESSION_NOT_FOUND', `there is no session ${id}`, { session: id });
