/**
 * What the daemon hears from a warden, as any bytes in any pieces: the client never throws, answers only what was
 * asked, once each, and is done after the first thing that is no message.
 */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { attachGuard } from '@agentbox/exec-guard';
import { randomFrom, type Target } from '../harness.ts';

const FACTS =
  '"pid":5,"file":"/f","names":[{"path":"/f","writable":false}],"interpreters":[],"cwd":"/","image":{"kind":"file","device":1,"inode":2,"size":3},"argv":["f"],"truncated":false';

const ignore = (): void => undefined;

async function run(bytes: Uint8Array): Promise<void> {
  const random = randomFrom(bytes.length);
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
