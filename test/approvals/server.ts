/** The fixture server on a home of its own, and the real command line against its control socket. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ExecQuestion } from '@agentbox/protocol';
import { plainEnvironment, type Ran, runProgram } from '../cli/product.ts';

export type Box = 'there' | 'away' | 'late' | 'dies-before-record' | 'dies-before-box';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'approvals');
export const CLI = join(FIXTURES, 'runs-cli.ts');

export class ApprovalsHome implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'agentbox-approvals-'));
  readonly path = join(this.#root, 'home');

  constructor() {
    mkdirSync(this.path, { mode: 0o700 });
  }

  cli(...args: readonly string[]): Promise<Ran> {
    return runProgram(process.execPath, [CLI, 'approvals', ...args, '--home', this.path]);
  }

  /** what the box took, by question */
  heard(): readonly unknown[] {
    const file = join(this.path, 'heard');
    if (!existsSync(file)) return [];
    return readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  }

  /** `largestFile` in blocks of the shell: a disk that is full beyond it */
  serve(box: Box, largestFile?: number): Promise<Server> {
    return Server.start(this.path, box, largestFile);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

export class Server implements AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.process = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  }

  static async start(home: string, box: Box, largestFile?: number): Promise<Server> {
    const limit = largestFile === undefined ? '' : `ulimit -Sf ${largestFile};`;
    const args = ['-c', `${limit} exec "$0" "$@"`, process.execPath, join(FIXTURES, 'serves-approvals.ts'), home, box];
    const child = spawn('sh', args, { env: plainEnvironment() });
    child.stderr.pipe(process.stderr);
    const server = new Server(child);
    assert.equal(await server.#line(), 'ready');
    return server;
  }

  async ask(question: ExecQuestion): Promise<string> {
    this.process.stdin.write(`${JSON.stringify(question)}\n`);
    return this.#line();
  }

  async #line(): Promise<string> {
    const { value } = await this.#lines.next();
    return String(value);
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended();
  }

  async ended(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
