/**
 * What the daemon hears from a warden, as any bytes in any pieces: the client never throws, answers only what was
 * asked, once each, and is done after the first thing that is no message.
 */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { attachGuard } from '@agentbox/exec-guard';
import { z } from 'zod';
import { parseMessage } from '../../../packages/exec-guard/src/messages.ts';
import { randomFrom, type Target } from '../harness.ts';

const FACTS =
  '"pid":5,"file":"/f","names":[{"path":"/f","writable":false}],"interpreters":[],"cwd":"/","image":{"kind":"file","device":1,"inode":2,"size":3},"argv":["f"],"truncated":false';

const id = z.number().int().positive();
const path = z.string().max(16 * 1024);
const name = z.object({ path, writable: z.boolean() });
const names = z.array(name).min(1).max(48);
const size = z.number().nonnegative();
const reported = z.object({
  pid: id,
  file: path,
  cwd: path,
  argv: z.array(z.string()).max(4096),
  truncated: z.boolean(),
});
const interpreter = name.extend({ written: path, argument: z.string().max(4096).optional(), names });
const image = z.object({ kind: z.enum(['file', 'memfd', 'deleted']), device: size, inode: size, size });
const facts = reported.extend({
  names,
  interpreters: z.array(interpreter).max(4),
  image,
  argv: z.array(z.string()).max(4 * 1024 * 1024),
});
/** What the checks by hand must agree with. */
const ORACLE = z.union([z.object({ ran: reported }), z.object({ exec: facts.extend({ id }) })]);

function holdsAgainstSchema(line: string): void {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return;
  }
  if (typeof value !== 'object' || value === null || 'ran' in value === 'exec' in value) return;
  assert.equal(parseMessage(line) !== null, ORACLE.safeParse(value).success, line);
}

const ignore = (): void => undefined;

async function run(bytes: Uint8Array): Promise<void> {
  const random = randomFrom(bytes.length);
  for (const line of Buffer.from(bytes).toString('utf8').split('\n')) holdsAgainstSchema(line);
  const written: string[] = [];
  let broken = 0;
  let asked = 0;
  const link = new Duplex({
    read: ignore,
    write: (chunk: Buffer, _, done) => {
      written.push(chunk.toString());
      done();
    },
  });
  attachGuard(link, {
    decide: () => {
      asked += 1;
      return { kind: 'deny', text: 'no' };
    },
    ran: ignore,
    refused: ignore,
    killed: ignore,
    started: ignore,
    listener: ignore,
    escalated: ignore,
    escalatedEnded: ignore,
    exited: ignore,
    failed: ignore,
    broken: () => {
      broken += 1;
    },
  });
  for (let at = 0; at < bytes.length && !link.destroyed; ) {
    const size = 1 + random(64);
    link.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.ok(broken <= 1);
  assert.ok(written.length <= asked);
  assert.ok(written.every((message) => /^deny \d+ 2\nno$/.test(message)));
  link.destroy();
}

export const guardLink: Target = {
  name: 'guard-link',
  seeds: [
    `{"started":{"pid":3,"landlock":7,"infrastructure":[1,2]}}\n{"ran":{${FACTS}}}\n{"exec":{"id":1,${FACTS}}}\n{"gone":1}\n`,
    `{"exec":{"id":1,${FACTS}}}\n{"exec":{"id":1,${FACTS}}}\n{"killed":{${FACTS},"reason":"x"}}\n{"exit":{"code":3,"signal":null}}\n`,
    '{"listener":5}\n{"escalated":{"id":1,"pid":2}}\n{"failed":{"reason":"no"}}\n',
  ].map((text) => Buffer.from(text)),
  run,
};
