/** The pinned conformance suite against the product's own stack: every check of every scenario passes. */
import assert from 'node:assert/strict';
import { verifies } from '../requirements/verifies.ts';
import { runConformance } from './suite.ts';

const SKILLS = ['sep-2640-skills-enumeration', 'sep-2640-skills-manifest', 'sep-2640-skills-directory'];

/** Fewer checks than these would mean that the suite ran less than it should. */
const LEGS = [
  ['door.conformance.2025-11-25', ['--requirements', '2025-11-25'], 84],
  ['door.conformance.2026-07-28', ['--requirements', '2026-07-28'], 196],
] as const;

for (const [id, options, checks] of LEGS) {
  verifies(
    id,
    async () => {
      const outcome = await runConformance([options]);
      assert.deepEqual(outcome.bad, []);
      assert.deepEqual(outcome.faults, []);
      assert.ok(outcome.passed >= checks, `${String(outcome.passed)} checks`);
    },
    { timeout: 180_000 },
  );
}

verifies(
  'door.conformance.skills',
  async () => {
    const outcome = await runConformance(SKILLS.map((name) => ['--scenario', name]));
    assert.deepEqual(outcome.bad, []);
    assert.ok(outcome.passed >= 45, `${String(outcome.passed)} checks`);
  },
  { timeout: 60_000 },
);
