/** The queue, the worker and the transactions between the stores and the SQLite file. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AuditEntry, newPrincipalId, OPERATOR } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { build } from 'esbuild';
import { Kysely } from 'kysely';
import { Channel } from '../../packages/storage/src/sqlite/channel.ts';
import { workerDialect } from '../../packages/storage/src/sqlite/dialect.ts';
import type { Unit } from '../../packages/storage/src/sqlite/wire.ts';
import { QUEUE_LIMITS, type QueueLimits, WorkQueue } from '../../packages/storage/src/sqlite/work-queue.ts';
import { createPrincipalStore } from '../../packages/storage/src/stores/principal-store.ts';
import type { Tables } from '../../packages/storage/src/stores/tables.ts';
import { verifies } from '../requirements/verifies.ts';
import { openFilesOfStorage, sqliteHome } from './sqlite-home.ts';

const WORKER = new URL('../../packages/storage/src/sqlite/worker.ts', import.meta.url);

const ENTRY: AuditEntry = {
  at: 1,
  kind: 'server.started',
  principal: null,
  trace: null,
  subject: 'x',
  outcome: null,
  detail: {},
};

const insert = (id: string, name: string | null): Unit => ({
  statements: [
    { sql: 'INSERT INTO principals (id, name, scopes, created_at) VALUES (?, ?, ?, ?)', runs: [[id, name, '[]', 1]] },
  ],
});

interface Worker extends AsyncDisposable {
  readonly channel: Channel;
  readonly writer: WorkQueue;
  readonly db: Kysely<Tables>;
}

async function startWorker(path: string, limits: Partial<QueueLimits> = {}): Promise<Worker> {
  const channel = await Channel.open(WORKER, { path, now: 1 }, () => undefined);
  const settled = { ...QUEUE_LIMITS, ...limits };
  const writer = new WorkQueue(channel, 'write', settled);
  const reader = new WorkQueue(channel, 'read', settled);
  const db = new Kysely<Tables>({ dialect: workerDialect({ writer, reader }) });
  return { channel, writer, db, [Symbol.asyncDispose]: () => channel[Symbol.asyncDispose]() };
}

const names = async (db: Kysely<Tables>): Promise<readonly string[]> =>
  (await db.selectFrom('principals').select('name').orderBy('id').execute()).map(({ name }) => name);

verifies('storage.commit.alone', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path);
  const two = { statements: [...insert('b', 'b').statements, ...insert('c', null).statements] };
  const settled = await Promise.allSettled([
    worker.writer.run(insert('a', 'a')),
    worker.writer.run(insert('a', 'again')),
    worker.writer.run(two),
    worker.writer.run(insert('d', 'd')),
  ]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(await names(worker.db), ['a', 'd'], 'nothing is left of the unit that failed half-way');
});

verifies(
  'storage.commit.alone',
  async () => {
    using home = sqliteHome();
    await using worker = await startWorker(home.path);
    const ends = {
      statements: insert('a', 'b').statements.map(({ sql, runs }) => ({
        sql: sql.replace('INSERT', 'INSERT OR ROLLBACK'),
        runs,
      })),
    };
    const units = [insert('a', 'a'), ends, insert('d', 'd')];
    const settled = await Promise.allSettled(units.map((unit) => worker.writer.run(unit)));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    assert.deepEqual(await names(worker.db), [], 'what was refused is not there');
    await worker.writer.run(insert('e', 'e'));
    assert.deepEqual(await names(worker.db), ['e']);
  },
  { cell: 'a failure that ends the whole transaction' },
);

verifies('storage.commit.synced', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path);
  const pragmas = ['synchronous', 'journal_mode', 'foreign_keys'];
  const lease = await worker.writer.lease();
  const [, ...results] = await lease.execute({
    statements: ['application_id', ...pragmas].map((name) => ({ sql: `PRAGMA ${name}`, runs: [[]] })),
  });
  await lease.rollback();
  const rows = results.map(({ rows: [row] }) => ({ ...row }));
  assert.deepEqual(rows, [{ synchronous: 2 }, { journal_mode: 'wal' }, { foreign_keys: 1 }]);
});

verifies('storage.commit.shared', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path);
  const asked: number[] = [];
  const channel: Pick<Channel, 'ask'> = {
    ask: (question) => {
      if (question.kind === 'write') asked.push(question.units.length);
      return worker.channel.ask(question);
    },
  };
  const queue = new WorkQueue(channel, 'write', { ...QUEUE_LIMITS, maxBatch: 60 });
  const first = queue.run(insert('first', 'first'));
  await Promise.resolve();
  await Promise.resolve();
  const rest = Array.from({ length: 100 }, (_, at) => queue.run(insert(`p${at}`, 'x')));
  await Promise.all([first, ...rest]);
  assert.deepEqual(asked, [1, 60, 40]);
});

verifies('storage.queue.bounded', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path, { maxWaiting: 5 });
  const settled = await Promise.allSettled(
    Array.from({ length: 8 }, (_, at) => worker.writer.run(insert(`${at}`, 'x'))),
  );
  const refused = settled.filter((one) => one.status === 'rejected');
  assert.deepEqual(
    refused.map(({ reason }: { readonly reason: unknown }) => Reflect.get(Object(reason), 'code')),
    ['OVERLOADED', 'OVERLOADED', 'OVERLOADED'],
  );
  assert.equal((await names(worker.db)).length, 5);
});

verifies('storage.worker.death', async () => {
  using home = sqliteHome();
  // A worker that dies at the first request, as one does that runs out of memory.
  const entry = new URL(
    'data:text/javascript,import { parentPort as p } from "node:worker_threads"; p.postMessage(JSON.stringify({ id: 0, answer: { kind: "done", results: [] } })); p.once("message", () => process.exit(7));',
  );
  const deaths: string[] = [];
  const channel = await Channel.open(entry, { path: home.path, now: 1 }, ({ code }) => deaths.push(code));
  const queue = new WorkQueue(channel, 'write', QUEUE_LIMITS);
  const waiting = await Promise.allSettled([
    queue.run(insert('a', 'a')),
    channel.ask({ kind: 'begin' }),
    queue.lease(),
  ]);
  for (const one of waiting) {
    assert.ok(one.status === 'rejected');
    assert.equal(Reflect.get(Object(one.reason), 'code'), 'STORAGE_UNAVAILABLE');
    assert.match(String(one.reason), /worker of .* ended unexpectedly/);
  }
  await assert.rejects(queue.run(insert('b', 'b')), { code: 'STORAGE_UNAVAILABLE' });
  assert.deepEqual(deaths, ['STORAGE_UNAVAILABLE']);
  await channel[Symbol.asyncDispose]();
});

verifies('storage.close.answers', async () => {
  using home = sqliteHome();
  const stores = await openStores({ kind: 'sqlite', path: home.path, clock: () => 1 });
  const taken = Array.from({ length: 50 }, () => stores.audit.append(ENTRY));
  await Promise.resolve();
  const record = { id: newPrincipalId(), name: 'x', scopes: [], createdAt: 1, disabledAt: null };
  const put = stores.principals.put(record);
  const [settled] = await Promise.all([Promise.allSettled([...taken, put]), stores[Symbol.asyncDispose]()]);
  const refusals = settled.filter((one) => one.status === 'rejected');
  for (const { reason } of refusals) assert.equal(Reflect.get(Object(reason), 'code'), 'STORAGE_UNAVAILABLE');
  await assert.rejects(stores.principals.put(record), { code: 'STORAGE_UNAVAILABLE' });
  await assert.rejects(stores.audit.append(ENTRY), { code: 'STORAGE_UNAVAILABLE' });
  assert.equal(stores.state().kind, 'open', 'closing is no failure');
  await using again = await openStores({ kind: 'sqlite', path: home.path, clock: () => 1 });
  const kept = (await again.audit.read(1, 100)).length + (await again.principals.list()).length;
  assert.equal(kept, settled.length - refusals.length);
});

verifies('storage.transaction.whole', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path);
  const store = createPrincipalStore(worker.db);
  const failing = worker.db.transaction().execute(async (transaction) => {
    await createPrincipalStore(transaction).put({
      id: OPERATOR,
      name: 'o',
      scopes: [],
      createdAt: 1,
      disabledAt: null,
    });
    throw new RangeError('changed my mind');
  });
  await assert.rejects(failing, RangeError);
  assert.equal(await store.get(OPERATOR), undefined);
});

verifies('storage.transaction.deadline', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path, { leaseMs: 50 });
  const lease = await worker.writer.lease();
  await lease.execute(insert('a', 'a'));
  await worker.writer.run(insert('b', 'b'));
  await assert.rejects(lease.execute(insert('c', 'c')), { code: 'TIMED_OUT' });
  await assert.rejects(lease.commit(), { code: 'TIMED_OUT' });
  assert.deepEqual(await names(worker.db), ['b']);
});

verifies('storage.read.beside', async () => {
  using home = sqliteHome();
  await using worker = await startWorker(home.path);
  const lease = await worker.writer.lease();
  await lease.execute(insert('a', 'a'));
  assert.deepEqual(await names(worker.db), []);
  await lease.commit();
  assert.deepEqual(await names(worker.db), ['a']);
});

verifies('storage.bundle', async () => {
  using home = sqliteHome();
  mkdirSync(home.folder);
  const outfile = join(home.folder, 'worker.mjs');
  const entryPoints = [WORKER.pathname];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', logLevel: 'silent' });
  await using stores = await openStores({
    kind: 'sqlite',
    path: home.path,
    clock: () => 1,
    workerEntry: pathToFileURL(outfile),
  });
  assert.deepEqual(await stores.audit.append(ENTRY), { seq: 1 });
});

after(() => assert.deepEqual(openFilesOfStorage(), []));
