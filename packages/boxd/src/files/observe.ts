/** Collects the facts that planning a patch needs: what stands at each path, read once, regular files only. */

import type { BigIntStats } from 'node:fs';
import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs';
import type { NodeFacts, PathFacts } from '@agentbox/apply-patch';
import type { Boundary } from './boundary.ts';
import { readContent } from './content.ts';
import { MAX_FILE_BYTES, MAX_READ_BYTES } from './limits.ts';
import type { Paths } from './resolve.ts';
import { kindText } from './special.ts';
import { expectErrno, systemText } from './system-error.ts';

/** What tells one content of a file from another without reading it. */
export interface Stamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

export interface Observed {
  readonly facts: PathFacts;
  /** null when nothing stands there */
  readonly stamp: Stamp | null;
}

/** How many bytes one patch may still read; the files of a patch are all in memory at once. */
export interface ReadBudget {
  left: number;
}

function stampOf(stats: BigIntStats): Stamp {
  return { dev: stats.dev, ino: stats.ino, size: stats.size, mtime: stats.mtimeNs, ctime: stats.ctimeNs };
}

export const sameStamp = (left: Stamp | null, right: Stamp | null): boolean =>
  left === right ||
  (left !== null &&
    right !== null &&
    left.dev === right.dev &&
    left.ino === right.ino &&
    left.size === right.size &&
    left.mtime === right.mtime &&
    left.ctime === right.ctime);

export function stampAt(path: string): Stamp | null {
  try {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : stampOf(stats);
  } catch (fault) {
    expectErrno(fault);
    return null;
  }
}

/** Reads a regular file; a link in the last place is not followed, and a pipe put there meanwhile does not block. */
export async function readWhole(
  path: string,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array } | { readonly refused: string }> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return { refused: 'not a regular file' };
    if (stats.size > maxBytes) return { refused: `the file has ${stats.size} bytes, the limit is ${maxBytes}` };
    return { bytes: await readContent(file, stats.size) };
  } finally {
    closeSync(file);
  }
}

async function nodeAt(
  path: string,
  budget: ReadBudget,
): Promise<{ readonly node: NodeFacts; readonly stamp: Stamp | null }> {
  let stats: BigIntStats | undefined;
  try {
    stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (fault) {
    const code = expectErrno(fault);
    // A file may stand where the patch means a folder, and may be gone by the time that it matters.
    const node: NodeFacts = code === 'ENOTDIR' ? { kind: 'missing' } : { kind: 'unseen', reason: systemText(code) };
    return { node, stamp: null };
  }
  if (stats === undefined) return { node: { kind: 'missing' }, stamp: null };
  const stamp = stampOf(stats);
  if (stats.isDirectory()) return { node: { kind: 'directory' }, stamp };
  if (!stats.isFile()) return { node: { kind: 'other', what: kindText(stats) }, stamp };
  if (stats.size > BigInt(budget.left)) {
    const reason = `the files of the patch have more than ${MAX_READ_BYTES} bytes together; send it in parts`;
    return { node: { kind: 'unreadable', reason }, stamp };
  }
  try {
    const read = await readWhole(path, MAX_FILE_BYTES);
    if ('bytes' in read) budget.left -= read.bytes.length;
    const node: NodeFacts =
      'bytes' in read ? { kind: 'file', bytes: read.bytes } : { kind: 'unreadable', reason: read.refused };
    return { node, stamp };
  } catch (fault) {
    return { node: { kind: 'unreadable', reason: systemText(expectErrno(fault)) }, stamp };
  }
}

function forbiddenText(reals: readonly string[], path: string, boundary: Boundary | null): string | null {
  for (const real of boundary === null ? [] : reals) {
    const refusal = boundary?.refusal(path, real) ?? null;
    if (refusal !== null) return refusal;
  }
  return null;
}

export async function observe(
  paths: Paths,
  cwd: string,
  path: string,
  boundary: Boundary | null,
  budget: ReadBudget,
): Promise<Observed> {
  const { display, name, target, blockedBy, fault } = paths.resolve(cwd, path);
  const forbidden = forbiddenText([name, target], path, boundary);
  const forbiddenName = forbiddenText([name], path, boundary);
  const base = { display, name, target, blockedBy, forbidden, forbiddenName };
  if (forbidden !== null) return { facts: { ...base, node: { kind: 'missing' } }, stamp: null };
  if (fault !== null) return { facts: { ...base, node: { kind: 'unseen', reason: systemText(fault) } }, stamp: null };
  const { node, stamp } = await nodeAt(target, budget);
  return { facts: { ...base, node }, stamp };
}
