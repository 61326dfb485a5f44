/** The body of a request, as its framing says, piece by piece. A body that breaks its framing ends in a throw. */
import { AgentboxError } from '@agentbox/protocol';
import type { ByteReader } from './byte-reader.ts';
import type { Framing } from './http-head.ts';

const MAX_SIZE_LINE = 256;
const MAX_TRAILER_BYTES = 8192;
const SIZE_LINE = /^([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?$/;

const malformed = (what: string): AgentboxError => new AgentboxError('MALFORMED_REQUEST', what);

export async function* bodyOf(reader: ByteReader, framing: Framing): AsyncGenerator<Buffer> {
  if (framing.kind === 'length') yield* exactly(reader, framing.bytes);
  if (framing.kind !== 'chunked') return;
  for (;;) {
    const line = await lineOf(reader, MAX_SIZE_LINE);
    const digits = SIZE_LINE.exec(line)?.[1];
    if (digits === undefined) throw malformed('a chunk has no size');
    const size = Number.parseInt(digits, 16);
    if (size === 0) break;
    yield* exactly(reader, size);
    if ((await lineOf(reader, 2)) !== '') throw malformed('a chunk is longer than its size');
  }
  await dropTrailers(reader);
}

async function* exactly(reader: ByteReader, bytes: number): AsyncGenerator<Buffer> {
  for (let left = bytes; left > 0; ) {
    if (reader.held.length === 0 && !(await reader.more())) throw malformed('the body ends too early');
    const piece = reader.take(Math.min(left, reader.held.length));
    left -= piece.length;
    yield piece;
  }
}

/** Trailers change what a header said: they are read and left behind. */
async function dropTrailers(reader: ByteReader): Promise<void> {
  for (let left = MAX_TRAILER_BYTES; ; ) {
    const line = await lineOf(reader, left);
    if (line === '') return;
    left -= line.length + 2;
  }
}

async function lineOf(reader: ByteReader, most: number): Promise<string> {
  for (;;) {
    const end = reader.held.indexOf('\n');
    if (end < 0 && reader.held.length <= most) {
      if (!(await reader.more())) throw malformed('the body ends too early');
      continue;
    }
    if (end < 1 || end > most || reader.held[end - 1] !== 13) throw malformed('a line of the body is malformed');
    const line = reader.take(end + 1).toString('latin1', 0, end - 1);
    if (line.includes('\r')) throw malformed('a line of the body is malformed');
    return line;
  }
}
