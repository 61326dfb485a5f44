/**
 * Takes away the empty directories that stand in a workspace for names that must stay absent. Removing one would take
 * its mount from every sandbox that still lives, so each is counted and goes with the last that holds it.
 */
import { lstatSync, rmdirSync } from 'node:fs';

export interface PlaceholderHold {
  /** after the sandbox's last process has ended; a second time does nothing */
  release(): void;
}

export class Placeholders {
  readonly #holders = new Map<string, number>();
  /** were there before any sandbox: they are somebody's, empty as they are */
  readonly #kept = new Set<string>();

  /** Before bubblewrap starts. */
  hold(paths: readonly string[]): PlaceholderHold {
    for (const path of paths) {
      const before = this.#holders.get(path) ?? 0;
      if (before === 0 && lstatSync(path, { throwIfNoEntry: false }) !== undefined) this.#kept.add(path);
      this.#holders.set(path, before + 1);
    }
    let held = true;
    return {
      release: () => {
        if (held) for (const path of paths) this.#drop(path);
        held = false;
      },
    };
  }

  #drop(path: string): void {
    const left = (this.#holders.get(path) ?? 1) - 1;
    if (left > 0) {
      this.#holders.set(path, left);
      return;
    }
    this.#holders.delete(path);
    if (this.#kept.delete(path)) return;
    try {
      // Never more than an empty directory: what a person put there meanwhile stays.
      rmdirSync(path);
    } catch {
      // Gone, filled, or never made because the sandbox did not start.
    }
  }
}
