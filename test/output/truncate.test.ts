/** Fitting output into a budget, in our form and in Codex's. */
import assert from 'node:assert/strict';
import { fitOutput } from '../../packages/providers/src/machine/fit-output.ts';
import { CODEX_HALF_BYTES, codexSource, codexText } from '../../packages/providers/src/machine/output/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { pick, seeded } from './random.ts';

const seq = (last: number): string => Array.from({ length: last }, (_, index) => `${index + 1}\n`).join('');
const codex = (printed: string, maxTokens: number) => codexText(codexSource(Buffer.from(printed)), maxTokens);

verifies(
  'output.truncate.codex-text',
  () => {
    assert.deepEqual(codex(seq(100), 10), {
      originalTokenCount: 73,
      text: 'Warning: truncated output (original token count: 73)\nTotal output lines: 100\n\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10…63 tokens truncated…\n95\n96\n97\n98\n99\n100\n',
    });
    assert.deepEqual(codex(seq(100), 73), { originalTokenCount: 73, text: seq(100) });
  },
  { cell: 'seq 1 100, ten tokens' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const { text, originalTokenCount } = codex(seq(200_000), 10_000);
    assert.equal(originalTokenCount, 322_224);
    assert.ok(
      text.startsWith(
        'Warning: truncated output (original token count: 322224)\n... 240319 bytes omitted ...\n\n1\n2\n3\n',
      ),
    );
    assert.ok(text.endsWith('199998\n199999\n200000\n'));
  },
  { cell: 'seq 1 200000' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const { text } = codex('x'.repeat(200_000), 10_000);
    const head = 'Warning: truncated output (original token count: 50000)\nTotal output lines: 1\n\n';
    assert.equal(text, `${head}${'x'.repeat(20_000)}…40000 tokens truncated…${'x'.repeat(20_000)}`);
  },
  { cell: 'one long line' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const { text, originalTokenCount } = codex(`${seq(1_000_000)}END\n`, 1_000_000);
    assert.equal(originalTokenCount, 1_722_225);
    assert.ok(
      text.startsWith(
        'Warning: truncated output (original token count: 1722225)\n... 5840324 bytes omitted ...\n\n1\n2\n',
      ),
    );
    assert.ok(text.endsWith('999999\n1000000\nEND\n') && !text.includes('tokens truncated'));
  },
  { cell: 'within the budget, over what is kept' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const half = 'y\n'.repeat(CODEX_HALF_BYTES / 2);
    const CELLS: readonly (readonly [number, number, number])[] = [
      [283_852_800, 71_225_344, 262_133],
      [1_355_530_240, 339_144_704, 262_133],
      [7_397_376, 2_111_488, 262_132],
    ];
    for (const [omittedBytes, tokens, truncated] of CELLS) {
      const source = { head: half, tail: half, omittedBytes, originalBytes: omittedBytes + 2 * CODEX_HALF_BYTES };
      const warning = `Warning: truncated output (original token count: ${tokens})\n... ${omittedBytes} bytes omitted ...\n\n`;
      const shown = `${'y\n'.repeat(20)}…${truncated} tokens truncated…${'y\n'.repeat(20)}`;
      assert.deepEqual(codexText(source, 20), { text: warning + shown, originalTokenCount: tokens });
    }
  },
  { cell: 'yes, for seconds' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const { text, originalTokenCount } = codex(
      `seq 1 300000\r\n\x1b[?2004l\r${seq(300_000).replaceAll('\n', '\r\n')}\x1b[?2004hbash-5.2# `,
      50,
    );
    assert.equal(originalTokenCount, 572_234);
    assert.equal(
      text,
      'Warning: truncated output (original token count: 572234)\n... 1240360 bytes omitted ...\n\nseq 1 300000\r\n\x1b[?2004l\r1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n10\r\n11\r\n12\r\n13\r\n14\r\n15\r\n16\r\n17\r\n18\r\n19\r\n20\r\n21\r\n22…262102 tokens truncated…\r\n299991\r\n299992\r\n299993\r\n299994\r\n299995\r\n299996\r\n299997\r\n299998\r\n299999\r\n300000\r\n\x1b[?2004hbash-5.2# ',
    );
  },
  { cell: 'a terminal session' },
);

verifies(
  'output.truncate.codex-text',
  () => {
    const { text, originalTokenCount } = codexText(codexSource(new Uint8Array(180).fill(0xff)), 100);
    assert.equal(originalTokenCount, 45);
    assert.match(
      text,
      /^Warning: truncated output \(original token count: 135\)\nTotal output lines: 1\n\n\ufffd{66}…35 tokens truncated…\ufffd{66}$/,
    );
  },
  { cell: 'bytes that are not text' },
);

const OPTIONS = { raw: false, ended: true, startsOnAlternateScreen: false };
const whole = (text: string) => ({
  from: 0,
  head: Buffer.from(text),
  tail: Buffer.alloc(0),
  between: 0,
  newlines: text.split('\n').length - 1,
});

verifies('output.truncate.line-ends', () => {
  const fitted = fitOutput(whole(seq(10_000)), { ...OPTIONS, maxTokens: 200 });
  assert.match(fitted.head, /^1\n2\n(?:\d+\n)*$/);
  assert.match(fitted.tail, /^\d{4}\n(?:\d+\n)*10000\n$/);
  assert.ok(Buffer.byteLength(fitted.head + fitted.tail) <= 800);
  const short = fitOutput(whole('short'), { ...OPTIONS, maxTokens: 10 });
  assert.deepEqual([short.head, short.tail, short.omitted], ['short', '', null]);
});

verifies(
  'output.truncate.line-ends',
  () => {
    const fitted = fitOutput(whole(`${'€'.repeat(5000)}\nend`), { ...OPTIONS, maxTokens: 100 });
    assert.match(fitted.head, /^€+$/);
    assert.match(fitted.tail, /^(?:€+\n)?end$/);
    assert.ok(Buffer.byteLength(fitted.head + fitted.tail) <= 400);
  },
  { cell: 'a line that does not fit is cut between characters' },
);

verifies('output.truncate.exact-omission', () => {
  const random = seeded(21);
  for (let round = 0; round < 400; round += 1) {
    const text = Array.from({ length: random(400) }, () => pick(random, ['a', 'é', '€', '😀', '\n', 'words '])).join(
      '',
    );
    const maxTokens = random(120);
    const { head, tail, omitted } = fitOutput(whole(text), { ...OPTIONS, maxTokens });
    const bytes = Buffer.from(text);
    const until = omitted === null ? bytes.length : omitted.from + omitted.bytes;
    assert.equal(head, bytes.subarray(0, omitted?.from ?? bytes.length).toString());
    assert.equal(tail, bytes.subarray(until).toString());
    assert.ok(Buffer.byteLength(head + tail) <= maxTokens * 4);
    const left = bytes.subarray(omitted?.from ?? 0, omitted === null ? 0 : until).toString();
    assert.equal(omitted?.lines ?? 0, left.split('\n').length - 1);
  }
});
