/** Principals, tokens, sessions and the record. */
import type { Migration } from './migration.ts';

export const first: Migration = {
  number: 1,
  name: 'first',
  statements: [
    `CREATE TABLE principals (
       id TEXT NOT NULL PRIMARY KEY,
       name TEXT NOT NULL,
       scopes TEXT NOT NULL,
       created_at INTEGER NOT NULL,
       disabled_at INTEGER
     ) STRICT`,
    `CREATE TABLE tokens (
       id TEXT NOT NULL PRIMARY KEY,
       principal TEXT NOT NULL REFERENCES principals (id),
       hash TEXT NOT NULL UNIQUE,
       created_at INTEGER NOT NULL,
       expires_at INTEGER,
       revoked_at INTEGER
     ) STRICT`,
    'CREATE INDEX tokens_by_principal ON tokens (principal, created_at)',
    `CREATE TABLE sessions (
       session TEXT NOT NULL PRIMARY KEY,
       principal TEXT NOT NULL,
       tool TEXT NOT NULL,
       command TEXT NOT NULL,
       cwd TEXT NOT NULL,
       opened_at INTEGER NOT NULL,
       closed_at INTEGER,
       exit_code INTEGER
     ) STRICT`,
    'CREATE INDEX sessions_by_principal ON sessions (principal, opened_at, session)',
    'CREATE INDEX sessions_by_time ON sessions (opened_at, session)',
    `CREATE TABLE audit (
       seq INTEGER NOT NULL PRIMARY KEY,
       at INTEGER NOT NULL,
       kind TEXT NOT NULL,
       principal TEXT,
       trace TEXT,
       subject TEXT NOT NULL,
       outcome TEXT,
       detail TEXT NOT NULL,
       prev TEXT NOT NULL,
       hash TEXT NOT NULL
     ) STRICT`,
  ],
};
