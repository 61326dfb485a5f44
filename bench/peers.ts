/**
 * Published peers that run commands over MCP, and Codex's own loop, each asked for the same `true`.
 * They are installed by the bench into bench/.peers without install scripts and are never dependencies.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { runProgram } from '../scripts/process.ts';
import { responsesDialect, startModel } from './scripted-model.ts';

const VERSIONS = {
  'mcp-server-commands': '0.5.0',
  '@wonderwhy-er/desktop-commander': '0.2.10',
  '@openai/codex': '0.169.0',
} as const;

export interface Peer extends AsyncDisposable {
  readonly name: string;
  /** one `true` through the peer's own tool */
  runTrue(): Promise<void>;
}

export async function installPeers(root: string): Promise<string> {
  const folder = join(root, 'bench/.peers');
  const marker = join(folder, 'installed.json');
  const want = JSON.stringify(VERSIONS);
  if ((await readFile(marker, 'utf8').catch(() => '')) === want) return folder;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true }));
  const specs = Object.entries(VERSIONS).map(([name, version]) => `${name}@${version}`);
  const { code, output } = await runProgram(['npm', 'i', '--ignore-scripts', '--no-save', ...specs], { cwd: folder });
  if (code !== 0) throw new TypeError(`the peers could not be installed:\n${output}`);
  await writeFile(marker, want);
  return folder;
}

export function startPeers(folder: string): Promise<readonly Peer[]> {
  const bin = (name: string): string => join(folder, 'node_modules/.bin', name);
  return Promise.all([
    stdioPeer('mcp-server-commands 0.5.0', [bin('mcp-server-commands')], 'run_command', { command: 'true' }),
    stdioPeer('desktop-commander 0.2.10', [bin('desktop-commander')], 'start_process', {
      command: 'true',
      timeout_ms: 5000,
    }),
  ]);
}

const Message = z.looseObject({
  id: z.number().optional(),
  result: z.looseObject({ isError: z.boolean().optional() }).optional(),
});

async function stdioPeer(
  name: string,
  argv: readonly string[],
  tool: string,
  args: Readonly<Record<string, unknown>>,
): Promise<Peer> {
  const home = await mkdtemp(join(tmpdir(), 'agentbox-peer-'));
  const [program = '', ...rest] = argv;
  const child = spawn(program, rest, {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, HOME: home },
    cwd: home,
  });
  const request = jsonLines(child);
  const clientInfo = { name: 'bench', version: '1' };
  await request('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
  return {
    name,
    async runTrue() {
      const { result } = await request('tools/call', { name: tool, arguments: args });
      if (result === undefined || result.isError === true)
        throw new TypeError(`${name} failed: ${JSON.stringify(result)}`);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await rm(home, { recursive: true, force: true });
    },
  };
}

function jsonLines(child: ChildProcessByStdio<Writable, Readable, null>) {
  const waiting = new Map<number, (message: z.infer<typeof Message>) => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (!line.startsWith('{')) return;
    const message = Message.parse(JSON.parse(line));
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  });
  let nextId = 0;
  return (method: string, params: unknown): Promise<z.infer<typeof Message>> => {
    nextId += 1;
    const id = nextId;
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}

/** ms from a scripted model's `exec_command` to Codex's next request, for `count` commands of one run. */
export async function codexLoopMs(folder: string, count: number): Promise<readonly number[]> {
  const home = await mkdtemp(join(tmpdir(), 'agentbox-codex-'));
  const askedAt: number[] = [];
  const steps = Array.from({ length: count + 1 }, () => ({
    tool: 'exec_command',
    args: () => {
      askedAt.push(performance.now());
      return { cmd: 'true' };
    },
  }));
  await using model = await startModel(steps, responsesDialect(null));
  const config = [
    'model = "scripted"',
    'model_provider = "scripted"',
    '[model_providers.scripted]',
    'name = "scripted"',
    `base_url = "${model.baseUrl}/v1"`,
    'wire_api = "responses"',
    'env_key = "SCRIPTED_KEY"',
  ];
  await writeFile(join(home, 'config.toml'), config.join('\n'));
  const program = join(folder, 'node_modules/.bin/codex');
  const argv = [program, 'exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', 'go'];
  await runProgram(argv, { cwd: home, env: { ...process.env, CODEX_HOME: home, SCRIPTED_KEY: 'none' } });
  await rm(home, { recursive: true, force: true });
  return askedAt.slice(1).map((at, index) => at - (askedAt[index] ?? at));
}
