/** What every store of the record does, the one in memory that other tests use included. */
import assert from 'node:assert/strict';
import { type AuditStore, createAuditLog } from '@agentbox/control-plane';
import type { AuditEntry, AuditRecord } from '@agentbox/protocol';
import { Kysely } from 'kysely';
import { Channel } from '../../packages/storage/src/sqlite/channel.ts';
import { workerDialect } from '../../packages/storage/src/sqlite/dialect.ts';
import { QUEUE_LIMITS, WorkQueue } from '../../packages/storage/src/sqlite/work-queue.ts';
import { createAuditStore } from '../../packages/storage/src/stores/audit-store.ts';
import type { Tables } from '../../packages/storage/src/stores/tables.ts';
import { listStore } from '../control/list-store.ts';
import { verifies } from '../requirements/verifies.ts';
import { sqliteHome } from './sqlite-home.ts';

interface OpenStore extends AsyncDisposable {
  readonly store: AuditStore;
}

async function openSqlite(): Promise<OpenStore> {
  const home = sqliteHome();
  const worker = new URL('../../packages/storage/src/sqlite/worker.ts', import.meta.url);
  const channel = await Channel.open(worker, { path: home.path, now: 1 }, () => undefined);
  const writer = new WorkQueue(channel, 'write', QUEUE_LIMITS);
  const reader = new WorkQueue(channel, 'read', QUEUE_LIMITS);
  const db = new Kysely<Tables>({ dialect: workerDialect({ writer, reader }) });
  return {
    store: createAuditStore(db, async (sql, runs) => void (await writer.run({ statements: [{ sql, runs }] }))),
    [Symbol.asyncDispose]: async () => {
      await channel[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
}

const AUDIT_STORES: Readonly<Record<string, () => Promise<OpenStore>>> = {
  sqlite: openSqlite,
  memory: () => Promise.resolve({ store: listStore(), [Symbol.asyncDispose]: () => Promise.resolve() }),
};

const ENTRY: AuditEntry = {
  at: 1,
  kind: 'call.finished',
  principal: null,
  trace: null,
  subject: 'x',
  outcome: 'ok',
  detail: { list: [1, { deep: 'ü' }] },
};

const numbers = (records: readonly AuditRecord[]): readonly number[] => records.map(({ seq }) => seq);

for (const [name, open] of Object.entries(AUDIT_STORES)) {
  verifies(
    'storage.audit.pages',
    async () => {
      await using opened = await open();
      const { store } = opened;
      assert.deepEqual([await store.last(5), await store.read(1, 5)], [[], []]);
      const log = await createAuditLog(store);
      await Promise.all(Array.from({ length: 10 }, () => log.append(ENTRY)));
      assert.deepEqual(numbers(await store.last(3)), [8, 9, 10]);
      assert.deepEqual(numbers(await store.last(100)).length, 10);
      assert.deepEqual(numbers(await store.read(4, 3)), [4, 5, 6]);
      assert.deepEqual(await store.read(11, 3), []);
      const [first] = await store.read(1, 1);
      assert.ok(first !== undefined);
      const { seq, prev, hash, ...entry } = first;
      assert.deepEqual(entry, ENTRY);
      assert.deepEqual([seq, prev, hash.length], [1, '0'.repeat(64), 64]);
    },
    { cell: name },
  );

  verifies(
    'storage.audit.pages',
    async () => {
      await using opened = await open();
      const { store } = opened;
      const log = await createAuditLog(store);
      await log.append(ENTRY);
      const [first] = await store.read(1, 1);
      assert.ok(first !== undefined);
      const taken = [
        { ...first, seq: 2 },
        { ...first, seq: 1 },
      ];
      await assert.rejects(store.append(taken));
      assert.deepEqual(numbers(await store.read(1, 10)), [1], 'a number that is taken refuses the whole batch');
    },
    { cell: `${name}, a number twice` },
  );
}
