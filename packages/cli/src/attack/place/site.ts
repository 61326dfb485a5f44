/**
 * Where the list is tried: one temporary folder with a workspace, a home and canaries around them, a server of its own
 * and two callers. Leaving the scope ends and removes everything, also after a fault or a Ctrl-C.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { loadConfig, openOperator } from '@agentbox/server';
import { type DoorClient, doorClient } from '../door-client.ts';
import { PAYLOADS } from '../payloads/index.ts';
import { type Canaries, makeCanaries } from './canaries.ts';
import { copyConfiguration, createInstall, FORBIDDEN, type Install, type InstallSource } from './install.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { TOOLS, toolsInside } from './tools.ts';

/** The number whose factors only the forbidden program prints. */
export const NUMBER = '2147483646';

export interface Site {
  /** short and unlike any other run: part of every name that this run makes */
  readonly run: string;
  readonly base: string;
  readonly workspace: string;
  readonly install: Install;
  readonly canaries: Canaries;
  readonly listeners: Listeners;
  readonly source: InstallSource;
  /** the caller that attacks */
  client(): DoorClient;
  /** another caller, whose things the first must not reach */
  neighbour(): DoorClient;
  /** programs that a command of the attacker finds */
  readonly tools: ReadonlySet<string>;
  readonly forbidden: { readonly path: string; readonly printed: string } | null;
  /** of the configuration that is attacked */
  readonly limits: SiteLimits;
  readonly noExecFromWritable: boolean;
  /** what a tool must remove at the end, although an attack made it */
  removeLater(path: string): void;
  /** ends the connections, so that a server that was started again is met at its new address */
  reconnect(): Promise<void>;
  /** `keep` leaves the folder; everything that runs ends all the same */
  close(options?: { readonly keep: boolean }): Promise<void>;
}

type Sandbox = ReturnType<typeof loadConfig>['sandbox'];
interface SiteLimits extends Readonly<Sandbox['limits']> {}

/** Gathers what must be undone from the first moment on, so that a Ctrl-C in the middle undoes it too. */
export async function openSite(source: InstallSource): Promise<Site> {
  const undo: Undo[] = [];
  const close = async ({ keep } = { keep: false }): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await undone(step, keep);
  };
  try {
    return await furnish(source, undo, close);
  } catch (fault) {
    await close();
    throw fault;
  }
}

/** A step of the way back, told whether the folder is kept. */
type Undo = (keep: boolean) => Promise<void> | void;

/** One step that fails must not keep the others from being taken. */
async function undone(step: Undo, keep: boolean): Promise<void> {
  try {
    await step(keep);
  } catch {
    // What is left is found by the test that counts what a run leaves.
  }
}

async function furnish(source: InstallSource, undo: Undo[], close: Site['close']): Promise<Site> {
  const run = randomBytes(4).toString('hex');
  const base = mkdtempSync(join(baseParent(), '.agentbox-attack-me-'));
  undo.push((keep) => (keep ? undefined : rmSync(base, { recursive: true, force: true, maxRetries: 5 })));
  const workspace = join(base, 'w');
  stageWorkspace(workspace);
  const canaries = makeCanaries(base, run);
  undo.push(() => canaries.close());
  const listeners = await openListeners(join(base, 'beside', 's'), `agentbox-attack-${run}`);
  undo.push(() => listeners.close());
  const paths = copyConfiguration(source.home, join(base, 'h'));
  const install = createInstall(source, paths, workspace, canaries.environment);
  undo.push(() => install.stop());
  await install.start();
  const neighbourToken = await neighbourOf(install, source);
  let clients: readonly DoorClient[] = [];
  const reconnect = (): Promise<void> => {
    for (const client of clients) client[Symbol.dispose]();
    const { url, token } = install.ready();
    clients = [doorClient(url, token, workspace), doorClient(url, neighbourToken, workspace)];
    return Promise.resolve();
  };
  await reconnect();
  undo.push(() => {
    for (const client of clients) client[Symbol.dispose]();
  });
  const { sandbox } = loadConfig({ home: paths.home, env: source.env, flags: [] });
  const clientAt = (at: number): DoorClient => clients[at] ?? doorClient('', '', '');
  await mustRun(clientAt(0));
  return {
    run,
    base,
    workspace,
    install,
    canaries,
    listeners,
    source,
    client: () => clientAt(0),
    neighbour: () => clientAt(1),
    tools: await toolsInside(clientAt(0), TOOLS),
    forbidden: forbiddenProgram(),
    limits: sandbox.limits,
    noExecFromWritable: sandbox.no_exec_from_writable,
    removeLater: (path) => void undo.unshift(() => rmSync(path, { recursive: true, force: true })),
    reconnect,
    close,
  };
}

/** Where nothing runs at all, nothing leaks either, and that proves nothing. */
async function mustRun(client: DoorClient): Promise<void> {
  const { output, text } = await client.shell('echo alive');
  if (output.includes('alive')) return;
  throw new AgentboxError('SANDBOX_FAILED', `no command runs with this configuration: ${text.slice(0, 400)}`);
}

/** A private /tmp would hide what stands in /tmp whatever the sandbox does: the folder is made in the real home. */
function baseParent(): string {
  try {
    accessSync(homedir(), constants.W_OK);
    return homedir();
  } catch {
    return '/var/tmp';
  }
}

function stageWorkspace(workspace: string): void {
  mkdirSync(join(workspace, 'probe'), { recursive: true });
  mkdirSync(join(workspace, '.git', 'hooks'), { recursive: true });
  mkdirSync(join(workspace, '.git', 'objects'));
  mkdirSync(join(workspace, '.git', 'refs'));
  writeFileSync(join(workspace, '.git', 'HEAD'), 'ref: refs/heads/main\n');
  writeFileSync(join(workspace, '.git', 'config'), '[core]\n\trepositoryformatversion = 0\n');
  for (const [name, text] of Object.entries(PAYLOADS)) {
    writeFileSync(join(workspace, 'probe', name), text, { mode: 0o755 });
  }
}

async function neighbourOf(install: Install, source: InstallSource): Promise<string> {
  await using operator = await openOperator(install.paths, join(source.root, 'dist'));
  const { token } = await operator.createToken({
    name: 'attack-neighbour',
    scopes: ['exec', 'files'],
    expires_in_ms: null,
  });
  return token;
}

function forbiddenProgram(): Site['forbidden'] {
  for (const path of [`/usr/bin/${FORBIDDEN}`, `/bin/${FORBIDDEN}`]) {
    try {
      const printed = execFileSync(path, [NUMBER], { encoding: 'utf8' }).trim();
      return { path, printed };
    } catch {
      // The next folder may have it.
    }
  }
  return null;
}
