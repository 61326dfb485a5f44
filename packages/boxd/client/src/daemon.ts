/**
 * Finds the box daemon of a home, or starts it: in a session of its own, without the server's descriptors and with
 * none of its secrets, so that it outlives the server.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentboxError } from '@agentbox/protocol';
import { readAddress } from './address.ts';
import { Line } from './line.ts';

export interface DaemonOptions {
  /** absolute path */
  readonly home: string;
  /** program and arguments that run the daemon; `--home DIR` is added */
  readonly entry: readonly [string, ...string[]];
  /** bound on its start */
  readonly timeoutMs?: number;
  /** where the daemon's environment is taken from, by allow-list */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export interface RunningDaemon {
  readonly pid: number;
  readonly socketPath: string;
  /** false when it was running already */
  readonly started: boolean;
}

const DEFAULT_TIMEOUT_MS = 15_000;
const LOOK_MS = 5;
/** an idle daemon ends at once; a busy machine may let it wait */
const END_MS = 10_000;
const LOG_EXCERPT = 2000;
const PASSED_ON = /^(HOME|USER|LOGNAME|SHELL|PATH|LANG|LANGUAGE|LC_.*|TZ|TMPDIR|XDG_.*|NODE_COMPILE_CACHE)$/;

export async function startBoxDaemon(options: DaemonOptions): Promise<RunningDaemon> {
  const running = await findDaemon(options.home).catch((fault: unknown) => succeed(options.home, fault));
  if (running !== undefined) return running;
  const logPath = path.join(options.home, 'log', 'boxd.log');
  const child = launch(options, logPath);
  const ended = { code: null as number | null, done: false };
  child.on('exit', (code) => Object.assign(ended, { code, done: true }));
  child.on('error', () => Object.assign(ended, { done: true }));
  const deadline = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  while (Date.now() < deadline) {
    const found = await findDaemon(options.home);
    if (found !== undefined) {
      // Another server was faster: our child must not start later, when that daemon has ended.
      if (found.pid !== child.pid) child.kill('SIGTERM');
      return { ...found, started: found.pid === child.pid };
    }
    // Another server may have started one at the same time: its lock then ended ours.
    if (ended.done && !(await appearsSoon(options.home))) break;
    await sleep(LOOK_MS);
  }
  const excerpt = readLog(logPath);
  throw new AgentboxError('BOX_UNAVAILABLE', `the box daemon did not start (see ${logPath}): ${excerpt}`, { logPath });
}

/** A daemon of another version makes way when nothing runs in it; one that is in use stays, and the refusal says so. */
async function succeed(home: string, fault: unknown): Promise<undefined> {
  if (!(fault instanceof AgentboxError) || fault.detail['living'] !== 0) throw fault;
  const pid = await endOtherDaemon(home);
  if (pid === undefined) return undefined;
  for (let waitedMs = 0; isThere(pid) && waitedMs < END_MS; waitedMs += LOOK_MS) await sleep(LOOK_MS);
  return undefined;
}

/** Asks the daemon of whatever version to end, as its operator would; gives back its pid, or undefined without one. */
export async function endOtherDaemon(home: string): Promise<number | undefined> {
  const isOther = (fault: unknown): boolean => fault instanceof AgentboxError && fault.code === 'BOX_PROTOCOL';
  // It has just answered, so the pid that it announced is its own.
  const other = await findDaemon(home).then(() => false, isOther);
  const pid = other ? readAddress(home)?.pid : undefined;
  if (pid !== undefined && isThere(pid)) process.kill(pid, 'SIGTERM');
  return pid;
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** The running daemon of a home, asked by its own handshake; refuses with BOX_PROTOCOL when it is of another version. */
export async function findDaemon(home: string): Promise<RunningDaemon | undefined> {
  const address = readAddress(home);
  if (address === undefined) return undefined;
  const line = new Line({ ...address, timeoutMs: 2000, onEvent: () => undefined, onClose: () => undefined });
  try {
    // The file may still name a dead predecessor: whoever answers knows its own pid.
    return { pid: await line.greet(), socketPath: address.socketPath, started: false };
  } catch (fault) {
    if (fault instanceof AgentboxError && fault.code === 'BOX_PROTOCOL') throw fault;
    return undefined;
  } finally {
    line.close();
  }
}

async function appearsSoon(home: string): Promise<boolean> {
  for (let look = 0; look < 40; look += 1) {
    if ((await findDaemon(home)) !== undefined) return true;
    await sleep(LOOK_MS * 5);
  }
  return false;
}

function launch(options: DaemonOptions, logPath: string): ReturnType<typeof spawn> {
  mkdirSync(path.dirname(logPath), { recursive: true, mode: 0o700 });
  const log = openSync(logPath, 'a', 0o600);
  const [program, ...rest] = options.entry;
  const environment = Object.entries(options.environment ?? process.env).filter(([name]) => PASSED_ON.test(name));
  try {
    const child = spawn(program, [...rest, '--home', options.home], {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: Object.fromEntries(environment),
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

function readLog(logPath: string): string {
  try {
    return readFileSync(logPath, 'utf8').slice(-LOG_EXCERPT).trim();
  } catch {
    return 'no log was written';
  }
}
