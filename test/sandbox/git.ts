/** Repositories of the host, made by its own git, for tests of what a sandbox may do to them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { put } from './harness.ts';

const IDENTITY = ['-c', 'user.name=T', '-c', 'user.email=t@example.test', '-c', 'protocol.file.allow=always'];

export function git(cwd: string, ...args: readonly string[]): string {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' };
  const ran = spawnSync('git', [...IDENTITY, ...args], { cwd, encoding: 'utf8', env });
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
}

export function repository(at: string): void {
  mkdirSync(at, { recursive: true });
  git(at, 'init', '-q', '-b', 'main');
  put(path.join(at, 'file'), 'one\n');
  git(at, 'add', '.');
  git(at, 'commit', '-qm', 'first');
}
