/**
 * The parsers of what a sandboxed command sends to the egress proxy, on any bytes: the head of a request, SOCKS5,
 * ClientHello and host. A reading is final: more bytes never change it, and what is read is canonical.
 */
import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { classOf } from '../../../packages/sandbox/src/egress/address-class.ts';
import { readClientHello } from '../../../packages/sandbox/src/egress/client-hello.ts';
import { parseHost } from '../../../packages/sandbox/src/egress/host.ts';
import { parseHead } from '../../../packages/sandbox/src/egress/http-head.ts';
import { parseSocksRequest } from '../../../packages/sandbox/src/egress/socks5.ts';
import type { Target } from '../harness.ts';

const MAX_HEAD = 4096;

function checkHost(text: string): void {
  const host = parseHost(text);
  if (host.kind === 'refused') return;
  assert.match(host.host, /^[a-z0-9._:-]+$/);
  assert.deepEqual(parseHost(host.host), host, 'the canonical spelling reads as itself');
  assert.equal(isIP(host.host) !== 0, host.kind === 'address');
  if (host.kind === 'name') assert.doesNotMatch(host.host, /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/);
  else classOf(host.host);
}

function checkHead(bytes: Buffer): void {
  const parsed = parseHead(bytes, MAX_HEAD);
  if (parsed.kind === 'more') assert.ok(bytes.length <= MAX_HEAD, 'waits for a head without end');
  if (parsed.kind !== 'head') return;
  const { head, size } = parsed;
  assert.deepEqual(parseHead(Buffer.concat([bytes, Buffer.from('\r\n\r\nx')]), MAX_HEAD), parsed);
  assert.deepEqual(parseHead(bytes.subarray(0, size), MAX_HEAD), parsed);
  for (const [name, value] of head.headers) assert.doesNotMatch(name + value, /[\r\n\0]/);
  const named = (wanted: string): number => head.headers.filter(([name]) => name.toLowerCase() === wanted).length;
  assert.ok(named('content-length') + named('transfer-encoding') <= 1, 'one framing');
  assert.ok(head.target.port > 0 && head.target.port < 65_536);
  checkHost(head.target.host);
}

function checkHello(bytes: Buffer): void {
  const hello = readClientHello(bytes);
  if (hello.kind !== 'hello') return;
  assert.deepEqual(readClientHello(Buffer.concat([bytes, Buffer.from([23, 3, 3, 0, 1, 0])])), hello);
  if (hello.serverName !== null) checkHost(hello.serverName);
}

function run(input: Uint8Array): void {
  const bytes = Buffer.from(input);
  checkHead(bytes);
  checkHello(bytes);
  checkHost(bytes.toString('latin1'));
  const request = parseSocksRequest(bytes);
  if (request.kind !== 'request') return;
  assert.deepEqual(parseSocksRequest(Buffer.concat([bytes, Buffer.from('x')])), request);
  checkHost(request.host);
}

const NAME = Buffer.from('a.example');
const SERVER_NAME = Buffer.concat([Buffer.from([0, 0, 0, 14, 0, 12, 0, 0, 9]), NAME]);
const HELLO_BODY = Buffer.concat([
  Buffer.from([3, 3]),
  Buffer.alloc(32),
  Buffer.from([0, 0, 2, 0x13, 1, 1, 0, 0, SERVER_NAME.length]),
  SERVER_NAME,
]);
const HELLO = Buffer.concat([
  Buffer.from([22, 3, 1, 0, HELLO_BODY.length + 4, 1, 0, 0, HELLO_BODY.length]),
  HELLO_BODY,
]);

export const egressRequest: Target = {
  name: 'egress-request',
  seeds: [
    Buffer.from('GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n'),
    Buffer.from('POST http://[::1]:80 HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc'),
    Buffer.from('CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n'),
    Buffer.from([5, 1, 0, 3, NAME.length, ...NAME, 1, 187]),
    Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, 0, 80]),
    Buffer.from([5, 1, 0, 4, ...Buffer.alloc(15), 1, 0, 80]),
    HELLO,
    Buffer.from('0x7f.1'),
    Buffer.from('[::ffff:127.0.0.1]'),
    Buffer.from('XN--bcher-kva.Example.'),
  ],
  dictionary: [
    '\r\n',
    '\r\n\r\n',
    '\r\n ',
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Host: b\r\n',
    ':443',
    'http://',
    '@',
    '%00',
    '0x',
    '127.0.0.1',
    '::',
    '.',
    '\x16\x03\x01',
    '\x05\x01\x00\x03',
  ],
  run,
};
