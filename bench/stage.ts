/** Starts the product of a checkout in a home of its own, and ends it with everything it started. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { runProgram } from '../scripts/process.ts';

const Ready = z.object({ url: z.url(), token: z.string(), pid: z.int(), boxd_pid: z.int() });

export interface StageOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** `host` unless said otherwise */
  readonly profile?: 'host' | 'workspace';
  /** text of the user's own rule file */
  readonly rules?: string;
}

export interface Stage extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly boxdPid: number;
  readonly home: string;
  readonly workspace: string;
  /** from the start of the launcher to the line that says ready */
  readonly readyMs: number;
  /** kills the server, leaves the box daemon, starts the server again: ms until it is ready */
  restartServer(): Promise<number>;
}

interface Server {
  readonly ready: z.infer<typeof Ready>;
  readonly readyMs: number;
  readonly ended: Promise<unknown>;
}

async function startServer(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Server> {
  const startedAt = performance.now();
  const [launcher = '', ...args] = argv;
  const child = spawn(launcher, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd, env: { ...process.env, ...env } });
  const ended = once(child, 'close');
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return { ready: Ready.parse(JSON.parse(String(line))), readyMs: performance.now() - startedAt, ended };
}

export async function startStage(root: string, options: StageOptions = {}): Promise<Stage> {
  const { env = {}, profile = 'host', rules } = options;
  const home = await mkdtemp(join(tmpdir(), 'agentbox-bench-'));
  const workspace = await mkdtemp(join(tmpdir(), 'agentbox-bench-work-'));
  if (rules !== undefined) {
    await mkdir(join(home, 'rules'));
    await writeFile(join(home, 'rules', 'bench.rules'), rules);
  }
  const launcher = join(root, 'packages/cli/bin/agentbox');
  const argv = [
    launcher,
    'up',
    '--home',
    home,
    '--port',
    '0',
    '--profile',
    profile,
    '--workspace',
    workspace,
    '--json',
  ];
  let server = await startServer(argv, workspace, env);
  return {
    get url() {
      return server.ready.url;
    },
    get pid() {
      return server.ready.pid;
    },
    token: server.ready.token,
    boxdPid: server.ready.boxd_pid,
    home,
    workspace,
    readyMs: server.readyMs,
    async restartServer() {
      process.kill(server.ready.pid, 'SIGKILL');
      await server.ended;
      server = await startServer(argv, workspace, env);
      return server.readyMs;
    },
    async [Symbol.asyncDispose]() {
      await runProgram([launcher, 'down', '--home', home]);
      await rm(home, { recursive: true, force: true });
      await rm(workspace, { recursive: true, force: true });
    },
  };
}
