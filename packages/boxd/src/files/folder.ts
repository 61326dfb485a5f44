/**
 * Folders held open while something in them is changed. Names are used through the descriptor, so that a folder which
 * is swapped for a link between the check and the change cannot lead the change elsewhere. One open per folder and
 * patch; the one asked for longest ago is closed when there are too many.
 */
import { closeSync, constants, mkdirSync, openSync, readlinkSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { MAX_OPEN_FOLDERS } from './limits.ts';
import { errnoOf, expectErrno } from './system-error.ts';

/** Linux's O_PATH, which Node does not name: a folder that may be entered but not listed can be held too. */
const O_PATH = 0o10000000;

/** Where the folder behind the descriptor really is; null where /proc is not mounted. */
function realPathOf(descriptor: number): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch (fault) {
    expectErrno(fault);
    return null;
  }
}

interface Held {
  readonly descriptor: number;
  /** what stands for the folder in names */
  readonly root: string;
}

function hold(folder: string, shown: string): Held {
  const descriptor = openSync(folder, O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  const real = realPathOf(descriptor);
  if (real !== null && real !== shown) {
    closeSync(descriptor);
    throw new AgentboxError('PATH_FORBIDDEN', `${shown} was replaced while it was being changed`, {
      path: shown,
      target: real,
    });
  }
  return { descriptor, root: real === null ? folder : `/proc/self/fd/${descriptor}` };
}

export class OpenFolders {
  readonly #held = new Map<string, Held>();

  /**
   * A name for `path` that stays in the folder where `path` is now. It is good until so many other folders have been
   * asked for that this one may be closed, so it is used at once and never kept.
   */
  safe(path: string): string {
    return `${this.root(dirname(path))}/${basename(path)}`;
  }

  /** What stands for the folder itself in names. */
  root(folder: string): string {
    const held = this.#held.get(folder);
    if (held === undefined) return this.#open(folder, folder).root;
    if (this.#held.size > MAX_OPEN_FOLDERS / 2) {
      this.#held.delete(folder);
      this.#held.set(folder, held);
    }
    return held.root;
  }

  /**
   * The folder, made where it does not exist, one step at a time from an open folder. `made` gets each one when it is
   * there, so that a failure further down leaves none unknown.
   */
  make(folder: string, mode: number, made: Set<string>): void {
    if (this.#held.has(folder)) return;
    try {
      this.#open(folder, folder);
      return;
    } catch (fault) {
      if (errnoOf(fault) !== 'ENOENT') throw fault;
    }
    this.make(dirname(folder), mode, made);
    try {
      mkdirSync(this.safe(folder), { mode });
      made.add(folder);
    } catch (fault) {
      // Somebody else has just made it, which is as good.
      if (errnoOf(fault) !== 'EEXIST') throw fault;
    }
    this.#open(this.safe(folder), folder);
  }

  /** Gives up one folder, so that it can be removed or replaced. */
  drop(folder: string): void {
    const held = this.#held.get(folder);
    if (held === undefined) return;
    this.#held.delete(folder);
    closeSync(held.descriptor);
  }

  close(): void {
    for (const folder of this.#held.keys()) this.drop(folder);
  }

  #open(folder: string, shown: string): Held {
    const held = hold(folder, shown);
    const [oldest] = this.#held.keys();
    if (oldest !== undefined && this.#held.size >= MAX_OPEN_FOLDERS) this.drop(oldest);
    this.#held.set(shown, held);
    return held;
  }
}
