/** Opens the database file: private to its user, checked before anything is written, synced at every commit. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { damaged, StorageRefusal } from './faults.ts';
import { checkOwner } from './migrate.ts';

/** A larger file is not read through at every start; SQLite still checks each page it uses. */
const CHECKED_BYTES = 16 * 1024 * 1024;
/** the write-ahead log is cut back to this size after a checkpoint */
const JOURNAL_BYTES = 16 * 1024 * 1024;

export function openForWriting(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 1000 });
  try {
    const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
    if (mode !== 'wal') {
      throw new StorageRefusal(
        'STORAGE_UNAVAILABLE',
        `${path} lies on a file system without shared memory; put the home on a local disk`,
        { file: path, journal: String(mode) },
      );
    }
    db.exec(`PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${JOURNAL_BYTES}; PRAGMA trusted_schema = OFF`);
    return db;
  } catch (thrown) {
    db.close();
    throw thrown;
  }
}

export function openForReading(path: string): DatabaseSync {
  return new DatabaseSync(path, { readOnly: true, timeout: 1000 });
}

/** The folder and an empty file with private modes; SQLite gives its companions the mode of the file. */
export function preparePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
}

/** Throws for a file that is damaged or not ours. Reads only, so that such a file stays byte for byte what it is. */
export function checkFile(path: string): void {
  if (!existsSync(path) || statSync(path).size === 0) return;
  using db = openForReading(path);
  checkOwner(db, path);
  if (statSync(path).size > CHECKED_BYTES) return;
  const found = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (found !== 'ok') throw refusal(path, String(found));
}

function refusal(path: string, found: string): StorageRefusal {
  const fault = damaged(path, found.replaceAll('\n', ' '));
  return new StorageRefusal(fault.code, fault.message, fault.detail);
}
