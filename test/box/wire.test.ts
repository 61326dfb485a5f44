/** The frame codec: any split of the bytes gives the same frames, and no length is believed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  BOX_PROTOCOL_VERSION,
  boxEvent,
  boxFailure,
  boxGoodbye,
  boxHello,
  boxReplies,
  boxRequest,
  boxWelcome,
  encodeFrame,
  FRAME_LIMITS,
  FrameError,
  FrameReader,
} from '@agentbox/protocol';
import { z } from 'zod';
import { verifies } from '../requirements/verifies.ts';

const FRAMES = [
  { header: { id: 1, text: 'first' }, body: Buffer.alloc(0) },
  { header: { id: 2 }, body: Buffer.from('body of the second') },
  { header: [], body: Buffer.alloc(70_000, 7) },
  { header: { id: 3, text: '€' }, body: Buffer.from([0, 255]) },
];

const bytes = Buffer.concat(FRAMES.flatMap(({ header, body }) => encodeFrame(header, body)));

/** of what both sides say; a change of it needs another version, and then stands here */
const WIRE = { version: 4, digest: 'e7322aa70fe9eb5e' };

verifies('box.wire.version', () => {
  const said = [boxRequest, boxHello, boxWelcome, boxGoodbye, boxEvent, boxFailure, ...Object.values(boxReplies)];
  const text = said.map((schema) => JSON.stringify(z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })));
  const digest = createHash('sha256').update(text.join('\n')).digest('hex').slice(0, 16);
  assert.deepEqual({ version: BOX_PROTOCOL_VERSION, digest }, WIRE);
});

verifies('box.wire.codec', () => {
  for (const step of [1, 2, 3, 7, 8, 9, 100, 65_536, bytes.length]) {
    const reader = new FrameReader();
    const seen = [];
    for (let at = 0; at < bytes.length; at += step) seen.push(...reader.push(bytes.subarray(at, at + step)));
    assert.deepEqual(
      seen.map(({ header, body }) => ({ header, body: Buffer.from(body) })),
      FRAMES,
      `step ${step}`,
    );
  }
});

verifies(
  'box.wire.codec',
  () => {
    const prefix = (length: number, header: number): Buffer => {
      const buffer = Buffer.alloc(8);
      buffer.writeUInt32BE(length, 0);
      buffer.writeUInt32BE(header, 4);
      return buffer;
    };
    const refused = [
      prefix(0xffffffff, 0xffffffff),
      prefix(FRAME_LIMITS.headerBytes + 5, FRAME_LIMITS.headerBytes + 1),
      prefix(FRAME_LIMITS.bodyBytes + 7, 2),
      prefix(3, 0),
      prefix(10, 20),
      Buffer.concat([prefix(5, 1), Buffer.from('{')]),
    ];
    for (const one of refused) assert.throws(() => new FrameReader().push(one), FrameError);
    assert.throws(() => encodeFrame({}, new Uint8Array(FRAME_LIMITS.bodyBytes + 1)), FrameError);
  },
  { cell: 'ceilings' },
);
