/** The recorded answers of Codex, and live programs against the Go implementation of the language. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { verifies } from '../requirements/verifies.ts';
import { OBSERVED, type Observed, ourAnswer, writtenCases } from './codex-oracle.ts';
import { makeCase } from './generate.ts';
import { compareWithGo } from './starlark-oracle/compare.ts';
import { goMissing } from './starlark-oracle/go.ts';

/** The file is ours: written by codex-oracle.ts --record. */
const observed = readFileSync(OBSERVED, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line): Observed => JSON.parse(line));

verifies('policy.parity.observed', () => {
  assert.ok(observed.length >= 500, `${observed.length} cases`);
  for (const one of observed) assert.equal(ourAnswer(one), one.answer, `${one.name}: ${one.files.join('\n---\n')}`);
  const decided = observed.filter(({ answer }) => answer?.includes('"decision"') === true);
  assert.ok(decided.length > 150, `${decided.length} decide something`);
});

verifies(
  'policy.parity.observed',
  () => {
    const written = writtenCases();
    assert.deepEqual(
      observed.slice(0, written.length).map(({ files }) => files),
      written.map(({ files }) => files),
      'written.rules was changed: record again',
    );
    const seeded = observed.slice(written.length).map(({ files }) => files);
    assert.deepEqual(
      seeded,
      seeded.map((_, index) => makeCase(1 + index).files),
      'generate.ts was changed: record again',
    );
  },
  { cell: 'the recording is that of the present cases' },
);

verifies(
  'policy.language.as-go',
  () => {
    const { differences, programs, values, failing } = compareWithGo(1, 2000);
    assert.deepEqual(differences, []);
    assert.ok(values > programs && failing < programs * 0.8, `${values} values, ${failing} of ${programs} fail`);
  },
  { skip: goMissing() },
);
