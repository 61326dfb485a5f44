/**
 * Says when directories of rules are others than they were. Events tell at once; a slow look at names, sizes and times
 * finds what no event tells of. A directory that does not exist is waited for at the nearest one that does.
 */
import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import path from 'node:path';

/** quiet time before the rules are read: whoever writes a file in place first empties it */
const QUIET_MS = 100;
/** read then, whatever still changes */
const LONGEST_MS = 5000;
const POLL_MS = 2000;
/** where no event can be had */
const POLL_ALONE_MS = 500;

interface Watched {
  readonly target: string;
  readonly identity: string;
  readonly watcher: FSWatcher;
}

export class RulesWatch {
  readonly #directories: readonly string[];
  readonly #onChange: () => void;
  readonly #watched = new Map<string, Watched>();
  #seen = '';
  /** how the directories were at the last event */
  #settling = '';
  #quiet: NodeJS.Timeout | null = null;
  #poll: NodeJS.Timeout | null = null;
  /** when the first event came that nothing was read for; 0: none */
  #firstEventAt = 0;

  constructor(directories: readonly string[], onChange: () => void) {
    this.#directories = directories;
    this.#onChange = onChange;
  }

  /** Takes note of how the directories are now. To be called before they are read. */
  arm(): void {
    for (const directory of this.#directories) this.#armOne(directory);
    this.#seen = fingerprint(this.#directories);
    if (this.#poll !== null) clearInterval(this.#poll);
    const blind = this.#watched.size < this.#directories.length;
    this.#poll = setInterval(() => this.#look(), blind ? POLL_ALONE_MS : POLL_MS);
    this.#poll.unref();
  }

  close(): void {
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    this.#poll = null;
    this.#quiet = null;
    for (const { watcher } of this.#watched.values()) watcher.close();
    this.#watched.clear();
  }

  #armOne(directory: string): void {
    const target = nearestExisting(directory);
    const identity = identityOf(target);
    const present = this.#watched.get(directory);
    if (present?.target === target && present.identity === identity) return;
    present?.watcher.close();
    this.#watched.delete(directory);
    try {
      const watcher = watch(target, { persistent: false }, () => this.#event());
      watcher.on('error', () => {
        watcher.close();
        if (this.#watched.get(directory)?.watcher === watcher) this.#watched.delete(directory);
        this.#event();
      });
      this.#watched.set(directory, { target, identity, watcher });
    } catch {
      // Out of watches, or a file system without them: the poll is quicker then.
    }
  }

  /** Only a change of the rules themselves begins the quiet time anew: a busy home directory tells of much else. */
  #event(): void {
    if (this.#poll === null) return;
    const now = performance.now();
    if (this.#firstEventAt === 0) this.#firstEventAt = now;
    const print = fingerprint(this.#directories);
    if (this.#quiet !== null && print === this.#settling) return;
    this.#settling = print;
    if (this.#quiet !== null) clearTimeout(this.#quiet);
    const wait = Math.max(0, Math.min(QUIET_MS, this.#firstEventAt + LONGEST_MS - now));
    this.#quiet = setTimeout(() => this.#settled(), wait);
    this.#quiet.unref();
  }

  #look(): void {
    if (fingerprint(this.#directories) !== this.#seen) this.#event();
  }

  #settled(): void {
    this.#quiet = null;
    this.#firstEventAt = 0;
    if (fingerprint(this.#directories) !== this.#seen) this.#onChange();
    else for (const directory of this.#directories) this.#armOne(directory);
  }
}

function nearestExisting(directory: string): string {
  let at = directory;
  while (identityOf(at) === '' && path.dirname(at) !== at) at = path.dirname(at);
  return at;
}

function identityOf(directory: string): string {
  try {
    const { dev, ino } = statSync(directory);
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}

function fingerprint(directories: readonly string[]): string {
  return directories.map((directory) => [directory, ...namesIn(directory)].map(factsOf).join('\n')).join('\n\n');
}

function namesIn(directory: string): readonly string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith('.rules'));
    return names.toSorted().map((name) => path.join(directory, name));
  } catch {
    return [];
  }
}

/** The times of a directory change with names that are no rules; its identity and rights say enough. */
function factsOf(file: string): string {
  try {
    const facts = statSync(file, { bigint: true });
    const content = facts.isDirectory() ? '' : `${facts.size} ${facts.mtimeNs} ${facts.ctimeNs}`;
    return `${file} ${facts.dev} ${facts.ino} ${facts.mode} ${facts.uid} ${facts.gid} ${content}`;
  } catch {
    return `${file} -`;
  }
}
