/** Where a server runs: its home, the lock on it and its configuration, all of which must be right before anything starts. */
import { statSync } from 'node:fs';
import { AgentboxError } from '@agentbox/protocol';
import { invalid } from '../config/invalid.ts';
import { loadConfig } from '../config/load.ts';
import type { Override } from '../config/override.ts';
import type { Config } from '../config/schema.ts';
import { type HomePaths, prepareHome } from '../lifecycle/home.ts';
import { takeLock } from '../lifecycle/lock.ts';
import { readServerState } from '../lifecycle/server-state.ts';

export interface StartOptions {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly Override[];
  readonly dist: string;
}

export interface Place {
  readonly paths: HomePaths;
  readonly config: Config;
}

export function openPlace(options: StartOptions, stack: AsyncDisposableStack): Place {
  const paths = prepareHome(options.home);
  const config = loadConfig(options);
  if (config.box.profile !== 'host') {
    throw new AgentboxError(
      'MISSING_FEATURE',
      `profile \`${config.box.profile}\` needs the sandbox, which this version does not have: use --profile host, ` +
        'which runs commands as you, without a sandbox',
      { profile: config.box.profile },
    );
  }
  checkDirectories(config);
  const lock = takeLock(paths.lock);
  if (lock === undefined) throw alreadyRunning(paths);
  stack.use(lock);
  return { paths, config };
}

/** A directory that is missing would fail every command, long after the mistake. */
function checkDirectories({ box, exec }: Config): void {
  const named = { 'box.workspace': box.workspace, 'exec.default_workdir': exec.default_workdir };
  const missing = Object.entries(named).filter(([, path]) => path !== null && !isDirectory(path));
  if (missing.length === 0) return;
  throw invalid(missing.map(([key, path]) => `${key}: ${path} is not a directory. Make it, or name another one.`));
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function alreadyRunning(paths: HomePaths): AgentboxError {
  const state = readServerState(paths.state);
  const who = state === undefined ? 'another process' : `process ${state.pid} at ${state.url}`;
  return new AgentboxError('ALREADY_RUNNING', `${paths.home} is in use by ${who}`, { home: paths.home });
}
