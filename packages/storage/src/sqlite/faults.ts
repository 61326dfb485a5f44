/** What a failure of SQLite or of the file system means to the caller. */
import type { Detail, ErrorCode } from '@agentbox/protocol';
import type { Fault } from './wire.ts';

/** A refusal that was decided here, on its way to the caller. */
export class StorageRefusal extends Error {
  override readonly name = 'StorageRefusal';
  readonly fault: Fault;

  constructor(code: ErrorCode, message: string, detail: Detail) {
    super(message);
    this.fault = { code, message, detail, fatal: true };
  }
}

const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
const SQLITE_NOTADB = 26;
/** also what a limit on the size of files and a quota say */
const IOERR_WRITE = 778;
/** no room for the index of the write-ahead log */
const IOERR_SHMSIZE = 4874;
/** After a failed sync nobody knows what the disk holds: trying again would report success for lost pages. */
const FAILED_SYNCS: ReadonlySet<number> = new Set([1034, 1290]);
const NO_SPACE: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

function property(thrown: unknown, name: 'code' | 'errcode' | 'message'): unknown {
  return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, name) : undefined;
}

/** the extended result code, or undefined when SQLite did not fail */
function sqliteCode(thrown: unknown): number | undefined {
  const code = property(thrown, 'errcode');
  return typeof code === 'number' ? code : undefined;
}

export const isBusy = (thrown: unknown): boolean => ((sqliteCode(thrown) ?? 0) & 0xff) === SQLITE_BUSY;

/** `fatal` only where going on could report success for what is lost. */
export function faultOf(thrown: unknown, file: string): Fault {
  if (thrown instanceof StorageRefusal) return thrown.fault;
  const extended = sqliteCode(thrown);
  const said = String(property(thrown, 'message') ?? thrown);
  if (extended === undefined) return fileFault(property(thrown, 'code'), said, file);
  const detail = { file, sqlite: extended };
  const primary = extended & 0xff;
  if (primary === SQLITE_FULL || extended === IOERR_WRITE || extended === IOERR_SHMSIZE) {
    return { code: 'DISK_FULL', message: `${file} cannot grow: ${said}`, detail, fatal: false };
  }
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) return damaged(file, said);
  if (primary === SQLITE_CONSTRAINT) {
    return { code: 'INTERNAL', message: `the database refused a row: ${said}`, detail, fatal: false };
  }
  const code = primary === 1 ? 'INTERNAL' : 'STORAGE_UNAVAILABLE';
  const fatal = primary === SQLITE_IOERR && FAILED_SYNCS.has(extended);
  return { code, message: `${file}: ${said}`, detail, fatal };
}

function fileFault(code: unknown, said: string, file: string): Fault {
  const known = NO_SPACE.has(code) ? 'DISK_FULL' : 'STORAGE_UNAVAILABLE';
  return { code: known, message: `${file}: ${said}`, detail: { file }, fatal: false };
}

/** The file stays as it is: what is left in it may be all that there is. */
export function damaged(file: string, said: string): Fault {
  const way = `keep a copy (cp -a ${file}* /somewhere/safe/), then restore a backup in its place or move it away to begin anew`;
  return {
    code: 'STORAGE_UNAVAILABLE',
    message: `${file} is damaged (${said}). Nothing in it was changed; ${way}.`,
    detail: { file, damaged: true },
    fatal: true,
  };
}
