/**
 * The thin side of a plan: looks at every path that a profile and a command name, and at nothing else. Decides
 * nothing. What rarely changes (the system's directories, the user's tools) is kept between calls.
 */
import { accessSync, constants, readdirSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import type { SandboxProfile } from '@agentbox/protocol';
import { isInside } from '../paths.ts';
import type { EntryKind, GuardFacts, Mask, PathFacts, RootFacts, Shown } from './facts.ts';
import { findRepositories, type Repository } from './find-repositories.ts';
import { lookAt } from './look.ts';
import { observeGuard } from './observe-guard.ts';
import { SystemObserver } from './observe-system.ts';
import { observeTools, toolFileTimes } from './observe-tools.ts';

export interface Asked {
  readonly cwd: string;
  /** the user's home, which the command sees filled with `profile.home` */
  readonly realHome: string;
  /** PATH of the box's own environment: never one that a caller chose, because its folders become readable */
  readonly searchPath: string;
  /** directories of agentbox itself: state, configuration, rules, sockets */
  readonly own: readonly string[];
  /** Landlock holds alone: then whatever lies beside something hidden is listed too */
  readonly alone?: boolean;
}

const TOOLS_FRESH_MS = 60_000;
/** Once for each directory: what is made later is a command's own. Each one that is guarded costs some ms a launch. */
const SEARCH = { folders: 4096, ms: 200, repositories: 16 } as const;

export class PathObserver {
  readonly #system = new SystemObserver();
  readonly #links = new Map<string, ReadonlySet<string>>();
  readonly #repositories = new Map<string, readonly Repository[]>();
  #tools: { readonly key: string; readonly at: number; readonly shown: readonly Shown[] } | null = null;

  observe(profile: SandboxProfile, asked: Asked): PathFacts {
    const writable = profile.writable.map(rootFacts);
    const canonicalRoots = writable.flatMap(({ canonical, kind }) =>
      canonical !== null && kind === 'directory' ? [canonical] : [],
    );
    const readable = profile.readable.map(rootFacts);
    const realHome = canonicalOr(asked.realHome);
    const tmp = rootFacts(profile.tmp);
    const home = rootFacts(profile.home);
    const cwd = rootFacts(asked.cwd);
    const system = this.#system.observe();
    const hidden = profile.hidden.flatMap(maskFacts);
    const own = asked.own.map(canonicalOr);
    return {
      cwd,
      readable,
      writable,
      hidden,
      tmp,
      home,
      realHome,
      own,
      system,
      tools: this.#toolsOf(realHome, asked.searchPath),
      guard: this.#knownLinks(
        canonicalRoots,
        observeGuard({
          writable: canonicalRoots,
          absent: absentBelow(canonicalRoots, readable),
          repositories: canonicalRoots.flatMap((root) => this.#repositoriesBelow(root)),
          realHome,
        }),
      ),
      entries: asked.alone
        ? entriesAbove(
            [...system.masked, ...hidden].map((mask) => mask.path),
            own,
          )
        : new Map(),
      privateCwd: existsInPrivate(asked.cwd, '/tmp', tmp) || existsInPrivate(asked.cwd, realHome, home),
    };
  }

  /** As they are when the directory is first given to a sandbox: a clone of a command's own stays writable. */
  #repositoriesBelow(root: string): readonly Repository[] {
    const known = this.#repositories.get(root);
    if (known !== undefined) return known;
    const { repositories } = findRepositories(root, SEARCH);
    const below = repositories.filter(({ worktree }) => worktree !== root);
    this.#repositories.set(root, below);
    return below;
  }

  /**
   * A link in the place of a guarded name is a reason to start nothing when a person put it there. One that came since
   * the first look is a command's, which could as well have made the file: it must not shut the workspace for others.
   */
  #knownLinks(roots: readonly string[], guard: GuardFacts): GuardFacts {
    const key = roots.join('\0');
    const links = this.#links.get(key) ?? new Set(guard.unguardable);
    this.#links.set(key, links);
    return { ...guard, unguardable: guard.unguardable.filter((one) => links.has(one)) };
  }

  #toolsOf(realHome: string, searchPath: string): readonly Shown[] {
    const key = `${realHome}\0${searchPath}\0${toolFileTimes(realHome)}`;
    const now = performance.now();
    if (this.#tools !== null && this.#tools.key === key && now - this.#tools.at < TOOLS_FRESH_MS) {
      return this.#tools.shown;
    }
    const shown = observeTools(realHome, searchPath);
    this.#tools = { key, at: now, shown };
    return shown;
  }
}

/** What must be read-only in a writable directory and is not there: only a name in a directory that is can be kept. */
function absentBelow(writable: readonly string[], readable: readonly RootFacts[]): readonly string[] {
  return readable.flatMap(({ asked, canonical }) => {
    const parent = path.dirname(asked);
    const isIn = writable.some((root) => isInside(root, parent));
    return canonical === null && isIn && canonicalOr(parent) === parent ? [asked] : [];
  });
}

function rootFacts(asked: string): RootFacts {
  try {
    const canonical = realpathSync.native(asked);
    const stats = statSync(canonical);
    return { asked, canonical, kind: kindOf(stats), foreign: isOpenTo(canonical, stats) ? null : stats.uid };
  } catch {
    return { asked, canonical: null, kind: 'missing', foreign: null };
  }
}

function kindOf(stats: Stats): EntryKind {
  if (stats.isDirectory()) return 'directory';
  return stats.isFile() ? 'file' : 'other';
}

/** Inside, root is an owner like any other: what belongs to somebody else is open only as far as its mode says. */
function isOpenTo(at: string, { uid, mode }: Stats): boolean {
  if (process.getuid?.() === 0) return uid === 0 || (mode & 0o002) !== 0;
  try {
    accessSync(at, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A path that does not exist hides nothing; a link hides what it leads to. */
function maskFacts(asked: string): readonly Mask[] {
  const { canonical, kind } = rootFacts(asked);
  if (canonical === null) return [];
  return [{ path: canonical, kind: kind === 'directory' ? 'directory' : 'file' }];
}

function canonicalOr(at: string): string {
  try {
    return realpathSync.native(at);
  } catch {
    return path.resolve(at);
  }
}

/** The command finds /tmp and HOME empty but for what it left there itself. */
function existsInPrivate(cwd: string, place: string, directory: RootFacts): boolean {
  if (directory.canonical === null || !isInside(place, cwd)) return false;
  const at = path.join(directory.canonical, path.relative(place, cwd));
  const stats = lookAt(at);
  return stats !== undefined && stats !== 'blocked' && stats.isDirectory();
}

function entriesAbove(masked: readonly string[], own: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const below of [...masked, ...own]) {
    for (let at = path.dirname(below); at !== '/' && !found.has(at); at = path.dirname(at))
      found.set(at, entriesOf(at));
  }
  return found;
}

/** Links are left out: what they lead to is listed at its own place, or is not shown. */
function entriesOf(directory: string): readonly string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isSymbolicLink() ? [] : [path.join(directory, entry.name)]));
  } catch {
    return [];
  }
}
