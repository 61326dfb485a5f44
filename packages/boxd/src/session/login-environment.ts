/**
 * What the user's login shell exports, asked once and kept. A profile may print what it likes: only what stands after
 * a random mark counts. A profile that fails or hangs costs a bounded time and is noted; the allow-list then serves.
 */
import { closeSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Libc, openPipe } from '../native/libc.ts';
import type { Reaper } from '../native/reaper.ts';
import type { Launch, Spawner } from '../native/spawn.ts';
import type { Tags } from '../native/tag.ts';
import type { Tracking } from '../process/tracking.ts';
import { signalTree, type TreeRoot } from '../process/tree.ts';
import type { Environment } from './environment.ts';

export interface LoginEnvironment {
  readonly environment: Environment;
  /** null when the login shell answered */
  readonly note: string | null;
}

export interface LoginShell {
  readonly libc: Libc;
  readonly spawn: Spawner;
  readonly reaper: Reaper;
  readonly tags: Tags;
  readonly tracking: Tracking;
  readonly shell: string;
  readonly environment: Environment;
  readonly home: string;
  readonly timeoutMs: number;
}

const AFTER_KILL_MS = 500;
/** ms that a profile has to undo what it began */
const TIDY_MS = 500;
const OUTPUT_LIMIT_BYTES = 4 * 1024 * 1024;
/** Names that belong to the asking shell itself. */
const OWN_NAMES = new Set(['_', 'SHLVL', 'PWD', 'OLDPWD', 'TERM']);

export async function readLoginEnvironment(login: LoginShell): Promise<LoginEnvironment> {
  const mark = `agentbox-${crypto.randomUUID()}`;
  const printed = await runLoginShell(login, `printf '\\0%s\\0' ${mark}; env -0; printf '%s\\0' ${mark}`);
  const found = printed === null ? undefined : parseSnapshot(printed, mark);
  if (found !== undefined) return { environment: found, note: null };
  return {
    environment: login.environment,
    note: `the login shell ${login.shell} did not answer; commands run with the daemon's own PATH`,
  };
}

function parseSnapshot(printed: Buffer, mark: string): Environment | undefined {
  const text = printed.toString('utf8');
  const start = text.indexOf(`\0${mark}\0`);
  const end = text.lastIndexOf(`${mark}\0`);
  if (start < 0 || end <= start + mark.length + 2) return undefined;
  const environment: Record<string, string> = {};
  for (const entry of text.slice(start + mark.length + 2, end).split('\0')) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, equals);
    if (equals > 0 && !OWN_NAMES.has(name)) environment[name] = entry.slice(equals + 1);
  }
  return environment['PATH'] === undefined ? undefined : environment;
}

async function runLoginShell(login: LoginShell, script: string): Promise<Buffer | null> {
  const pipe = openPipe(login.libc);
  if ('error' in pipe) return null;
  const startedAt = Date.now();
  const silence = openSync('/dev/null', 'r+');
  const tag = login.tags.next();
  const launch: Launch = {
    path: login.shell,
    argv: [login.shell, '-l', '-c', script],
    environment: login.environment,
    cwd: login.home,
    descriptors: [silence, pipe.writeFd, silence],
  };
  const born = login.tracking.born(tag, () => login.tags.wear(tag, () => login.spawn(launch)));
  const { value: spawned, group } = born;
  closeSync(silence);
  login.libc.close(pipe.writeFd);
  if ('error' in spawned) {
    login.libc.close(pipe.readFd);
    return null;
  }
  let leaderAlive = true;
  const exited = new Promise<void>((resolve) => {
    login.reaper.onExit(spawned.pid, () => {
      leaderAlive = false;
      resolve();
    });
  });
  const output = await collect(pipe.readFd, exited, login.timeoutMs);
  const tree = (): TreeRoot => ({ leader: spawned.pid, startedAt, tag, leaderAlive, group, session: null });
  // A profile that is cut off tidies up after itself when it is asked first: some hold a lock that stays otherwise.
  if (output === null) await signalTree(tree, 'SIGTERM', TIDY_MS);
  await signalTree(tree, 'SIGKILL', AFTER_KILL_MS);
  login.tracking.retire(group);
  return output;
}

/** What is printed until the end, the bound on size or the bound on time; a background process may hold the pipe. */
async function collect(fd: number, exited: Promise<void>, timeoutMs: number): Promise<Buffer | null> {
  const socket = new Socket({ fd, readable: true, writable: false });
  const chunks: Buffer[] = [];
  let bytes = 0;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    socket.destroy();
  }, timeoutMs);
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > OUTPUT_LIMIT_BYTES) socket.destroy();
    else chunks.push(chunk);
  });
  void exited.then(() => setTimeout(() => socket.destroy(), 50));
  await new Promise<void>((resolve) => socket.on('close', resolve));
  clearTimeout(timer);
  return late ? null : Buffer.concat(chunks);
}
