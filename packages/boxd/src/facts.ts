/** What a box says of its machine, looked up when it is asked for. */
import { existsSync, readFileSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { BoxFacts } from '@agentbox/protocol';
import type { Tracking } from './process/tracking.ts';
import type { Account, Environment } from './session/environment.ts';
import { findProgram } from './session/launch.ts';

const TOOLS = [
  'bash',
  'zsh',
  'fish',
  'git',
  'gh',
  'rg',
  'fd',
  'jq',
  'curl',
  'wget',
  'tar',
  'make',
  'cmake',
  'gcc',
  'clang',
  'cargo',
  'rustc',
  'go',
  'node',
  'npm',
  'pnpm',
  'bun',
  'deno',
  'python3',
  'pip',
  'uv',
  'java',
  'ruby',
  'php',
  'docker',
  'podman',
  'kubectl',
  'tmux',
  'vim',
  'sqlite3',
  'psql',
] as const;

export function collectFacts(
  account: Account,
  environment: Environment,
  shell: string,
  version: string,
  tracking: Pick<Tracking, 'kind' | 'notes'>,
  notes: readonly string[],
): BoxFacts {
  return {
    pid: process.pid,
    version,
    hostname: hostname(),
    user: account.name,
    home: account.home,
    osRelease: `${distribution()}Linux ${release()}`,
    shell,
    tracking: tracking.kind,
    tools: TOOLS.flatMap((name) => {
      const path = findProgram(name, '/', environment);
      return path === undefined ? [] : [{ name, path }];
    }),
    notes: [...notes, ...tracking.notes],
  };
}

function distribution(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]{1,200})/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name === undefined ? '' : `${name}, `;
  } catch {
    return '';
  }
}

/** Accounts of services have a shell that only refuses. */
const REFUSES = /\/(nologin|false|true|sync)$/;

export function defaultShell(account: Account): string {
  const shells = [account.shell, '/bin/bash', '/bin/sh'];
  return shells.find((shell) => shell !== '' && !REFUSES.test(shell) && existsSync(shell)) ?? '/bin/sh';
}
