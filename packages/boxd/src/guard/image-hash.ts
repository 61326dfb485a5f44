/** SHA-256 of the file that a held process is about to run, read through that process's own root directory. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { ExecFacts } from '@agentbox/protocol';

/** larger files are named by their size: whoever answers waits for the hash */
const HASHED_BYTES = 512 * 1024 * 1024;

/** An empty text when there is no such file any more, or it is another one by now. */
export async function hashImage({ pid, file, image }: ExecFacts): Promise<string> {
  if (image.kind !== 'file' || image.size > HASHED_BYTES) return '';
  try {
    await using handle = await open(`/proc/${pid}/root${file}`, 'r');
    const { dev, ino } = await handle.stat();
    if (dev !== image.device || ino !== image.inode) return '';
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk);
    return hash.digest('hex');
  } catch {
    return '';
  }
}
