/**
 * Tidies up after a patch whose process was killed in the middle. What was set aside and is missing is put back, a
 * file caught half written over gets its old content, and the rest is removed. What cannot be told for certain is
 * kept under a name that nothing tidies up.
 */
import { linkSync, lstatSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { OpenFolders } from './folder.ts';
import { isMixture, overwrite } from './in-place.ts';
import { MAX_FILE_BYTES } from './limits.ts';
import { readWhole } from './observe.ts';
import { isAbandoned, ownerNames } from './owner.ts';
import { farRoot, isOurs, nearRoot, Staging } from './staging.ts';
import { errnoOf, expectErrno, systemText } from './system-error.ts';

/** `unclear`: both contents stay where they are. */
type Outcome = 'put-back' | 'settled' | 'unclear';

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean => Buffer.compare(left, right) === 0;

class Recovery {
  readonly notes: string[] = [];
  readonly #folders: OpenFolders;
  readonly #nextOwner = ownerNames();

  constructor(folders: OpenFolders) {
    this.#folders = folders;
  }

  async folder(folder: string): Promise<void> {
    for (const root of [nearRoot(folder), farRoot(folder)]) {
      if (!isOurs(root)) continue;
      for (const owner of readdirSync(root)) {
        const claimed = this.#claim(root, owner);
        if (claimed !== null) await this.#settle(folder, claimed);
      }
    }
  }

  /** Renamed to a name of this process, it is looked after by one only, and abandoned again if this one dies too. */
  #claim(root: string, owner: string): Staging | null {
    const path = join(root, owner);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined || !isAbandoned(owner, Date.now() - stats.ctimeMs)) return null;
    const next = this.#nextOwner();
    try {
      renameSync(this.#folders.safe(path), this.#folders.safe(join(root, next)));
    } catch (fault) {
      if (errnoOf(fault) === 'ENOENT') return null;
      throw fault;
    }
    return Staging.found(this.#folders, root, next);
  }

  async #settle(folder: string, staging: Staging): Promise<void> {
    let unclear = 0;
    for (const kind of ['torn', 'old'] as const) {
      for (const name of staging.names(kind)) {
        const target = join(folder, name);
        const outcome =
          kind === 'torn' ? await this.#mend(target, staging, name) : await this.#putBack(target, staging, name);
        if (outcome === 'put-back') this.notes.push(`${target}: put back after an interrupted patch`);
        if (outcome === 'unclear') unclear += 1;
        else unlinkQuietly(this.#folders.safe(join(staging.path, kind, name)));
      }
    }
    if (unclear === 0) return staging.discard();
    this.notes.push(`${folder}: what an interrupted patch left is kept in ${staging.keep()}`);
    return undefined;
  }

  /** A file that was being written over. */
  async #mend(target: string, staging: Staging, name: string): Promise<Outcome> {
    const found = await this.#read(target);
    const old = await this.#read(join(staging.path, 'torn', name));
    const next = await this.#read(join(staging.path, 'new', name));
    if (old === null) return 'unclear';
    if (found === null) return this.#linkBack(target, join(staging.path, 'torn', name));
    if (sameBytes(found, old) || (next !== null && sameBytes(found, next))) return 'settled';
    // Anything else than a mixture has been written by somebody since, and is worth more than the old content.
    if (next === null || !isMixture(found, old, next)) return 'unclear';
    await overwrite(this.#folders.safe(target), old);
    return 'put-back';
  }

  /** A name that was taken away, or replaced. */
  async #putBack(target: string, staging: Staging, name: string): Promise<Outcome> {
    const stats = lstatSync(this.#folders.safe(target), { throwIfNoEntry: false });
    if (stats !== undefined && !stats.isDirectory()) return 'settled';
    if (stats !== undefined) {
      // The patch was about to make a folder in the place of a file.
      if (!(await this.#holdsNothing(target))) return 'unclear';
      this.#removeEmpty(target);
    }
    return this.#linkBack(target, join(staging.path, 'old', name));
  }

  #linkBack(target: string, kept: string): Outcome {
    try {
      linkSync(this.#folders.safe(kept), this.#folders.safe(target));
      return 'put-back';
    } catch (fault) {
      const code = expectErrno(fault);
      if (code === 'EEXIST' || code === 'EXDEV') return 'unclear';
    }
    // Without hard links a rename does it; what somebody makes there in this moment would be lost, so it comes second.
    try {
      renameSync(this.#folders.safe(kept), this.#folders.safe(target));
      return 'put-back';
    } catch (fault) {
      expectErrno(fault);
      return 'unclear';
    }
  }

  async #read(path: string): Promise<Uint8Array | null> {
    try {
      const read = await readWhole(this.#folders.safe(path), MAX_FILE_BYTES);
      return 'bytes' in read ? read.bytes : null;
    } catch (fault) {
      expectErrno(fault);
      return null;
    }
  }

  /** Whether there are only folders in a folder, once what was left in them is tidied up. */
  async #holdsNothing(folder: string): Promise<boolean> {
    await this.folder(folder);
    for (const entry of readdirSync(this.#folders.root(folder), { withFileTypes: true })) {
      if (!entry.isDirectory() || !(await this.#holdsNothing(join(folder, entry.name)))) return false;
    }
    return true;
  }

  #removeEmpty(folder: string): void {
    for (const name of readdirSync(this.#folders.root(folder))) this.#removeEmpty(join(folder, name));
    this.#folders.drop(folder);
    rmdirSync(this.#folders.safe(folder));
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch (fault) {
    expectErrno(fault);
  }
}

/**
 * `folders` are real paths. Answers with what a reader should know. A fault of one folder is no fault of the patch
 * that comes after: it leaves everything where it is.
 */
export async function recover(folders: Iterable<string>): Promise<readonly string[]> {
  const open = new OpenFolders();
  const recovery = new Recovery(open);
  try {
    for (const folder of folders) {
      try {
        await recovery.folder(folder);
      } catch (fault) {
        // Another process has just ended its patch and taken its folder away.
        if (errnoOf(fault) === 'ENOENT') continue;
        const reason = fault instanceof AgentboxError ? fault.message : systemText(expectErrno(fault));
        recovery.notes.push(`${folder}: what an interrupted patch left could not be looked at: ${reason}`);
      }
    }
  } finally {
    open.close();
  }
  return recovery.notes;
}
