/** Spellings of hosts, kinds of addresses and answers of the DNS. Nothing that must be refused is ever dialled. */
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import type { EgressOptions, EgressRequest } from '@agentbox/sandbox';
import { classOf } from '../../packages/sandbox/src/egress/address-class.ts';
import { parseHost } from '../../packages/sandbox/src/egress/host.ts';
import { verifies } from '../requirements/verifies.ts';
import { allowed, ask, get, openOrigin, openProxy, refusedByRule } from './rig.ts';

const NAMES: readonly (readonly [string, string | null])[] = [
  ['example.org', 'example.org'],
  ['EXAMPLE.Org.', 'example.org'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['a_b.example', 'a_b.example'],
  ['localhost.', 'localhost'],
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1.', '127.0.0.1'],
  ['[::1]', '::1'],
  ['[0:0:0:0:0:0:0:1]', '::1'],
  ['[::FFFF:7F00:1]', '::ffff:127.0.0.1'],
  ['[2001:DB8::0:1]', '2001:db8::1'],
  ['', null],
  ['.', null],
  ['example.org..', null],
  ['.example.org', null],
  ['a..b', null],
  ['-a.example', null],
  ['2130706433', null],
  ['0x7f000001', null],
  ['0x7f.0.0.1', null],
  ['0X7F.1', null],
  ['017700000001', null],
  ['0177.0.0.1', null],
  ['127.1', null],
  ['127.0.1', null],
  ['127.0.0.01', null],
  ['127.0.0.256', null],
  ['1.2.3.4.5', null],
  ['0', null],
  ['0x', null],
  ['a.0x1', null],
  ['example.1', null],
  ['4294967297', null],
  ['[::1%lo]', null],
  ['[fe80::1%25eth0]', null],
  ['[::1', null],
  ['[127.0.0.1]', null],
  ['[::127.0.0.999]', null],
  ['%31%32%37.0.0.1', null],
  ['example.org%00.test', null],
  ['example.org\0.test', null],
  ['exa mple.org', null],
  ['example.org/', null],
  ['a@example.org', null],
  ['bücher.example', null],
  ['１２７.0.0.1', null],
  ['127。0。0。1', null],
  ['xn--127-.example', null],
  [`${'a'.repeat(64)}.example`, null],
  [`${'a.'.repeat(140)}example`, null],
  ['*.example.org', null],
];

for (const [spelled, wanted] of NAMES) {
  verifies(
    'egress.host.spelling',
    () => {
      const host = parseHost(spelled);
      assert.equal(host.kind === 'refused' ? null : host.host, wanted);
    },
    { cell: JSON.stringify(spelled).slice(0, 40) },
  );
}

const SPECIAL: readonly (readonly [string, string])[] = [
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'reserved'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'shared'],
  ['100.127.255.255', 'shared'],
  ['100.100.100.200', 'metadata'],
  ['169.254.169.254', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['169.254.1.1', 'link-local'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'documentation'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['198.19.255.255', 'benchmarking'],
  ['192.88.99.1', '6to4'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:8.8.8.8', 'IPv4-mapped'],
  ['::127.0.0.1', 'IPv4-compatible'],
  ['::ffff:0:7f00:1', 'reserved'],
  ['64:ff9b::7f00:1', 'NAT64'],
  ['64:ff9b:1::a00:1', 'NAT64'],
  ['2002:7f00:1::', '6to4'],
  ['2001:0:1::1', 'Teredo'],
  ['2001:2::1', 'benchmarking'],
  ['2001:10::1', 'reserved'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['fd00:ec2::254', 'metadata'],
  ['fc00::1', 'private'],
  ['fd12:3456::1', 'private'],
  ['fe80::1', 'link-local'],
  ['fec0::1', 'private'],
  ['ff02::1', 'multicast'],
  ['100::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'reserved'],
];

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const NEVER = new Set(['unspecified', 'reserved', 'multicast', 'broadcast', 'IPv4-mapped', 'IPv4-compatible']);
const WRAPPED = new Set(['NAT64', '6to4', 'Teredo']);

for (const [address, kind] of SPECIAL) {
  verifies(
    'egress.address.guarded',
    async () => {
      assert.equal(classOf(address)?.name, kind);
      await using proxy = await openProxy({ decide: allowed, isGranted: () => false, lookup: async () => [address] });
      for (const host of [bracketed(address), 'evil.test']) {
        const answer = await ask(proxy.port, get(`http://${host}/`));
        assert.match(answer, /^HTTP\/1\.1 403 [^]*Egress denied: /);
        assert.match(answer, new RegExp(` an? ${kind} address|of this machine`));
      }
      assert.deepEqual(proxy.dialled, []);
      assert.ok(proxy.entries.every(({ decision, address }) => decision === 'refuse' && address === null));
      await using granting = await openProxy({
        decide: allowed,
        isGranted: () => true,
        dial: () => assert.fail('dialled'),
      });
      if (NEVER.has(kind) || WRAPPED.has(kind))
        assert.match(
          await ask(granting.port, get(`http://${bracketed(address)}/`)),
          /rule needed: none would allow it/,
        );
    },
    { cell: address },
  );
}

verifies(
  'egress.address.guarded',
  () => {
    for (const address of ['1.1.1.1', '8.8.8.8', '172.32.0.1', '100.128.0.1', '192.0.1.1', '223.255.255.255'])
      assert.equal(classOf(address), null, address);
    for (const address of ['2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888'])
      assert.equal(classOf(address), null);
  },
  { cell: 'public addresses are none of these' },
);

for (const host of ['localhost', 'LOCALHOST.', 'admin.localhost', hostname(), '203.0.113.77', 'self.test']) {
  verifies(
    'egress.address.guarded',
    async () => {
      await using proxy = await openProxy({
        decide: allowed,
        isGranted: () => false,
        ownAddresses: () => ['93.184.215.14', '127.0.0.1', '203.0.113.77'],
        lookup: async () => ['93.184.215.14'],
      });
      assert.match(await ask(proxy.port, get(`http://${host}/`)), /^HTTP\/1\.1 403 /);
      assert.deepEqual(proxy.dialled, []);
    },
    { cell: `this machine as ${host === hostname() ? 'its own name' : host}` },
  );
}

verifies(
  'egress.address.guarded',
  async () => {
    const isGranted: EgressOptions['isGranted'] = (address, { protocol }) =>
      address === '127.0.0.1' && protocol === 'http';
    await using origin = await openOrigin((_request, response) => void response.end('granted'));
    await using proxy = await openProxy({ isGranted });
    assert.match(await ask(proxy.port, get(`http://a.test:${origin.port}/`)), /granted$/);
    const tunnel = await ask(proxy.port, `CONNECT a.test:${origin.port} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assert.match(tunnel, /403 [^]*rule needed: network_rule\(host="127\.0\.0\.1:\d+", protocol="https"/);
    assert.equal(proxy.dialled.length, 1);
  },
  { cell: 'a grant counts for the protocol of its rule' },
);

verifies('egress.address.own-ports', async () => {
  await using origin = await openOrigin((_request, response) => void response.end('admin'));
  await using proxy = await openProxy({ decide: allowed, ownPorts: [origin.port] });
  for (const host of ['127.0.0.1', 'localhost', 'x.localhost', 'evil.test'])
    assert.match(await ask(proxy.port, get(`http://${host}:${origin.port}/`)), /403 [^]*rule needed: none/);
  assert.deepEqual(proxy.dialled, []);
});

verifies('egress.dns.once', async () => {
  await using origin = await openOrigin((_request, response) => void response.end('here'));
  let turn = 0;
  await using proxy = await openProxy({ lookup: async () => [['127.0.0.1'], ['169.254.169.254']][turn++] ?? [] });
  assert.match(await ask(proxy.port, get(`http://a.test:${origin.port}/`)), /here$/);
  assert.deepEqual([proxy.lookups, proxy.dialled], [['a.test'], [`127.0.0.1:${origin.port}`]]);
  assert.match(await ask(proxy.port, get(`http://a.test:${origin.port}/`)), /403 [^]*metadata/);
  assert.equal(proxy.dialled.length, 1);
});

verifies(
  'egress.dns.once',
  async () => {
    for (const answers of [['127.0.0.1', '10.0.0.1'], ['127.0.0.1', '::ffff:10.0.0.1'], ['no address'], ['']]) {
      await using proxy = await openProxy({ lookup: async () => answers });
      assert.match(await ask(proxy.port, get('http://a.test/')), /^HTTP\/1\.1 403 /);
      assert.deepEqual(proxy.dialled, []);
    }
  },
  { cell: 'one bad answer among good ones' },
);

verifies('egress.dns.no-tunnel', async () => {
  await using proxy = await openProxy();
  for (const name of ['c2VjcmV0.evil.example', 'evil.example'])
    assert.match(await ask(proxy.port, get(`http://${name}/`)), /^HTTP\/1\.1 403 /);
  assert.deepEqual(proxy.lookups, []);
});

verifies('egress.ports', async () => {
  const decide = (request: EgressRequest) => (request.host === 'a.test' ? allowed() : refusedByRule(request));
  await using proxy = await openProxy({
    ports: { http: [80], https: [443] },
    decide,
    dial: () => assert.fail('dialled'),
  });
  assert.match(await ask(proxy.port, get('http://a.test:8080/')), /403 [^]*http may use port 80, not 8080/);
  assert.match(await ask(proxy.port, 'CONNECT a.test:22 HTTP/1.1\r\nHost: x\r\n\r\n'), /403 [^]*port 443, not 22/);
  await using any = await openProxy({ decide, dial: () => assert.fail('dialled') });
  for (const port of [25, 23, 445, 587])
    assert.match(await ask(any.port, get(`http://a.test:${port}/`)), /403 [^]*closed for every host/);
});
