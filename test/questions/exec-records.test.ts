/** The box's log of programs on its way into a record that fails for a part of a batch. */
import assert from 'node:assert/strict';
import { compileRedactor } from '@agentbox/base';
import type { AuditLog } from '@agentbox/control-plane';
import { AgentboxError, type ExecEntry, newSessionId, OPERATOR } from '@agentbox/protocol';
import { ExecRecords } from '../../packages/server/src/compose/exec-records.ts';
import { until } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';

const session = newSessionId();
const ENTRIES: readonly ExecEntry[] = Array.from({ length: 300 }, (_, index) => ({
  number: index + 1,
  at: index,
  session,
  owner: OPERATOR,
  what: { kind: 'escalated-end', asker: 1, file: '/usr/bin/date', pid: index, code: 0, durationMs: 1 },
}));

verifies(
  'questions.record',
  async () => {
    const recorded: number[] = [];
    const refusals = new Set([3, 50, 250]);
    const audit: AuditLog = {
      append: ({ detail: { exec } }) => {
        if (refusals.delete(Number(exec))) return Promise.reject(new AgentboxError('DISK_FULL', 'the disk is full'));
        return Promise.resolve({ seq: recorded.push(Number(exec)) });
      },
      read: () => Promise.resolve([]),
      last: () => Promise.resolve([]),
    };
    let acknowledged = 0;
    const box = {
      execs: (after: number, max: number) =>
        Promise.resolve({ entries: ENTRIES.slice(after, after + max), last: ENTRIES.length }),
      acknowledgeExecs: (through: number) => Promise.resolve(void (acknowledged = through)),
      watch: () => Promise.resolve({ next: 0, close: () => undefined }),
    };
    const faults: unknown[] = [];
    const redactor = compileRedactor([]);
    const reportFault = (_what: string, _facts: unknown, fault: unknown): void => void faults.push(fault);
    const parts = { box, audit, redactor: () => redactor, reportFault };
    await using records = new ExecRecords(parts);
    records.start();
    const held = setInterval(() => undefined, 1000);
    await until('all is acknowledged', () => acknowledged === ENTRIES.length);
    clearInterval(held);
    assert.deepEqual(
      recorded.toSorted((a, b) => a - b),
      ENTRIES.map(({ number }) => number),
    );
    assert.equal(faults.length, 2);
  },
  { cell: 'a record that takes a part of a batch' },
);
