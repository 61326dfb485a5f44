/**
 * The skills of every root as one precomputed table, rebuilt soon after a file changes. Listing never touches the disk:
 * where a watcher is missing it only asks for a new scan. Disposing leaves no watcher and no timer.
 */
import { resolve } from 'node:path';
import { Emitter, type Signal, unreachable } from '@agentbox/base';
import type { Skill, SkillLibrary } from '@agentbox/control-plane';
import { AgentboxError } from '@agentbox/protocol';
import type { Problem } from './discover-skills.ts';
import { FolderWatch } from './folder-watch.ts';
import { nodeSkillFiles } from './node-skill-files.ts';
import { type SkillTable, scanSkills } from './scan-skills.ts';
import type { SkillFiles } from './skill-files.ts';
import type { Digest, DigestCache } from './skill-manifest.ts';
import type { SkillRoot } from './skill-roots.ts';
import { plainLine } from './skill-text.ts';

export interface SkillLibrarySettings {
  /** nearest first */
  readonly roots: readonly SkillRoot[];
  readonly files?: SkillFiles;
  /** quiet time before a changed folder is read again */
  readonly debounceMs?: number;
  /** the shortest time between two scans that a call of `list` asks for, where a watcher is missing */
  readonly pollMs?: number;
  readonly maxWatchers?: number;
}

export interface MachineSkillLibrary extends SkillLibrary {
  readonly roots: readonly string[];
  /** resolves when a scan that began after this call is done */
  rescan(): Promise<void>;
  readonly watchers: { readonly open: number; readonly complete: boolean };
}

const DEFAULTS = { files: nodeSkillFiles, debounceMs: 100, pollMs: 2000, maxWatchers: 128 };
/** a folder above a root can be exchanged without a word to any watcher */
const WATCHED_POLL_MS = 30_000;
/** changes without pause are read after so many quiet times at the latest */
const MAX_DEBOUNCES = 10;

export async function createSkillLibrary(settings: SkillLibrarySettings): Promise<MachineSkillLibrary> {
  const library = new WatchedSkillLibrary({ ...DEFAULTS, ...settings });
  await library.rescan();
  return library;
}

const EMPTY: SkillTable = { listed: [], all: [], problems: [], watched: [], missingRoots: [] };

class WatchedSkillLibrary implements MachineSkillLibrary {
  readonly #settings: Required<SkillLibrarySettings>;
  readonly #watch: FolderWatch;
  readonly #changed = new Emitter<void>();
  #table = EMPTY;
  #fingerprint = '';
  #digests: ReadonlyMap<string, Digest> = new Map();
  #scanning: Promise<void> = Promise.resolve();
  /** the scan that waits for the running one; whoever asks meanwhile shares it */
  #queued: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #firstChangeAt = 0;
  #scannedAt = 0;
  #disposed = false;

  constructor(settings: Required<SkillLibrarySettings>) {
    this.#settings = settings;
    this.#watch = new FolderWatch(settings.files, settings.maxWatchers, () => this.#scanSoon());
  }

  get changed(): Signal<void> {
    return this.#changed;
  }

  get roots(): readonly string[] {
    return this.#settings.roots.map((root) => root.path);
  }

  get watchers(): MachineSkillLibrary['watchers'] {
    return { open: this.#watch.size, complete: this.#watch.complete };
  }

  list(): readonly Skill[] {
    this.#scanIfBlind();
    return this.#table.listed;
  }

  problems(): readonly Problem[] {
    return this.#table.problems;
  }

  find(nameOrPath: string): Skill | undefined {
    this.#scanIfBlind();
    const wanted = nameOrPath.trim();
    const { all } = this.#table;
    if (wanted.startsWith('/')) {
      const path = resolve(wanted);
      return all.find((skill) => skill.directory === path || skill.instructionFile === path);
    }
    return (
      all.find(({ name }) => name === wanted) ?? all.find(({ name }) => name.toLowerCase() === wanted.toLowerCase())
    );
  }

  async readFile(skill: Skill, path: string, maxBytes: number): Promise<Uint8Array> {
    const absolute = resolve(skill.directory, path.replaceAll('\0', '/..'));
    const inside = absolute.startsWith(`${skill.directory}/`) ? absolute.slice(skill.directory.length + 1) : '';
    if (path.includes('\0') || inside === '' || inside.split('/').some((name) => name.startsWith('.'))) {
      throw forbidden(skill, path, 'it is not a visible file below the folder of the skill');
    }
    const realDirectory = await this.#settings.files.realPath(skill.directory);
    if (realDirectory === undefined) throw missing(skill, path);
    const read = await this.#settings.files.read(absolute, realDirectory, maxBytes);
    switch (read.kind) {
      case 'read':
        return read.bytes;
      case 'outside':
        throw forbidden(skill, path, 'it is a link that leads out of the folder of the skill');
      case 'not-a-file':
        throw forbidden(skill, path, 'it is not a regular file');
      case 'missing':
        throw missing(skill, path);
      case 'unreadable':
        throw new AgentboxError('FILE_NOT_FOUND', `${absolute} cannot be read (${read.cause})`);
      default:
        return unreachable(read);
    }
  }

  // a scan that runs may have passed what changed since: the caller waits for the next one
  rescan(): Promise<void> {
    this.#queued ??= this.#scanning.then(() => {
      this.#queued = null;
      this.#scanning = this.#scan();
      return this.#scanning;
    });
    return this.#queued;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await (this.#queued ?? this.#scanning);
    this.#watch[Symbol.dispose]();
  }

  async #scan(): Promise<void> {
    if (this.#disposed) return;
    const digests = { known: this.#digests, met: new Map<string, Digest>() };
    this.#table = await this.#readTable(digests);
    this.#digests = digests.met;
    this.#scannedAt = performance.now();
    this.#announce();
    if (await this.#watch.watch(this.#table.watched, this.#table.missingRoots)) this.#scanSoon();
  }

  /** A scan that fails leaves the last table standing and says so in it. */
  async #readTable(digests: DigestCache): Promise<SkillTable> {
    try {
      return await scanSkills(this.#settings.files, this.#settings.roots, digests);
    } catch (fault) {
      const cause = fault instanceof Error ? fault.message : 'unknown cause';
      return { ...this.#table, problems: [{ path: '', problem: plainLine(`the last scan failed: ${cause}`, 300) }] };
    }
  }

  #announce(): void {
    const fingerprint = JSON.stringify([this.#table.listed, this.#table.all.length, this.#table.problems]);
    const isNew = fingerprint !== this.#fingerprint && this.#fingerprint !== '';
    this.#fingerprint = fingerprint;
    if (isNew) this.#changed.emit();
  }

  /** Waits for quiet, so that a checkout of many files is one scan; the wait itself has an end. */
  #scanSoon(): void {
    if (this.#disposed) return;
    const now = performance.now();
    const { debounceMs } = this.#settings;
    if (this.#timer === null) this.#firstChangeAt = now;
    else if (now - this.#firstChangeAt > debounceMs * MAX_DEBOUNCES) return;
    else clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.rescan();
    }, debounceMs).unref();
  }

  /** A reader's interest brings the table up to date: soon without a watcher on every folder, else now and then. */
  #scanIfBlind(): void {
    const age = performance.now() - this.#scannedAt;
    const due = age > (this.#watch.complete ? WATCHED_POLL_MS : this.#settings.pollMs);
    if (due && !this.#disposed && this.#queued === null) void this.rescan();
  }
}

function forbidden(skill: Skill, path: string, why: string): AgentboxError {
  const named = path.replaceAll('\0', '\\0').slice(0, 200);
  return new AgentboxError('SKILL_FILE_FORBIDDEN', `${named} of skill ${skill.name} is refused: ${why}`);
}

function missing(skill: Skill, path: string): AgentboxError {
  return new AgentboxError('FILE_NOT_FOUND', `skill ${skill.name} has no file ${path.slice(0, 200)}`, {
    files: skill.files.slice(0, 50).map((file) => file.path),
  });
}
