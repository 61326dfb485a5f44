/**
 * Finds the warden that belongs to this version and machine. A binary whose SHA-256 is not the one written here is
 * not used.
 */
import { createHash } from 'node:crypto';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { WARDEN_SHA256 } from './pins.ts';

/** From src/ of this package, from dist/ or dist/chunks/ with vendor/ beside the bundle, and from dist/ of a checkout. */
const FOLDERS = ['../vendor', 'vendor', '../packages/exec-guard/vendor', '../../packages/exec-guard/vendor'];

export type LocatedWarden = { readonly path: string } | { readonly missing: string };

/** The file that was last found to be the right one, as the kernel tells it from every other state of any file. */
let verified: { readonly path: string; readonly state: string } | null = null;

export function locateWarden(): LocatedWarden {
  if (verified !== null && stateOf(verified.path) === verified.state) return { path: verified.path };
  const target = `${process.platform}-${process.arch}`;
  const pinned = Object.entries(WARDEN_SHA256).find(([name]) => name === target)?.[1];
  if (pinned === undefined) return { missing: `there is no warden for ${target}` };
  for (const folder of FOLDERS) {
    const path = join(import.meta.dirname, folder, target, 'warden');
    const state = stateOf(path);
    const content = readOrNull(path);
    if (content === null) continue;
    const found = createHash('sha256').update(content).digest('hex');
    if (found !== pinned) return { missing: `${path} is not the warden of this version: its SHA-256 is ${found}` };
    if (!mayRun(path)) return { missing: `${path} is not executable` };
    verified = state === null ? null : { path, state };
    return { path };
  }
  return { missing: `no file vendor/${target}/warden` };
}

/** Nobody but root can set the time of the last change; null when there is no such file. */
function stateOf(path: string): string | null {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? null : [stats.dev, stats.ino, stats.size, stats.mode, stats.ctimeNs].join(':');
}

function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
