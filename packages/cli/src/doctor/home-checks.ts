/** What agentbox itself needs: a safe home, a valid configuration, a free port, and an answer from what runs. */
import { existsSync, lstatSync } from 'node:fs';
import { createServer } from 'node:net';
import { connectBox } from '@agentbox/boxd-client';
import { AgentboxError, type BoxFacts } from '@agentbox/protocol';
import {
  type Config,
  type HomePaths,
  homeProblem,
  loadConfig,
  type Override,
  portOwner,
  type ServerState,
  withWorkspace,
} from '@agentbox/server';
import type { Io } from '../io.ts';
import { causeOf, type Finding, fail, ok, warn } from './finding.ts';

export function checkHome(paths: HomePaths): Finding {
  if (!existsSync(paths.home)) return ok('Home', `${paths.home} (made at the first start)`);
  const problem = homeProblem(paths.home);
  if (problem !== undefined) return fail('Home', `${paths.home} ${problem.problem}`, problem.fix);
  const loose = [paths.token, paths.database].filter(
    (file) => existsSync(file) && (lstatSync(file).mode & 0o077) !== 0,
  );
  if (loose.length > 0) return fail('Home', `others may read ${loose.join(', ')}`, `chmod 600 ${loose.join(' ')}`);
  return ok('Home', `${paths.home}, closed to others${existsSync(paths.token) ? '; so is the token' : ''}`);
}

export interface ReadConfig {
  readonly config: Config;
  /** false: the default one is made at the first start */
  readonly namesWorkspace: boolean;
}

export interface ConfigCheck {
  readonly finding: Finding;
  /** null: it cannot be read, and nothing that depends on it is looked at */
  readonly read: ReadConfig | null;
}

export function checkConfig(paths: HomePaths, flags: readonly Override[], io: Io): ConfigCheck {
  try {
    const asked = loadConfig({ home: paths.home, env: io.env, flags });
    const read = { config: withWorkspace(asked), namesWorkspace: asked.box.workspace !== null };
    return { finding: ok('Configuration', existsSync(paths.config) ? paths.config : 'defaults'), read };
  } catch (fault) {
    const fix = 'correct it; docs/configuration.md lists every setting';
    return { finding: fail('Configuration', causeOf(fault), fix), read: null };
  }
}

export async function checkPort({ server: config }: Config, server: ServerState | undefined): Promise<Finding> {
  if (server !== undefined) return ok('Port', `${new URL(server.url).port} is ours`);
  if (config.port === 0 || (await isFree(config.host, config.port))) return ok('Port', `${config.port} is free`);
  const owner = portOwner(config.port);
  const by = owner === undefined ? 'another process' : `process ${owner.pid} (${owner.command})`;
  return fail('Port', `${config.port} is taken by ${by}`, 'stop that process, or start with --port N');
}

function isFree(host: string, port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, host, () => probe.close(() => resolve(true)));
  });
}

const ANSWER_MS = 2000;

export async function checkServer(server: ServerState | undefined): Promise<Finding> {
  if (server === undefined) return ok('Server', 'not running');
  try {
    const answer = await fetch(new URL('/readyz', server.url), { signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.ok) return ok('Server', `answers at ${server.url}`);
    return fail('Server', `answers ${answer.status}: ${(await answer.text()).slice(0, 200)}`, 'agentbox logs -n 20');
  } catch (fault) {
    return fail('Server', `does not answer at ${server.url}: ${causeOf(fault)}`, 'agentbox down, then agentbox up');
  }
}

const TRACKING: Readonly<Record<BoxFacts['tracking'], string>> = {
  cgroup2: 'cgroup v2',
  cgroup1: 'cgroup v1',
  procfs: '/proc, without a cgroup',
};

export async function checkBox(paths: HomePaths, server: ServerState | undefined): Promise<readonly Finding[]> {
  try {
    const box = await connectBox({ home: paths.home, reconnectMs: 0 });
    try {
      const facts = await box.facts();
      const notes = facts.notes.map((note) => warn('Box', note, 'docs/limits.md says what this changes'));
      return [ok('Box', `process ${facts.pid}, tracks processes by ${TRACKING[facts.tracking]}`), ...notes];
    } finally {
      await box.close();
    }
  } catch (fault) {
    if (fault instanceof AgentboxError && fault.code === 'BOX_PROTOCOL')
      return [fail('Box', fault.message, 'agentbox down, then agentbox up')];
    if (server === undefined) return [ok('Box', 'not running')];
    return [fail('Box', `does not answer: ${causeOf(fault)}`, 'agentbox down, then agentbox up')];
  }
}
