/**
 * Gathers which names of a writable directory are guarded, and how. Looks at each name without following it: a link
 * cannot be guarded, because what is mounted on it stands elsewhere and the link itself can be replaced.
 */
import { readdirSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { isInside } from '../paths.ts';
import type { Guarded } from './facts.ts';
import { textOf } from './git-config.ts';
import { lookAt } from './look.ts';

/** What `commondir` says where nothing is elsewhere: git goes on as without it, and nobody can say another thing. */
export const COMMON_HERE = '.\n';

export class GuardCollector {
  readonly guarded: Guarded[] = [];
  readonly unguardable: string[] = [];
  readonly #writable: readonly string[];

  /** `writable`: canonical directories; what lies in none of them needs no guard */
  constructor(writable: readonly string[]) {
    this.#writable = writable;
  }

  rootOf(at: string): string | undefined {
    return this.#writable.find((root) => isInside(root, at));
  }

  /** `missing`: what becomes of a name that is not there. */
  name(at: string, missing: 'absent' | null): void {
    const stats = lookAt(at);
    if (stats === 'blocked') {
      this.unguardable.push(at);
    } else if (stats === undefined || (missing !== null && stats.isDirectory() && isEmpty(at))) {
      // Empty, it may be the placeholder of another sandbox: this one then has to hold it too.
      if (missing !== null) this.guarded.push({ path: at, how: missing });
    } else if (stats.isSymbolicLink()) this.unguardable.push(at);
    else this.guarded.push({ path: at, how: 'read-only' });
  }

  /** `standIn`: what a file that is not there would have to hold to say nothing new; null where it does not matter. */
  file(at: string, standIn: string | null): void {
    const stats = lookAt(at);
    const isOurs = stats !== undefined && standIn === COMMON_HERE && textOf(at) === COMMON_HERE;
    if (stats !== undefined && !isOurs) this.name(at, null);
    else if (standIn !== null) this.guarded.push({ path: at, how: 'stand-in', content: standIn });
  }

  pinned(at: string): void {
    this.guarded.push({ path: at, how: 'pinned' });
  }

  pinAbove(root: string, below: string): void {
    for (let at = path.dirname(below); at !== root && isInside(root, at); at = path.dirname(at)) this.pinned(at);
  }

  /**
   * A file that git is told to read or run, wherever it lies: each name on the way to it stands, and where the way
   * ends before the file does, nothing can be made there.
   */
  wayTo(asked: string): void {
    const at = this.rootOf(asked) === undefined ? canonicalOf(asked) : asked;
    const root = at === null ? undefined : this.rootOf(at);
    if (at === null || root === undefined || at === root) return;
    const names = at.slice(root.length + 1).split('/');
    for (let depth = 1; depth <= names.length; depth++) {
      const here = path.join(root, ...names.slice(0, depth));
      const stats = lookAt(here);
      if (depth === names.length) {
        this.pinAbove(root, here);
        this.file(here, '');
      } else if (stats === undefined) {
        this.pinAbove(root, here);
        this.name(here, 'absent');
        return;
      } else if (stats === 'blocked' || !stats.isDirectory()) {
        this.unguardable.push(here);
        return;
      }
    }
  }
}

function canonicalOf(at: string): string | null {
  try {
    return realpathSync.native(at);
  } catch {
    return null;
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}
