/** Clients that are too many, read too slowly or vanish: each is answered or let go, and nothing of it is left. */
import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { after } from 'node:test';
import { type EdgeSettings, MetricsRegistry } from '@agentbox/server';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { doorOf, type OpenEdge, openEdge, openResources, RawClient, until } from './edge-fixture.ts';
import { assertNobodyLeft, assertWell, connectionsOf, gauge, post } from './health.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());
const MIB = 1024 * 1024;

const edgeWith = (settings: Partial<EdgeSettings>): Promise<OpenEdge> => openEdge(gate, { settings });

verifies('edge.connections.bounded', async () => {
  await using open = await edgeWith({ maxConnectionsPerAddress: 3 });
  const kept = Array.from({ length: 3 }, () => new RawClient(open.port));
  try {
    await until(() => connectionsOf(open) === 3, 'three connections');
    using fourth = new RawClient(open.port);
    assert.equal(await fourth.end(), 429);
    kept[0]?.socket.destroy();
    await until(() => connectionsOf(open) === 2, 'room');
    using again = new RawClient(open.port);
    again.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal(await again.answer(), 200);
  } finally {
    for (const client of kept) client.socket.destroy();
  }
});

verifies(
  'edge.connections.bounded',
  async () => {
    await using open = await edgeWith({ maxConnections: 2 });
    const clients = Array.from({ length: 5 }, () => new RawClient(open.port));
    await until(() => clients.filter((client) => client.status === 429).length === 3, 'three refusals');
    for (const client of clients) client.socket.destroy();
    await assertNobodyLeft(open, 0);
    await assertWell(open);
  },
  { cell: 'in all' },
);

verifies('edge.requests.bounded', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const door = doorOf(async () => {
    await released;
    return Response.json({});
  });
  await using open = await openEdge(gate, { door, settings: { maxInFlight: 4 } });
  using client = new RawClient(open.port);
  client.send(post(open, 'Content-Length: 2\r\n', '{}').repeat(10));
  await until(() => gauge(open, 'agentbox_http_in_flight') >= 4, 'four requests');
  release();
  await until(() => client.received.split('HTTP/1.1 ').length === 11, 'ten answers');
  const statuses = [...client.received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status);
  assert.deepEqual(statuses, [...Array(4).fill('200'), ...Array(6).fill('429')]);
});

verifies('edge.reader.slow', async () => {
  let cancelled = false;
  const body = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(256 * 1024)),
      cancel: () => {
        cancelled = true;
      },
    });
  const door = doorOf(() => new Response(body(), { headers: { 'content-type': 'application/octet-stream' } }));
  await using open = await openEdge(gate, { door, settings: { stallTimeoutMs: 300 } });
  using client = new RawClient(open.port);
  client.socket.pause();
  client.send(post(open, 'Content-Length: 2\r\n', '{}'));
  await until(() => cancelled, 'the source to be cancelled');
  await assertNobodyLeft(open, 0);
});

verifies(
  'edge.reader.slow',
  async () => {
    const large = 'x'.repeat(32 * MIB);
    await using open = await openEdge(gate, {
      door: doorOf(() => Response.json({ large })),
      settings: { stallTimeoutMs: 300 },
    });
    using client = new RawClient(open.port);
    client.socket.pause();
    client.send(post(open, 'Content-Length: 2\r\n', '{}'));
    await until(() => open.edge.metrics.render().includes('method="POST"'), 'the answer to be made');
    await assertNobodyLeft(open, 0);
  },
  { cell: 'one large answer' },
);

/** An event stream that the test feeds. */
function eventDoor(first: string): {
  readonly door: ReturnType<typeof doorOf>;
  readonly state: { cancelled: number; aborted: unknown[] };
} {
  const state = { cancelled: 0, aborted: [] as unknown[] };
  const door = doorOf((request) => {
    request.signal.addEventListener('abort', () => state.aborted.push(request.signal.reason));
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from(first)),
      cancel: () => {
        state.cancelled += 1;
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  });
  return { door, state };
}

verifies('edge.reader.stream', async () => {
  const { door, state } = eventDoor(': hello\n\n');
  const settings = { stallTimeoutMs: 200, streamStallTimeoutMs: 200, keepAliveTimeoutMs: 200 };
  await using open = await openEdge(gate, { door, settings });
  using client = new RawClient(open.port);
  client.send(`GET /mcp HTTP/1.1\r\n${open.lines}\r\n`);
  await until(() => client.received.includes(': hello'), 'the first event');
  assert.match(client.received, /x-accel-buffering: no/i);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  assert.deepEqual([client.ended, state.cancelled], [false, 0]);
});

verifies(
  'edge.reader.stream',
  async () => {
    const { door, state } = eventDoor(`data: ${'x'.repeat(32 * MIB)}\n\n`);
    await using open = await openEdge(gate, { door, settings: { stallTimeoutMs: 300, streamStallTimeoutMs: 300 } });
    using client = new RawClient(open.port);
    client.socket.pause();
    client.send(`GET /mcp HTTP/1.1\r\n${open.lines}\r\n`);
    await until(() => state.cancelled === 1, 'the source to be cancelled');
    await assertNobodyLeft(open, 0);
  },
  { cell: 'a client that takes nothing' },
);

verifies('edge.client.disconnect', async () => {
  const { door, state } = eventDoor(': hello\n\n');
  await using open = await openEdge(gate, { door });
  for (const method of ['GET', 'POST'] as const) {
    using client = new RawClient(open.port);
    client.send(
      method === 'GET' ? `GET /mcp HTTP/1.1\r\n${open.lines}\r\n` : post(open, 'Content-Length: 2\r\n', '{}'),
    );
    await until(() => client.received.includes(': hello'), 'the first event');
    client.socket.destroy();
    await until(() => state.cancelled > 0 && state.aborted.length > 0, 'the abort');
    assert.deepEqual([state.cancelled, state.aborted.length], [1, 1]);
    state.cancelled = 0;
    state.aborted = [];
  }
  await assertNobodyLeft(open, 0);
});

verifies(
  'edge.client.disconnect',
  async () => {
    let aborted = false;
    const door = doorOf(async (request) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      request.signal.addEventListener('abort', () => {
        aborted = true;
        resolve();
      });
      await promise;
      return Response.json({});
    });
    await using open = await openEdge(gate, { door });
    using client = new RawClient(open.port);
    client.send(post(open, 'Content-Length: 2\r\n', '{}'));
    await until(() => open.edge.inFlight === 1, 'the request');
    client.socket.resetAndDestroy();
    await until(() => aborted, 'the abort');
    await assertNobodyLeft(open, 0);
    assert.deepEqual(open.faults, []);
  },
  { cell: 'before the answer, with a reset' },
);

verifies('edge.client.half-closed', async () => {
  const { door } = eventDoor(': hello\n\n');
  await using open = await openEdge(gate, {
    door,
    settings: { headersTimeoutMs: 500, keepAliveTimeoutMs: 300, bodyTimeoutMs: 500 },
  });
  const beginnings = [
    '',
    'GET /heal',
    'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
    `GET /mcp HTTP/1.1\r\n${open.lines}\r\n`,
    post(open, 'Content-Length: 100\r\n', '{'),
    post(open, 'Transfer-Encoding: chunked\r\n', '5\r\n{'),
    post(open, 'Content-Length: 2\r\n', '{}'),
  ];
  const clients = beginnings.flatMap((bytes) => {
    const halfClosed = new RawClient(open.port).send(bytes);
    halfClosed.socket.end();
    const closed = new RawClient(open.port).send(bytes);
    setTimeout(() => closed.socket.resetAndDestroy(), 50).unref();
    return [halfClosed, closed];
  });
  await assertNobodyLeft(open, 0);
  for (const client of clients) client.socket.destroy();
  assert.equal((await fetch(`${open.url}/healthz`)).status, 200);
});

verifies(
  'edge.requests.bounded',
  async () => {
    await using open = await openEdge(gate, { metrics: new MetricsRegistry() });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let n = 0; n < 5; n += 1) {
      await new Promise<void>((resolve, reject) => {
        get(`${open.url}/healthz`, { agent }, (response) => {
          sockets.add(response.socket);
          response.resume().on('end', resolve);
        }).on('error', reject);
      });
    }
    agent.destroy();
    assert.equal(sockets.size, 1);
  },
  { cell: 'a connection serves many requests, one after another' },
);

after(() => {
  assert.deepEqual(
    openResources().filter((kind) => kind.startsWith('TCPServer')),
    [],
  );
});
