/**
 * SHA-256 of the file that a held process is about to run, found through that process's own root directory. The
 * process can put anything in the file's place meanwhile: nothing is opened for reading before it is known to be the
 * very file that was judged, and a reading that takes too long is given up.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ExecFacts } from '@agentbox/protocol';

/** larger files are named by their size: whoever answers waits for the hash */
const HASHED_BYTES = 512 * 1024 * 1024;
const LIMIT_MS = 10_000;
/** a path alone: a pipe, a device or a lease is not touched by it */
const O_PATH = 0o10000000;

/** An empty text when there is no such file any more, it is another one by now, or it cannot be read in time. */
export async function hashImage(facts: ExecFacts): Promise<string> {
  const { pid, file, image } = facts;
  if (image.kind !== 'file' || image.size > HASHED_BYTES) return '';
  try {
    await using found = await open(`/proc/${pid}/root${file}`, O_PATH | constants.O_NOFOLLOW);
    const stats = await found.stat();
    if (!stats.isFile() || stats.dev !== image.device || stats.ino !== image.inode) return '';
    await using handle = await open(`/proc/self/fd/${found.fd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    return await hashOf(handle, image.size);
  } catch {
    return '';
  }
}

async function hashOf(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha256');
  const signal = AbortSignal.timeout(LIMIT_MS);
  // A file that grows while it is read is not the one that was judged.
  for await (const chunk of handle.createReadStream({ autoClose: false, end: size, signal })) hash.update(chunk);
  return hash.digest('hex');
}
