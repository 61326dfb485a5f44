/** Which files the SQLite stores open, which they refuse, and what they leave untouched. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { verifyAudit } from '@agentbox/control-plane';
import { OPERATOR } from '@agentbox/protocol';
import { type OpenedStores, openStores } from '@agentbox/storage';
import { checksumOf, migrate } from '../../packages/storage/src/sqlite/migrate.ts';
import { MIGRATIONS } from '../../packages/storage/src/sqlite/migrations/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { type SqliteHome, sqliteHome, startProgram } from './sqlite-home.ts';

const open = (path: string): Promise<OpenedStores> => openStores({ kind: 'sqlite', path, clock: () => 1 });

async function openAndClose(path: string): Promise<void> {
  const stores = await open(path);
  await stores[Symbol.asyncDispose]();
}

/** changes a closed database as another program would */
function edit(path: string, sql: string): void {
  using db = new DatabaseSync(path);
  db.exec(sql);
}

/** the stores refuse the file with `expected` and leave it byte for byte */
async function refusesUntouched(home: SqliteHome, message: RegExp): Promise<void> {
  const before = readFileSync(home.path);
  await assert.rejects(open(home.path), (fault: unknown) => {
    assert.equal(Reflect.get(Object(fault), 'code'), 'STORAGE_UNAVAILABLE');
    const text = String(Reflect.get(Object(fault), 'message'));
    assert.match(text, message);
    assert.ok(text.includes(home.path), 'the message names the file');
    return true;
  });
  assert.ok(readFileSync(home.path).equals(before), 'the file was changed');
}

verifies('storage.file.private', async () => {
  using home = sqliteHome();
  {
    await using stores = await open(home.path);
    assert.equal(stores.state().kind, 'open');
    assert.equal(statSync(home.folder).mode & 0o777, 0o700);
    const modes = readdirSync(home.folder).map((file) => [file, statSync(join(home.folder, file)).mode & 0o777]);
    assert.equal(modes.length, 4, 'database, log, index and lock');
    for (const [file, mode] of modes) assert.equal(mode, 0o600, `${file}`);
  }
  chmodSync(home.path, 0o644);
  await openAndClose(home.path);
  assert.equal(statSync(home.path).mode & 0o777, 0o600, 'a mode that was loosened is tightened');
});

verifies('storage.file.one-process', async () => {
  using home = sqliteHome();
  await using program = startProgram('opens-and-waits', [home.path]);
  assert.equal(await program.line(), 'open');
  await assert.rejects(open(home.path), {
    code: 'ALREADY_RUNNING',
    detail: { file: home.path, pid: program.process.pid },
  });
  program.process.stdin.end();
  await once(program.process, 'exit');
  await openAndClose(home.path);
});

verifies(
  'storage.file.one-process',
  async () => {
    using home = sqliteHome();
    await using first = await open(home.path);
    await assert.rejects(open(home.path), { code: 'ALREADY_RUNNING', detail: { file: home.path, pid: process.pid } });
    await using program = startProgram('opens-and-waits', [home.path]);
    assert.equal(await program.line(), 'ALREADY_RUNNING', 'a refused opener of this process does not end the lock');
    assert.deepEqual(await first.audit.read(1, 1), []);
  },
  { cell: 'twice in one process' },
);

verifies('storage.file.lock-ends', async () => {
  using home = sqliteHome();
  await using program = startProgram('opens-and-waits', [home.path]);
  assert.equal(await program.line(), 'open');
  program.process.kill('SIGKILL');
  await once(program.process, 'exit');
  await openAndClose(home.path);
});

const DAMAGES: readonly (readonly [string, (content: Buffer) => Buffer])[] = [
  ['no database at all', () => Buffer.from('# settings\n'.repeat(500))],
  ['cut in the middle', (content) => content.subarray(0, Math.floor(content.length / 2))],
  [
    'a page of noise',
    (content) => Buffer.concat([content.subarray(0, 4096), Buffer.alloc(8192, 0xa7), content.subarray(12_288)]),
  ],
];

for (const [cell, damage] of DAMAGES) {
  verifies(
    'storage.file.damaged',
    async () => {
      using home = sqliteHome();
      await openAndClose(home.path);
      writeFileSync(home.path, damage(readFileSync(home.path)));
      await refusesUntouched(home, /is damaged \(.+\).*keep a copy/s);
      await refusesUntouched(home, /is damaged/);
    },
    { cell },
  );
}

verifies('storage.file.foreign', async () => {
  using home = sqliteHome();
  mkdirSync(home.folder);
  edit(home.path, 'CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES (1)');
  await refusesUntouched(home, /database of another program/);
});

verifies('storage.file.unwritable', async () => {
  using home = sqliteHome();
  mkdirSync(home.folder);
  writeFileSync(join(home.folder, 'file'), '');
  const path = join(home.folder, 'file', 'agentbox.db');
  await assert.rejects(open(path), { code: 'STORAGE_UNAVAILABLE', detail: { file: path } });
});

verifies('storage.schema.newer', async () => {
  using home = sqliteHome();
  await openAndClose(home.path);
  edit(home.path, "INSERT INTO schema_migrations VALUES (999, 'later', 'x', 1)");
  await assert.rejects(open(home.path), {
    code: 'STORAGE_UNAVAILABLE',
    detail: { file: home.path, schema: 999, known: MIGRATIONS.length },
  });
});

verifies('storage.schema.changed', async () => {
  using home = sqliteHome();
  await openAndClose(home.path);
  edit(home.path, "UPDATE schema_migrations SET checksum = 'other' WHERE number = 1");
  await assert.rejects(open(home.path), { code: 'STORAGE_UNAVAILABLE', detail: { file: home.path, schema: 1 } });
});

verifies('storage.schema.whole', () => {
  using db = new DatabaseSync(':memory:');
  const bad = { number: 2, name: 'bad', statements: ['CREATE TABLE half (a TEXT)', 'CREATE TABLE half (a TEXT)'] };
  assert.equal(migrate(db, 'memory', MIGRATIONS.slice(0, 1), 1), 1);
  assert.throws(() => migrate(db, 'memory', [...MIGRATIONS.slice(0, 1), bad], 2), /already exists/);
  assert.equal(db.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'").get()?.['n'], 0);
  assert.equal(db.prepare('SELECT max(number) AS n FROM schema_migrations').get()?.['n'], 1);
  assert.equal(db.isTransaction, false);
});

verifies('storage.schema.pinned', () => {
  assert.deepEqual(
    MIGRATIONS.map((migration) => [migration.number, checksumOf(migration)]),
    [
      [1, 'ba95a7e983cb068fb3bf3d47b7ffc8b04f59242e8776f6c9fb69cd3ea0800e06'],
      [2, '55df740db7a39427b55af0fe4a3d408d4da662c97e4532d23d6e79026d82174e'],
    ],
  );
});

const RELEASED = readdirSync(fileURLToPath(new URL('../fixtures/storage', import.meta.url))).filter((file) =>
  file.endsWith('.sqlite'),
);

for (const file of RELEASED) {
  verifies(
    'storage.schema.released',
    async () => {
      using home = sqliteHome();
      mkdirSync(home.folder);
      copyFileSync(fileURLToPath(new URL(`../fixtures/storage/${file}`, import.meta.url)), home.path);
      await using stores = await open(home.path);
      const operator = await stores.principals.get(OPERATOR);
      assert.deepEqual(operator?.scopes, ['exec', 'files', 'skills', 'approve', 'admin']);
      assert.equal((await stores.principals.findToken('a'.repeat(64)))?.revokedAt, 3);
      const [session] = await stores.sessions.list(OPERATOR, 10);
      assert.deepEqual([session?.command, session?.closedAt, session?.exitCode], ['make release', 5, 2]);
      if (file !== 'v1.sqlite') {
        const [question] = await stores.questions.list({ state: 'answered', askedBy: OPERATOR, limit: 10 });
        assert.deepEqual([question?.facts.argv, question?.answer?.note], [['git', 'push'], 'ja']);
      }
      assert.deepEqual(await stores.audit.append({ ...LATER, subject: 'later' }), { seq: 4 });
      const records = await stores.audit.read(1, 10);
      assert.deepEqual(
        records.map(({ subject }) => subject),
        ['first', 'zweite ü', '三', 'later'],
      );
      assert.equal(verifyAudit(records).kind, 'intact');
    },
    { cell: file },
  );
}

const LATER = { at: 7, kind: 'server.started', principal: null, trace: null, outcome: null, detail: {} } as const;

verifies('storage.audit.changed', async () => {
  using home = sqliteHome();
  {
    await using stores = await open(home.path);
    for (const subject of ['one', 'two', 'three']) await stores.audit.append({ ...LATER, subject });
  }
  edit(home.path, "UPDATE audit SET subject = 'zwei' WHERE seq = 2");
  await assert.rejects(open(home.path), { code: 'AUDIT_UNAVAILABLE', detail: { seq: 2, why: 'content' } });
});
