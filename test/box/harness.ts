/** A box daemon of its own for a test file: started as the user asked for, ended and looked after at the end. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Tracking, type TrackingKind } from '@agentbox/boxd';
import { type BoxConnection, connectBox, startBoxDaemon } from '@agentbox/boxd-client';
import {
  type CollectReply,
  type CollectRequest,
  newSessionId,
  OPERATOR,
  type SessionId,
  type SpawnRequest,
} from '@agentbox/protocol';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const MAIN = path.join(root, 'packages/boxd/src/main.ts');
const WITH_LIMITS = path.join(root, 'test/fixtures/programs/boxd-with-limits.ts');
const NOBODY = 65534;

export interface TestBoxOptions {
  readonly user?: 'self' | 'nobody';
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly loginTimeoutMs?: number;
  readonly tracking?: TrackingKind;
  /** it says on SIGUSR2 what it holds and how late its event loop is */
  readonly observed?: true;
  /** another program than the daemon's source */
  readonly entry?: readonly string[];
  readonly home?: string;
  readonly flags?: readonly string[];
}

const OBSERVED = ['--expose-gc', '--import', path.join(root, 'test/fixtures/programs/observes-itself.ts')];

export interface Ran {
  readonly session: SessionId;
  readonly reply: CollectReply;
  readonly text: string;
}

export interface TestBox extends AsyncDisposable {
  readonly box: BoxConnection;
  readonly home: string;
  readonly pid: number;
  /** from the call that starts it until it has answered its first client */
  readonly startMs: number;
  /** spawns and collects until the end, a prompt, or the bound */
  run(command: string | readonly string[], more?: RunOptions): Promise<Ran>;
  collect(session: SessionId, more?: Partial<CollectRequest>): Promise<Ran>;
}

export type RunOptions = Partial<Omit<SpawnRequest, 'session' | 'command'>> & {
  readonly session?: SessionId;
  readonly collect?: Partial<CollectRequest>;
  readonly login?: boolean;
  readonly shell?: string;
};

/** Why the tests cannot run as another user here, or false. */
export function cannotBeNobody(): string | false {
  if (process.getuid?.() !== 0) return false;
  const asNobody = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];
  const probe = spawnSync('setpriv', [
    ...asNobody,
    process.execPath,
    '-e',
    'require("fs").statSync(process.argv[1])',
    MAIN,
  ]);
  return probe.status === 0 ? false : 'the checkout or node is not readable for another user';
}

/** Why process trees cannot be followed that way here, or false. */
export function cannotTrack(kind: TrackingKind): string | false {
  const probe = Tracking.open(kind, `agentbox-probe-${process.pid}`);
  if ('missing' in probe) return probe.missing;
  probe.close();
  return false;
}

export const TTY = { kind: 'tty', size: { cols: 80, rows: 24 } } as const;
export const STDIN = { kind: 'pipe', stdin: true, stderr: 'merged' } as const;
const PIPE = { kind: 'pipe', stdin: false, stderr: 'merged' } as const;

export async function startTestBox(options: TestBoxOptions = {}): Promise<TestBox> {
  const home = options.home ?? mkdtempSync(path.join(tmpdir(), 'agentbox-box-'));
  const asNobody = options.user === 'nobody' && process.getuid?.() === 0;
  if (asNobody) chownSync(home, NOBODY, NOBODY);
  const prefix = asNobody
    ? ['setpriv', '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', process.execPath]
    : [process.execPath];
  const { limits, environment, loginTimeoutMs, tracking } = options;
  const asked = { limits, environment, loginTimeoutMs, tracking };
  const plain = Object.values(asked).every((one) => one === undefined);
  const rest = plain
    ? [...(options.entry?.slice(1) ?? [MAIN]), ...(options.flags ?? [])]
    : [WITH_LIMITS, JSON.stringify(asked)];
  const [program = '', ...args] = [...prefix, ...(options.observed ? OBSERVED : []), ...rest];
  const start = performance.now();
  const daemon = await startBoxDaemon({ home, entry: [program, ...args] });
  const startMs = performance.now() - start;
  const box = await connectBox({ home });
  const collect = async (session: SessionId, more: Partial<CollectRequest> = {}): Promise<Ran> => {
    const reply = await box.collect(OPERATOR, { ...COLLECT, session, ...more });
    return { session, reply, text: Buffer.concat([reply.head, reply.tail]).toString() };
  };
  return {
    box,
    home,
    pid: daemon.pid,
    startMs,
    collect,
    run: async (command, more = {}) => {
      const { collect: asked, ...request } = spawnRequest(command, more);
      const [, ran] = await Promise.all([box.spawn(request), collect(request.session, asked)]);
      return ran;
    },
    [Symbol.asyncDispose]: async () => {
      await box.close();
      await endDaemon(home, daemon.pid);
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}

const COLLECT = {
  from: 0,
  headBytes: 1024 * 1024,
  tailBytes: 1024 * 1024,
  waitMs: 20_000,
  stream: 'output',
  untilInput: false,
} as const;

export function spawnRequest(
  command: string | readonly string[],
  more: RunOptions = {},
): SpawnRequest & { readonly collect: Partial<CollectRequest> } {
  const { login = false, shell = null, collect = {}, ...rest } = more;
  return {
    session: newSessionId(),
    owner: OPERATOR,
    command:
      typeof command === 'string' ? { kind: 'shell', text: command, shell, login } : { kind: 'argv', argv: command },
    cwd: tmpdir(),
    env: {},
    io: PIPE,
    onExit: 'keep',
    profile: null,
    ...rest,
    collect,
  };
}

export function exitCode({ reply }: Ran): number {
  assert.equal(reply.state.kind, 'exited');
  return reply.state.exit.code;
}

/** Ends a daemon and asserts that it took everything of its own with it. */
async function endDaemon(home: string, started: number): Promise<void> {
  const running = currentPid(home);
  for (const pid of new Set([started, running ?? started])) {
    if (!isAlive(pid)) continue;
    process.kill(pid, 'SIGTERM');
    await until(() => !isAlive(pid), `daemon ${pid} ended`);
  }
  await until(
    () => withMark(home).length === 0,
    `no process of the box is left (${withMark(home).map(describe).join()})`,
  );
}

const describe = (pid: number): string =>
  `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`;

export function currentPid(home: string): number | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path.join(home, 'run', 'boxd.json'), 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'pid' in parsed ? Number(parsed.pid) : undefined;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes whose command line holds the text; this process and zombies are not counted. */
export function withMark(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text) && isAlive(pid);
      } catch {
        return false;
      }
    });
}

const DEADLINE_MS = 20_000;

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = DEADLINE_MS,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`);
    await sleep(20);
  }
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

export async function refusal(work: Promise<unknown>): Promise<Refusal> {
  const fault: unknown = await work.then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  );
  assert.ok(fault instanceof Error && 'code' in fault, String(fault));
  return { code: String(fault.code), message: fault.message };
}

export function rssBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}
