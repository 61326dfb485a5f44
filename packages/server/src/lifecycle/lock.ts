/**
 * One server for each home. The lock is the kernel's, taken through SQLite: it ends with the process that holds it, also
 * with kill -9, so that no stale file ever keeps a server from starting.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const BUSY = 5;

/** Holds the lock until disposed; undefined while another process holds it. */
export function takeLock(path: string): Disposable | undefined {
  // SQLite makes files that others may read.
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE');
  } catch (fault) {
    database.close();
    if (fault instanceof Error && 'errcode' in fault && fault.errcode === BUSY) return undefined;
    throw fault;
  }
  return { [Symbol.dispose]: () => database.close() };
}
