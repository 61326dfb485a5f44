/** Where the record lies. A batch of records is one unit: all of them are durable, or none. */
import type { AuditStore } from '@agentbox/control-plane';
import type { AuditRecord } from '@agentbox/protocol';
import type { Kysely, Selectable } from 'kysely';
import { detailColumn, principalColumn, traceColumn } from './columns.ts';
import type { Tables } from './tables.ts';

const MAX_READ = 1000;

/** Runs one statement for every list of values, as one unit. */
export type InsertMany = (sql: string, runs: readonly (readonly (string | number | null)[])[]) => Promise<void>;

export function createAuditStore(db: Kysely<Tables>, insertMany: InsertMany): AuditStore {
  return new SqlAuditStore(db, insertMany);
}

/** Values for the compiler, which asks for columns and types only. */
const BLANK: Tables['audit'] = {
  seq: 0,
  at: 0,
  kind: 'server.started',
  principal: null,
  trace: null,
  subject: '',
  outcome: null,
  detail: '',
  prev: '',
  hash: '',
};

/** in the order of BLANK */
function valuesOf(record: AuditRecord): readonly (string | number | null)[] {
  const { seq, at, kind, principal, trace, subject, outcome, detail, prev, hash } = record;
  return [seq, at, kind, principal, trace, subject, outcome, JSON.stringify(detail), prev, hash];
}

function toRecord(row: Selectable<Tables['audit']>): AuditRecord {
  const { seq, at, kind, principal, trace, subject, outcome, detail, prev, hash } = row;
  return {
    seq,
    at,
    kind,
    principal: principal === null ? null : principalColumn(principal),
    trace: trace === null ? null : traceColumn(trace),
    subject,
    outcome,
    detail: detailColumn(detail),
    prev,
    hash,
  };
}

class SqlAuditStore implements AuditStore {
  readonly #db: Kysely<Tables>;
  readonly #insertMany: InsertMany;
  /** compiled once: this statement runs twice for every call */
  readonly #insertSql: string;

  constructor(db: Kysely<Tables>, insertMany: InsertMany) {
    this.#db = db;
    this.#insertMany = insertMany;
    this.#insertSql = db.insertInto('audit').values(BLANK).compile().sql;
  }

  append(records: readonly AuditRecord[]): Promise<void> {
    return this.#insertMany(
      this.#insertSql,
      records.map((record) => valuesOf(record)),
    );
  }

  async last(count: number): Promise<readonly AuditRecord[]> {
    const limit = Math.min(count, MAX_READ);
    const rows = await this.#db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit).execute();
    return rows.map((row) => toRecord(row)).toReversed();
  }

  async read(from: number, limit: number): Promise<readonly AuditRecord[]> {
    const rows = await this.#db
      .selectFrom('audit')
      .selectAll()
      .where('seq', '>=', from)
      .orderBy('seq')
      .limit(Math.min(limit, MAX_READ))
      .execute();
    return rows.map((row) => toRecord(row));
  }
}
