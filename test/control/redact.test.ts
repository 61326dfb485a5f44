/** Known secrets in their usual forms. */
import assert from 'node:assert/strict';
import { compileRedactor } from '@agentbox/base';
import { verifies } from '../requirements/verifies.ts';

const SECRET = 'p@ss w0rd/ü"\\+é';
const bytes = Buffer.from(SECRET);
const redactor = compileRedactor([{ name: 'DB', value: SECRET }]);

const FORMS: readonly (readonly [string, string])[] = [
  ['plain', SECRET],
  ['within JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['reversed', Array.from(SECRET).toReversed().join('')],
  ['hex', bytes.toString('hex')],
  ['hex in capitals', bytes.toString('hex').toUpperCase()],
  ['encodeURIComponent', encodeURIComponent(SECRET)],
  ['URLSearchParams', new URLSearchParams([['a', SECRET]]).toString().slice(2)],
  ['percent in small letters', encodeURIComponent(SECRET).replaceAll(/%../g, (escape) => escape.toLowerCase())],
];

for (const [cell, form] of FORMS) {
  verifies(
    'control.redact.forms',
    () => {
      assert.equal(redactor.text(`before ${form} after`), 'before [redacted:DB] after');
      assert.equal(redactor.text(form + form), '[redacted:DB][redacted:DB]');
    },
    { cell },
  );
}

for (const encoding of ['base64', 'base64url'] as const) {
  verifies(
    'control.redact.forms',
    () => {
      for (const before of ['', 'x', 'xy', 'xyz', 'user:']) {
        for (const after of ['', '1', '12', '123']) {
          const text = Buffer.from(`${before}${SECRET}${after}`).toString(encoding);
          const redacted = redactor.text(text);
          assert.ok(redacted.includes('[redacted:DB]'), `${before}…${after}: ${redacted}`);
          // At most the characters that the secret shares with its neighbours stay.
          const left = redacted.replace('[redacted:DB]', '').replaceAll('=', '');
          assert.ok(left.length <= Buffer.from(before + after).toString('base64url').length + 4, redacted);
        }
      }
    },
    { cell: `${encoding}, at any place` },
  );
}

verifies(
  'control.redact.forms',
  () => {
    const both = compileRedactor([
      { name: 'SHORT', value: 'abcdef' },
      { name: 'LONG', value: 'abcdefghij' },
      { name: 'PIN', value: '1234' },
    ]);
    assert.equal(both.text('abcdefghij abcdefg'), '[redacted:LONG] [redacted:SHORT]g');
    assert.deepEqual([both.tooShort, both.text('1234')], [['PIN'], '1234']);
  },
  { cell: 'the longest wins, and what is too short is told' },
);

verifies('control.redact.clean', () => {
  const data = { text: 'nothing here', list: [1, null, { deep: true }], [`key`]: 'p@ss w0rd' };
  assert.equal(redactor.data(data), data);
  assert.equal(redactor.text('p@ss w0rd'), 'p@ss w0rd');
  assert.equal(compileRedactor([]).text(SECRET), SECRET);
  assert.deepEqual(redactor.data({ [SECRET]: [SECRET, 1] }), { '[redacted:DB]': ['[redacted:DB]', 1] });
});

function msOf(body: () => void): number {
  const runs = Array.from({ length: 5 }, () => {
    const start = performance.now();
    body();
    return performance.now() - start;
  });
  return Math.min(...runs);
}

verifies('control.redact.fast', () => {
  const secrets = Array.from({ length: 200 }, (_, at) => ({
    name: `S${at}`,
    value: `${at}-${'secret'.repeat(4)}-${at}`,
  }));
  const many = compileRedactor(secrets);
  const one = compileRedactor(secrets.slice(0, 1));
  const text = 'a line of ordinary output, 42 warnings\n'.repeat(25_000);
  const ratio = msOf(() => void many.text(text)) / msOf(() => void one.text(text));
  assert.ok(ratio < 20, `200 secrets take ${ratio.toFixed(1)} times as long as one`);
});
