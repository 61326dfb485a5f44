/**
 * The thin side of a client's wish: follows its links, and looks up its patterns within bounds. Decides nothing. What
 * cannot be looked up is never granted; what is to be closed and cannot be looked up closes the directory above it.
 */
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { unreachable } from '@agentbox/base';
import type { SandboxProfile } from '@agentbox/protocol';
import type { ResolvedEntry, ResolvedWish } from './clamp.ts';
import type { SandboxWish, WishEntry } from './wish.ts';

const GLOB_DEPTH = 12;
/** directory entries looked at for all patterns of one wish */
const GLOB_ENTRIES = 20_000;

/** `cwd`: where commands start when the client did not say. */
export function resolveWish(wish: SandboxWish, cwd: string): ResolvedWish {
  if (wish.files === null || wish.files === 'unrestricted') return { entries: null, network: wish.network, notes: [] };
  const base = wish.cwd ?? cwd;
  const notes: string[] = [];
  const budget = { left: GLOB_ENTRIES };
  const depth = wish.globDepth ?? GLOB_DEPTH;
  const entries = wish.files.flatMap((entry) => resolveEntry(entry, base, { depth, budget, notes }));
  return { entries, network: wish.network, notes };
}

interface Looking {
  readonly depth: number;
  readonly budget: { left: number };
  readonly notes: string[];
}

function resolveEntry(entry: WishEntry, base: string, looking: Looking): readonly ResolvedEntry[] {
  const { place, access } = entry;
  const at = (named: string): readonly ResolvedEntry[] => [{ path: canonical(path.resolve(base, named)), access }];
  switch (place.kind) {
    case 'path':
      return at(place.path);
    case 'special':
      return specialPaths(place.name, base).flatMap((one) => at(path.join(one, place.below ?? '')));
    case 'glob':
      return globEntries(place.pattern, entry, base, looking);
    default:
      return unreachable(place);
  }
}

function specialPaths(name: 'root' | 'minimal' | 'cwd' | 'tmp' | 'unknown', base: string): readonly string[] {
  switch (name) {
    case 'root':
      return ['/'];
    case 'cwd':
      return [base];
    case 'tmp':
      return ['/tmp'];
    // The system's own programs are in every sandbox, and what is not known grants nothing.
    case 'minimal':
    case 'unknown':
      return [];
    default:
      return unreachable(name);
  }
}

/** A pattern only ever closes: what it would open is not known before it is used. */
function globEntries(pattern: string, { access }: WishEntry, base: string, looking: Looking): readonly ResolvedEntry[] {
  if (access !== 'none') {
    looking.notes.push('patterns that grant access have no effect: name the directories');
    return [];
  }
  const absolute = path.resolve(base, pattern);
  const parts = absolute.split('/');
  const fixed = parts.findIndex((part) => /[*?[{!]/.test(part));
  if (fixed < 0) return [{ path: canonical(absolute), access }];
  const folder = canonical(parts.slice(0, fixed).join('/') || '/');
  const found = search(folder, parts.slice(fixed).join('/'), looking);
  if (found !== null) return found.map((one) => ({ path: one, access }));
  looking.notes.push('a pattern covers more than can be looked through: the directory it begins in is hidden');
  return [{ path: folder, access }];
}

/** null when there is more than may be looked at. Folders that are links are not entered. */
function search(folder: string, pattern: string, { depth, budget }: Looking): readonly string[] | null {
  const found: string[] = [];
  const folders = [{ at: folder, level: 0 }];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for (const { name, isFolder } of entriesOf(next.at)) {
      budget.left -= 1;
      if (budget.left < 0) return null;
      const at = path.join(next.at, name);
      if (path.matchesGlob(path.relative(folder, at), pattern)) found.push(canonical(at));
      else if (isFolder && next.level < depth) folders.push({ at, level: next.level + 1 });
    }
  }
  return found;
}

function entriesOf(folder: string): readonly { readonly name: string; readonly isFolder: boolean }[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
  } catch {
    return [];
  }
}

/** A place that does not exist yet is where it would be made: below the real path of what exists. */
function canonical(at: string): string {
  try {
    return realpathSync.native(at);
  } catch {
    const parent = path.dirname(at);
    return parent === at ? at : path.join(canonical(parent), path.basename(at));
  }
}

/** What an operator's profile names, with every link followed: what is compared with it is canonical too. */
export function canonicalProfile(profile: SandboxProfile): SandboxProfile {
  const each = (paths: readonly string[]): readonly string[] => paths.map(canonical);
  return {
    ...profile,
    readable: each(profile.readable),
    writable: each(profile.writable),
    hidden: each(profile.hidden),
  };
}
