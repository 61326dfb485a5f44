/** What the server remembers of sessions: who asked, through what, when. */
import type { SessionRecord, SessionStore } from '@agentbox/control-plane';
import type { PrincipalId, SessionId } from '@agentbox/protocol';
import type { Kysely, Selectable } from 'kysely';
import { principalColumn, sessionColumn } from './columns.ts';
import type { Tables } from './tables.ts';

const MAX_LISTED = 1000;

export function createSessionStore(db: Kysely<Tables>): SessionStore {
  return new SqlSessionStore(db);
}

function toSession(row: Selectable<Tables['sessions']>): SessionRecord {
  return {
    session: sessionColumn(row.session),
    principal: principalColumn(row.principal),
    tool: row.tool,
    command: row.command,
    cwd: row.cwd,
    openedAt: row.opened_at,
    closedAt: row.closed_at,
    exitCode: row.exit_code,
  };
}

class SqlSessionStore implements SessionStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  /** A session that is known already stays as it is: the first record of it tells who asked. */
  async open(record: SessionRecord): Promise<void> {
    await this.#db
      .insertInto('sessions')
      .values({
        session: record.session,
        principal: record.principal,
        tool: record.tool,
        command: record.command,
        cwd: record.cwd,
        opened_at: record.openedAt,
        closed_at: record.closedAt,
        exit_code: record.exitCode,
      })
      .onConflict((conflict) => conflict.column('session').doNothing())
      .execute();
  }

  /** The first end counts. */
  async close(session: SessionId, at: number, exitCode: number | null): Promise<void> {
    await this.#db
      .updateTable('sessions')
      .set({ closed_at: at, exit_code: exitCode })
      .where('session', '=', session)
      .where('closed_at', 'is', null)
      .execute();
  }

  /** newest first */
  async list(principal: PrincipalId | null, limit: number): Promise<readonly SessionRecord[]> {
    let query = this.#db.selectFrom('sessions').selectAll();
    if (principal !== null) query = query.where('principal', '=', principal);
    const rows = await query
      .orderBy('opened_at', 'desc')
      .orderBy('session', 'desc')
      .limit(Math.min(limit, MAX_LISTED))
      .execute();
    return rows.map((row) => toSession(row));
  }
}
