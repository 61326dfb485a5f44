/**
 * Brings a database to the schema that this program knows: forward only, each step in its own transaction, and only
 * from a database whose history this program recognises.
 */
import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { StorageRefusal } from './faults.ts';
import type { Migration } from './migrations/migration.ts';

/** `abox`: tells our files from those of other programs */
const APPLICATION_ID = 0x61_62_6f_78;

export const checksumOf = ({ number, name, statements }: Migration): string =>
  createHash('sha256')
    .update(JSON.stringify([number, name, statements]))
    .digest('hex');

interface Applied {
  readonly number: number;
  readonly checksum: string;
}

/** Answers the number of the schema that the database has afterwards. */
export function migrate(db: DatabaseSync, file: string, migrations: readonly Migration[], now: number): number {
  if (checkOwner(db, file) === 'nobody') claim(db);
  const applied = readApplied(db);
  checkHistory(applied, migrations, file);
  for (const migration of migrations.slice(applied.length)) apply(db, migration, now);
  return migrations.length;
}

/** Throws for the database of another program. Reads only. */
export function checkOwner(db: DatabaseSync, file: string): 'us' | 'nobody' {
  const id = db.prepare('PRAGMA application_id').get()?.['application_id'];
  const tables = db.prepare("SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table'").get()?.['count'];
  if (id === APPLICATION_ID) return 'us';
  if (id === 0 && tables === 0) return 'nobody';
  const message = `${file} is a database of another program; it was not touched`;
  throw new StorageRefusal('STORAGE_UNAVAILABLE', message, { file });
}

function claim(db: DatabaseSync): void {
  db.exec(`BEGIN IMMEDIATE;
    PRAGMA application_id = ${APPLICATION_ID};
    CREATE TABLE schema_migrations (
      number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL
    ) STRICT;
    COMMIT`);
}

/** oldest first */
function readApplied(db: DatabaseSync): readonly Applied[] {
  const rows = db.prepare('SELECT number, checksum FROM schema_migrations ORDER BY number').all();
  return rows.map((row) => ({ number: Number(row['number']), checksum: String(row['checksum']) }));
}

/** What was applied must be the beginning of what this program knows, step for step. */
function checkHistory(applied: readonly Applied[], migrations: readonly Migration[], file: string): void {
  const newest = applied.at(-1)?.number ?? 0;
  if (newest > migrations.length) {
    throw new StorageRefusal(
      'STORAGE_UNAVAILABLE',
      `${file} was written by a newer agentbox (schema ${newest}; this one knows ${migrations.length}). Start that version, or restore the backup made before the update.`,
      { file, schema: newest, known: migrations.length },
    );
  }
  applied.forEach(({ number, checksum }, index) => {
    const migration = migrations[index];
    if (migration !== undefined && migration.number === number && checksumOf(migration) === checksum) return;
    throw new StorageRefusal(
      'STORAGE_UNAVAILABLE',
      `${file}: step ${number} of its schema is not the one this program knows; restore a backup or start the version that wrote it`,
      { file, schema: number },
    );
  });
}

function apply(db: DatabaseSync, migration: Migration, now: number): void {
  db.exec('BEGIN IMMEDIATE');
  try {
    for (const statement of migration.statements) db.exec(statement);
    db.prepare('INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (?, ?, ?, ?)').run(
      migration.number,
      migration.name,
      checksumOf(migration),
      now,
    );
    db.exec('COMMIT');
  } catch (thrown) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw thrown;
  }
}
