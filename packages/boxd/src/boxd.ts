/**
 * Puts a box daemon together: home and lock, guardian, reaper, sessions, socket. Everything with state is made here
 * and ends with `stop`.
 */
import { chmodSync, readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { homedir, userInfo } from 'node:os';
import { AgentboxError } from '@agentbox/protocol';
import { collectFacts, defaultShell } from './facts.ts';
import { BoxGuard } from './guard/box-guard.ts';
import { type Guardian, startGuardian } from './guardian.ts';
import { type BoxHome, openHome, type RunFile } from './home.ts';
import { becomeSubreaper, closeOnExec, type Libc, loadLibc } from './native/libc.ts';
import { type Reaper, startReaper } from './native/reaper.ts';
import { createSpawner, type Spawner } from './native/spawn.ts';
import { createTags, newTagPrefix, type Tags } from './native/tag.ts';
import { endLeftover, Tracking, type TrackingKind } from './process/tracking.ts';
import { type BoxTree, endBox, killTagged } from './process/tree.ts';
import { Searcher } from './search.ts';
import { type Account, allowedEnvironment } from './session/environment.ts';
import { type LoginEnvironment, readLoginEnvironment } from './session/login-environment.ts';
import { type SessionLimits, Sessions, type SessionsParts } from './session/sessions.ts';
import { Connection } from './wire/connection.ts';
import { EventHub } from './wire/events.ts';
import { type FileOperations, perform } from './wire/perform.ts';

export interface BoxdOptions {
  /** absolute path of the home that server and daemon share */
  readonly home: string;
  readonly version: string;
  readonly limits: SessionLimits;
  readonly files: FileOperations;
  /** the environment the children's one is made from */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** bound on asking the user's login shell for its environment */
  readonly loginTimeoutMs: number;
  /** how process trees are followed; `auto` takes the best there is, any other is demanded */
  readonly tracking: TrackingKind | 'auto';
  /** the daemon has ended, also when nobody asked it to */
  readonly onStopped: (why: string) => void;
}

export interface Boxd {
  readonly socketPath: string;
  /** TERM, then KILL for every session; then the daemon lets go of its home */
  stop(why: string): Promise<void>;
}

const MIB = 1024 * 1024;

export const DEFAULT_LIMITS: SessionLimits = {
  livePerOwner: 64,
  liveInBox: 256,
  log: { tailBytes: 256 * 1024, backlogBytes: 2 * MIB },
  spool: { headBytes: 16 * MIB, ringBytes: 48 * MIB },
  totalSpoolBytes: 4096 * MIB,
  keepMs: 2 * 3600 * 1000,
  keepCount: 5000,
  sweepMs: 60_000,
};

const TERM_WAIT_MS = 3000;
const KILL_WAIT_MS = 1500;
const READ_BUFFER_BYTES = 128 * 1024;

interface Foundation {
  readonly libc: Libc;
  readonly home: BoxHome;
  readonly tags: Tags;
  readonly spawn: Spawner;
  readonly reaper: Reaper;
  readonly tracking: Tracking;
  readonly notes: string[];
}

/** Owns every child of this process, and waits for any: nothing else in the process may start children. */
export async function startBoxd(options: BoxdOptions): Promise<Boxd> {
  const foundation = await layFoundation(options);
  const guardian = startGuardian(foundation, () => void stop('the guardian ended'));
  if ('error' in guardian) {
    throw new AgentboxError('MISSING_FEATURE', `the guardian could not be started: ${guardian.error}`);
  }
  const hub = new EventHub(Date.now() * 1000);
  const account = readAccount();
  const shell = defaultShell(account);
  const environment = allowedEnvironment(options.environment, account);
  const login = onceAsked(() =>
    readLoginEnvironment({ ...foundation, shell, environment, home: account.home, timeoutMs: options.loginTimeoutMs }),
  );
  const guard = new BoxGuard({
    libc: foundation.libc,
    home: options.home,
    tagPrefix: foundation.tags.prefix,
    environment,
    realHome: account.home,
    onQuestions: (session) => sessions.questionsChanged(session),
    onExecs: (last) => hub.grown(last),
    onRules: (state) => hub.ruled(state),
  });
  const sessions: Sessions = openSessions(options, foundation, { environment, login, shell, guard }, hub);
  const end = once(() => sessions.end(() => endBox(treeOf(foundation, guardian), TERM_WAIT_MS, KILL_WAIT_MS)));
  const parts = {
    sessions,
    searcher: new Searcher(),
    guard,
    files: options.files,
    // The programs that commands find, which are those of a login shell.
    facts: async () =>
      collectFacts(account, (await login()).environment, shell, options.version, foundation.tracking, foundation.notes),
    shutdown: () => end(),
  };
  const connections = new Set<Connection>();
  const server = createServer((socket) => {
    connections.add(
      new Connection(socket, {
        key: foundation.home.key,
        version: options.version,
        living: () => sessions.living,
        perform: async (request, body, signal) => {
          const answer = await perform(parts, request, body, signal);
          if (request.op === 'shutdown') setTimeout(() => void stop('asked to'), 10);
          return answer;
        },
        watch: (from, outlet) => hub.watch(from, outlet),
        onClose: (connection) => void connections.delete(connection),
      }),
    );
  });
  foundation.home.announce({
    pid: process.pid,
    socketPath: foundation.home.socketPath,
    tagPrefix: foundation.tags.prefix,
    startedAt: Date.now(),
    cgroup: foundation.tracking.leftover,
  });
  // Announced first: whoever is answered by this daemon also reads of this daemon.
  await listen(server, foundation.home.socketPath);
  const sweeper = setInterval(() => sessions.sweep(Date.now()), options.limits.sweepMs);
  const stop = once(async (why: string): Promise<void> => {
    clearInterval(sweeper);
    server.close();
    await end();
    guard.close();
    for (const connection of connections) connection.close();
    dismiss(foundation, guardian);
    options.onStopped(why);
  });
  return { socketPath: foundation.home.socketPath, stop };
}

async function layFoundation(options: BoxdOptions): Promise<Foundation> {
  const libc = loadLibc();
  closeOnExec(libc, readdirSync('/proc/self/fd').map(Number));
  const home = openHome(libc, options.home);
  const notes: string[] = [];
  if (home.predecessor !== null) await endPredecessor(home.predecessor);
  if (!becomeSubreaper(libc)) notes.push('orphans of sessions are not adopted: PR_SET_CHILD_SUBREAPER failed');
  const tags = createTags(libc, newTagPrefix());
  if (!tags.available) notes.push('process trees are followed by ancestry alone: RLIMIT_LOCKS is limited');
  const tracking = Tracking.open(options.tracking, groupName(tags.prefix));
  if ('missing' in tracking) throw new AgentboxError('MISSING_FEATURE', tracking.missing);
  return { libc, home, tags, spawn: createSpawner(libc), reaper: startReaper(libc), tracking, notes };
}

const groupName = (tagPrefix: string): string => `agentbox-${tagPrefix}`;

async function endPredecessor({ tagPrefix, cgroup }: RunFile): Promise<void> {
  if (cgroup !== null) await endLeftover(cgroup, groupName(tagPrefix));
  killTagged(tagPrefix);
}

function openSessions(
  options: BoxdOptions,
  foundation: Foundation,
  surroundings: Pick<SessionsParts, 'environment' | 'login' | 'shell' | 'guard'>,
  hub: EventHub,
): Sessions {
  const sessions = new Sessions({
    directory: foundation.home.sessionsDirectory,
    limits: options.limits,
    start: { ...foundation, readBuffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES) },
    ...surroundings,
    onEvent: (session, kind) => hub.changed(session, kind),
    onForgotten: (id) => hub.forget(id),
  });
  const since = foundation.home.predecessor?.startedAt;
  const which = since === undefined ? 'that ran it' : `that was started at ${new Date(since).toISOString()}`;
  sessions.recall(`the box daemon ${which} ended without a word, and its processes with it`);
  return sessions;
}

const treeOf = (foundation: Foundation, guardian: Guardian): BoxTree => ({
  tagPrefix: foundation.tags.prefix,
  daemon: process.pid,
  guardian: guardian.pid,
  group: foundation.tracking.all,
});

function dismiss(foundation: Foundation, guardian: Guardian): void {
  foundation.reaper.stop();
  foundation.tracking.close();
  guardian.dismiss();
  foundation.home.leave();
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen({ path: socketPath, backlog: 128 }, () => {
      chmodSync(socketPath, 0o600);
      resolve();
    });
  });
}

function readAccount(): Account {
  try {
    const { username, shell } = userInfo();
    // HOME counts before what the account says, as it does for every shell.
    return { name: username, home: homedir(), shell: shell ?? '' };
  } catch {
    // A container may run a user that /etc/passwd does not know.
    return { name: String(process.getuid?.() ?? 0), home: process.env['HOME'] ?? '/', shell: '' };
  }
}

function onceAsked(ask: () => Promise<LoginEnvironment>): () => Promise<LoginEnvironment> {
  const held: Promise<LoginEnvironment>[] = [];
  return () => {
    const answer = held[0] ?? ask();
    held[0] = answer;
    return answer;
  };
}

function once<Arguments extends readonly unknown[]>(
  body: (...args: Arguments) => Promise<void>,
): (...args: Arguments) => Promise<void> {
  const held: Promise<void>[] = [];
  return (...args) => {
    const running = held[0] ?? body(...args);
    held[0] = running;
    return running;
  };
}
