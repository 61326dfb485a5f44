/** Principals and the hashes of their tokens. */
import type { PrincipalRecord, PrincipalStore, TokenRecord } from '@agentbox/control-plane';
import type { PrincipalId } from '@agentbox/protocol';
import type { Kysely, Selectable } from 'kysely';
import { principalColumn, scopesColumn } from './columns.ts';
import type { Tables } from './tables.ts';

/** One page of a list; the port offers no further one. */
const MAX_LISTED = 1000;

export function createPrincipalStore(db: Kysely<Tables>): PrincipalStore {
  return new SqlPrincipalStore(db);
}

function toPrincipal(row: Selectable<Tables['principals']>): PrincipalRecord {
  return {
    id: principalColumn(row.id),
    name: row.name,
    scopes: scopesColumn(row.scopes),
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}

function toToken(row: Selectable<Tables['tokens']>): TokenRecord {
  return {
    id: row.id,
    principal: principalColumn(row.principal),
    hash: row.hash,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}

function fromToken(record: TokenRecord): Tables['tokens'] {
  return {
    id: record.id,
    principal: record.principal,
    hash: record.hash,
    created_at: record.createdAt,
    expires_at: record.expiresAt,
    revoked_at: record.revokedAt,
  };
}

class SqlPrincipalStore implements PrincipalStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async get(id: PrincipalId): Promise<PrincipalRecord | undefined> {
    const row = await this.#db.selectFrom('principals').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : toPrincipal(row);
  }

  async list(): Promise<readonly PrincipalRecord[]> {
    const query = this.#db.selectFrom('principals').selectAll().orderBy('created_at').orderBy('id').limit(MAX_LISTED);
    return (await query.execute()).map((row) => toPrincipal(row));
  }

  /** new, or changed in place: the time of creation stays */
  async put(record: PrincipalRecord): Promise<void> {
    const changing = {
      name: record.name,
      scopes: JSON.stringify(record.scopes),
      disabled_at: record.disabledAt,
    };
    await this.#db
      .insertInto('principals')
      .values({ id: record.id, created_at: record.createdAt, ...changing })
      .onConflict((conflict) => conflict.column('id').doUpdateSet(changing))
      .execute();
  }

  async findToken(hash: string): Promise<TokenRecord | undefined> {
    const row = await this.#db.selectFrom('tokens').selectAll().where('hash', '=', hash).executeTakeFirst();
    return row === undefined ? undefined : toToken(row);
  }

  async listTokens(principal: PrincipalId): Promise<readonly TokenRecord[]> {
    const rows = await this.#db
      .selectFrom('tokens')
      .selectAll()
      .where('principal', '=', principal)
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .limit(MAX_LISTED)
      .execute();
    return rows.map((row) => toToken(row));
  }

  async addToken(record: TokenRecord): Promise<void> {
    await this.#db.insertInto('tokens').values(fromToken(record)).execute();
  }

  revokeTokens(principal: PrincipalId, at: number): Promise<number> {
    return revoke(this.#db, principal, at);
  }

  replaceTokens(record: TokenRecord, at: number): Promise<number> {
    return this.#db.transaction().execute(async (transaction) => {
      const revoked = await revoke(transaction, record.principal, at);
      await transaction.insertInto('tokens').values(fromToken(record)).execute();
      return revoked;
    });
  }
}

/** What was revoked before keeps its time. */
async function revoke(db: Kysely<Tables>, principal: PrincipalId, at: number): Promise<number> {
  const result = await db
    .updateTable('tokens')
    .set({ revoked_at: at })
    .where('principal', '=', principal)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return Number(result.numUpdatedRows);
}
