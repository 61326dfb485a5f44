/** Kysely over the database worker: selects go to the queue of reads, the rest to that of writes, a transaction to a lease. */
import { assertInvariant } from '@agentbox/base';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import type { SqlValue, Unit } from './wire.ts';
import type { Lease, WorkQueue } from './work-queue.ts';

export interface Queues {
  readonly writer: WorkQueue;
  readonly reader: WorkQueue;
}

export function workerDialect(queues: Queues): Dialect {
  return {
    createDriver: () => new WorkerDriver(queues),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: () => new SqliteAdapter(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}

/** The stores bind these and nothing else; booleans, dates and bytes have a column form of their own. */
function parseSqlValue(value: unknown): SqlValue {
  if (value === null || typeof value === 'string') return value;
  assertInvariant(Number.isFinite(value) && typeof value === 'number', `a ${typeof value} cannot be bound`);
  return value;
}

function unitOf({ sql, parameters }: CompiledQuery): Unit {
  return { statements: [{ sql, runs: [parameters.map((value) => parseSqlValue(value))] }] };
}

/** Nothing is connected: a connection is the place where a transaction keeps its lease. */
class WorkerConnection implements DatabaseConnection {
  readonly #queues: Queues;
  lease: Lease | null = null;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    const queue = compiled.query.kind === 'SelectQueryNode' ? this.#queues.reader : this.#queues.writer;
    const unit = unitOf(compiled);
    const [result] = await (this.lease === null ? queue.run(unit) : this.lease.execute(unit));
    assertInvariant(result !== undefined, 'one statement has one result');
    return { rows: parseRows<R>(result.rows), numAffectedRows: BigInt(result.changes) };
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery(): AsyncGenerator<never> {
    assertInvariant(false, 'rows come in pages, not in streams');
  }
}

/** The compiler of the query knows the shape of its rows; the stores parse what the types cannot say. */
function parseRows<R>(rows: readonly unknown[]): R[] {
  return [...rows] as R[];
}

/** Rolling back after a lease that ended by itself does nothing; committing after it is refused by the lease. */
class WorkerDriver implements Driver {
  readonly #queues: Queues;

  constructor(queues: Queues) {
    this.#queues = queues;
  }

  init(): Promise<void> {
    return Promise.resolve();
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new WorkerConnection(this.#queues));
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    ours(connection).lease = await this.#queues.writer.lease();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await ours(connection).lease?.commit();
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await ours(connection).lease?.rollback();
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    ours(connection).lease = null;
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return Promise.resolve();
  }
}

function ours(connection: DatabaseConnection): WorkerConnection {
  assertInvariant(connection instanceof WorkerConnection, 'a connection of this driver');
  return connection;
}
