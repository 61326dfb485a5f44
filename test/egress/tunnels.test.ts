/** CONNECT and SOCKS5: what they carry, what a ClientHello must say, and what a refusal looks like in each. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { readClientHello } from '../../packages/sandbox/src/egress/client-hello.ts';
import { verifies } from '../requirements/verifies.ts';
import { allowed, ask, get, listening, openClient, openOrigin, openProxy, type Proxy, type RawClient } from './rig.ts';

interface Far extends AsyncDisposable {
  readonly port: number;
  readonly received: () => Buffer;
}

/** Keeps what it gets and answers with what `answer` makes of it. */
async function openFar(answer: (bytes: Buffer, socket: Socket) => void): Promise<Far> {
  let all = Buffer.alloc(0);
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (bytes) => {
      all = Buffer.concat([all, bytes]);
      answer(bytes, socket);
    });
  });
  const port = await listening(server);
  return {
    port,
    received: () => all,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first bytes that TLS of this runtime really sends. */
async function helloFor(servername: string): Promise<Buffer> {
  await using far = await openFar((_bytes, socket) => socket.destroy());
  const client = connectTls({ host: '127.0.0.1', port: far.port, rejectUnauthorized: false, servername });
  client.on('error', () => {});
  await new Promise((resolve) => client.once('close', resolve));
  return far.received();
}

const connectTo = (host: string, port: number): string => `CONNECT ${host}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`;

verifies('egress.connect.tunnels', async () => {
  await using far = await openFar((bytes, socket) => socket.write(bytes));
  await using proxy = await openProxy();
  const hello = await helloFor('a.test');
  await using client = await openClient(proxy.port, connectTo('A.test', far.port));
  assert.match(await client.text('\r\n\r\n'), /^HTTP\/1\.1 200 /);
  const payload = Buffer.concat([hello, Buffer.alloc(3_000_000, 'x')]);
  client.socket.end(payload);
  assert.ok((await client.read()).equals(payload));
  assert.deepEqual(
    proxy.entries.map(({ decision, address, host }) => [decision, address, host]),
    [['allow', '127.0.0.1', 'a.test']],
  );
});

/** The dial goes to the far end whatever the port, so that port 443 can be asked for. */
async function proxyTo(far: Far): Promise<Proxy> {
  return openProxy({
    decide: allowed,
    dial: () => connect({ host: '127.0.0.1', port: far.port, allowHalfOpen: true }),
  });
}

for (const [cell, host, name] of [
  ['another host', 'a.test', 'b.test'],
  ['no name', 'a.test', ''],
  ['a name below it', 'a.test', 'x.a.test'],
  ['a name for an address', '127.0.0.1', 'a.test'],
] as const) {
  verifies(
    'egress.connect.server-name',
    async () => {
      await using far = await openFar(() => {});
      await using proxy = await proxyTo(far);
      await using client = await openClient(proxy.port, connectTo(host, 443));
      assert.match(await client.text('\r\n\r\n'), /^HTTP\/1\.1 200 /);
      client.socket.write(await helloFor(name));
      assert.deepEqual([...(await client.read())], [21, 3, 1, 0, 2, 2, 49]);
      assert.equal(far.received().length, 0);
      assert.deepEqual(
        proxy.entries.map(({ decision }) => decision),
        ['allow', 'refuse'],
      );
    },
    { cell },
  );
}

verifies(
  'egress.connect.server-name',
  async () => {
    await using far = await openFar(() => {});
    await using proxy = await proxyTo(far);
    for (const first of ['GET / HTTP/1.1\r\n\r\n', 'SSH-2.0-x\r\n', '\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00']) {
      await using client = await openClient(proxy.port, connectTo('a.test', 443));
      await client.text('\r\n\r\n');
      client.socket.write(Buffer.from(first, 'latin1'));
      await client.read();
    }
    assert.equal(far.received().length, 0);
  },
  { cell: 'no TLS on port 443' },
);

verifies(
  'egress.connect.server-name',
  async () => {
    const hello = await helloFor('a.test');
    for (let size = 0; size < hello.length; size += 1)
      assert.equal(readClientHello(hello.subarray(0, size)).kind, 'more', `${size}`);
    const body = hello.subarray(5);
    const records = Array.from({ length: Math.ceil(body.length / 7) }, (_, index) => {
      const piece = body.subarray(7 * index, 7 * index + 7);
      return Buffer.concat([Buffer.from([22, 3, 1, 0, piece.length]), piece]);
    });
    await using far = await openFar((bytes, socket) => socket.write(bytes));
    await using proxy = await proxyTo(far);
    await using client = await openClient(proxy.port, connectTo('a.test', 443));
    await client.text('\r\n\r\n');
    for (const record of records) client.socket.write(record);
    const wanted = Buffer.concat(records);
    assert.ok((await client.read((bytes) => bytes.length >= wanted.length)).equals(wanted));
  },
  { cell: 'a name spread over records passes' },
);

const byName = (host: string, port: number, command = 1): Buffer =>
  Buffer.from([5, command, 0, 3, host.length, ...Buffer.from(host, 'latin1'), port >> 8, port & 255]);

async function greeted(proxy: Proxy): Promise<RawClient> {
  const client = await openClient(proxy.port, Uint8Array.of(5, 1, 0));
  assert.deepEqual([...(await client.read((bytes) => bytes.length >= 2))], [5, 0]);
  return client;
}

const replyOf = async (client: RawClient): Promise<number | undefined> =>
  (await client.read((bytes) => bytes.length >= 10))[1];

verifies('egress.socks5', async () => {
  await using far = await openFar((bytes, socket) => socket.write(bytes));
  await using proxy = await openProxy({ decide: allowed });
  const byAddress = Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, far.port >> 8, far.port & 255]);
  for (const request of [byName('a.test', far.port), byName('127.0.0.1', far.port), byAddress]) {
    await using client = await greeted(proxy);
    client.socket.write(request);
    assert.equal(await replyOf(client), 0);
    client.socket.end('ping');
    assert.equal(await client.text(), 'ping');
  }
  assert.deepEqual(proxy.lookups, ['a.test']);
});

for (const [cell, request, code] of [
  ['BIND', byName('a.test', 80, 2), 7],
  ['UDP ASSOCIATE', byName('a.test', 80, 3), 7],
  ['a host that no rule allows', byName('b.example', 80), 2],
  ['a spelling that is refused', byName('0x7f.1', 80), 2],
  ['a NUL in the name', byName('a.test\0.b', 80), 2],
  ['an IPv4-mapped address', Buffer.from([5, 1, 0, 4, ...Buffer.alloc(10), 255, 255, 127, 0, 0, 1, 0, 80]), 2],
  ['an unknown kind of address', Buffer.from([5, 1, 0, 9, 1, 1, 1, 1, 0, 80]), 8],
  ['another version', Buffer.from([4, 1, 0, 1, 1, 1, 1, 1, 0, 80]), 1],
] as const) {
  verifies(
    'egress.socks5',
    async () => {
      await using proxy = await openProxy();
      await using client = await greeted(proxy);
      client.socket.write(request);
      assert.equal(await replyOf(client), code);
      assert.deepEqual(proxy.dialled, []);
    },
    { cell },
  );
}

verifies(
  'egress.socks5',
  async () => {
    await using proxy = await openProxy();
    await using client = await openClient(proxy.port, Uint8Array.of(5, 1, 2));
    assert.deepEqual([...(await client.read())], [5, 255]);
  },
  { cell: 'a client that insists on a password' },
);

verifies('egress.one-port', async () => {
  await using proxy = await openProxy();
  for (const first of ['\x04\x01\x00\x50\x7f\x00\x00\x01\x00', '\x16\x03\x01\x00\x05hello', '\0', 'get http://a.test/'])
    assert.equal(await ask(proxy.port, Buffer.from(first, 'latin1')), '');
  assert.deepEqual(proxy.asked, []);
});

verifies('egress.refusal.names-rule', async () => {
  await using proxy = await openProxy();
  const rule = 'network_rule(host="b.example", protocol="https", decision="allow") in /etc/agentbox/egress.rules';
  const tunnel = await ask(proxy.port, connectTo('b.example', 443));
  assert.match(tunnel, /^HTTP\/1\.1 403 /);
  assert.ok(tunnel.includes(`X-Agentbox-Denied: Egress denied: no rule allows b.example; rule needed: ${rule}\r\n`));
  assert.ok(tunnel.endsWith(`rule needed: ${rule}\n`));
  const plain = await ask(proxy.port, get('http://b.example/'));
  assert.ok(plain.endsWith(`rule needed: ${rule.replace('https', 'http')}\n`));
  const wide = await ask(proxy.port, get('http://127.0.0.2/'));
  assert.match(wide, /rule needed: network_rule\(host="127\.0\.0\.2", protocol="http"/);
  assert.deepEqual(
    proxy.entries.map(({ decision }) => decision),
    ['refuse', 'refuse', 'refuse'],
  );
});

verifies(
  'egress.refusal.names-rule',
  async () => {
    await using proxy = await openProxy();
    const relay = createServer((socket) => {
      const onward = connect({ host: '127.0.0.1', port: proxy.port });
      for (const end of [socket, onward]) end.on('error', () => {});
      socket.pipe(onward).pipe(socket);
    });
    const port = await listening(relay);
    assert.match(await ask(port, connectTo('b.example', 443)), /^HTTP\/1\.1 403 /);
    const nested = await ask(proxy.port, connectTo('127.0.0.2', port));
    assert.match(nested, /^HTTP\/1\.1 403 /);
    assert.deepEqual(proxy.dialled, []);
    relay.close();
    await once(relay, 'close');
  },
  { cell: 'through a relay beside the command' },
);

verifies('egress.record.first', async () => {
  await using origin = await openOrigin((_request, response) => void response.end());
  await using proxy = await openProxy({
    record: () => {
      throw new TypeError('disk full');
    },
  });
  assert.match(await ask(proxy.port, get(`http://a.test:${origin.port}/`)), /^HTTP\/1\.1 503 [^]*record/);
  assert.match(await ask(proxy.port, get('http://b.example/')), /^HTTP\/1\.1 503 /);
  assert.deepEqual(proxy.dialled, []);
});
