/**
 * Watches a set of folders with at most `maxWatchers` watchers. A folder that is not there yet is awaited at its nearest
 * existing parent. `complete` is false when a folder has no watcher, and the owner must look for itself.
 */
import { basename, dirname } from 'node:path';
import type { SkillFiles } from './skill-files.ts';

export class FolderWatch implements Disposable {
  readonly #files: SkillFiles;
  readonly #maxWatchers: number;
  readonly #onChange: () => void;
  #watchers = new Map<string, Disposable>();
  #complete = true;

  constructor(files: SkillFiles, maxWatchers: number, onChange: () => void) {
    this.#files = files;
    this.#maxWatchers = maxWatchers;
    this.#onChange = onChange;
  }

  get complete(): boolean {
    return this.#complete;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /**
   * Keeps the watchers that are still wanted, ends the others, and opens what is missing. Gives whether one was opened:
   * what changed before it was, nobody told.
   */
  async watch(folders: readonly string[], awaited: readonly string[]): Promise<boolean> {
    const wanted = new Map<string, readonly [folder: string, onlyName: string | null]>();
    for (const path of awaited) {
      const { folder, name } = await this.#nearest(path);
      wanted.set(`${await this.#idOf(folder)}\0${name}`, [folder, name]);
    }
    for (const folder of folders) wanted.set(await this.#idOf(folder), [folder, null]);
    this.#close((key) => !wanted.has(key));
    this.#complete = true;
    let opened = false;
    for (const [key, [folder, onlyName]] of wanted) opened = this.#open(key, folder, onlyName) || opened;
    return opened;
  }

  [Symbol.dispose](): void {
    this.#close(() => true);
  }

  /** Gives whether a watcher was opened; a bound that is reached, or a system without one, makes the watch incomplete. */
  #open(key: string, folder: string, onlyName: string | null): boolean {
    if (this.#watchers.has(key)) return false;
    if (this.#watchers.size >= this.#maxWatchers) {
      this.#complete = false;
      return false;
    }
    const watcher = this.#files.watch(
      folder,
      (name) => {
        if (onlyName === null || name === null || name === onlyName) this.#changed(key, name, folder);
      },
      () => this.#lose(key),
    );
    if (watcher === undefined) this.#complete = false;
    else this.#watchers.set(key, watcher);
    return watcher !== undefined;
  }

  /** Another folder at the same path is another one to watch. */
  async #idOf(folder: string): Promise<string> {
    return `${folder}\0${(await this.#files.facts(folder))?.id ?? ''}`;
  }

  /** A folder that moves away, or is removed, tells its own name. */
  #changed(key: string, name: string | null, folder: string): void {
    if (name === null || name === basename(folder)) this.#lose(key);
    else this.#onChange();
  }

  #lose(key: string): void {
    this.#watchers.get(key)?.[Symbol.dispose]();
    this.#watchers.delete(key);
    this.#onChange();
  }

  #close(ends: (key: string) => boolean): void {
    for (const [key, watcher] of this.#watchers) {
      if (!ends(key)) continue;
      watcher[Symbol.dispose]();
      this.#watchers.delete(key);
    }
  }

  async #nearest(path: string): Promise<{ readonly folder: string; readonly name: string }> {
    let name = basename(path);
    let folder = dirname(path);
    while (folder !== dirname(folder) && (await this.#files.facts(folder))?.kind !== 'folder') {
      name = basename(folder);
      folder = dirname(folder);
    }
    return { folder, name };
  }
}
