/** Every step of the schema, in order, numbered from 1 without a gap. */
import { first } from './0001-first.ts';
import { questions } from './0002-questions.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [first, questions];
