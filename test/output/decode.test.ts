/** Bytes to text over reads of any length. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { decodeUtf8 } from '../../packages/providers/src/machine/output/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { pick, seeded } from './random.ts';

/** Reads as a poller does: the held bytes come again with the next ones. */
function joinReads(reads: readonly Uint8Array[]): { readonly text: string; readonly binary: boolean } {
  let text = '';
  let binary = false;
  let held: Uint8Array = new Uint8Array();
  for (const [index, read] of reads.entries()) {
    const bytes = Buffer.concat([held, read]);
    const decoded = decodeUtf8(bytes, { atEnd: index === reads.length - 1 });
    assert.ok(decoded.heldBytes <= 3);
    held = bytes.subarray(bytes.length - decoded.heldBytes);
    text += decoded.text;
    binary ||= decoded.binary;
  }
  return { text, binary };
}

verifies(
  'output.utf8.split-characters',
  async () => {
    const child = spawn('sh', ['-c', String.raw`printf '\342'; sleep 0.2; printf '\202\254'`]);
    const reads: Buffer[] = [];
    for await (const chunk of child.stdout) if (Buffer.isBuffer(chunk)) reads.push(chunk);
    assert.deepEqual(joinReads(reads), { text: '€', binary: false });
  },
  { cell: 'a program that pauses inside a character' },
);

verifies(
  'output.utf8.split-characters',
  () => {
    const bytes = Buffer.from('aé€😀\u{10ffff}\ufeffz');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      assert.deepEqual(joinReads([bytes.subarray(0, cut), bytes.subarray(cut)]), {
        text: bytes.toString(),
        binary: false,
      });
    }
  },
  { cell: 'cut at every byte' },
);

verifies('output.utf8.bad-bytes', () => {
  const CELLS: readonly (readonly [readonly number[], string])[] = [
    [[0x61, 0xff, 0xfe, 0x62], 'a\ufffd\ufffdb'],
    [[0xc0, 0xaf], '\ufffd\ufffd'],
    [[0xed, 0xa0, 0x80], '\ufffd\ufffd\ufffd'],
    [[0xf4, 0x90, 0x61], '\ufffd\ufffda'],
    [[0xe2, 0x82], '\ufffd'],
    [[0x80, 0x80, 0x80, 0x80], '\ufffd'.repeat(4)],
  ];
  for (const [bytes, text] of CELLS) {
    assert.deepEqual(decodeUtf8(new Uint8Array(bytes), { atEnd: true }), { text, heldBytes: 0, binary: true });
  }
  assert.equal(decodeUtf8(Buffer.from('a real \ufffd')).binary, false);
});

verifies(
  'output.utf8.bad-bytes',
  () => {
    const random = seeded(7);
    for (let round = 0; round < 300; round += 1) {
      const bytes = Uint8Array.from({ length: random(40) }, () =>
        pick(random, [0x41, 0x80, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0xf4, 0xff]),
      );
      const cut = random(bytes.length + 1);
      const expected = new TextDecoder().decode(bytes);
      assert.equal(joinReads([bytes.subarray(0, cut), bytes.subarray(cut)]).text, expected);
    }
  },
  { cell: 'random bytes in two reads equal one read' },
);
