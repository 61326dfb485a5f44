/** Plain HTTP through the proxy, on real sockets. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { verifies } from '../requirements/verifies.ts';
import { ask, get, listening, openClient, openOrigin, openProxy } from './rig.ts';

const seenOf = (request: IncomingMessage): string => `${request.method} ${request.url} ${request.rawHeaders.join('|')}`;

verifies('egress.http.forwards', async () => {
  await using origin = await openOrigin((request, response) => {
    void text(request).then((body) => response.end(`${request.method} ${request.url} <${body}>`));
  });
  await using proxy = await openProxy();
  const url = `http://a.test:${origin.port}`;
  await using client = await openClient(proxy.port);
  for (const [request, wanted] of [
    [`GET ${url}/a?b HTTP/1.1\r\nHost: x\r\n\r\n`, 'GET /a?b <>'],
    [`POST ${url} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello`, 'POST / <hello>'],
    [
      `PUT ${url}?q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n`,
      'PUT /?q <abcde>',
    ],
    [`POST ${url}/empty HTTP/1.1\r\nHost: x\r\n\r\n`, 'POST /empty <>'],
  ] as const) {
    client.socket.write(request);
    assert.match(
      await client.text('>'),
      new RegExp(`^HTTP/1.1 200 OK\r\n[^]*keep-alive\r\n\r\n${wanted.replace('?', '\\?')}$`, 'i'),
    );
  }
  client.socket.write(
    `HEAD ${url} HTTP/1.1\r\nHost: x\r\n\r\nGET ${url}/two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
  );
  const both = await client.text();
  assert.equal(both.match(/HTTP\/1\.1 200/g)?.length, 2, 'pipelined requests are answered in order');
  assert.match(both, /GET \/two <>$/);
});

verifies(
  'egress.http.forwards',
  async () => {
    const bytes = randomBytes(8 * 1024 * 1024);
    await using origin = await openOrigin((request, response) => void request.pipe(response));
    await using proxy = await openProxy();
    const path = `http://a.test:${origin.port}/`;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { host: '127.0.0.1', port: proxy.port, path, method: 'POST', agent: false };
    request(options, resolve).on('error', reject).end(bytes);
    assert.ok((await buffer(await promise)).equals(bytes));
  },
  { cell: '8 MiB both ways at once' },
);

verifies(
  'egress.http.forwards',
  async () => {
    const taken = { bytes: 0 };
    await using origin = await openOrigin((_request, response) => {
      const block = Buffer.alloc(256 * 1024);
      const more = (): void => {
        for (let free = true; free && taken.bytes < 512 * 1024 * 1024; taken.bytes += block.length)
          free = response.write(block);
      };
      response.on('drain', more);
      more();
    });
    await using proxy = await openProxy();
    await using client = await openClient(proxy.port);
    client.socket.pause();
    client.socket.write(get(`http://a.test:${origin.port}/`));
    for (let before = -1; before !== taken.bytes || before === 0; ) {
      before = taken.bytes;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(
      taken.bytes < 64 * 1024 * 1024,
      `${taken.bytes} bytes were taken from the origin for a client that reads none`,
    );
  },
  { cell: 'a client that does not read slows the origin' },
);

verifies('egress.http.hop-by-hop', async () => {
  await using origin = await openOrigin((request, response) => {
    response.setHeader('Keep-Alive', 'timeout=9');
    response.setHeader('Connection', 'x-gone');
    response.setHeader('X-Gone', '1');
    response.setHeader('X-Kept', '1');
    response.end(seenOf(request));
  });
  await using proxy = await openProxy();
  const sent = [
    'Host: victim.test',
    'Connection: x-secret, content-length, host',
    'X-Secret: 1',
    'Proxy-Authorization: Basic eA==',
    'Proxy-Connection: close',
    'TE: trailers',
    'Upgrade: websocket',
    'X-Kept: 1',
  ];
  const answer = await ask(proxy.port, `GET http://A.Test:${origin.port}/ HTTP/1.0\r\n${sent.join('\r\n')}\r\n\r\n`);
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  assert.match(body, new RegExp(`Host\\|a\\.test:${origin.port}\\|`));
  assert.match(body, /X-Kept\|1/);
  assert.doesNotMatch(body, /secret|victim|proxy|trailers|upgrade/i);
  assert.match(head, /X-Kept: 1/);
  assert.doesNotMatch(head, /X-Gone|Keep-Alive: timeout/i);
});

const POST = 'POST http://a.test/ HTTP/1.1\r\nHost: x\r\n';
const SMUGGLED: readonly (readonly [string, string])[] = [
  ['both framings', `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${POST}Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd`],
  ['a list of lengths', `${POST}Content-Length: 4, 4\r\n\r\nabcd`],
  ['a signed length', `${POST}Content-Length: +4\r\n\r\nabcd`],
  ['a folded header', `${POST}X: a\r\n b\r\n\r\n`],
  ['a folded first header', `GET http://a.test/ HTTP/1.1\r\n Host: x\r\n\r\n`],
  ['a bare line feed', `${POST}X: a\nContent-Length: 0\r\n\r\n`],
  ['a bare carriage return', `${POST}X: a\rContent-Length: 0\r\n\r\n`],
  ['a space before the colon', `${POST}Content-Length : 4\r\n\r\nabcd`],
  ['an unknown transfer encoding', `${POST}Transfer-Encoding: xchunked\r\n\r\n`],
  ['two transfer encodings', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ['a hidden transfer encoding', `${POST}Transfer-Encoding:\x0bchunked\r\n\r\n`],
  ['chunks in HTTP/1.0', 'POST http://a.test/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['two hosts', `${POST}Host: y\r\n\r\n`],
  ['no host', 'GET http://a.test/ HTTP/1.1\r\n\r\n'],
  ['a NUL in a header', `${POST}X: a\0b\r\n\r\n`],
  ['another version', 'GET http://a.test/ HTTP/2.0\r\nHost: x\r\n\r\n'],
  ['two spaces', 'GET  http://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an origin form', 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
  ['a user in the URL', 'GET http://u@a.test/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['https without CONNECT', 'GET https://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a fragment', 'GET http://a.test/#x HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['CONNECT with a body', 'CONNECT a.test:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx'],
  ['CONNECT without a port', 'CONNECT a.test HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a port out of range', 'GET http://a.test:65536/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['port 0', 'CONNECT a.test:0 HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['TRACE', 'TRACE http://a.test/ HTTP/1.1\r\nHost: x\r\n\r\n'],
];

for (const [cell, request] of SMUGGLED) {
  verifies(
    'egress.http.no-smuggling',
    async () => {
      await using proxy = await openProxy();
      assert.match(
        await ask(proxy.port, request),
        /^HTTP\/1\.1 (?:400|501) [^]*Connection: close[^]*Malformed request/,
      );
      assert.deepEqual([proxy.asked, proxy.dialled], [[], []]);
    },
    { cell },
  );
}

for (const [cell, chunks] of [
  ['a chunk that is longer than its size', '3\r\nabcd\r\n0\r\n\r\n'],
  ['a chunk size with a sign', '+3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
  ['a chunk size that overflows', '100000000\r\n'],
  ['a chunk line that ends in a line feed', '3\nabc\r\n0\r\n\r\n'],
] as const) {
  verifies(
    'egress.http.no-smuggling',
    async () => {
      const bodies: string[] = [];
      await using origin = await openOrigin((request, response) => {
        void text(request)
          .catch(() => 'broken off')
          .then((body) => response.end(String(bodies.push(body))));
      });
      await using proxy = await openProxy();
      const url = `http://a.test:${origin.port}/`;
      const answer = await ask(
        proxy.port,
        `POST ${url} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
      );
      assert.match(answer, /^HTTP\/1\.1 502 /);
      assert.deepEqual(
        bodies.filter((body) => body !== 'broken off'),
        [],
      );
    },
    { cell },
  );
}

verifies(
  'egress.http.no-smuggling',
  async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde'));
    });
    const port = await listening(server);
    await using proxy = await openProxy();
    assert.match(await ask(proxy.port, get(`http://a.test:${port}/`)), /^HTTP\/1\.1 502 /);
    server.close();
  },
  { cell: 'an answer with two lengths' },
);

verifies('egress.redirect.new-request', async () => {
  await using origin = await openOrigin((_request, response) => {
    response.writeHead(302, { Location: 'http://localhost:9/' }).end();
  });
  await using proxy = await openProxy();
  assert.match(
    await ask(proxy.port, get(`http://a.test:${origin.port}/`)),
    /^HTTP\/1\.1 302 [^]*Location: http:\/\/localhost:9\//,
  );
  assert.match(await ask(proxy.port, get('http://localhost:9/')), /^HTTP\/1\.1 403 /);
  assert.equal(proxy.dialled.length, 1);
});
