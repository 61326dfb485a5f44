/** One database connection: cached statements, units, group commit. Synchronous; lives in a worker. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { faultOf } from './faults.ts';
import type { Answer, Fault, SqlRow, Statement, StatementResult, Unit, UnitResult } from './wire.ts';

const MAX_CACHED_STATEMENTS = 128;

interface Cached {
  readonly statement: StatementSync;
  readonly returnsRows: boolean;
}

export class Engine {
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #cache = new Map<string, Cached>();

  constructor(db: DatabaseSync, file: string) {
    this.#db = db;
    this.#file = file;
  }

  /** each unit by itself, outside a transaction: for reading */
  read(units: readonly Unit[]): Answer {
    return { kind: 'done', results: units.map((unit) => this.#attempt(unit)) };
  }

  /** all units in one transaction: one sync of the disk for all of them */
  commitAll(units: readonly Unit[]): Answer {
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const results: UnitResult[] = [];
      for (const unit of units) {
        const result = this.#attempt(unit);
        results.push(result);
        // A full disk may end the transaction in the middle: then no unit took effect, and none after it may.
        if (!this.#db.isTransaction) return { kind: 'failed', fault: faultIn(result, this.#file) };
      }
      this.#db.exec('COMMIT');
      return { kind: 'done', results };
    } catch (thrown) {
      return { kind: 'failed', fault: this.#rollback(thrown) };
    }
  }

  /** an interactive transaction; whoever asks sees to it that nothing else is written meanwhile */
  begin(): Answer {
    return this.#simple('BEGIN IMMEDIATE');
  }

  commit(): Answer {
    return this.#simple('COMMIT');
  }

  /** harmless when the transaction ended by itself */
  rollback(): Answer {
    return this.#db.isTransaction ? this.#simple('ROLLBACK') : { kind: 'done', results: [] };
  }

  execute(unit: Unit): Answer {
    return { kind: 'done', results: [this.#attempt(unit)] };
  }

  close(): void {
    this.#cache.clear();
    this.#db.close();
  }

  #simple(sql: string): Answer {
    try {
      this.#db.exec(sql);
      return { kind: 'done', results: [] };
    } catch (thrown) {
      return { kind: 'failed', fault: this.#rollback(thrown) };
    }
  }

  /** A rollback that fails leaves a connection of unknown state, which is given up. */
  #rollback(thrown: unknown): Fault {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      return faultOf(thrown, this.#file);
    } catch (second) {
      return { ...faultOf(second, this.#file), fatal: true };
    }
  }

  #attempt(unit: Unit): UnitResult {
    // A single run is whole or nothing already; several need a mark to go back to.
    const marked = this.#db.isTransaction && (unit.statements[0]?.runs.length !== 1 || unit.statements.length !== 1);
    try {
      if (marked) this.#db.exec('SAVEPOINT unit');
      const results = unit.statements.map((statement) => this.#run(statement));
      if (marked) this.#db.exec('RELEASE unit');
      return { kind: 'done', results };
    } catch (thrown) {
      if (marked && this.#db.isTransaction) this.#db.exec('ROLLBACK TO unit; RELEASE unit');
      return { kind: 'failed', fault: faultOf(thrown, this.#file) };
    }
  }

  #run({ sql, runs }: Statement): StatementResult {
    const { statement, returnsRows } = this.#prepare(sql);
    let rows: readonly SqlRow[] = [];
    let changes = 0;
    for (const values of runs) {
      if (returnsRows) {
        rows = statement.all(...values);
        changes += rows.length;
      } else {
        changes += Number(statement.run(...values).changes);
      }
    }
    return { rows, changes };
  }

  /** Preparing costs more than running: the stores say the same few texts again and again. */
  #prepare(sql: string): Cached {
    const known = this.#cache.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    const cached = { statement, returnsRows: statement.columns().length > 0 };
    const oldest = this.#cache.keys().next();
    if (this.#cache.size >= MAX_CACHED_STATEMENTS && oldest.done !== true) this.#cache.delete(oldest.value);
    this.#cache.set(sql, cached);
    return cached;
  }
}

function faultIn(result: UnitResult, file: string): Fault {
  return result.kind === 'failed' ? result.fault : faultOf('the transaction ended by itself', file);
}
