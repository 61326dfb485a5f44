/** The harness finds what is planted, and every target holds for a moment; CI gives each of them a minute. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePatch } from '@agentbox/apply-patch';
import { verifies } from '../requirements/verifies.ts';
import { fuzz, randomFrom, type Target } from './harness.ts';
import { applyPatch } from './targets/apply-patch.ts';
import { loadTargets } from './targets.ts';

const MOMENT_MS = Number(process.env['AGENTBOX_FUZZ_SECONDS'] ?? 1) * 1000;

const planted: Target = {
  name: 'planted',
  seeds: [Buffer.from('abc')],
  dictionary: ['BOOM'],
  run: (bytes) => assert.doesNotMatch(Buffer.from(bytes).toString('latin1'), /BOOM/u),
};

verifies(
  'patch.fuzz',
  async () => {
    const artifacts = await mkdtemp(join(tmpdir(), 'agentbox-fuzz-'));
    try {
      const options = { seed: 7, durationMs: 60_000, artifacts };
      const first = await fuzz(planted, options);
      const second = await fuzz(planted, options);
      assert.ok(first.finding !== null && second.finding !== null);
      assert.equal(first.runs, second.runs, 'the same seed finds the same');
      assert.deepEqual(await readFile(first.finding.artifact), Buffer.from(first.finding.bytes));
      assert.throws(() => void planted.run(first.finding?.bytes ?? new Uint8Array()));
    } finally {
      await rm(artifacts, { recursive: true });
    }
  },
  { cell: 'a planted fault is found, kept and repeated' },
);

verifies(
  'patch.fuzz',
  async () => {
    let parsed = 0;
    const counting: Target = {
      ...applyPatch,
      run: (bytes) => {
        const text = Buffer.from(bytes).toString('utf8').split('\n=====\n').slice(1).join('\n=====\n');
        if (parsePatch(text).kind === 'patch') parsed += 1;
      },
    };
    const report = await fuzz(counting, { seed: 1, durationMs: 60_000, maxRuns: 2000, artifacts: tmpdir() });
    assert.equal(report.finding, null);
    assert.ok(parsed > 100, `${parsed} of 2000 mutated inputs are patches`);
  },
  { cell: 'mutations often enough leave a patch' },
);

for (const target of await loadTargets()) {
  verifies(
    'patch.fuzz',
    async () => {
      const seed = randomFrom(Date.now())(2 ** 32);
      const artifacts = join(import.meta.dirname, '../.artifacts');
      const report = await fuzz(target, { seed, durationMs: MOMENT_MS, artifacts });
      if (report.finding !== null) {
        throw new assert.AssertionError({
          message: `seed ${seed}, ${report.finding.artifact}: ${String(report.finding.fault)}`,
        });
      }
    },
    { cell: `target ${target.name}` },
  );
}

verifies(
  'patch.fuzz',
  () => {
    const run = spawnSync(process.execPath, [join(import.meta.dirname, 'run.ts'), 'no-such-target'], {
      encoding: 'utf8',
    });
    assert.equal(run.status, 2);
    assert.match(run.stderr, /apply-patch/u);
  },
  { cell: 'an unknown target is named back' },
);
