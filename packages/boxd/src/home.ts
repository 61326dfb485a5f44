/**
 * What a daemon leaves in its home so that others find it and no second one starts: lock, key, socket path and facts.
 * A lock is a kernel lock: it ends with the process that holds it, however that process ends.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { z } from 'zod';
import type { Libc } from './native/libc.ts';

/** What home/run/boxd.json says. */
const runFile = z.object({
  pid: z.number(),
  socketPath: z.string(),
  tagPrefix: z.string(),
  startedAt: z.number(),
  cgroup: z
    .object({ version: z.enum(['cgroup2', 'cgroup1']), directory: z.string() })
    .nullable()
    .default(null),
});
export type RunFile = z.infer<typeof runFile>;

export interface BoxHome {
  readonly runDirectory: string;
  readonly sessionsDirectory: string;
  readonly key: string;
  readonly socketPath: string;
  /** what the last daemon of this home wrote, or null after an orderly end */
  readonly predecessor: RunFile | null;
  announce(run: RunFile): void;
  /** after an orderly end */
  leave(): void;
}

/** sun_path is 108 bytes with its final NUL. */
const SOCKET_PATH_BYTES = 107;
const LOCK_EXCLUSIVE_NOW = 2 | 4;

export function openHome(libc: Libc, home: string): BoxHome {
  const runDirectory = path.join(home, 'run');
  mkdirSync(runDirectory, { recursive: true, mode: 0o700 });
  chmodSync(runDirectory, 0o700);
  const lock = takeLock(libc, path.join(runDirectory, 'boxd.lock'));
  const runPath = path.join(runDirectory, 'boxd.json');
  const socketPath = chooseSocketPath(home, runDirectory);
  const predecessor = readRunFile(runPath);
  rmSync(socketPath, { force: true });
  return {
    runDirectory,
    sessionsDirectory: path.join(home, 'box', 'sessions'),
    key: readOrCreateKey(path.join(runDirectory, 'boxd.key')),
    socketPath,
    predecessor,
    announce: (run) => {
      writeFileSync(`${runPath}.new`, `${JSON.stringify(run)}\n`, { mode: 0o600 });
      renameSync(`${runPath}.new`, runPath);
    },
    leave: () => {
      rmSync(runPath, { force: true });
      rmSync(socketPath, { force: true });
      if (path.dirname(socketPath) !== runDirectory) rmSync(path.dirname(socketPath), { recursive: true, force: true });
      closeSync(lock);
    },
  };
}

function readRunFile(file: string): RunFile | null {
  try {
    return runFile.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

function takeLock(libc: Libc, file: string): number {
  const fd = openSync(file, 'a', 0o600);
  if (libc.flock(fd, LOCK_EXCLUSIVE_NOW) === 0) return fd;
  closeSync(fd);
  throw new AgentboxError('ALREADY_RUNNING', `a box daemon of this home is running already (${file} is locked)`);
}

function readOrCreateKey(file: string): string {
  try {
    writeFileSync(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' });
  } catch {
    chmodSync(file, 0o600);
  }
  return readFileSync(file, 'utf8').trim();
}

function chooseSocketPath(home: string, runDirectory: string): string {
  const natural = path.join(runDirectory, 'boxd.sock');
  if (Buffer.byteLength(natural) <= SOCKET_PATH_BYTES) return natural;
  const name = createHash('sha256').update(path.resolve(home)).digest('hex').slice(0, 16);
  const runtime = process.env['XDG_RUNTIME_DIR'];
  const candidates = [runtime, tmpdir(), '/tmp'].flatMap((parent) =>
    parent === undefined || parent === '' ? [] : [path.join(parent, `agentbox-${process.getuid?.() ?? 0}-${name}`)],
  );
  const directory = candidates.find((one) => Buffer.byteLength(path.join(one, 'boxd.sock')) <= SOCKET_PATH_BYTES);
  if (directory === undefined) throw new AgentboxError('CONFIG_INVALID', `no socket path is short enough for ${home}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const facts = lstatSync(directory);
  if (!facts.isDirectory() || facts.uid !== process.getuid?.() || (facts.mode & 0o077) !== 0) {
    throw new AgentboxError('CONFIG_INVALID', `${directory} belongs to somebody else or is open to others`);
  }
  return path.join(directory, 'boxd.sock');
}
