/** Clients that send too much, too slowly or ambiguously: each is answered or let go, and the server is well. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { EdgeSettings } from '@agentbox/server';
import { openGate } from '../../auth/gate.ts';
import { verifies } from '../../requirements/verifies.ts';
import { type OpenEdge, openEdge, openResources, RawClient, until } from './edge-fixture.ts';
import { assertNobodyLeft, assertWell, gauge, post } from './health.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());
const MIB = 1024 * 1024;

const edgeWith = (settings: Partial<EdgeSettings>): Promise<OpenEdge> => openEdge(gate, { settings });

const FRAMINGS: readonly (readonly [string, string, string])[] = [
  ['length and chunked', 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'],
  ['chunked and length', 'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', '0\r\n\r\n'],
  ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n', '{}'],
  ['two equal lengths', 'Content-Length: 2\r\nContent-Length: 2\r\n', '{}'],
  ['a list of lengths', 'Content-Length: 2, 2\r\n', '{}'],
  ['a signed length', 'Content-Length: +2\r\n', '{}'],
  ['a negative length', 'Content-Length: -1\r\n', '{}'],
  ['a hexadecimal length', 'Content-Length: 0x2\r\n', '{}'],
  ['a huge length', 'Content-Length: 99999999999999999999\r\n', '{}'],
  ['an empty length', 'Content-Length:\r\n', '{}'],
  ['an obscured coding', 'Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'],
  ['identity', 'Transfer-Encoding: identity\r\n', ''],
  ['two codings', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'],
  ['chunked twice', 'Transfer-Encoding: chunked, chunked\r\n', '0\r\n\r\n'],
  ['chunked not last', 'Transfer-Encoding: chunked, gzip\r\n', '0\r\n\r\n'],
  ['a space before the colon', 'Content-Length : 2\r\n', '{}'],
  ['a folded header', 'X-A: 1\r\n Content-Length: 2\r\n', '{}'],
  ['a bare line feed', 'X-A: 1\nContent-Length: 2\r\n', '{}'],
  ['a bare carriage return', 'X-A: 1\rContent-Length: 2\r\n', '{}'],
  ['a NUL in a header', 'X-A: \0\r\nContent-Length: 2\r\n', '{}'],
  ['a chunk size that is none', 'Transfer-Encoding: chunked\r\n', 'zz\r\n{}\r\n0\r\n\r\n'],
  ['a negative chunk size', 'Transfer-Encoding: chunked\r\n', '-2\r\n{}\r\n0\r\n\r\n'],
  ['a chunk longer than its size', 'Transfer-Encoding: chunked\r\n', '1\r\n{}\r\n0\r\n\r\n'],
  ['a chunk size that overflows', 'Transfer-Encoding: chunked\r\n', 'fffffffffffffffff\r\n{}\r\n'],
];

for (const [cell, headers, body] of FRAMINGS) {
  verifies(
    'edge.framing.smuggling',
    async () => {
      await using open = await edgeWith({});
      using client = new RawClient(open.port);
      // Were the second request read, its answer would be 404.
      client.send(`${post(open, headers, body)}GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await client.end();
      assert.ok(!client.received.includes('ROUTE_NOT_FOUND'), client.received);
      assert.ok(client.status === 400 || client.status === 413, `${client.status}`);
      await assertWell(open);
    },
    { cell },
  );
}

const DUPLICATES = [
  'Host: localhost',
  'Authorization: Bearer x',
  'Content-Type: text/plain',
  'Origin: http://localhost',
  'Content-Length: 2',
];
for (const line of DUPLICATES) {
  verifies(
    'edge.headers.duplicates',
    async () => {
      await using open = await edgeWith({});
      using client = new RawClient(open.port);
      client.send(
        post(open, `Content-Length: 2\r\nOrigin: http://localhost\r\n${line}\r\nConnection: close\r\n`, '{}'),
      );
      assert.equal(await client.end(), 400);
    },
    { cell: line.split(':', 1)[0] ?? line },
  );
}

verifies(
  'auth.token.two-headers',
  async () => {
    await using open = await edgeWith({});
    using client = new RawClient(open.port);
    client.send(`GET /mcp HTTP/1.1\r\n${open.lines}AUTHORIZATION: Bearer ${gate.token}\r\nConnection: close\r\n\r\n`);
    assert.equal(await client.end(), 400);
  },
  { cell: 'over HTTP, in another spelling' },
);

verifies('edge.headers.bounded', async () => {
  await using open = await edgeWith({ maxHeaders: 20 });
  const many = (count: number): string => Array.from({ length: count }, (_, n) => `x-${n}: ${n}\r\n`).join('');
  using crowd = new RawClient(open.port);
  crowd.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${many(20)}\r\n`);
  assert.equal(await crowd.answer(), 431);
  // What comes after the last header that is kept must not be lost unseen.
  using hidden = new RawClient(open.port);
  hidden.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${many(300)}Host: evil.example\r\n\r\n`);
  assert.equal(await hidden.answer(), 431);
  using fine = new RawClient(open.port);
  fine.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n${many(19)}\r\n`);
  assert.equal(await fine.answer(), 200);
  using large = new RawClient(open.port);
  large.send(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`);
  assert.equal(await large.end(), 431);
  assert.ok(large.received.includes('HEADERS_TOO_LARGE'));
  using endless = new RawClient(open.port);
  endless.send(`GET /${'a'.repeat(40_000)}`);
  assert.equal(await endless.end(), 431);
});

verifies('edge.headers.slow', async () => {
  await using open = await edgeWith({ headersTimeoutMs: 300 });
  using slow = new RawClient(open.port);
  slow.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n');
  const drip = setInterval(() => slow.send('x: 1\r\n'), 50);
  using silent = new RawClient(open.port);
  try {
    assert.equal(await slow.end(), 408);
    await silent.end();
  } finally {
    clearInterval(drip);
  }
  await assertNobodyLeft(open, 0);
});

verifies('edge.body.declared', async () => {
  await using open = await edgeWith({});
  const before = process.memoryUsage();
  using client = new RawClient(open.port);
  client.send(post(open, `Content-Length: ${64 * MIB}\r\n`));
  assert.equal(await client.answer(), 413);
  assert.ok(client.received.includes('"BODY_TOO_LARGE"'));
  const { arrayBuffers } = process.memoryUsage();
  assert.ok(arrayBuffers - before.arrayBuffers < 8 * MIB);
  await client.end();
});

verifies(
  'edge.body.declared',
  async () => {
    await using open = await edgeWith({});
    const body = Buffer.alloc(64 * MIB, 0x20);
    const response = await fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body });
    assert.equal(response.status, 413);
    await response.text();
    await assertNobodyLeft(open, 0);
    await assertWell(open);
  },
  { cell: 'a client that sends all 64 MiB reads the refusal' },
);

verifies('edge.body.streamed', async () => {
  await using open = await edgeWith({ maxBodyBytes: MIB });
  using client = new RawClient(open.port);
  client.send(post(open, 'Transfer-Encoding: chunked\r\n'));
  const chunk = `${(64 * 1024).toString(16)}\r\n${' '.repeat(64 * 1024)}\r\n`;
  let most = 0;
  for (let n = 0; n < 400 && client.status === null; n += 1) {
    client.send(chunk);
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, gauge(open, 'agentbox_http_body_bytes'));
  }
  assert.equal(await client.answer(), 413);
  assert.ok(most <= 2 * MIB, `${most} bytes were held`);
  client.socket.destroy();
  await assertNobodyLeft(open, 0);
});

verifies(
  'edge.body.streamed',
  async () => {
    await using open = await edgeWith({ maxBodyBytes: MIB });
    using exact = new RawClient(open.port);
    const body = `"${'a'.repeat(MIB - 2)}"`;
    exact.send(post(open, `Content-Length: ${MIB}\r\n`, body));
    assert.equal(await exact.answer(), 200);
    using over = new RawClient(open.port);
    over.send(post(open, `Content-Length: ${MIB + 1}\r\n`, `${body} `));
    assert.equal(await over.answer(), 413);
  },
  { cell: 'exactly the bound' },
);

verifies('edge.body.together', async () => {
  await using open = await edgeWith({ maxBodyBytes: MIB, maxBufferedBytes: 2 * MIB });
  const clients = Array.from({ length: 4 }, () => new RawClient(open.port));
  try {
    for (const [at, client] of clients.entries()) {
      client.send(post(open, `Content-Length: ${900 * 1024}\r\n`, ' '.repeat(899 * 1024)));
      if (at < 2) await until(() => gauge(open, 'agentbox_http_body_bytes') >= 890 * 1024 * (at + 1), 'the body');
    }
    assert.equal(await clients[2]?.answer(), 429);
    assert.equal(await clients[3]?.answer(), 429);
    clients[0]?.send('1'.padStart(1024));
    assert.equal(await clients[0]?.answer(), 200);
  } finally {
    for (const client of clients) client.socket.destroy();
  }
  await assertNobodyLeft(open, 0);
});

verifies('edge.body.slow', async () => {
  await using open = await edgeWith({ bodyTimeoutMs: 300 });
  using client = new RawClient(open.port);
  client.send(post(open, 'Content-Length: 100000\r\n', '{'));
  assert.equal(await client.end(), 408);
  assert.ok(client.received.includes('"REQUEST_TIMEOUT"'));
  await assertNobodyLeft(open, 0);
});

verifies('edge.body.continue', async () => {
  await using open = await edgeWith({ maxBodyBytes: 10 });
  using wanted = new RawClient(open.port);
  wanted.send(post(open, 'Expect: 100-continue\r\nContent-Length: 2\r\n'));
  await until(() => wanted.received.includes('100 Continue'), '100 Continue');
  wanted.send('{}');
  assert.equal(await wanted.answer(), 200);
  using large = new RawClient(open.port);
  large.send(post(open, 'Expect: 100-continue\r\nContent-Length: 11\r\n'));
  assert.equal(await large.answer(), 413);
  using stranger = new RawClient(open.port);
  stranger.send('POST /mcp HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n');
  assert.equal(await stranger.answer(), 401);
  assert.ok(!large.received.includes('100 Continue') && !stranger.received.includes('100 Continue'));
});

const postBody = async (open: OpenEdge, body: string | Uint8Array<ArrayBuffer>): Promise<readonly [number, string]> => {
  const response = await fetch(`${open.url}/mcp`, { method: 'POST', headers: open.headers, body });
  return [response.status, await response.text()];
};

verifies('edge.json.depth', async () => {
  await using open = await edgeWith({});
  for (const [opening, closing] of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    for (const depth of [10_000, 100_000]) {
      const [status, text] = await postBody(open, `${opening.repeat(depth)}1${closing.repeat(depth)}`);
      assert.equal(status, 400);
      assert.match(text, /nests deeper than 128 levels/);
    }
  }
  assert.equal((await postBody(open, `${'['.repeat(128)}${']'.repeat(128)}`))[0], 200);
  assert.equal((await postBody(open, `${'['.repeat(129)}${']'.repeat(129)}`))[0], 400);
  const brackets = '['.repeat(200);
  const deep = `${brackets}${']'.repeat(200)}`;
  for (const text of [brackets, `"${brackets}`, `\\"${brackets}`, '\\']) {
    assert.equal((await postBody(open, JSON.stringify({ text })))[0], 200, text);
    assert.equal((await postBody(open, `[${JSON.stringify(text)},${deep}]`))[0], 400, text);
  }
  await assertWell(open);
});

verifies('edge.json.malformed', async () => {
  await using open = await edgeWith({});
  const invalid = new Uint8Array([0x22, 0xff, 0xfe, 0x22]);
  for (const body of ['', '{', '{}}', 'nul', '{"a":1,}', "{'a':1}", 'NaN', '\0', '"\\x"', '"a\nb"', '[1,', invalid]) {
    const [status, text] = await postBody(open, body);
    assert.equal(status, 400, String(body));
    assert.match(
      text,
      /^\{"jsonrpc":"2\.0","id":null,"error":\{"code":-32700,.*"data":\{"code":"MALFORMED_REQUEST","hint":/,
    );
  }
  for (const body of ['null', '1', '"\\ud800"', ' {} ', '\ufeff{}', '{"a":1,"a":2}', '1e400']) {
    assert.equal((await postBody(open, body))[0], 200, body);
  }
});

verifies('edge.json.prototype', async () => {
  await using open = await edgeWith({});
  const body = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  const [status, text] = await postBody(open, body);
  assert.equal(status, 200);
  assert.ok(text.includes(body));
  assert.equal(Reflect.get({}, 'polluted'), undefined);
});

verifies('edge.fuzz.bytes', async () => {
  await using open = await edgeWith({
    headersTimeoutMs: 1_000,
    bodyTimeoutMs: 1_000,
    keepAliveTimeoutMs: 500,
    maxBodyBytes: 4_096,
  });
  let state = 0x2545f491;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const seeds = FRAMINGS.map(([, headers, body]) => post(open, headers, body));
  const mutate = (text: string): Buffer => {
    const bytes = Buffer.from(text, 'latin1');
    for (let n = random(8); n > 0; n -= 1) bytes[random(bytes.length)] = random(256);
    return bytes.subarray(0, random(4) === 0 ? random(bytes.length) : bytes.length);
  };
  for (let round = 0; round < 12; round += 1) {
    const clients = Array.from({ length: 25 }, () => {
      const client = new RawClient(open.port).send(mutate(seeds[random(seeds.length)] ?? ''));
      if (random(3) === 0) client.socket.end();
      if (random(5) === 0) setTimeout(() => client.socket.resetAndDestroy(), random(30)).unref();
      return client;
    });
    await new Promise((resolve) => setTimeout(resolve, 30));
    for (const client of clients) client.socket.destroy();
  }
  await assertNobodyLeft(open, 0);
  await assertWell(open);
  assert.deepEqual(open.faults, []);
});

after(() => {
  assert.deepEqual(
    openResources().filter((kind) => kind.startsWith('TCPServer')),
    [],
  );
});
