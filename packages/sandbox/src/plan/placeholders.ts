/**
 * Puts something harmless where a name of the workspace must stay free, and takes it away again. A mount needs
 * something to stand on, and removing that would take the mount from every sandbox that still lives: so each is
 * counted, and goes with the last that holds it. Commands of the same workspace may run meanwhile: each name is reached
 * from descriptors, and no link is followed.
 */
import { lstatSync, mkdirSync, rmdirSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { inFolderOf, makePlace } from './beneath.ts';
import { textOf } from './git-config.ts';

export interface Placeholder {
  readonly path: string;
  /** of a file; null: an empty directory */
  readonly content: string | null;
}

/** Where something of the system is mounted below a private directory; it stays there. */
export interface Place {
  /** the private directory on the host */
  readonly root: string;
  readonly names: readonly string[];
  /** a place of the kind that this is; null: a directory */
  readonly like: string | null;
}

export interface PlaceholderHold {
  /** after the sandbox's last process has ended; a second time does nothing */
  release(): void;
}

export class Placeholders {
  readonly #holders = new Map<string, number>();
  /** were there before any sandbox: they are somebody's, empty as they are */
  readonly #kept = new Set<string>();

  /** Before the sandbox starts. What cannot be made is not there, and the start fails. */
  hold(wanted: readonly (Placeholder | Place)[]): PlaceholderHold {
    const placeholders = wanted.filter((one) => 'path' in one);
    for (const one of wanted) if ('root' in one) quietly(() => makePlace(one.root, one.names, kindLike(one.like)));
    for (const placeholder of placeholders) this.#take(placeholder);
    let held = true;
    return {
      release: () => {
        if (held) for (const placeholder of placeholders) this.#drop(placeholder);
        held = false;
      },
    };
  }

  #take({ path, content }: Placeholder): void {
    const before = this.#holders.get(path) ?? 0;
    this.#holders.set(path, before + 1);
    const exists = isThere(path);
    // A file that says what ours says was left by a daemon that was killed; a directory tells nothing of who made it.
    if (before === 0 && exists && (content === null || content === '')) this.#kept.add(path);
    if (!exists) quietly(() => make(path, content));
  }

  #drop({ path, content }: Placeholder): void {
    const left = (this.#holders.get(path) ?? 1) - 1;
    if (left > 0) {
      this.#holders.set(path, left);
      return;
    }
    this.#holders.delete(path);
    if (!this.#kept.delete(path)) quietly(() => remove(path, content));
  }
}

const kindLike = (like: string | null): 'directory' | 'file' =>
  like === null || statSync(like).isDirectory() ? 'directory' : 'file';

function isThere(path: string): boolean {
  try {
    return inFolderOf(path, (at) => lstatSync(at, { throwIfNoEntry: false })) !== undefined;
  } catch {
    return false;
  }
}

function make(path: string, content: string | null): void {
  inFolderOf(path, (at) => (content === null ? mkdirSync(at) : writeFileSync(at, content, { flag: 'wx' })));
}

/** Never more than what was made: what a person put there meanwhile stays. */
function remove(path: string, content: string | null): void {
  inFolderOf(path, (at) => {
    if (content === null) rmdirSync(at);
    else if (textOf(at) === content) unlinkSync(at);
  });
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Gone, filled, or not ours to write: bubblewrap says what is missing.
  }
}
