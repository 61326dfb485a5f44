/**
 * Looks at a writable directory for the names by which whoever uses it outside could be made to run something: git's
 * hooks and configuration (also where a `.git` file leads, of submodules and of linked worktrees), and the folders that
 * agents and editors believe. What must stand is bound read-only; the folders above it are pinned, because a folder
 * that can be renamed takes its mounts along and leaves its name free.
 */
import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { GUARDED_IN_GIT, GUARDED_WHEN_THERE, KEPT_ABSENT } from '../guarded-names.ts';
import { isInside } from '../paths.ts';
import type { Guarded, GuardFacts } from './facts.ts';

/** Submodules or linked worktrees guarded one by one; more are guarded as a whole, and cannot be written then. */
const NESTED_LIMIT = 16;
const CONFIG_BYTES = 64 * 1024;

interface Collected {
  readonly guarded: Guarded[];
  readonly unguardable: string[];
}

export function observeGuard(writable: readonly string[]): GuardFacts {
  const collected: Collected = { guarded: [], unguardable: [] };
  for (const root of new Set(writable)) {
    for (const name of KEPT_ABSENT) guardName(collected, path.join(root, name), 'absent');
    for (const name of GUARDED_WHEN_THERE) guardName(collected, path.join(root, name), null);
    guardGit(collected, root, writable);
  }
  return collected;
}

function guardName(to: Collected, at: string, missing: 'absent' | null): void {
  const stats = lstatSync(at, { throwIfNoEntry: false });
  if (stats === undefined || (missing !== null && stats.isDirectory() && isEmpty(at))) {
    // Empty, it may be the placeholder of another sandbox: this one then has to hold it too.
    if (missing !== null) to.guarded.push({ path: at, how: missing });
  } else if (stats.isSymbolicLink()) to.unguardable.push(at);
  else to.guarded.push({ path: at, how: 'read-only' });
}

function guardGit(to: Collected, root: string, writable: readonly string[]): void {
  const at = path.join(root, '.git');
  const stats = lstatSync(at, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (stats.isSymbolicLink()) {
    to.unguardable.push(at);
  } else if (stats.isDirectory()) {
    guardRepository(to, at, root);
  } else {
    to.guarded.push({ path: at, how: 'read-only' });
    guardElsewhere(to, at, writable);
  }
}

/** A `.git` file: where it leads matters only when the sandbox may write there. */
function guardElsewhere(to: Collected, file: string, writable: readonly string[]): void {
  const target = readPointer(file, /^gitdir: (.+)$/m);
  const root = writable.find((one) => target !== null && isInside(one, target));
  if (target === null || root === undefined) return;
  pinAbove(to, root, target);
  guardRepository(to, target, null);
  const common = readPointer(path.join(target, 'commondir'), /^(.+)$/m);
  if (common === null || common === target || !writable.some((one) => isInside(one, common))) return;
  pinAbove(to, root, common);
  guardRepository(to, common, null);
}

function guardRepository(to: Collected, gitDirectory: string, worktree: string | null): void {
  to.guarded.push({ path: gitDirectory, how: 'pinned' });
  for (const name of GUARDED_IN_GIT) guardName(to, path.join(gitDirectory, name), null);
  for (const name of ['modules', 'worktrees']) guardNested(to, path.join(gitDirectory, name));
  if (worktree !== null) guardHooksPath(to, gitDirectory, worktree);
}

function guardNested(to: Collected, folder: string): void {
  const nested = foldersOf(folder).map((name) => path.join(folder, name));
  if (nested.length === 0) return;
  const plain = nested.every((one) => lstatSync(path.join(one, 'HEAD'), { throwIfNoEntry: false }) !== undefined);
  if (nested.length > NESTED_LIMIT || !plain) {
    to.guarded.push({ path: folder, how: 'read-only' });
    return;
  }
  to.guarded.push({ path: folder, how: 'pinned' });
  for (const one of nested) guardRepository(to, one, null);
}

/** Hooks that the repository's configuration takes from the working tree. */
function guardHooksPath(to: Collected, gitDirectory: string, worktree: string): void {
  const text = textOf(path.join(gitDirectory, 'config'));
  const named = /^\s*hooksPath\s*=\s*"?([^"\n#;]+)/im.exec(text)?.[1]?.trim();
  if (named === undefined || named === '') return;
  const at = path.resolve(worktree, named);
  // husky keeps its hooks beside the folder that git is told of.
  const hooks = path.basename(at) === '_' ? path.dirname(at) : at;
  if (hooks === worktree || !isInside(worktree, hooks) || isInside(gitDirectory, hooks)) return;
  if (lstatSync(hooks, { throwIfNoEntry: false }) === undefined) return;
  pinAbove(to, worktree, hooks);
  guardName(to, hooks, null);
}

function pinAbove(to: Collected, root: string, below: string): void {
  for (let at = path.dirname(below); at !== root && isInside(root, at); at = path.dirname(at)) {
    to.guarded.push({ path: at, how: 'pinned' });
  }
}

function readPointer(file: string, pattern: RegExp): string | null {
  const named = pattern.exec(textOf(file))?.[1]?.trim();
  if (named === undefined || named === '') return null;
  try {
    return realpathSync.native(path.resolve(path.dirname(file), named));
  } catch {
    return null;
  }
}

function textOf(file: string): string {
  try {
    const stats = lstatSync(file, { throwIfNoEntry: false });
    return stats?.isFile() === true && stats.size <= CONFIG_BYTES ? readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}

function foldersOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}
