/**
 * A second server with the configuration and the rules of the user's install, in a home of its own on a free port. The
 * user's own server, home and sessions are never touched: the configuration is tested, not the data.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentboxError } from '@agentbox/protocol';
import { type HomePaths, homePaths, stopAll } from '@agentbox/server';
import { z } from 'zod';

const readyLine = z.object({ url: z.string(), token: z.string(), pid: z.number(), boxd_pid: z.number() });
type Ready = z.output<typeof readyLine>;

/** What a home holds that decides what commands may do; the rest is data. */
const CONFIGURATION = /^(?:config\.toml|rules|.*\.rules)$/;

/** The programs that the list forbids and allows: harmless, and known by what they print or leave. */
export const FORBIDDEN = 'factor';
const ALLOWED = 'date';
const RULES = `prefix_rule(pattern=["${FORBIDDEN}"], decision="forbidden", justification="attack-me: this one must never run")
prefix_rule(pattern=["${ALLOWED}"], decision="allow", justification="attack-me: this one runs outside")
`;

export interface InstallSource {
  /** the user's home of agentbox */
  readonly home: string;
  /** where agentbox is installed */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly profile: string | undefined;
}

export function copyConfiguration(source: string, target: string): HomePaths {
  mkdirSync(target, { recursive: true, mode: 0o700 });
  const names = existsSync(source) ? readdirSync(source).filter((name) => CONFIGURATION.test(name)) : [];
  for (const name of names) cpSync(join(source, name), join(target, name), { recursive: true });
  mkdirSync(join(target, 'rules'), { recursive: true, mode: 0o700 });
  writeFileSync(join(target, 'rules', 'attack-me.rules'), RULES, { mode: 0o600 });
  return homePaths(target);
}

export interface Install {
  readonly paths: HomePaths;
  ready(): Ready;
  /** kill -9 of the server alone: the box goes on */
  killServer(): Promise<void>;
  /** starts the server again in the same home */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const START_MS = 30_000;

export function createInstall(
  source: InstallSource,
  paths: HomePaths,
  workspace: string,
  env: ExtraEnvironment,
): Install {
  let child: ChildProcess | undefined;
  let ready: Ready | undefined;
  let isOver = false;
  const stopChild = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === undefined) return;
    const gone = exitOf(child);
    child.kill(signal);
    await gone;
    child = undefined;
  };
  return {
    paths,
    ready: () => {
      if (ready === undefined) throw new AgentboxError('NOT_RUNNING', 'the server under attack does not run');
      return ready;
    },
    killServer: () => stopChild('SIGKILL'),
    start: async () => {
      // An attempt that is still under way when the run ends must not start anything again.
      if (isOver) throw new AgentboxError('CANCELLED', 'the run is over');
      const profile = source.profile === undefined ? [] : ['--profile', source.profile];
      const args = ['up', '--json', '--home', paths.home, '--port', '0', '--workspace', workspace, ...profile];
      const launcher = join(source.root, 'packages', 'cli', 'bin', 'launch.mjs');
      child = spawn(process.execPath, [...process.execArgv, launcher, ...args], {
        env: { ...source.env, ...env },
        cwd: workspace,
        stdio: ['ignore', 'pipe', 'pipe'],
        // A Ctrl-C on the terminal is for the runner, which ends the server when nothing is left.
        detached: true,
      });
      ready = await readyOf(child);
    },
    stop: async () => {
      isOver = true;
      await stopChild('SIGTERM');
      if (existsSync(paths.home)) await stopAll(paths);
    },
  };
}

type ExtraEnvironment = Readonly<Record<string, string>>;

/** The launcher rebuilds nothing here: the command that runs is as new as its sources. */
async function readyOf(child: ChildProcess): Promise<Ready> {
  let said = '';
  let printed = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString('utf8')}`.slice(-4000);
  });
  child.stdout?.on('data', (chunk: Buffer) => {
    printed += chunk.toString('utf8');
  });
  const deadline = Date.now() + START_MS;
  while (!printed.includes('\n') && child.exitCode === null && Date.now() < deadline) await sleep(20);
  const line = readyLine.safeParse(jsonOf(printed));
  if (line.success) return line.data;
  child.kill('SIGKILL');
  const why = said.trim() === '' ? 'it said nothing' : said.trim();
  throw new AgentboxError('BOX_UNAVAILABLE', `a server with this configuration does not start:\n${why}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.split('\n')[0] ?? '');
  } catch {
    return null;
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => void child.once('exit', () => resolve()));
}
