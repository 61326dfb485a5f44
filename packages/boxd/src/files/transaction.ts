/**
 * Carries out the writes and removals of one patch, all or none.
 *
 * No content is ever without a name: new content is complete in the staging folder before it takes the place of the
 * old, and the old keeps a second name there (a hard link) until everything has succeeded. Files are removed last. A
 * crash in between leaves each file whole, old or new, except those written in place; `recover.ts` tidies up both.
 */
import type { Stats } from 'node:fs';
import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { type Change, ChangeError } from './change.ts';
import { syncFile, writeContent } from './content.ts';
import { OpenFolders } from './folder.ts';
import { InPlace } from './in-place.ts';
import { MAX_SYNCING } from './limits.ts';
import { ownerNames } from './owner.ts';
import { Pace } from './pace.ts';
import { kindText } from './special.ts';
import { quietly, Staging, statOrNull } from './staging.ts';
import { errnoOf, expectErrno, systemText } from './system-error.ts';

interface Staged {
  readonly change: Change;
  /** where the new content lies */
  readonly temp: string;
}

interface Syncing {
  readonly change: Change;
  readonly descriptor: number;
}

interface Undo {
  /** what may be lost when it fails */
  readonly path: string;
  readonly work: () => void | Promise<void>;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Whether this process can give a file of its own making the owner that the old one has. */
function canKeepOwner(old: Stats): boolean {
  const user = process.geteuid?.() ?? old.uid;
  return user === 0 || (old.uid === user && (process.getgroups?.() ?? [old.gid]).includes(old.gid));
}

/** A rename would part the file from its other names, or from its owner. */
const mustKeepInode = (old: Stats): boolean => old.isFile() && (old.nlink > 1 || !canKeepOwner(old));

const takesNoNames = (fault: unknown): boolean => ['EACCES', 'EPERM', 'EROFS'].includes(errnoOf(fault) ?? '');

export class Transaction {
  readonly #open = new OpenFolders();
  readonly #nextOwner = ownerNames();
  readonly #pace = new Pace();
  readonly #near = new Map<string, Staging>();
  readonly #far = new Map<string, Staging>();
  readonly #undo: Undo[] = [];
  readonly #staged: Staged[] = [];
  readonly #inPlace: InPlace[] = [];
  readonly #madeFolders = new Set<string>();
  /** names that are taken away, and where their content is */
  readonly #aside = new Map<string, string>();
  /** folders in which a name has got another content, or none */
  readonly #changedFolders = new Set<string>();
  #syncing: Syncing[] = [];

  /** Prepares everything that can fail for want of room or right, without touching what is there. */
  async stage(changes: readonly Change[]): Promise<void> {
    const writes = changes.filter((change) => change.content !== null);
    const above = foldersAbove(writes);
    // A file in the place of which a folder is made has to step aside before anything can be prepared in that folder.
    for (const change of changes) {
      if (change.content === null && above.has(change.path)) await this.#attempt(change, () => this.#setAside(change));
    }
    for (const write of writes) {
      await this.#attempt(write, () => this.#prepare(write, write.content ?? new Uint8Array()));
    }
    await this.#syncAll();
  }

  /** Whether staging itself has taken a name away, or made a folder of it. */
  hasTouched(path: string): boolean {
    return this.#aside.has(path) || this.#madeFolders.has(path);
  }

  async commit(changes: readonly Change[]): Promise<void> {
    for (const staged of this.#staged) await this.#attempt(staged.change, () => this.#install(staged));
    for (const one of this.#inPlace) {
      this.#undo.push({ path: one.change.path, work: () => one.undo() });
      await this.#attempt(one.change, () => one.write());
    }
    for (const change of changes) {
      if (change.content !== null || this.#aside.has(change.path)) continue;
      await this.#attempt(change, () => this.#setAside(change));
    }
  }

  /** Forgets the old content, after the changes of the folders themselves are on the disk. */
  async finish(): Promise<void> {
    for (const folder of this.#changedFolders) await syncFolder(this.#open, folder);
    this.#discard();
    this.#open.close();
  }

  /** Puts everything back; answers with what could not be put back, and where its old content is. */
  async rollback(): Promise<readonly string[]> {
    for (const one of this.#syncing.splice(0)) closeSync(one.descriptor);
    const stuck: string[] = [];
    for (const undo of this.#undo.toReversed()) {
      try {
        await undo.work();
      } catch (fault) {
        const reason = fault instanceof AgentboxError ? fault.message : systemText(expectErrno(fault));
        stuck.push(`${undo.path} (${reason})`);
      }
    }
    // A second name is only given up when the first one has its content again.
    if (stuck.length === 0) this.#discard();
    else stuck.push(...this.#keepAll());
    for (const folder of [...this.#madeFolders].toReversed()) {
      this.#open.drop(folder);
      quietly(() => rmdirSync(this.#open.safe(folder)));
    }
    this.#open.close();
    return stuck;
  }

  async #attempt(change: Change, work: () => void | Promise<void>): Promise<void> {
    if (this.#pace.isDue) await this.#pace.rest();
    try {
      // Most steps are done when they return; waiting for nothing a thousand times would cost more than they do.
      const waiting = work();
      if (waiting !== undefined) await waiting;
    } catch (fault) {
      const errno = errnoOf(fault);
      if (errno === null || fault instanceof ChangeError) throw fault;
      throw new ChangeError(change, errno, fault);
    }
  }

  #discard(): void {
    for (const staging of [...this.#near.values(), ...this.#far.values()]) staging.discard();
  }

  #keepAll(): readonly string[] {
    return [...this.#near.values(), ...this.#far.values()].flatMap((staging) => {
      staging.discard(['new', 'part']);
      const kept: string[] = [];
      return quietly(() => void kept.push(`the old content is kept in ${staging.keep()}`)) ? kept : [staging.path];
    });
  }

  #nearOf(path: string): Staging {
    const folder = dirname(path);
    const known = this.#near.get(folder);
    if (known !== undefined) return known;
    const made = Staging.near(this.#open, folder, this.#nextOwner());
    this.#near.set(folder, made);
    return made;
  }

  #farOf(path: string): Staging {
    const folder = dirname(path);
    const known = this.#far.get(folder);
    if (known !== undefined) return known;
    const made = Staging.far(this.#open, folder, this.#nextOwner());
    this.#far.set(folder, made);
    return made;
  }

  async #prepare(change: Change, content: Uint8Array): Promise<void> {
    const { path, modeFrom } = change;
    this.#open.make(dirname(path), 0o777, this.#madeFolders);
    const safe = this.#open.safe(path);
    const old = statOrNull(safe);
    // Renaming over a file needs no right to write it; Codex, which writes into it, does.
    if (old !== null) {
      assertFile(path, old);
      accessSync(safe, constants.W_OK);
    }
    const like = modeFrom === null ? null : modeFrom === path ? old : this.#likeOf(modeFrom);
    if (old !== null && mustKeepInode(old)) return this.#prepareInPlace(change, content, old);
    let temp: string;
    try {
      temp = this.#nearOf(path).place('new', basename(path));
    } catch (fault) {
      // A folder that takes no new names may still hold a file that can be written.
      if (old === null || !takesNoNames(fault)) throw fault;
      return this.#prepareInPlace(change, content, old);
    }
    this.#staged.push({ change, temp });
    await this.#writeNew(change, content, temp, like, old !== null || like !== null);
    return undefined;
  }

  /** A file that has stepped aside still says what mode its content has. */
  #likeOf(path: string): Stats | null {
    return statOrNull(this.#open.safe(this.#aside.get(path) ?? path));
  }

  async #prepareInPlace(change: Change, content: Uint8Array, old: Stats): Promise<void> {
    const one = new InPlace(this.#open, change, content);
    this.#inPlace.push(one);
    let staging: Staging;
    try {
      staging = this.#nearOf(change.path);
    } catch (fault) {
      if (!takesNoNames(fault)) throw fault;
      staging = this.#farOf(change.path);
    }
    await one.prepare(staging, old.mode);
  }

  /**
   * Content that takes the place of other content is on the disk before it does. A wholly new file replaces nothing,
   * so it is spared the wait.
   */
  async #writeNew(
    change: Change,
    content: Uint8Array,
    temp: string,
    like: Stats | null,
    replaces: boolean,
  ): Promise<void> {
    const descriptor = openSync(this.#open.safe(temp), CREATE, like === null ? 0o666 : 0o600);
    this.#syncing.push({ change, descriptor });
    await writeContent(descriptor, content);
    if (like !== null) {
      const made = fstatSync(descriptor);
      if (canKeepOwner(like) && (made.uid !== like.uid || made.gid !== like.gid))
        fchownSync(descriptor, like.uid, like.gid);
      fchmodSync(descriptor, like.mode & 0o7777);
    }
    if (!replaces) {
      this.#syncing.pop();
      closeSync(descriptor);
    } else if (this.#syncing.length >= MAX_SYNCING) await this.#syncAll();
  }

  /** All at once, because a disk serves many requests in the time of one. */
  async #syncAll(): Promise<void> {
    const batch = this.#syncing;
    this.#syncing = [];
    const ends = await Promise.allSettled(
      batch.map(async ({ change, descriptor }) => {
        await this.#attempt(change, () => syncFile(descriptor).finally(() => closeSync(descriptor)));
      }),
    );
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  #install(staged: Staged): void {
    const { path } = staged.change;
    const there = statOrNull(this.#open.safe(path));
    if (there === null) {
      renameSync(this.#open.safe(staged.temp), this.#open.safe(path));
      this.#undo.push({ path, work: () => unlinkSync(this.#open.safe(path)) });
      return;
    }
    assertFile(path, there);
    const old = this.#nearOf(path).place('old', basename(path));
    keepSecondName(this.#open.safe(path), this.#open.safe(old));
    this.#changedFolders.add(dirname(path));
    renameSync(this.#open.safe(staged.temp), this.#open.safe(path));
    this.#undo.push({ path, work: () => renameSync(this.#open.safe(old), this.#open.safe(path)) });
  }

  #setAside(change: Change): void {
    const { path } = change;
    const there = statOrNull(this.#open.safe(path));
    if (there !== null && !there.isSymbolicLink()) assertFile(path, there);
    const old = this.#nearOf(path).place('old', basename(path));
    this.#changedFolders.add(dirname(path));
    renameSync(this.#open.safe(path), this.#open.safe(old));
    this.#aside.set(path, old);
    this.#undo.push({ path, work: () => renameSync(this.#open.safe(old), this.#open.safe(path)) });
  }
}

/** Planning has refused what is no file; this holds for what was put there since. */
function assertFile(path: string, stats: Stats): void {
  if (stats.isFile()) return;
  throw new AgentboxError('NOT_A_FILE', `${path} is ${kindText(stats)}, not a regular file`, { path });
}

/** Every folder that one of the changes stands in, however deep. */
function foldersAbove(changes: readonly Change[]): ReadonlySet<string> {
  const above = new Set<string>();
  for (const change of changes) {
    for (let at = dirname(change.path); !above.has(at); at = dirname(at)) above.add(at);
  }
  return above;
}

/** A hard link, or a copy where the file system or its owner allows no link. */
function keepSecondName(path: string, second: string): void {
  try {
    linkSync(path, second);
  } catch (fault) {
    if (expectErrno(fault) === 'ENOSPC') throw fault;
    const stats = lstatSync(path);
    copyFileSync(path, second, constants.COPYFILE_EXCL);
    quietly(() => chownSync(second, stats.uid, stats.gid));
    chmodSync(second, stats.mode & 0o7777);
  }
}

/** A folder that cannot be listed cannot be opened for this either; a patch that is done is not undone for want of it. */
async function syncFolder(folders: OpenFolders, path: string): Promise<void> {
  try {
    const folder = openSync(folders.root(path), constants.O_RDONLY | constants.O_DIRECTORY);
    await syncFile(folder).finally(() => closeSync(folder));
  } catch (fault) {
    if (!(fault instanceof AgentboxError)) expectErrno(fault);
  }
}
