/** Where the keys of an issuer come from: rotation, outages, hostile answers, and addresses that are never asked. */
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after } from 'node:test';
import type { Authentication, Authenticator, IssuerSettings } from '@agentbox/auth';
import { guardedGet, outboundProblem, type Resolve } from '../../packages/auth/src/outbound/guarded-get.ts';
import { isPublicAddress } from '../../packages/auth/src/outbound/public-address.ts';
import { verifies } from '../requirements/verifies.ts';
import { AUDIENCE, bearing, type IssuerFixture, nowSeconds, openGate, openIssuer, signingKey } from './gate.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());
const key = await signingKey('k1');
const next = await signingKey('k2');

interface Setup extends AsyncDisposable {
  readonly issuer: IssuerFixture;
  readonly authenticator: Authenticator;
  readonly advance: (ms: number) => void;
  readonly ask: (by?: typeof key) => Promise<Authentication>;
}

async function setUp(more: Partial<IssuerSettings> = {}): Promise<Setup> {
  const issuer = await openIssuer();
  issuer.serveKeys(key);
  let now = Date.now();
  const jwks = {
    issuer: issuer.issuer,
    jwksUrl: issuer.jwksUrl,
    audience: AUDIENCE,
    requiredScopes: ['exec'],
    ...more,
  };
  const authenticator = gate.authenticator({
    clock: () => now,
    jwks,
    attempts: { burst: 1e6, refillMs: 1, addresses: 9 },
  });
  return {
    issuer,
    authenticator,
    advance: (ms) => {
      now += ms;
    },
    ask: async (by = key) => {
      const claims = { exp: nowSeconds() + 86_400, jti: crypto.randomUUID() };
      return authenticator.authenticate(bearing(await issuer.sign(by, claims)));
    },
    [Symbol.asyncDispose]: () => issuer[Symbol.asyncDispose](),
  };
}

const statusOf = (answer: Authentication): number => (answer.kind === 'ok' ? 200 : answer.status);

verifies('auth.keys.rotation', async () => {
  await using set = await setUp();
  const { issuer, advance, ask } = set;
  assert.equal(statusOf(await ask()), 200);
  issuer.serveKeys(next);
  assert.equal(statusOf(await ask(next)), 401, 'within the cooldown nothing is fetched');
  advance(31_000);
  assert.equal(statusOf(await ask(next)), 200);
  assert.equal(statusOf(await ask()), 401);
  assert.equal(issuer.fetches(), 2);
});

verifies(
  'auth.keys.rotation',
  async () => {
    await using set = await setUp();
    const { issuer, authenticator, advance, ask } = set;
    const token = await issuer.sign(key);
    assert.equal(statusOf(await authenticator.authenticate(bearing(token))), 200);
    issuer.serveKeys(next);
    advance(31_000);
    assert.equal(statusOf(await ask(next)), 200);
    assert.equal(statusOf(await authenticator.authenticate(bearing(token))), 401);
  },
  { cell: 'a token verified before is not valid with the key withdrawn' },
);

verifies('auth.keys.cooldown', async () => {
  await using set = await setUp();
  const { issuer, advance, ask } = set;
  for (let n = 0; n < 50; n += 1) assert.equal(statusOf(await ask(next)), 401);
  assert.equal(issuer.fetches(), 1);
  advance(31_000);
  for (let n = 0; n < 50; n += 1) await ask(next);
  assert.equal(issuer.fetches(), 2);
});

verifies('auth.keys.shared-fetch', async () => {
  await using set = await setUp();
  const { issuer, ask } = set;
  const answers = await Promise.all(Array.from({ length: 40 }, () => ask()));
  assert.deepEqual(new Set(answers.map(statusOf)), new Set([200]));
  assert.equal(issuer.fetches(), 1);
});

verifies('auth.keys.down-at-start', async () => {
  await using set = await setUp();
  const { issuer, authenticator, advance, ask } = set;
  issuer.serve((_request, response) => void response.writeHead(502).end());
  const answer = await ask();
  assert.equal(answer.kind, 'challenge');
  assert.deepEqual([answer.status, answer.code, answer.retryAfterSeconds], [503, 'AUTH_UNAVAILABLE', 30]);
  assert.match(answer.message, /answered 502 instead of 200/);
  assert.match(authenticator.keys()?.failure ?? '', /502/);
  assert.equal((await authenticator.authenticate(bearing(gate.token))).kind, 'ok');
  for (let n = 0; n < 20; n += 1) assert.equal(statusOf(await ask()), 503);
  assert.equal(issuer.fetches(), 1, 'a dead issuer is asked once in the cooldown');
  issuer.serveKeys(key);
  advance(31_000);
  assert.equal(statusOf(await ask()), 200);
  assert.equal(authenticator.keys()?.failure, null);
});

verifies(
  'auth.keys.down-at-start',
  async () => {
    await using set = await setUp({ jwksUrl: 'http://127.0.0.1:1/keys' });
    const { issuer, ask } = set;
    assert.equal(statusOf(await ask()), 503);
    assert.equal(issuer.fetches(), 0);
  },
  { cell: 'nobody listens' },
);

verifies('auth.keys.stale', async () => {
  await using set = await setUp();
  const { issuer, advance, ask } = set;
  assert.equal(statusOf(await ask()), 200);
  issuer.serve((_request, response) => void response.destroy());
  advance(3_000_000);
  assert.equal(statusOf(await ask()), 200);
  assert.equal(issuer.fetches(), 2);
  advance(700_000);
  assert.equal(statusOf(await ask()), 503);
});

const BAD: readonly (readonly [string, RequestListener, RegExp])[] = [
  ['too large', (_request, response) => void response.end('x'.repeat(300_000)), /more than 262144 bytes/],
  ['without an end', (_request, response) => void response.write('{'), /no answer within 300 ms/],
  ['without a beginning', () => undefined, /no answer within 300 ms/],
  ['not JSON', (_request, response) => void response.end('<html>'), /not JSON/],
  ['no key set', (_request, response) => void response.end('{"keys":{}}'), /not a JSON Web Key Set/],
  [
    'a thousand keys',
    (_request, response) =>
      void response.end(JSON.stringify({ keys: Array.from({ length: 1000 }, () => ({ kty: 'EC' })) })),
    /not a JSON/,
  ],
  [
    'redirected',
    (request, response) => void response.writeHead(302, { location: `http://${request.headers.host}/x` }).end(),
    /302/,
  ],
  [
    'redirected elsewhere',
    (_request, response) => void response.writeHead(307, { location: 'http://169.254.169.254/' }).end(),
    /307/,
  ],
];
for (const [cell, listener, why] of BAD) {
  verifies(
    'auth.keys.bad-answers',
    async () => {
      await using set = await setUp({ fetchTimeoutMs: 300 });
      const { issuer, ask } = set;
      issuer.serve(listener);
      const answer = await ask();
      assert.equal(statusOf(answer), 503);
      assert.match(answer.kind === 'challenge' ? answer.message : '', why);
      assert.equal(issuer.fetches(), 1);
    },
    { cell },
  );
}

const NOT_PUBLIC = (
  '0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.8.8.8 168.63.129.16 169.254.169.254 172.16.0.1 192.0.0.1 ' +
  '192.168.1.1 198.18.0.1 224.0.0.1 255.255.255.255 :: ::1 ::ffff:8.8.8.8 fd00:ec2::254 fe80::1 64:ff9b::7f00:1 ' +
  '2002:7f00:1:: 2001::1 2001:db8::1 ff02::1 name'
).split(' ');
verifies('auth.outbound.addresses', () => {
  for (const address of NOT_PUBLIC) assert.equal(isPublicAddress(address), false, address);
  for (const address of ['8.8.8.8', '1.1.1.1', '2606:4700::1111'])
    assert.equal(isPublicAddress(address), true, address);
});

verifies(
  'auth.outbound.addresses',
  () => {
    const refused = ['http://example.com/', 'ftp://example.com/', 'file:///etc/passwd', 'https://u:p@example.com/'];
    const disguised = [
      'https://2852039166/',
      'https://0xa9fea9fe/',
      'https://0251.0376.0251.0376/',
      'https://[::ffff:10.0.0.1]/',
      'https://10.1/',
      'https://0/',
    ];
    for (const url of [...refused, ...disguised]) assert.notEqual(outboundProblem(new URL(url), false), null, url);
    for (const url of [
      'https://example.com/',
      'http://127.0.0.1:1/',
      'http://localhost/',
      'http://[::1]/',
      'https://8.8.8.8/',
    ]) {
      assert.equal(outboundProblem(new URL(url), false), null, url);
    }
    assert.equal(outboundProblem(new URL('https://10.0.0.5/keys'), true), null);
  },
  { cell: 'addresses in other spellings' },
);

verifies('auth.outbound.rebinding', async () => {
  const guard = { timeoutMs: 2_000, maxBytes: 100, accept: '*/*', privateNetwork: false };
  for (const address of ['127.0.0.1', '169.254.169.254', '10.0.0.1']) {
    const resolve: Resolve = (_name, done) => done(null, [{ address, family: 4 }]);
    const asked = guardedGet(new URL('https://keys.example/'), { ...guard, resolve });
    await assert.rejects(asked, /resolves to an address that is not public/, address);
  }
  const toItself: Resolve = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
  const asked = guardedGet(new URL('https://keys.example/'), { ...guard, privateNetwork: true, resolve: toItself });
  await assert.rejects(asked, /not public/, 'a name never leads to loopback');
});

verifies('auth.outbound.no-name', async () => {
  const guard = { timeoutMs: 2_000, maxBytes: 100, accept: '*/*', privateNetwork: false };
  // Without a resolver of the test's own: the system's gives no list at all beside its error.
  await assert.rejects(guardedGet(new URL('https://keys.invalid/'), guard), /ENOTFOUND|EAI_AGAIN|no answer/);
});

verifies('auth.settings.refused', () => {
  const standard = {
    issuer: 'https://id.example',
    jwksUrl: 'https://id.example/keys',
    audience: AUDIENCE,
    requiredScopes: [],
  };
  for (const jwksUrl of ['http://id.example/keys', 'https://169.254.169.254/', 'https://10.0.0.1/keys', 'nonsense']) {
    assert.throws(() => gate.authenticator({ jwks: { ...standard, jwksUrl } }), { code: 'CONFIG_INVALID' }, jwksUrl);
  }
  assert.throws(() => gate.authenticator({ jwks: { ...standard, issuer: 'nonsense' } }), { code: 'CONFIG_INVALID' });
  gate.authenticator({ jwks: { ...standard, jwksUrl: 'https://10.0.0.1/keys', privateNetwork: true } });
});
