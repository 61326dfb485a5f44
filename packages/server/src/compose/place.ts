/** Where a server runs: its home, the lock on it and its configuration, all of which must be right before anything starts. */
import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
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
  const asked = loadConfig(options);
  const config = withWorkspace(asked);
  const { workspace } = config.box;
  if (asked.box.workspace === null && workspace !== null) mkdirSync(workspace, { recursive: true, mode: 0o700 });
  checkDirectories(config);
  const lock = takeLock(paths.lock);
  if (lock === undefined) throw alreadyRunning(paths);
  stack.use(lock);
  return { paths, config };
}

/** A sandbox without a workspace gets one of its own: nothing that stands already, such as a clone, is opened to it unasked. */
export function withWorkspace(config: Config): Config {
  if (config.box.profile === 'host' || config.box.workspace !== null) return config;
  return { ...config, box: { ...config.box, workspace: join(homedir(), 'agentbox-workspace') } };
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
