/**
 * What a profile lets be read and written, as a predicate over canonical paths: for what is done to files outside the
 * sandbox on its behalf. It agrees with the mounts of a launch. Whoever asks follows every link first, and asks again
 * about the directory that it has opened: a path is only as true as the moment in which it was looked up. Pure.
 */
import type { SandboxProfile } from '@agentbox/protocol';
import { GUARDED_IN_GIT, GUARDED_WHEN_THERE, KEPT_ABSENT } from './guarded-names.ts';
import { depthOf, isInside } from './paths.ts';

export type Access = 'none' | 'read' | 'write';

type Places = Pick<SandboxProfile, 'readable' | 'writable' | 'hidden'>;

const WEIGHT: Readonly<Record<Access, number>> = { none: 0, read: 1, write: 2 };

export const weaker = (a: Access, b: Access): Access => (WEIGHT[a] < WEIGHT[b] ? a : b);

/** Of the directories that a profile names: nothing below what is hidden, else as the innermost one says. */
export function accessOf({ readable, writable, hidden }: Places, path: string): Access {
  if (hidden.some((one) => isInside(one, path))) return 'none';
  const read = deepest(readable, path);
  const write = deepest(writable, path);
  if (write < 0 && read < 0) return 'none';
  return write >= read ? 'write' : 'read';
}

function deepest(roots: readonly string[], path: string): number {
  let depth = -1;
  for (const root of roots) if (isInside(root, path)) depth = Math.max(depth, depthOf(root));
  return depth;
}

/**
 * Stricter than the mounts: an agent edits files by this, and has no business in the inner files of a repository.
 * `profile` must name canonical directories, `path` must be canonical.
 */
export function mayWrite(profile: Places, path: string): boolean {
  return accessOf(profile, path) === 'write' && !profile.writable.some((root) => isGuarded(root, path));
}

/** System files are not asked about here: what a command may read of them is a matter of its mounts. */
export const mayRead = (profile: Places, path: string): boolean => accessOf(profile, path) !== 'none';

const NAMES: ReadonlySet<string> = new Set([...KEPT_ABSENT, ...GUARDED_WHEN_THERE]);
const IN_GIT: ReadonlySet<string> = new Set(GUARDED_IN_GIT);

function isGuarded(root: string, path: string): boolean {
  if (path === root || !isInside(root, path)) return false;
  const parts = path.slice(root.length + 1).split('/');
  if (NAMES.has(parts[0] ?? '')) return true;
  const git = parts.indexOf('.git');
  return git >= 0 && (git === parts.length - 1 || parts.slice(git + 1).some((part) => IN_GIT.has(part)));
}
