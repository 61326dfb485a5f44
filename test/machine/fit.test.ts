/** The cut of long output, against every size: nothing is counted twice and nothing is forgotten. */
import assert from 'node:assert/strict';
import { newSessionId, OPERATOR } from '@agentbox/protocol';
import { fitOutput, type Printed } from '../../packages/providers/src/machine/fit-output.ts';
import { inputBytes, signalOf } from '../../packages/providers/src/machine/input-bytes.ts';
import { newView, SessionViews } from '../../packages/providers/src/machine/session-views.ts';
import { verifies } from '../requirements/verifies.ts';

const OPTIONS = { maxTokens: 100, raw: false, ended: true, startsOnAlternateScreen: false } as const;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const whole = (text: string, from = 0): Printed => ({
  from,
  head: bytesOf(text),
  tail: new Uint8Array(),
  between: 0,
  newlines: text.split('\n').length - 1,
});
const size = (text: string): number => Buffer.byteLength(text);

const SAMPLES: readonly (readonly [string, string])[] = [
  ['lines', Array.from({ length: 900 }, (_, line) => `line ${line}\n`).join('')],
  ['one line', 'x'.repeat(5000)],
  ['one line of wide characters', '€𝄞ü'.repeat(900)],
  ['a long line first', `${'x'.repeat(4000)}\n${'short\n'.repeat(20)}`],
  ['a long line last', `${'short\n'.repeat(20)}${'x'.repeat(4000)}`],
  ['empty lines', '\n'.repeat(3000)],
  ['carriage returns', Array.from({ length: 400 }, (_, line) => `line ${line}\r\n`).join('')],
];

for (const [cell, text] of SAMPLES) {
  verifies(
    'exec.output.fit',
    () => {
      for (const maxTokens of [1, 2, 10, 61, 100, 500]) {
        const fitted = fitOutput(whole(text, 1000), { ...OPTIONS, raw: true, maxTokens });
        assert.ok(fitted.omitted !== null);
        assert.equal(size(fitted.head) + fitted.omitted.bytes + size(fitted.tail), size(text), `${maxTokens} tokens`);
        assert.equal(fitted.omitted.from, 1000 + size(fitted.head));
        assert.ok(text.startsWith(fitted.head) && text.endsWith(fitted.tail));
        assert.ok(size(fitted.head) + size(fitted.tail) <= maxTokens * 4);
        assert.doesNotMatch(fitted.head + fitted.tail, /\ufffd/);
      }
    },
    { cell },
  );
}

verifies(
  'exec.output.fit',
  () => {
    const bar = Array.from({ length: 5000 }, (_, step) => `\r${step}%`).join('');
    const fitted = fitOutput(whole(`before\n${bar}\nafter\n`), OPTIONS);
    assert.equal(fitted.omitted, null, 'a long progress bar hides nothing around it');
    assert.equal(fitted.head, 'before\n4999%\nafter\n');
    const short = fitOutput(whole('all of it\n'), OPTIONS);
    assert.deepEqual([short.head, short.tail, short.omitted], ['all of it\n', '', null]);
  },
  { cell: 'cleaned before it is measured' },
);

verifies(
  'exec.output.fit',
  () => {
    const head = bytesOf('a\nb\nc');
    const tail = bytesOf('y\nz\n');
    const fitted = fitOutput({ from: 7, head, tail, between: 1000, newlines: 50 }, OPTIONS);
    assert.deepEqual([fitted.head, fitted.tail], ['a\nb\nc', 'y\nz\n']);
    assert.deepEqual(fitted.omitted, { from: 12, bytes: 1000, lines: 46 });
  },
  { cell: 'what the box left out is counted too' },
);

verifies(
  'exec.output.utf8',
  () => {
    const running = { ...OPTIONS, ended: false };
    for (const [bytes, held] of [
      [[0x61, 0xe2], 1],
      [[0x61, 0xe2, 0x82], 2],
      [[0x61, 0xf0, 0x9d, 0x84], 3],
      [[0x61, 0x1b, 0x5b, 0x33], 3],
    ] as const) {
      const fitted = fitOutput({ ...whole(''), head: Uint8Array.from(bytes) }, running);
      assert.equal(fitted.head, 'a');
      assert.equal(fitted.heldBytes, held);
    }
    const ended = fitOutput({ ...whole(''), head: Uint8Array.from([0x61, 0xe2]) }, OPTIONS);
    assert.deepEqual([ended.head, ended.heldBytes, ended.binary], ['a\ufffd', 0, true]);
  },
  { cell: 'held back until it is whole' },
);

verifies('exec.session.views', () => {
  const views = new SessionViews(3);
  const facts = { cwd: '/', io: { kind: 'pipe', stdin: false, stderr: 'merged' } } as const;
  const ids = Array.from({ length: 5 }, () => newSessionId());
  for (const id of ids) views.put(OPERATOR, id, newView(facts, 'text'));
  assert.equal(views.size, 3, 'the bound holds');
  const [first, , , , last] = ids;
  assert.ok(first !== undefined && last !== undefined);
  assert.equal(views.get(OPERATOR, first), undefined, 'a forgotten one begins anew');
  views.advance(OPERATOR, last, { cursor: 10, stderrCursor: 4, promptTold: false, questionsTold: [], deniedTold: 0 });
  views.advance(OPERATOR, last, { cursor: 5, stderrCursor: 9, promptTold: false, questionsTold: [], deniedTold: 0 });
  assert.equal(views.get(OPERATOR, last)?.cursor, 10, 'a cursor goes forward only');
  assert.equal(views.get(OPERATOR, last)?.stderrCursor, 9);
});

verifies(
  'exec.stdin.intact',
  () => {
    const text = (chars: string, keys: Parameters<typeof signalOf>[0]['keys'], tty: boolean, paste = false): string =>
      Buffer.from(inputBytes({ chars, keys, paste }, tty)).toString();
    assert.equal(text('ü', ['enter'], false), 'ü\n');
    assert.equal(text('', ['enter', 'ctrl-d', 'backspace'], true), '\r\u0004\u007f');
    assert.equal(text('a\u001b[201~b', [], true, true), '\u001b[200~ab\u001b[201~');
    assert.equal(text('a', [], false, true), 'a');
    assert.equal(signalOf({ chars: '\u0003', keys: [] }), 'INT');
    assert.equal(signalOf({ chars: '', keys: ['ctrl-c'] }), 'INT');
    assert.equal(signalOf({ chars: '', keys: ['ctrl-\\'] }), 'QUIT');
    assert.equal(signalOf({ chars: 'x\u0003', keys: [] }), null);
    assert.equal(signalOf({ chars: '', keys: ['up'] }), null);
  },
  { cell: 'bytes of text and keys' },
);
