/** Runs the pinned conformance suite against the product's stack with the fixture pack, and reads what it found. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSkillLibrary } from '../../packages/providers/src/machine/skills/index.ts';
import { type BearerProxy, startBearerProxy } from './bearer-proxy.ts';
import { createFixturePack } from './fixture-pack.ts';
import { isRecord } from './fixture-tool.ts';
import { type ProductServer, startProductServer } from './product-server.ts';

export interface Outcome {
  readonly scenarios: number;
  readonly passed: number;
  /** what the suite does not execute, by its own word */
  readonly skipped: readonly string[];
  /** failures and warnings: nothing is expected to fail */
  readonly bad: readonly string[];
  /** what the server reported as faults of its own */
  readonly faults: readonly unknown[];
}

export interface ServedPack extends AsyncDisposable {
  readonly server: ProductServer;
  readonly proxy: BearerProxy;
}

const SUITE = new URL('../../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url);
const SKILLS = new URL('skills', import.meta.url);

export async function servePack(): Promise<ServedPack> {
  await using stack = new AsyncDisposableStack();
  const roots = [{ path: fileURLToPath(SKILLS), label: 'fixture' }];
  const skills = stack.use(await createSkillLibrary({ roots }));
  const { tools, prompts, resources } = createFixturePack();
  const limits = { retryMs: 200, taskPollMs: 200 };
  const parts = { tools: [tools], prompts, resources: [resources], skills, logging: true, limits };
  const server = stack.use(await startProductServer(parts));
  const proxy = stack.use(await startBearerProxy(server.url, server.token));
  const owned = stack.move();
  return { server, proxy, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Each leg is one run of the suite with these options. */
export async function runConformance(legs: readonly (readonly string[])[]): Promise<Outcome> {
  await using served = await servePack();
  const checks: Check[] = [];
  for (const options of legs) checks.push(...(await runLeg(options, served.proxy.url)));
  const of = (...statuses: readonly string[]) => checks.filter((check) => statuses.includes(check.status));
  const line = ({ scenario, id, status, message }: Check): string => `${status} ${scenario} ${id}: ${message}`;
  return {
    scenarios: new Set(checks.map(({ scenario }) => scenario)).size,
    passed: of('SUCCESS').length,
    skipped: of('SKIPPED').map(line),
    bad: of('FAILURE', 'WARNING').map(line),
    faults: served.server.faults,
  };
}

interface Check {
  readonly scenario: string;
  readonly id: string;
  readonly status: string;
  readonly message: string;
}

async function runLeg(options: readonly string[], url: string): Promise<readonly Check[]> {
  const folder = await mkdtemp(join(tmpdir(), 'agentbox-conformance-'));
  try {
    const exitCode = await runSuite(['server', '--url', url, '-o', folder, ...options]);
    const checks = await readChecks(folder);
    if (exitCode === 0 && checks.length > 0) return checks;
    const message = `exit code ${String(exitCode)}, ${String(checks.length)} checks`;
    return [...checks, { scenario: options.join(' '), id: 'suite', status: 'FAILURE', message }];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function runSuite(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [fileURLToPath(SUITE), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

async function readChecks(folder: string): Promise<readonly Check[]> {
  const files = (await readdir(folder, { recursive: true })).filter((path) => path.endsWith('checks.json'));
  const lists = files.map(async (path) => {
    const scenario = path.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '');
    const parsed: unknown = JSON.parse(await readFile(join(folder, path), 'utf8'));
    return Array.isArray(parsed) ? parsed.filter(isRecord).map((check) => checkOf(scenario, check)) : [];
  });
  return (await Promise.all(lists)).flat();
}

function checkOf(scenario: string, check: Readonly<Record<string, unknown>>): Check {
  const message = typeof check['errorMessage'] === 'string' ? check['errorMessage'] : '';
  return { scenario, id: String(check['id']), status: String(check['status']), message };
}
