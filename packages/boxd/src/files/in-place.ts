/**
 * Writes into a file that is not replaced by renaming: other names share its content, its folder takes no new names,
 * or it belongs to somebody else. Both contents lie complete elsewhere before the first byte is written, so that a
 * mixture which a crash leaves can be told and undone.
 */
import { closeSync, constants, fchmodSync, ftruncateSync, openSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import type { Change } from './change.ts';
import { syncFile, writeContent } from './content.ts';
import type { OpenFolders } from './folder.ts';
import { MAX_FILE_BYTES } from './limits.ts';
import { readWhole } from './observe.ts';
import type { Staging } from './staging.ts';

export class InPlace {
  readonly change: Change;
  readonly #folders: OpenFolders;
  readonly #content: Uint8Array;
  #old: Uint8Array | null = null;

  constructor(folders: OpenFolders, change: Change, content: Uint8Array) {
    this.change = change;
    this.#folders = folders;
    this.#content = content;
  }

  /** The old content gets the name `torn` only when both are on the disk. */
  async prepare(staging: Staging, mode: number): Promise<void> {
    const name = basename(this.change.path);
    const read = await readWhole(this.#folders.safe(this.change.path), MAX_FILE_BYTES);
    if ('refused' in read) {
      const { path } = this.change;
      throw new AgentboxError('FILE_UNUSABLE', `Failed to write file ${path}: ${read.refused}`, { path });
    }
    this.#old = read.bytes;
    await this.#keep(staging.place('new', name), this.#content, mode);
    const part = staging.place('part', name);
    await this.#keep(part, read.bytes, mode);
    const torn = staging.place('torn', name);
    renameSync(this.#folders.safe(part), this.#folders.safe(torn));
    const folder = openSync(this.#folders.root(join(staging.path, 'torn')), constants.O_RDONLY);
    await syncFile(folder).finally(() => closeSync(folder));
  }

  async write(): Promise<void> {
    await overwrite(this.#folders.safe(this.change.path), this.#content);
  }

  async undo(): Promise<void> {
    if (this.#old !== null) await overwrite(this.#folders.safe(this.change.path), this.#old);
  }

  async #keep(path: string, content: Uint8Array, mode: number): Promise<void> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const file = openSync(this.#folders.safe(path), flags, 0o600);
    try {
      await writeContent(file, content);
      fchmodSync(file, mode & 0o777);
      await syncFile(file);
    } finally {
      closeSync(file);
    }
  }
}

/** Writes before it cuts, so that a full disk is met while the old end is still there. */
export async function overwrite(path: string, content: Uint8Array): Promise<void> {
  const file = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    await writeContent(file, content);
    ftruncateSync(file, content.length);
    await syncFile(file);
  } finally {
    closeSync(file);
  }
}

/** Whether writing `next` over `old` can have left this: each byte is of one of the two, and so is the length. */
export function isMixture(found: Uint8Array, old: Uint8Array, next: Uint8Array): boolean {
  const shortest = Math.min(old.length, next.length);
  if (found.length < shortest || found.length > Math.max(old.length, next.length)) return false;
  for (let at = 0; at < found.length; at += 1) {
    const byte = found[at];
    if (byte !== next[at] && byte !== old[at]) return false;
  }
  return true;
}
