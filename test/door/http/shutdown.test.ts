/** How a server ends: requests in the middle, open streams, clients that stay, and nothing that is left. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { doorOf, openEdge, openResources, RawClient, until } from './edge-fixture.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());

interface Held {
  readonly door: ReturnType<typeof doorOf>;
  readonly release: () => void;
  readonly aborted: () => boolean;
}

/** A door that answers when the test says so. */
function heldDoor(): Held {
  const { promise, resolve } = Promise.withResolvers<void>();
  let aborted = false;
  const door = doorOf(async (request) => {
    request.signal.addEventListener('abort', () => {
      aborted = true;
    });
    await promise;
    return Response.json({ done: true });
  });
  return { door, release: resolve, aborted: () => aborted };
}

const servers = (): readonly string[] => openResources().filter((kind) => kind.startsWith('TCP'));

verifies('edge.shutdown.in-flight', async () => {
  const { door, release, aborted } = heldDoor();
  const open = await openEdge(gate, { door });
  const answer = fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body: '{}' });
  await until(() => open.edge.inFlight === 1, 'the request');
  using idle = new RawClient(open.port);
  idle.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await idle.answer();
  using silent = new RawClient(open.port);
  const closing = open.close(10_000);
  await idle.end();
  await silent.end();
  await assert.rejects(fetch(`${open.url}/healthz`), 'nobody is let in any more');
  release();
  const response = await answer;
  assert.deepEqual([response.status, response.headers.get('connection')], [200, 'close']);
  assert.deepEqual(await response.json(), { done: true });
  await closing;
  assert.equal(aborted(), false);
  assert.equal(open.close(0), open.close(0), 'closing twice is closing once');
});

verifies(
  'edge.shutdown.in-flight',
  async () => {
    const { door, release } = heldDoor();
    const open = await openEdge(gate, { door });
    using client = new RawClient(open.port);
    client.send(`POST /mcp HTTP/1.1\r\n${open.lines}Content-Length: 2\r\n\r\n{}`);
    await until(() => open.edge.inFlight === 1, 'the request');
    const closing = open.close(10_000);
    client.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await until(() => open.edge.metrics.render().includes('code="SHUTTING_DOWN"'), 'the refusal of the second request');
    release();
    await closing;
    assert.match(client.received, /^HTTP\/1\.1 200 /);
    assert.ok(!client.received.includes('"status":"ok"'), 'the second one is not served');
  },
  { cell: 'a new request on a connection that is in use' },
);

verifies('edge.shutdown.streams', async () => {
  let cancelled = 0;
  const stream = (): Response => {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from(': open\n\n')),
      cancel: () => {
        cancelled += 1;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  };
  const open = await openEdge(gate, { door: doorOf(stream) });
  using standing = new RawClient(open.port);
  standing.send(`GET /mcp HTTP/1.1\r\n${open.lines}\r\n`);
  using answering = new RawClient(open.port);
  answering.send(`POST /mcp HTTP/1.1\r\n${open.lines}Content-Length: 2\r\n\r\n{}`);
  for (const client of [standing, answering]) await until(() => client.received.includes(': open'), 'the stream');
  const closing = open.close(400);
  await standing.end();
  assert.equal(answering.ended, false, 'the answer to a call has the grace');
  await closing;
  await answering.end();
  for (const client of [standing, answering]) assert.ok(client.received.endsWith('0\r\n\r\n'), 'a proper end');
  assert.equal(cancelled, 2);
});

verifies('edge.shutdown.grace', async () => {
  const { door, aborted } = heldDoor();
  const open = await openEdge(gate, { door });
  using stuck = new RawClient(open.port);
  stuck.send(`POST /mcp HTTP/1.1\r\n${open.lines}Content-Length: 2\r\n\r\n{}`);
  using sending = new RawClient(open.port);
  sending.send(`POST /mcp HTTP/1.1\r\n${open.lines}Content-Length: 20000\r\n\r\n{`);
  await until(() => open.edge.inFlight === 2, 'both requests');
  const startedAt = performance.now();
  await open.close(100);
  assert.ok(performance.now() - startedAt < 5_000);
  assert.deepEqual([await stuck.end(), await sending.end()], [null, null]);
  await until(aborted, 'the abort');
  stuck.socket.destroy();
  sending.socket.destroy();
  await until(() => servers().length === 0, 'every socket to go');
});

verifies(
  'edge.shutdown.grace',
  async () => {
    for (let round = 0; round < 20; round += 1) {
      const open = await openEdge(gate);
      const clients = Array.from({ length: 5 }, () => new RawClient(open.port).send('GET /healthz HTTP/1.1\r\n'));
      await open.close(0);
      for (const client of clients) client.socket.destroy();
    }
    await until(() => servers().length === 0, 'every socket to go');
  },
  { cell: 'opened and closed many times' },
);
