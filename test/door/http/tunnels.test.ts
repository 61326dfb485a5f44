/** CONNECT: Node hands the bare socket over, so that a client that resets it must not reach anything unguarded. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after } from 'node:test';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { openEdge, RawClient } from './edge-fixture.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());

const CONNECT = 'CONNECT example.invalid:443 HTTP/1.1\r\nHost: example.invalid:443\r\n\r\n';

verifies('edge.connect.refused', async () => {
  await using open = await openEdge(gate);
  using client = new RawClient(open.port);
  client.send(CONNECT);
  assert.equal(await client.answer(), 405);
});

verifies('edge.connect.reset', async () => {
  await using open = await openEdge(gate);
  const escaped: unknown[] = [];
  const heard = (fault: unknown): void => void escaped.push(fault);
  process.on('uncaughtException', heard);
  try {
    for (let count = 0; count < 200; count += 1) {
      const socket = connect(open.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(CONNECT);
      socket.resetAndDestroy();
    }
    const response = await fetch(`${open.url}/healthz`);
    assert.equal(response.status, 200);
    assert.deepEqual(escaped, []);
  } finally {
    process.off('uncaughtException', heard);
  }
});
