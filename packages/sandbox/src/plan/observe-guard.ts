/**
 * Looks at a writable directory for the names by which whoever uses it outside could be made to run something: git's
 * hooks and configuration (also where a `.git` file leads, of submodules, of linked worktrees and of repositories
 * below), and the folders that agents and editors believe. What must stand is bound read-only; the folders above it are
 * pinned, because a folder that can be renamed takes its mounts along and leaves its name free.
 */
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { GUARDED_WHEN_THERE, KEPT_ABSENT } from '../guarded-names.ts';
import { isInside } from '../paths.ts';
import { COMMON_HERE, GuardCollector } from './collect-guard.ts';
import type { GuardFacts } from './facts.ts';
import type { Repository } from './find-repositories.ts';
import { type ConfigEntry, configEntries, textOf } from './git-config.ts';
import { lookAt } from './look.ts';
import { guardIncluded, guardNamedPrograms } from './observe-includes.ts';

/** Submodules or linked worktrees guarded one by one; more are guarded as a whole, and cannot be written then. */
const NESTED_LIMIT = 16;

export interface GuardQuestion {
  /** canonical directories */
  readonly writable: readonly string[];
  /** other names that must not be made */
  readonly absent: readonly string[];
  /** below `writable`, beside those at its roots */
  readonly repositories: readonly Repository[];
  /** of the user, whose own configuration of git may include a file of a workspace */
  readonly realHome: string;
}

export function observeGuard({ writable, absent, repositories, realHome }: GuardQuestion): GuardFacts {
  const observer = new GuardObserver(writable, realHome);
  for (const at of absent) observer.collected.name(at, 'absent');
  for (const root of new Set(writable)) {
    for (const name of KEPT_ABSENT) observer.collected.name(path.join(root, name), 'absent');
    for (const name of GUARDED_WHEN_THERE) observer.collected.name(path.join(root, name), null);
    observer.workingTree(root);
  }
  for (const one of repositories) observer.nested(one);
  for (const name of ['.gitconfig', '.config/git/config']) observer.config(path.join(realHome, name), null);
  observer.config('/etc/gitconfig', null);
  const { guarded, unguardable } = observer.collected;
  return { guarded, unguardable };
}

/** Paths at and below which nothing may be written, also by what writes outside the sandbox on a command's behalf. */
export function standingPaths(writable: readonly string[], realHome: string): readonly string[] {
  const { guarded, unguardable } = observeGuard({ writable, absent: [], repositories: [], realHome });
  return [...guarded.flatMap((one) => (one.how === 'pinned' ? [] : [one.path])), ...unguardable];
}

class GuardObserver {
  readonly collected: GuardCollector;
  readonly #realHome: string;

  constructor(writable: readonly string[], realHome: string) {
    this.collected = new GuardCollector(writable);
    this.#realHome = realHome;
  }

  workingTree(root: string): void {
    const at = path.join(root, '.git');
    const stats = lookAt(at);
    if (stats === undefined) return;
    if (stats === 'blocked' || stats.isSymbolicLink()) {
      this.collected.unguardable.push(at);
    } else if (stats.isDirectory()) {
      this.#repository(at, { worktree: root });
    } else {
      this.collected.name(at, null);
      this.#elsewhere(at);
    }
  }

  /** Of one that lies below, a link is left as it is: the folder it stands in belongs to the command. */
  nested({ at, worktree }: Repository): void {
    const root = this.collected.rootOf(at);
    const stats = lookAt(at);
    if (root === undefined || stats === undefined || stats === 'blocked' || stats.isSymbolicLink()) return;
    this.collected.pinAbove(root, at);
    if (worktree === null) this.#repository(at, { worktree: null });
    else this.workingTree(worktree);
  }

  /** A `.git` file: where it leads matters only when the sandbox may write there. */
  #elsewhere(file: string): void {
    const target = readPointer(file, /^gitdir: (.+)$/m);
    const root = target === null ? undefined : this.collected.rootOf(target);
    if (target === null || root === undefined) return;
    this.collected.pinAbove(root, target);
    this.#repository(target, { worktree: path.dirname(file), extended: true });
    const common = readPointer(path.join(target, 'commondir'), /^(.+)$/m);
    if (common === null || common === target || this.collected.rootOf(common) === undefined) return;
    this.collected.pinAbove(root, common);
    this.#repository(common, { worktree: path.dirname(file) });
  }

  /** `extended`: the repository that this one is linked to reads a configuration for each worktree. */
  #repository(at: string, more: { readonly worktree: string | null; readonly extended?: boolean }): void {
    const to = this.collected;
    to.pinned(at);
    const common = textOf(path.join(at, 'commondir'));
    const isLinked = common !== '' && common !== COMMON_HERE;
    const entries = configEntries(textOf(path.join(at, 'config')));
    const extended = more.extended === true || entries.some(isWorktreeConfig);
    to.file(path.join(at, 'config.worktree'), extended ? '' : null);
    this.config(path.join(at, 'config.worktree'), more.worktree);
    if (isLinked) {
      for (const name of ['commondir', 'gitdir']) to.file(path.join(at, name), null);
      return;
    }
    to.file(path.join(at, 'config'), '');
    to.file(path.join(at, 'commondir'), COMMON_HERE);
    to.name(path.join(at, 'hooks'), 'absent');
    for (const name of ['modules', 'worktrees']) this.#nestedIn(path.join(at, name), extended);
    const all = this.config(path.join(at, 'config'), more.worktree);
    if (more.worktree !== null) guardHooksPath(to, all, { gitDirectory: at, worktree: more.worktree });
  }

  /** What a configuration takes in and has run; all of its settings. */
  config(file: string, worktree: string | null): readonly ConfigEntry[] {
    const entries = guardIncluded(this.collected, file, this.#realHome);
    if (worktree !== null) guardNamedPrograms(this.collected, entries, worktree);
    return entries;
  }

  #nestedIn(folder: string, extended: boolean): void {
    const nested = foldersOf(folder).map((name) => path.join(folder, name));
    if (nested.length === 0) return;
    const plain = nested.every((one) => lookAt(path.join(one, 'HEAD')) !== undefined);
    if (nested.length > NESTED_LIMIT || !plain) {
      this.collected.guarded.push({ path: folder, how: 'read-only' });
      return;
    }
    this.collected.pinned(folder);
    for (const one of nested) this.#repository(one, { worktree: null, extended });
  }
}

const isWorktreeConfig = ({ key, value }: ConfigEntry): boolean =>
  key === 'extensions.worktreeconfig' && /^(?:true|yes|on|1)$/i.test(value);

/** Hooks that the repository's configuration takes from the working tree. */
function guardHooksPath(
  to: GuardCollector,
  entries: readonly ConfigEntry[],
  { gitDirectory, worktree }: { readonly gitDirectory: string; readonly worktree: string },
): void {
  const named = entries.findLast(({ key }) => key === 'core.hookspath')?.value ?? '';
  if (named === '') return;
  const at = path.resolve(worktree, named);
  // husky keeps its hooks beside the folder that git is told of.
  const hooks = path.basename(at) === '_' ? path.dirname(at) : at;
  if (hooks === worktree || !isInside(worktree, hooks) || isInside(gitDirectory, hooks)) return;
  if (lookAt(hooks) === undefined) return;
  to.pinAbove(worktree, hooks);
  to.name(hooks, null);
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

function foldersOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return [];
  }
}
