/**
 * Where a patch keeps what is not finished, folder by folder: `.agentbox-patch-<uid>/<owner>/<kind>/<name>` beside the
 * files themselves, because only there a rename is one step. For a folder that takes no new names it is a folder of
 * this user among the temporary files. The name under a kind is the name of the file that it belongs to.
 */
import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { lstatSync, readdirSync, realpathSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import type { OpenFolders } from './folder.ts';
import { errnoOf, expectErrno } from './system-error.ts';

/**
 * `part`: a content that may be cut short, worth nothing. `new`: what will stand in the place of the old. `old`: what
 * stood there, whole. `torn`: what stood in a file that is being written over and may be a mixture at this moment.
 */
type Kind = 'part' | 'new' | 'old' | 'torn';
/** In the order of removal: an old content goes before the new one that shows how its file was being written. */
const KINDS: readonly Kind[] = ['torn', 'old', 'new', 'part'];

const PRIVATE = 0o700;
/** Times that the common folder is made anew after another patch has tidied it away. */
const TRIES = 10;

const userId = (): number => process.geteuid?.() ?? 0;

/** The common folder of all unfinished patches beside the files. */
export const nearRoot = (folder: string): string => join(folder, `.agentbox-patch-${userId()}`);

function farBase(): string {
  const name = `agentbox-patch-${userId()}`;
  try {
    return join(realpathSync(tmpdir()), name);
  } catch (fault) {
    // Where there is no such folder nothing has been left in it either.
    expectErrno(fault);
    return join(tmpdir(), name);
  }
}

/** The same for a folder that takes no new names. */
export const farRoot = (folder: string): string =>
  join(farBase(), createHash('sha256').update(folder).digest('hex').slice(0, 32));

/** Null where nothing stands, or where a folder on the way is something else. */
export function statOrNull(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (fault) {
    if (errnoOf(fault) === 'ENOTDIR') return null;
    throw fault;
  }
}

/** Anyone may make a name among temporary files, so what is not this user's own is neither used nor believed. */
export function isOurs(path: string): boolean {
  const stats = statOrNull(path);
  return stats?.isDirectory() === true && stats.uid === userId() && (stats.mode & 0o077) === 0;
}

function assertOurs(path: string): void {
  if (isOurs(path)) return;
  throw new AgentboxError('PATH_FORBIDDEN', `${path} is in the way: it is not a private folder of this user`, { path });
}

/** Carries out `work`; answers whether it was done, or had nothing to do. */
export function quietly(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (fault) {
    // A folder that has been replaced meanwhile is as much out of reach as one that is shut.
    return !(fault instanceof AgentboxError) && expectErrno(fault) === 'ENOENT';
  }
}

export class Staging {
  readonly path: string;
  readonly #folders: OpenFolders;
  readonly #root: string;

  private constructor(folders: OpenFolders, root: string, path: string) {
    this.#folders = folders;
    this.#root = root;
    this.path = path;
  }

  static near(folders: OpenFolders, folder: string, owner: string): Staging {
    const root = nearRoot(folder);
    return Staging.#made(folders, root, root, owner);
  }

  static far(folders: OpenFolders, folder: string, owner: string): Staging {
    return Staging.#made(folders, farRoot(folder), farBase(), owner);
  }

  /** What another process has left under `root`. */
  static found(folders: OpenFolders, root: string, owner: string): Staging {
    return new Staging(folders, root, join(root, owner));
  }

  static #made(folders: OpenFolders, root: string, outer: string, owner: string): Staging {
    const path = join(root, owner);
    // What is made here is removed by `discard`, whoever made it.
    const made = new Set<string>();
    for (let attempt = 1; ; attempt += 1) {
      try {
        folders.make(root, PRIVATE, made);
        assertOurs(outer);
        folders.make(path, PRIVATE, made);
        return new Staging(folders, root, path);
      } catch (fault) {
        if (statOrNull(outer) !== null) assertOurs(outer);
        // Another patch that ends removes the common folder when it finds it empty.
        if (errnoOf(fault) !== 'ENOENT' || attempt === TRIES) throw fault;
        folders.drop(root);
        folders.drop(outer);
      }
    }
  }

  /** The place for a file of that name, which is not made; the folder for it is. */
  place(kind: Kind, name: string): string {
    const folder = join(this.path, kind);
    this.#folders.make(folder, PRIVATE, new Set());
    return join(folder, name);
  }

  names(kind: Kind): readonly string[] {
    try {
      return readdirSync(this.#folders.root(join(this.path, kind)));
    } catch (fault) {
      if (expectErrno(fault) === 'ENOENT') return [];
      throw fault;
    }
  }

  /** Removes everything of the given kinds, then itself if nothing is left. */
  discard(kinds: readonly Kind[] = KINDS): void {
    for (const kind of kinds) {
      const folder = join(this.path, kind);
      quietly(() => {
        for (const name of this.names(kind)) unlinkSync(this.#folders.safe(join(folder, name)));
      });
      this.#removeFolder(folder);
    }
    this.#removeFolder(this.path);
    this.#removeFolder(this.#root);
    if (dirname(this.#root) === farBase()) this.#removeFolder(farBase());
  }

  /** Takes it out of what is ever tidied up, because it holds the only copy of something. Answers where it is now. */
  keep(): string {
    const kept = join(this.#root, `kept-${this.path.slice(this.#root.length + 1)}`);
    renameSync(this.#folders.safe(this.path), this.#folders.safe(kept));
    return kept;
  }

  #removeFolder(folder: string): void {
    const open = this.#folders;
    open.drop(folder);
    quietly(() => rmdirSync(open.safe(folder)));
  }
}
