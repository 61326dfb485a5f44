/** The bounds of the proxy, a verdict that takes its time, and what is left when it is closed. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { EgressLimits, EgressVerdict } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { allowed, ask, get, listening, openClient, openOrigin, openProxy, type Proxy } from './rig.ts';

const never = async <T>(): Promise<T> => Promise.withResolvers<T>().promise;
const CONNECT = 'CONNECT a.test:9000 HTTP/1.1\r\nHost: x\r\n\r\n';
const withLimits = async (limits: Partial<EgressLimits>): Promise<Proxy> => openProxy({ limits });

const CELLS: readonly (readonly [string, () => Promise<void>])[] = [
  [
    'connections: one too many is closed',
    async () => {
      await using proxy = await withLimits({ connections: 1 });
      await using first = await openClient(proxy.port, 'GET ');
      assert.equal(await ask(proxy.port, get('http://b.example/')), '');
      assert.equal(proxy.egress.connections, 1);
      first.socket.destroy();
    },
  ],
  [
    'headers: 431',
    async () => {
      await using proxy = await withLimits({ headerBytes: 1_000 });
      assert.match(await ask(proxy.port, get('http://a.test/', `X: ${'x'.repeat(1_000)}\r\n`)), /^HTTP\/1\.1 431 /);
      const many = 'X: 1\r\n'.repeat(250);
      await using other = await openProxy();
      assert.match(await ask(other.port, get('http://a.test/', many)), /^HTTP\/1\.1 431 /);
    },
  ],
  [
    'a head that does not end: 408; no first byte, and half a SOCKS greeting: closed',
    async () => {
      await using proxy = await withLimits({ headMs: 50 });
      assert.match(await ask(proxy.port, 'GET http://a.test/ HT'), /^HTTP\/1\.1 408 /);
      assert.equal(await ask(proxy.port, ''), '');
      assert.equal(await ask(proxy.port, Uint8Array.of(5)), '');
    },
  ],
  [
    'no further request: closed',
    async () => {
      await using proxy = await withLimits({ keepAliveMs: 50 });
      const answer = await ask(proxy.port, 'GET http://b.example/ HTTP/1.1\r\nHost: x\r\n\r\n');
      assert.match(answer, /^HTTP\/1\.1 403 [^]*Connection: keep-alive/);
    },
  ],
  [
    'a name that does not resolve in time: 504, at all: 502',
    async () => {
      await using late = await openProxy({ limits: { dnsMs: 50 }, lookup: async () => never() });
      assert.match(await ask(late.port, get('http://a.test/')), /^HTTP\/1\.1 504 [^]*Egress failed: the name/);
      await using none = await openProxy({ lookup: async () => Promise.reject(new TypeError('ENOTFOUND')) });
      assert.match(await ask(none.port, get('http://a.test/')), /^HTTP\/1\.1 502 /);
      assert.deepEqual([late.dialled, none.dialled], [[], []]);
    },
  ],
  [
    'an origin that stays silent: both ends are closed',
    async () => {
      const server = createServer((socket) => void socket.on('error', () => {}).resume());
      const port = await listening(server);
      {
        await using proxy = await withLimits({ idleMs: 50 });
        assert.equal(await ask(proxy.port, get(`http://a.test:${port}/`)), '');
        const tunnel = `CONNECT a.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`;
        assert.match(await ask(proxy.port, tunnel), /^HTTP\/1\.1 200 Connection established\r\n\r\n$/);
      }
      server.close();
      await once(server, 'close');
    },
  ],
  [
    'a ClientHello that does not come: closed',
    async () => {
      const server = createServer((socket) => void socket.on('error', () => {}).resume());
      const port = await listening(server);
      {
        await using proxy = await withLimits({ helloMs: 50 });
        await using client = await openClient(proxy.port, `CONNECT a.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await client.text('\r\n\r\n');
        client.socket.write(Uint8Array.of(22));
        assert.deepEqual([...(await client.read())].slice(0, 1), [21]);
        assert.equal(proxy.entries.at(-1)?.decision, 'refuse');
      }
      server.close();
      await once(server, 'close');
    },
  ],
];

for (const [cell, body] of CELLS) verifies('egress.bounds', body, { cell });

verifies(
  'egress.bounds',
  async () => {
    const closed = createServer();
    const port = await listening(closed);
    closed.close();
    await once(closed, 'close');
    await using proxy = await openProxy({
      limits: { attempts: 2 },
      lookup: async () => ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    });
    assert.match(await ask(proxy.port, get(`http://a.test:${port}/`)), /^HTTP\/1\.1 502 /);
    assert.deepEqual([proxy.dialled.length, proxy.entries.length], [2, 2]);
  },
  { cell: 'addresses tried, each recorded' },
);

verifies('egress.decide.waits', async () => {
  await using origin = await openOrigin((_request, response) => void response.end('yes'));
  const { promise, resolve } = Promise.withResolvers<EgressVerdict>();
  await using proxy = await openProxy({ decide: async () => promise, limits: { headMs: 50, idleMs: 50 } });
  const answer = ask(proxy.port, get(`http://a.test:${origin.port}/`));
  setTimeout(() => resolve(allowed()), 200);
  assert.match(await answer, /yes$/);
});

verifies(
  'egress.decide.waits',
  async () => {
    await using late = await openProxy({ decide: async () => never(), limits: { decisionMs: 50 } });
    assert.match(await ask(late.port, get('http://a.test/')), /403 [^]*nobody decided in time/);
    await using broken = await openProxy({ decide: async () => Promise.reject(new TypeError('x')) });
    assert.match(await ask(broken.port, get('http://a.test/')), /403 [^]*could not be asked/);
    assert.deepEqual([late.dialled, broken.dialled], [[], []]);
  },
  { cell: 'too late, or a fault' },
);

for (const how of ['destroy', 'end'] as const) {
  verifies(
    'egress.decide.waits',
    async () => {
      const asked = Promise.withResolvers<AbortSignal>();
      await using proxy = await openProxy({
        decide: async (_request, signal) => {
          asked.resolve(signal);
          return never();
        },
      });
      await using client = await openClient(proxy.port, CONNECT);
      const signal = await asked.promise;
      client.socket[how]();
      if (!signal.aborted) await once(signal, 'abort');
      await client.read();
      assert.deepEqual(proxy.dialled, []);
    },
    { cell: `the asker is gone (${how})` },
  );
}

verifies('egress.close.nothing-left', async () => {
  const server = createServer((socket) => void socket.on('error', () => {}).resume());
  const port = await listening(server);
  const before = process.getActiveResourcesInfo().length;
  const proxy = await openProxy({ decide: (request) => (request.host === 'wait.test' ? never() : allowed()) });
  const clients = [
    await openClient(proxy.port, `CONNECT a.test:${port} HTTP/1.1\r\nHost: x\r\n\r\n`),
    await openClient(proxy.port, `GET http://a.test:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`),
    await openClient(proxy.port, 'GET http://wait.test/ HTTP/1.1\r\nHost: x\r\n\r\n'),
    await openClient(proxy.port, 'GET ht'),
    await openClient(proxy.port, Uint8Array.of(5)),
    await openClient(proxy.port, ''),
  ];
  await clients[0]?.text('\r\n\r\n');
  while (proxy.asked.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
  await proxy.egress.close(20);
  assert.equal(proxy.egress.connections, 0);
  for (const client of clients) await client.read();
  for (const client of clients) await client[Symbol.asyncDispose]();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(process.getActiveResourcesInfo().length <= before, String(process.getActiveResourcesInfo()));
  server.close();
  await once(server, 'close');
});

verifies(
  'egress.close.nothing-left',
  async () => {
    await using origin = await openOrigin((_request, response) => void setTimeout(() => response.end('whole'), 100));
    const proxy = await openProxy();
    await using client = await openClient(proxy.port, get(`http://a.test:${origin.port}/`));
    while (proxy.dialled.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const closed = proxy.egress.close(5_000);
    assert.match(await client.text(), /whole$/);
    await closed;
  },
  { cell: 'an answer under way is finished within the grace' },
);
