/** Drives the real product as its user does: the launcher of packages/cli/bin, in a home of its own. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

export const ROOT = join(import.meta.dirname, '..', '..');
export const AGENTBOX = join(ROOT, 'packages', 'cli', 'bin', 'agentbox');

const PATIENCE_MS = 60_000;

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
}

/** The environment of a user whose only setting of ours is where commands run: what needs a sandbox says so. */
export function plainEnvironment(more: RunOptions['env'] = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(AGENTBOX_|NODE_|npm_|NO_COLOR|FORCE_COLOR)/.test(name),
  );
  return { ...Object.fromEntries(kept), AGENTBOX_BOX_PROFILE: 'host', ...more };
}

export function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return runProgram(AGENTBOX, args, options);
}

export async function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = spawn(program, args, { env: plainEnvironment(options.env), cwd: options.cwd ?? tmpdir() });
  const stdout = collected(child.stdout);
  const stderr = collected(child.stderr);
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  const code = await exitOf(child);
  return { code, stdout: await stdout, stderr: await stderr };
}

async function collected(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString('utf8');
}

/** Waits for the end of the process; kills it and fails when that does not come. */
export async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once('exit', (code) => resolve(code));
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** A home that is gone with everything in it at the end of the scope. */
export class Home implements AsyncDisposable {
  readonly path: string;

  constructor(parent: string = mkdtempSync(join(tmpdir(), 'agentbox-e2e-')), ...below: readonly string[]) {
    this.path = join(parent, ...below);
    this.#parent = parent;
  }
  readonly #parent: string;

  run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return run(args, { ...options, env: { ...options.env, AGENTBOX_HOME: this.path } });
  }

  up(options: UpOptions = {}): Promise<Up> {
    return Up.start(this.path, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (existsSync(this.path)) await this.run(['down']);
    rmSync(this.#parent, { recursive: true, force: true });
  }
}

const readyLine = z.strictObject({ url: z.string(), token: z.string(), pid: z.number(), boxd_pid: z.number() });
export type Ready = z.output<typeof readyLine>;

export interface UpOptions {
  readonly args?: readonly string[];
  readonly env?: RunOptions['env'];
  /** another installation of the product */
  readonly program?: string;
}

/** A running `agentbox up --json`. */
export class Up {
  readonly ready: Ready;
  readonly child: ChildProcess;
  readonly #stdout: Promise<string>;
  readonly #stderr: Promise<string>;

  private constructor(child: ChildProcess, ready: Ready, stdout: Promise<string>, stderr: Promise<string>) {
    this.child = child;
    this.ready = ready;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  static async start(home: string, options: UpOptions): Promise<Up> {
    const args = ['up', '--home', home, '--json', ...(options.args ?? ['--port', '0'])];
    const child = spawn(options.program ?? AGENTBOX, args, {
      env: plainEnvironment(options.env),
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout = collected(child.stdout);
    const stderr = collected(child.stderr);
    const first = Promise.withResolvers<string>();
    child.stdout.once('data', (line: Buffer) => first.resolve(line.toString('utf8')));
    child.once('exit', () => {
      void stderr.then((text) => first.reject(new assert.AssertionError({ message: `up ended: ${text}` })));
    });
    const ready = readyLine.parse(JSON.parse(await first.promise));
    return new Up(child, ready, stdout, stderr);
  }

  async end(signal: NodeJS.Signals): Promise<Ran> {
    if (isAlive(this.ready.pid)) process.kill(this.ready.pid, signal);
    const code = await exitOf(this.child);
    return { code, stdout: await this.#stdout, stderr: await this.#stderr };
  }
}

/** Looks until the condition holds; generous, because the machine may be slow. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await sleep(50);
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Processes whose command line holds `text`. */
export function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(text) && isAlive(Number(name));
      } catch {
        return false;
      }
    })
    .map(Number);
}
