/**
 * One process at a time owns a database. The lock is a write transaction held open on a small file beside it: the
 * kernel ends it with its process, however that dies.
 */
import { chmodSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { isBusy, StorageRefusal } from './faults.ts';

/** Throws StorageRefusal ALREADY_RUNNING while another process, or another store of this one, holds the lock. */
export function lockDatabase(path: string, pid: number): Disposable {
  const lock = new DatabaseSync(`${path}.lock`, { timeout: 0 });
  try {
    chmodSync(`${path}.lock`, 0o600);
    // Written before the lock is taken for good, so that a refused process can read who holds it.
    lock.exec('BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS holder (pid INTEGER NOT NULL); DELETE FROM holder');
    lock.prepare('INSERT INTO holder (pid) VALUES (?)').run(pid);
    lock.exec('COMMIT; BEGIN IMMEDIATE');
  } catch (thrown) {
    const holder = isBusy(thrown) ? holderOf(lock) : null;
    lock.close();
    if (!isBusy(thrown)) throw thrown;
    const who = holder === null ? 'another process' : `process ${holder}`;
    throw new StorageRefusal('ALREADY_RUNNING', `${path} is in use by ${who}`, {
      file: path,
      ...(holder === null ? {} : { pid: holder }),
    });
  }
  return { [Symbol.dispose]: () => lock.close() };
}

function holderOf(lock: DatabaseSync): number | null {
  try {
    const pid = lock.prepare('SELECT pid FROM holder').get()?.['pid'];
    return typeof pid === 'number' ? pid : null;
  } catch {
    // The holder is just writing its number.
    return null;
  }
}
