/**
 * Looks at a writable directory for the names by which whoever uses it outside could be made to run something: git's
 * hooks and configuration (also where a `.git` file leads, of submodules and of linked worktrees), and the folders that
 * agents and editors believe. What must stand is bound read-only; the folders above it are pinned, because a folder
 * that can be renamed takes its mounts along and leaves its name free.
 */
import { lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { GUARDED_WHEN_THERE, KEPT_ABSENT } from '../guarded-names.ts';
import { isInside } from '../paths.ts';
import type { Guarded, GuardFacts } from './facts.ts';
import { lookAt } from './look.ts';

/** Submodules or linked worktrees guarded one by one; more are guarded as a whole, and cannot be written then. */
const NESTED_LIMIT = 16;
const CONFIG_BYTES = 64 * 1024;
/** What `commondir` says where nothing is elsewhere: git goes on as without it, and nobody can say another thing. */
const COMMON_HERE = '.\n';

interface Collected {
  readonly guarded: Guarded[];
  readonly unguardable: string[];
}

/** `absent`: other names that must not be made. */
export function observeGuard(writable: readonly string[], absent: readonly string[]): GuardFacts {
  const collected: Collected = { guarded: [], unguardable: [] };
  for (const at of absent) guardName(collected, at, 'absent');
  for (const root of new Set(writable)) {
    for (const name of KEPT_ABSENT) guardName(collected, path.join(root, name), 'absent');
    for (const name of GUARDED_WHEN_THERE) guardName(collected, path.join(root, name), null);
    guardGit(collected, root, writable);
  }
  return collected;
}

function guardName(to: Collected, at: string, missing: 'absent' | null): void {
  const stats = lookAt(at);
  if (stats === 'blocked') {
    to.unguardable.push(at);
  } else if (stats === undefined || (missing !== null && stats.isDirectory() && isEmpty(at))) {
    // Empty, it may be the placeholder of another sandbox: this one then has to hold it too.
    if (missing !== null) to.guarded.push({ path: at, how: missing });
  } else if (stats.isSymbolicLink()) to.unguardable.push(at);
  else to.guarded.push({ path: at, how: 'read-only' });
}

function guardGit(to: Collected, root: string, writable: readonly string[]): void {
  const at = path.join(root, '.git');
  const stats = lookAt(at);
  if (stats === undefined) return;
  if (stats === 'blocked' || stats.isSymbolicLink()) {
    to.unguardable.push(at);
  } else if (stats.isDirectory()) {
    guardRepository(to, at, { worktree: root });
  } else {
    to.guarded.push({ path: at, how: 'read-only' });
    guardElsewhere(to, at, writable);
  }
}

/** A `.git` file: where it leads matters only when the sandbox may write there. */
function guardElsewhere(to: Collected, file: string, writable: readonly string[]): void {
  const target = readPointer(file, /^gitdir: (.+)$/m);
  const root = target === null ? undefined : writable.find((one) => isInside(one, target));
  if (target === null || root === undefined) return;
  pinAbove(to, root, target);
  guardRepository(to, target, { worktree: path.dirname(file), extended: true });
  const common = readPointer(path.join(target, 'commondir'), /^(.+)$/m);
  if (common === null || common === target || !writable.some((one) => isInside(one, common))) return;
  pinAbove(to, root, common);
  guardRepository(to, common, { worktree: path.dirname(file) });
}

/** `extended`: the repository that this one is linked to reads a configuration for each worktree. */
function guardRepository(
  to: Collected,
  at: string,
  more: { readonly worktree: string | null; readonly extended?: boolean },
): void {
  to.guarded.push({ path: at, how: 'pinned' });
  const common = textOf(path.join(at, 'commondir'));
  const isLinked = common !== '' && common !== COMMON_HERE;
  const config = textOf(path.join(at, 'config'));
  const extended = more.extended === true || /^\s*worktreeConfig\s*=\s*(?:true|yes|on|1)/im.test(config);
  guardFile(to, path.join(at, 'config.worktree'), extended ? '' : null);
  if (isLinked) {
    for (const name of ['commondir', 'gitdir']) guardFile(to, path.join(at, name), null);
    return;
  }
  guardFile(to, path.join(at, 'config'), '');
  guardFile(to, path.join(at, 'commondir'), COMMON_HERE);
  guardName(to, path.join(at, 'hooks'), 'absent');
  for (const name of ['modules', 'worktrees']) guardNested(to, path.join(at, name), extended);
  if (more.worktree !== null) guardHooksPath(to, { config, gitDirectory: at, worktree: more.worktree });
}

/** `standIn`: what a file that is not there would have to hold to say nothing new; null where it does not matter. */
function guardFile(to: Collected, at: string, standIn: string | null): void {
  const stats = lookAt(at);
  const isOurs = stats !== undefined && standIn === COMMON_HERE && textOf(at) === COMMON_HERE;
  if (stats !== undefined && !isOurs) guardName(to, at, null);
  else if (standIn !== null) to.guarded.push({ path: at, how: 'stand-in', content: standIn });
}

function guardNested(to: Collected, folder: string, extended: boolean): void {
  const nested = foldersOf(folder).map((name) => path.join(folder, name));
  if (nested.length === 0) return;
  const plain = nested.every((one) => lookAt(path.join(one, 'HEAD')) !== undefined);
  if (nested.length > NESTED_LIMIT || !plain) {
    to.guarded.push({ path: folder, how: 'read-only' });
    return;
  }
  to.guarded.push({ path: folder, how: 'pinned' });
  for (const one of nested) guardRepository(to, one, { worktree: null, extended });
}

/** Hooks that the repository's configuration takes from the working tree. */
function guardHooksPath(
  to: Collected,
  {
    config,
    gitDirectory,
    worktree,
  }: { readonly config: string; readonly gitDirectory: string; readonly worktree: string },
): void {
  const named = /^\s*hooksPath\s*=\s*"?([^"\n#;]+)/im.exec(config)?.[1]?.trim();
  if (named === undefined || named === '') return;
  const at = path.resolve(worktree, named);
  // husky keeps its hooks beside the folder that git is told of.
  const hooks = path.basename(at) === '_' ? path.dirname(at) : at;
  if (hooks === worktree || !isInside(worktree, hooks) || isInside(gitDirectory, hooks)) return;
  if (lookAt(hooks) === undefined) return;
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
