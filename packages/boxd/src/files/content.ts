/**
 * Whole contents through an open file. What is small is read and written at once, what is large goes through the
 * thread pool, so that a slow disk does not stop the daemon.
 */
import { fsync, read, readSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { SMALL_BYTES } from './limits.ts';

const readLater = promisify(read);
const writeLater = promisify(write);

/** Waits until the content is on the disk; always in the thread pool, because no disk answers at once. */
export const syncFile: (descriptor: number) => Promise<void> = promisify(fsync);

/** `size` as the file said; a file that is cut meanwhile gives what is there. */
export async function readContent(descriptor: number, size: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  while (at < size) {
    const got =
      size <= SMALL_BYTES
        ? readSync(descriptor, bytes, at, size - at, at)
        : (await readLater(descriptor, bytes, at, size - at, at)).bytesRead;
    if (got === 0) break;
    at += got;
  }
  return bytes.subarray(0, at);
}

/** Writes from the beginning; the end of a longer content stays where it is. */
export async function writeContent(descriptor: number, content: Uint8Array): Promise<void> {
  const size = content.length;
  for (let at = 0; at < size; ) {
    at +=
      size <= SMALL_BYTES
        ? writeSync(descriptor, content, at, size - at, at)
        : (await writeLater(descriptor, content, at, size - at, at)).bytesWritten;
  }
}
