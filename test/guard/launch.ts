/** Starts a command under a warden as the daemon would, decides by a table of names, and remembers what was said. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import {
  attachGuard,
  type Guard,
  type GuardDecision,
  type GuardFacts,
  type GuardHooks,
  locateWarden,
  type RanFacts,
  wardenArgv,
} from '@agentbox/exec-guard';
import type { LaunchPlan, TerminalSize } from '@agentbox/protocol';
import { type Libc, loadLibc } from '../../packages/boxd/src/native/libc.ts';
import { openLine } from '../../packages/boxd/src/native/link.ts';
import { createSpawner } from '../../packages/boxd/src/native/spawn.ts';
import { openTerminal } from '../../packages/boxd/src/native/terminal.ts';

export type Engine = 'namespaces' | 'landlock';
export const ENGINES: readonly Engine[] = ['namespaces', 'landlock'];

const BWRAP = '/usr/bin/bwrap';
/** Why sandboxes with namespaces cannot be started here, or false. */
export const noNamespaces: string | false =
  spawnSync(BWRAP, ['--unshare-user', '--unshare-pid', '--ro-bind', '/', '/', 'true']).status === 0
    ? false
    : 'user namespaces or bubblewrap are missing';

const located = locateWarden();
assert.ok('path' in located, JSON.stringify(located));
/** A build with other options can be put in its place, for example one that watches its own memory. */
export const WARDEN = process.env['AGENTBOX_TEST_WARDEN'] ?? located.path;

export interface RunOptions {
  readonly engine?: Engine;
  readonly deny?: readonly string[];
  readonly escalate?: readonly string[];
  readonly decide?: GuardHooks['decide'];
  readonly heads?: readonly string[] | 'all';
  readonly plan?: Partial<LaunchPlan>;
  readonly environment?: Readonly<Record<string, string>>;
  /** more words for bubblewrap */
  readonly binds?: readonly string[];
  readonly terminal?: TerminalSize;
  readonly folder?: string;
  readonly cwd?: string;
  readonly argv?: readonly string[];
}

export interface Said {
  readonly asked: GuardFacts[];
  readonly ran: RanFacts[];
  readonly refused: { readonly facts: GuardFacts; readonly reason: string }[];
  readonly killed: { readonly facts: GuardFacts; readonly reason: string }[];
  readonly escalated: number[];
  readonly escalatedEnds: { readonly pid: number; readonly code: number; readonly durationMs: number }[];
  readonly gone: GuardFacts[];
  readonly failed: string[];
  readonly broken: string[];
  readonly listeners: number[];
}

const nothingSaid = (): Said => ({
  asked: [],
  ran: [],
  refused: [],
  killed: [],
  escalated: [],
  escalatedEnds: [],
  gone: [],
  failed: [],
  broken: [],
  listeners: [],
});

export const DENIAL = 'not in this house';
/** What a program that is allowed outside gets. */
const OUTSIDE = { PATH: '/usr/bin:/bin', FROM: 'daemon' };

const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const headsOf = (facts: GuardFacts): readonly string[] =>
  [...facts.names, ...facts.interpreters].map(({ path }) => baseName(path));

export function decideByName({ deny = [], escalate = [] }: RunOptions): (facts: GuardFacts) => GuardDecision {
  return (facts) => {
    const heads = headsOf(facts);
    if (heads.some((head) => deny.includes(head))) return { kind: 'deny', text: DENIAL };
    if (heads.some((head) => escalate.includes(head))) return { kind: 'escalate', environment: OUTSIDE };
    return { kind: 'run' };
  };
}

/** The folder is the only place of the host that the sandbox may write. */
export function planFor(folder: string, { engine = 'namespaces', binds = [], plan = {} }: RunOptions): LaunchPlan {
  const namespaces = ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-net', '--cap-drop', 'ALL'];
  const files = [
    '--ro-bind',
    '/',
    '/',
    '--dev',
    '/dev',
    '--proc',
    '/proc',
    '--tmpfs',
    '/tmp',
    '--bind',
    folder,
    folder,
  ];
  // The runtime of the tests may stand below /tmp, which is another one inside.
  const runtime = dirname(dirname(process.execPath));
  const args = [...namespaces, ...files, '--ro-bind', runtime, runtime, ...binds];
  return {
    bubblewrap: engine === 'namespaces' ? { program: BWRAP, args } : null,
    landlock: { read: ['/'], write: engine === 'namespaces' ? ['/tmp', folder, '/dev', '/proc'] : [folder, '/dev'] },
    rlimits: { addressSpaceBytes: null, processes: null, openFiles: 1024, fileBytes: 2 ** 30, cpuSeconds: null },
    group: null,
    network: 'none',
    environment: {},
    noExecFromWritable: false,
    writable: [folder],
    ...plan,
  };
}

const libc: Libc = loadLibc();

export class GuardedRun implements AsyncDisposable {
  readonly said = nothingSaid();
  readonly folder: string;
  readonly pid: number;
  readonly guard: Guard;
  infrastructure: readonly number[] = [];
  command = 0;
  /** with a terminal all of it */
  stdout = '';
  stderr = '';
  /** of the command, as the warden tells it */
  readonly exited: Promise<{ readonly code: number; readonly signal: number | null }>;
  /** of the warden itself: its exit code, 128 + signal */
  readonly closed: Promise<number>;
  readonly #ownFolder: string | null;
  #write: (text: string) => void = () => undefined;
  #isClosed = false;

  constructor(script: string, options: RunOptions) {
    this.#ownFolder = options.folder === undefined ? realpathSync(mkdtempSync(join(tmpdir(), 'guard-'))) : null;
    this.folder = options.folder ?? this.#ownFolder ?? '';
    const plan = planFor(this.folder, options);
    const argv = options.argv ?? ['bash', '-c', script];
    const path = argv[0]?.startsWith('/') === true ? argv[0] : '/bin/bash';
    const cwd = options.cwd ?? this.folder;
    const words = wardenArgv(WARDEN, plan, { path, argv, cwd });
    const environment = {
      PATH: '/usr/bin:/bin',
      HOME: this.folder,
      TMPDIR: this.folder,
      LANG: 'C.UTF-8',
      TERM: 'xterm',
      ...options.environment,
    };
    const started =
      options.terminal === undefined
        ? this.#startPiped(words, environment)
        : this.#startOnTerminal(words, environment, options.terminal);
    this.pid = started.pid;
    const exits = Promise.withResolvers<{ readonly code: number; readonly signal: number | null }>();
    this.exited = exits.promise;
    // What the warden said at its end may be read after it has ended.
    const silent = new Promise<void>((resolve) => started.link.once('close', () => resolve()));
    this.closed = started.closed.then(async (code) => {
      this.#isClosed = true;
      await silent;
      exits.resolve({ code: -1, signal: null });
      return code;
    });
    this.guard = attachGuard(started.link, this.#hooks(options, exits.resolve));
    if (options.heads !== undefined) this.guard.setHeads(options.heads);
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  write(text: string): void {
    this.#write(text);
  }

  #hooks(options: RunOptions, exited: GuardHooks['exited']): GuardHooks {
    const { said } = this;
    const decide = options.decide ?? decideByName(options);
    return {
      decide: (facts, signal) => {
        said.asked.push(facts);
        signal.addEventListener('abort', () => said.gone.push(facts));
        return decide(facts, signal);
      },
      ran: (facts) => void said.ran.push(facts),
      refused: (facts, reason) => void said.refused.push({ facts, reason }),
      killed: (facts, reason) => void said.killed.push({ facts, reason }),
      started: ({ pid, infrastructure }) => {
        this.command = pid;
        this.infrastructure = infrastructure;
      },
      listener: (fd) => void said.listeners.push(fd),
      escalated: (_, pid) => void said.escalated.push(pid),
      escalatedEnded: (end) => void said.escalatedEnds.push(end),
      exited,
      failed: (reason) => void said.failed.push(reason),
      broken: (reason) => void said.broken.push(reason),
    };
  }

  #startPiped(words: readonly string[], env: NodeJS.ProcessEnv): Started {
    const stdio = ['pipe', 'pipe', 'pipe', 'pipe'] as const;
    const child: ChildProcess = spawn(words[0] ?? '', words.slice(1), {
      stdio: [...stdio],
      env,
      cwd: '/',
      detached: true,
    });
    child.stdout?.on('data', (chunk: Buffer) => void (this.stdout += chunk.toString('utf8')));
    child.stderr?.on('data', (chunk: Buffer) => void (this.stderr += chunk.toString('utf8')));
    child.stdin?.on('error', () => undefined);
    this.#write = (text) => void child.stdin?.write(text);
    const link = child.stdio[3];
    assert.ok(link instanceof Socket && child.pid !== undefined);
    const closed = new Promise<number>((resolve) => {
      child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 128)));
    });
    return { pid: child.pid, link, closed };
  }

  #startOnTerminal(words: readonly string[], env: Readonly<Record<string, string>>, size: TerminalSize): Started {
    const terminal = openTerminal(libc, size);
    assert.ok(!('error' in terminal));
    const line = openLine(libc);
    const leaf = { terminal: terminal.path };
    const spawned = createSpawner(libc)({
      path: words[0] ?? '',
      argv: words,
      environment: env,
      cwd: '/',
      descriptors: [leaf, leaf, leaf],
      line: line.childFd,
    });
    assert.ok('pid' in spawned, JSON.stringify(spawned));
    libc.close(line.childFd);
    const master = new ReadStream(terminal.fd);
    master.on('data', (chunk: Buffer) => void (this.stdout += chunk.toString('utf8')));
    master.on('error', () => undefined);
    this.#write = (text) => void master.write(text);
    const closed = waitFor(spawned.pid).finally(() => {
      terminal.release();
      master.destroy();
    });
    return { pid: spawned.pid, link: new Socket({ fd: line.ownFd, readable: true, writable: true }), closed };
  }

  /** Waits until the output has what is looked for. */
  async sees(pattern: RegExp, ms = 5000): Promise<void> {
    const deadline = Date.now() + ms;
    while (!pattern.test(this.output)) {
      assert.ok(Date.now() < deadline && !this.#isClosed, `${String(pattern)} not in: ${this.output}`);
      await sleep(10);
    }
  }

  async until(condition: () => boolean, what: string, ms = 5000): Promise<void> {
    const deadline = Date.now() + ms;
    while (!condition()) {
      assert.ok(Date.now() < deadline, `not in time: ${what}; output: ${this.output}`);
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.guard.close();
    await this.closed;
    // After the warden's own death the kernel ends the others one after the other.
    for (let tries = 0; tries < 40 && this.infrastructure.some(isAlive); tries++) await sleep(10);
    const left = this.infrastructure.filter(isAlive);
    if (this.#ownFolder !== null) rmSync(this.#ownFolder, { recursive: true, force: true });
    assert.deepEqual(left, [], 'infrastructure is left');
  }
}

interface Started {
  readonly pid: number;
  readonly link: Socket;
  readonly closed: Promise<number>;
}

async function waitFor(pid: number): Promise<number> {
  const status = [0];
  while (libc.waitpid(pid, status, 1) === 0) await sleep(5);
  const value = status[0] ?? 0;
  return (value & 0x7f) === 0 ? value >> 8 : 128 + (value & 0x7f);
}

/** A zombie counts as dead. */
export function isAlive(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes whose command line has the mark. */
export function processesWith(mark: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(mark) && isAlive(pid);
      } catch {
        return false;
      }
    });
}

export const launch = (script: string, options: RunOptions = {}): GuardedRun => new GuardedRun(script, options);

/** Runs a script to its end. */
export async function runGuarded(
  script: string,
  options: RunOptions = {},
): Promise<GuardedRun & { readonly code: number }> {
  await using run = new GuardedRun(script, options);
  const { code } = await run.exited;
  await run.closed;
  return Object.assign(run, { code });
}
