/** What travels through a client between two requests, and the key that seals it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readStateKey } from '../../packages/server/src/lifecycle/state-key.ts';
import { settleDoorLimits } from '../../packages/server/src/mcp/limits.ts';
import { createSealedStates } from '../../packages/server/src/mcp/sealed-state.ts';
import { verifies } from '../requirements/verifies.ts';

const BINDING = { principal: 'p_1', method: 'tools/call', name: 'exec_command', digest: '00' };

verifies('questions.state.sealed', () => {
  const key = randomBytes(32);
  const limits = settleDoorLimits();
  const [first, second, third] = [1, 2, 3].map(() => createSealedStates(limits, key));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const lasting = first.seal('s', BINDING, true);
  const bound = first.seal('s', BINDING, false);
  assert.equal(second.open(bound, BINDING), undefined, 'what may do something twice ends with its server');
  assert.equal(second.open(lasting, { ...BINDING, principal: 'p_2' }), undefined);
  assert.equal(second.open(lasting, { ...BINDING, digest: '01' }), undefined);
  assert.deepEqual([second.open(lasting, BINDING), second.open(lasting, BINDING)], ['s', undefined]);
  assert.deepEqual([first.open(lasting, BINDING), first.open(lasting, BINDING)], ['s', undefined]);
  assert.deepEqual([first.open(bound, BINDING), first.open(bound, BINDING)], ['s', undefined]);
  assert.equal(createSealedStates(limits).open(first.seal('s', BINDING, true), BINDING), undefined, 'another key');
});

verifies(
  'questions.state.sealed',
  async () => {
    const key = randomBytes(32);
    const limits = settleDoorLimits({ questionTtlMs: 30, questionsPerPrincipal: 2 });
    const first = createSealedStates(limits, key);
    const evicted = first.seal('s', BINDING, true);
    const kept = [first.seal('a', BINDING, true), first.seal('b', BINDING, true)];
    assert.equal(first.open(evicted, BINDING), undefined, 'void here at the bound');
    assert.equal(first.size, 2);
    await sleep(40);
    for (const late of kept) {
      assert.equal(first.open(late, BINDING), undefined);
      assert.equal(createSealedStates(limits, key).open(late, BINDING), undefined);
    }
  },
  { cell: 'bounds and end' },
);

verifies(
  'questions.state.sealed',
  () => {
    const directory = mkdtempSync(join(tmpdir(), 'agentbox-state-'));
    const file = join(directory, 'state.key');
    try {
      const key = readStateKey(file);
      assert.deepEqual([key.length, statSync(file).mode & 0o777], [32, 0o600]);
      assert.deepEqual(readStateKey(file), key);
      writeFileSync(file, 'cut off');
      const other = readStateKey(file);
      assert.ok(other.length === 32 && !other.equals(key));
      assert.deepEqual(readFileSync(file), other);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  { cell: 'the key of the home' },
);
