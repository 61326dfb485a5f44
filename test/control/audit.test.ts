/** The chained record: order, tampering, and writes that fail. */
import assert from 'node:assert/strict';
import { createAuditLog, GENESIS, verifyAudit } from '@agentbox/control-plane';
import type { AuditEntry, AuditRecord } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { listStore } from './list-store.ts';

const entry = (subject: string): AuditEntry => ({
  at: 1,
  kind: 'server.started',
  principal: null,
  trace: null,
  subject,
  outcome: null,
  detail: { b: 1, a: { d: [1], c: 'x' } },
});

async function filled(count: number): Promise<readonly AuditRecord[]> {
  const store = listStore();
  const log = await createAuditLog(store);
  await Promise.all(Array.from({ length: count }, (_, at) => log.append(entry(`${at}`))));
  return store.records;
}

verifies('control.audit.order', async () => {
  const store = listStore();
  const log = await createAuditLog(store);
  const first = log.append(entry('0'));
  const rest = Array.from({ length: 99 }, (_, at) => log.append(entry(`${at + 1}`)));
  const numbers = await Promise.all([first, ...rest]);
  assert.deepEqual(
    numbers.map(({ seq }) => seq),
    store.records.map(({ subject }) => Number(subject) + 1),
  );
  assert.ok(store.batches.length < 5, 'what waits is written together');
  assert.deepEqual(verifyAudit(store.records, GENESIS), {
    kind: 'intact',
    records: 100,
    head: { seq: 100, hash: store.records[99]?.hash },
  });
});

type Tamper = (records: readonly AuditRecord[]) => readonly AuditRecord[];

const changed =
  (seq: number, change: Partial<AuditRecord>): Tamper =>
  (records) =>
    records.map((record) => (record.seq === seq ? { ...record, ...change } : record));

const TAMPERS: readonly (readonly [string, Tamper, { readonly seq: number; readonly why: string }])[] = [
  ['a subject', changed(3, { subject: 'other' }), { seq: 3, why: 'content' }],
  ['a time', changed(3, { at: 2 }), { seq: 3, why: 'content' }],
  ['a detail, deep within', changed(3, { detail: { b: 1, a: { d: [2], c: 'x' } } }), { seq: 3, why: 'content' }],
  ['a hash', changed(3, { hash: 'f'.repeat(64) }), { seq: 3, why: 'content' }],
  ['a link', changed(3, { prev: 'f'.repeat(64) }), { seq: 3, why: 'link' }],
  ['one taken out', (records) => records.filter(({ seq }) => seq !== 3), { seq: 3, why: 'gap' }],
  ['the first taken out', (records) => records.slice(1), { seq: 1, why: 'gap' }],
  ['two swapped', (records) => records.toSpliced(2, 2, ...records.slice(2, 4).toReversed()), { seq: 3, why: 'gap' }],
  ['one doubled', (records) => records.flatMap((one) => (one.seq === 3 ? [one, one] : [one])), { seq: 4, why: 'gap' }],
];

for (const [cell, tamper, found] of TAMPERS) {
  verifies(
    'control.audit.tamper',
    async () => {
      const records = await filled(6);
      assert.deepEqual(verifyAudit(tamper(records), GENESIS), { kind: 'broken', ...found });
    },
    { cell },
  );
}

verifies(
  'control.audit.tamper',
  async () => {
    const records = await filled(3);
    const reordered = changed(2, { detail: { a: { c: 'x', d: [1] }, b: 1 } })(records);
    assert.equal(verifyAudit(reordered).kind, 'intact');
    assert.equal(verifyAudit(records.slice(1)).kind, 'intact', 'a part of the record verifies by itself');
    assert.equal(verifyAudit([]).kind, 'intact');
  },
  { cell: 'the order of keys is no change, and a part may begin anywhere' },
);

for (const failing of ['refused', 'unknown'] as const) {
  verifies(
    'control.audit.failed-write',
    async () => {
      const store = listStore();
      const log = await createAuditLog(store);
      await log.append(entry('first'));
      store.next = failing;
      await assert.rejects(log.append(entry('lost')), { code: 'DISK_FULL' });
      store.next = 'ok';
      const { seq } = await log.append(entry('next'));
      assert.equal(seq, failing === 'refused' ? 2 : 3, 'the store tells what it has');
      assert.equal(verifyAudit(store.records, GENESIS).kind, 'intact');
    },
    { cell: failing },
  );
}

verifies('control.audit.bounded', async () => {
  const store = listStore();
  const limits = { maxWaiting: 3, maxBatch: 2, verifiedAtOpen: 10, maxRead: 10 };
  const log = await createAuditLog(store, limits);
  const settled = await Promise.allSettled(Array.from({ length: 5 }, () => log.append(entry('x'))));
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  assert.deepEqual(store.batches, [2, 1]);
  assert.equal((await log.read(1, 10_000)).length, 3);
});

verifies('control.audit.damaged', async () => {
  const store = listStore();
  store.records.push(...changed(2, { subject: 'other' })(await filled(4)));
  await assert.rejects(createAuditLog(store), { code: 'AUDIT_UNAVAILABLE', detail: { seq: 2, why: 'content' } });
});
