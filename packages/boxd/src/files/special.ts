/** What stands at a path where only a regular file may be read, replaced or removed. */
import type { BigIntStats, Stats } from 'node:fs';

type Kinds = Pick<
  Stats | BigIntStats,
  'isBlockDevice' | 'isCharacterDevice' | 'isDirectory' | 'isFIFO' | 'isFile' | 'isSocket' | 'isSymbolicLink'
>;

/** With its article, as in `It is a named pipe`. */
export function kindText(stats: Kinds): string {
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  if (stats.isCharacterDevice()) return 'a character device';
  if (stats.isBlockDevice()) return 'a block device';
  if (stats.isDirectory()) return 'a folder';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return stats.isFile() ? 'a regular file' : 'of a kind of its own';
}
