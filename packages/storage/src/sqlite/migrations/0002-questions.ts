/** What waits for a person, and what came of it. */
import type { Migration } from './migration.ts';

export const questions: Migration = {
  number: 2,
  name: 'questions',
  statements: [
    `CREATE TABLE questions (
       id TEXT NOT NULL PRIMARY KEY,
       kind TEXT NOT NULL,
       session TEXT NOT NULL,
       asked_by TEXT NOT NULL,
       asked_at INTEGER NOT NULL,
       expires_at INTEGER NOT NULL,
       facts TEXT NOT NULL,
       binds_to TEXT NOT NULL,
       proposal TEXT,
       state TEXT NOT NULL,
       decision TEXT,
       answered_by TEXT,
       answered_at INTEGER,
       face TEXT,
       note TEXT,
       delivery TEXT NOT NULL
     ) STRICT`,
    'CREATE INDEX questions_by_state ON questions (state, asked_at, id)',
    'CREATE INDEX questions_by_principal ON questions (asked_by, asked_at, id)',
    'CREATE INDEX questions_by_delivery ON questions (delivery, asked_at, id)',
  ],
};
