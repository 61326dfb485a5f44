/**
 * Puts something harmless where a name of the workspace must stay free, and takes it away again. A mount needs
 * something to stand on, and removing that would take the mount from every sandbox that still lives: so each is
 * counted, and goes with the last that holds it.
 */
import { lstatSync, mkdirSync, readFileSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';

export interface Placeholder {
  readonly path: string;
  /** of a file; null: an empty directory */
  readonly content: string | null;
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
  hold(placeholders: readonly Placeholder[]): PlaceholderHold {
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
    const exists = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
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

function make(path: string, content: string | null): void {
  if (content === null) mkdirSync(path);
  else writeFileSync(path, content, { flag: 'wx' });
}

/** Never more than what was made: what a person put there meanwhile stays. */
function remove(path: string, content: string | null): void {
  if (content === null) rmdirSync(path);
  else if (readFileSync(path, 'utf8') === content) unlinkSync(path);
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Gone, filled, or not ours to write: bubblewrap says what is missing.
  }
}
