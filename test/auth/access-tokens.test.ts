/** Access tokens of an external issuer, each check by a token that fails it alone. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after } from 'node:test';
import { type Authentication, type Authenticator, externalPrincipalId } from '@agentbox/auth';
import { SCOPES } from '@agentbox/protocol';
import { exportSPKI, importJWK, type JWTPayload, UnsecuredJWT } from 'jose';
import { verifies } from '../requirements/verifies.ts';
import {
  AUDIENCE,
  bearing,
  type Claims,
  nowSeconds,
  openGate,
  openIssuer,
  signed,
  signingKey,
  URL_OF_MCP,
} from './gate.ts';

const gate = await openGate();
const issuer = await openIssuer();
after(async () => {
  await issuer[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
});
const key = await signingKey('k1');
const other = await signingKey('k2');
const rsa = await signingKey('rsa', 'RS256');
issuer.serveKeys(key, other, rsa);

const settings = { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: AUDIENCE, requiredScopes: ['exec'] };
const authenticator = gate.authenticator({ jwks: settings, attempts: { burst: 1_000, refillMs: 1, addresses: 10 } });

function refusedWith(answer: Authentication, status: number, word: string): void {
  assert.equal(answer.kind, 'challenge');
  assert.equal(answer.status, status, answer.message);
  assert.ok(answer.wwwAuthenticate?.includes(word), answer.wwwAuthenticate ?? 'no challenge');
}

for (const alg of ['RS256', 'PS512', 'ES256', 'ES512', 'EdDSA']) {
  verifies(
    'auth.jwt.accepted',
    async () => {
      await using own = await openIssuer();
      const signer = await signingKey('a', alg);
      own.serveKeys(signer);
      const jwks = { ...settings, issuer: own.issuer, jwksUrl: own.jwksUrl };
      const answer = await gate.authenticator({ jwks }).authenticate(bearing(await own.sign(signer, { jti: 'j' })));
      assert.equal(answer.kind, 'ok');
      assert.equal(answer.caller.principal.id, externalPrincipalId(own.issuer, 'alice'));
      assert.deepEqual([...answer.caller.principal.scopes], ['exec']);
      assert.equal(answer.caller.tokenId, 'j');
      assert.ok((answer.caller.expiresAt ?? 0) > Date.now());
    },
    { cell: alg },
  );
}

verifies(
  'auth.jwt.accepted',
  async () => {
    assert.equal((await authenticator.authenticate(bearing(gate.token))).kind, 'ok');
    for (const typ of ['JWT', 'application/at+jwt', 'AT+JWT']) {
      const token = await issuer.sign(key, { aud: ['https://elsewhere.example', AUDIENCE] }, { typ });
      assert.equal((await authenticator.authenticate(bearing(token))).kind, 'ok', typ);
    }
  },
  { cell: 'beside own tokens, with other spellings of the type, one audience of several' },
);

const CLAIMS: readonly (readonly [string, Claims])[] = [
  ['another issuer', { iss: 'https://evil.example' }],
  ['the issuer with a slash', { iss: `${issuer.issuer}/` }],
  ['no issuer', { iss: undefined }],
  ['the audience of another resource', { aud: 'https://other.example/mcp' }],
  ['an audience that begins with ours', { aud: `${AUDIENCE}/x` }],
  ['no audience', { aud: undefined }],
  ['expired', { exp: nowSeconds() - 60 }],
  ['no expiry', { exp: undefined }],
  ['not valid yet', { nbf: nowSeconds() + 120 }],
  ['no subject', { sub: undefined }],
  ['an empty subject', { sub: '' }],
];
for (const [cell, claims] of CLAIMS) {
  verifies(
    'auth.jwt.refused',
    async () =>
      refusedWith(await authenticator.authenticate(bearing(await issuer.sign(key, claims))), 401, 'invalid_token'),
    { cell },
  );
}

const HEADERS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['the type of an identity token', { typ: 'id_token' }],
  ['no type', { typ: undefined }],
  ['no key id among several keys', { kid: undefined }],
  ['the key id of another key', { kid: 'k2' }],
  ['a key id that climbs', { kid: '../../../dev/null' }],
];
for (const [cell, header] of HEADERS) {
  verifies(
    'auth.jwt.refused',
    async () =>
      refusedWith(await authenticator.authenticate(bearing(await issuer.sign(key, {}, header))), 401, 'invalid_token'),
    { cell },
  );
}

verifies(
  'auth.jwt.refused',
  async () => {
    const answer = await authenticator.authenticate(bearing(await issuer.sign(key, {}, { typ: undefined })));
    assert.ok(answer.kind === 'challenge');
    assert.match(answer.message, /typ of the token is neither at\+jwt nor JWT/);
  },
  { cell: 'no type, and the answer says so' },
);

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const claimsOf = (): JWTPayload => ({
  iss: issuer.issuer,
  aud: AUDIENCE,
  sub: 'mallory',
  exp: nowSeconds() + 300,
  scope: 'agentbox:admin',
});

for (const alg of ['none', 'None', 'nOnE', 'NONE', '']) {
  verifies(
    'auth.jwt.refused',
    async () => {
      for (const signature of ['', 'AAAA']) {
        const token = `${encoded({ alg, typ: 'at+jwt', kid: 'k1' })}.${encoded(claimsOf())}.${signature}`;
        refusedWith(await authenticator.authenticate(bearing(token)), 401, 'invalid_token');
      }
      refusedWith(
        await authenticator.authenticate(bearing(new UnsecuredJWT(claimsOf()).encode())),
        401,
        'invalid_token',
      );
    },
    { cell: `algorithm '${alg}'` },
  );
}

verifies(
  'auth.jwt.refused',
  async () => {
    const text = `${encoded({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', crit: ['x'], x: 1 })}.${encoded(claimsOf())}`;
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = Buffer.from(await crypto.subtle.sign(algorithm, key.privateKey, Buffer.from(text))).toString(
      'base64url',
    );
    refusedWith(await authenticator.authenticate(bearing(`${text}.${signature}`)), 401, 'invalid_token');
  },
  { cell: 'a critical header that is not understood' },
);

verifies(
  'auth.jwt.refused',
  async () => {
    const publicKey = await importJWK(rsa.publicJwk, 'RS256', { extractable: true });
    assert.ok(publicKey instanceof CryptoKey);
    for (const secret of [await exportSPKI(publicKey), JSON.stringify(rsa.publicJwk), rsa.publicJwk.n ?? '']) {
      const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'rsa' })}.${encoded(claimsOf())}`;
      const token = `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
      refusedWith(await authenticator.authenticate(bearing(token)), 401, 'invalid_token');
    }
  },
  { cell: 'HS256 with the public key as the secret' },
);

verifies(
  'auth.jwt.refused',
  async () => {
    const [header = '', , signature = ''] = (await issuer.sign(key)).split('.');
    refusedWith(
      await authenticator.authenticate(bearing(`${header}.${encoded(claimsOf())}.${signature}`)),
      401,
      'invalid_token',
    );
    const stranger = await signingKey('k1');
    refusedWith(await authenticator.authenticate(bearing(await issuer.sign(stranger))), 401, 'invalid_token');
  },
  { cell: 'changed claims, and a stranger under a known key id' },
);

verifies(
  'auth.jwt.refused',
  async () => {
    const chosen = gate.authenticator({ jwks: { ...settings, clients: ['console'] } });
    refusedWith(await chosen.authenticate(bearing(await issuer.sign(key, { azp: 'other' }))), 401, 'invalid_token');
    refusedWith(await chosen.authenticate(bearing(await issuer.sign(key))), 401, 'invalid_token');
    assert.equal((await chosen.authenticate(bearing(await issuer.sign(key, { client_id: 'console' })))).kind, 'ok');
  },
  { cell: 'a client that is not accepted' },
);

verifies('auth.jwt.clock', async () => {
  const token = await issuer.sign(key, { nbf: nowSeconds(), exp: nowSeconds() + 100 });
  const at = async (offsetMs: number): Promise<string> => {
    const clock = (): number => Date.now() + offsetMs;
    const own = gate.authenticator({ clock, jwks: { ...settings, clockToleranceMs: 10_000 } });
    return (await own.authenticate(bearing(token))).kind;
  };
  assert.equal(await at(-8_000), 'ok');
  assert.equal(await at(-15_000), 'challenge');
  assert.equal(await at(105_000), 'ok');
  assert.equal(await at(115_000), 'challenge');
});

verifies(
  'auth.jwt.refused',
  async () => {
    const only = gate.authenticator({ jwks: { ...settings, algorithms: ['ES256'] } });
    assert.equal((await only.authenticate(bearing(await issuer.sign(key)))).kind, 'ok');
    refusedWith(await only.authenticate(bearing(await issuer.sign(rsa))), 401, 'invalid_token');
    await using careless = await openIssuer();
    const k = Buffer.from('a secret that everyone can fetch').toString('base64url');
    const keys = JSON.stringify({ keys: [{ kty: 'oct', k, kid: 'rsa', alg: 'HS256' }] });
    careless.serve((_request, response) => void response.end(keys));
    const jwks = { ...settings, issuer: careless.issuer, jwksUrl: careless.jwksUrl };
    const claims = encoded({ ...claimsOf(), iss: careless.issuer });
    const text = `${encoded({ alg: 'HS256', typ: 'at+jwt', kid: 'rsa' })}.${claims}`;
    const signature = createHmac('sha256', Buffer.from(k, 'base64url')).update(text).digest('base64url');
    refusedWith(await gate.authenticator({ jwks }).authenticate(bearing(`${text}.${signature}`)), 401, 'invalid_token');
  },
  { cell: 'an algorithm that is not listed, and a shared secret among the published keys' },
);

verifies('auth.jwt.foreign-keys', async () => {
  let asked = 0;
  const evil = await signingKey('evil');
  const canary = createServer((_request, response) => {
    asked += 1;
    response.end(JSON.stringify({ keys: [evil.publicJwk] }));
  });
  await new Promise<void>((resolve) => {
    canary.listen(0, '127.0.0.1', resolve);
  });
  const address = canary.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/keys`;
  try {
    for (const header of [
      { jku: url },
      { x5u: url },
      { jwk: evil.publicJwk },
      { jku: url, kid: 'k1' },
      { x5c: ['AAAA'] },
    ]) {
      refusedWith(await authenticator.authenticate(bearing(await issuer.sign(evil, {}, header))), 401, 'invalid_token');
    }
  } finally {
    await new Promise((resolve) => canary.close(resolve));
  }
  assert.equal(asked, 0);
});

verifies('auth.jwt.verified-once', async () => {
  let now = Date.now();
  const own = gate.authenticator({ clock: () => now, jwks: settings });
  const token = await issuer.sign(key);
  await own.authenticate(bearing(token));
  const cpuOf = async (count: number, next: () => Promise<string>): Promise<number> => {
    const tokens = await Promise.all(Array.from({ length: count }, next));
    const before = process.cpuUsage();
    for (const one of tokens) assert.equal((await own.authenticate(bearing(one))).kind, 'ok');
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const known = await cpuOf(200, async () => token);
  const fresh = await cpuOf(200, () => issuer.sign(key, { jti: crypto.randomUUID() }));
  assert.ok(known < fresh, `${known} of ${fresh} microseconds`);
  now += 400_000;
  refusedWith(await own.authenticate(bearing(token)), 401, 'invalid_token');
});

verifies('auth.scope.claims', async () => {
  for (const claims of [
    { scope: 'openid agentbox:exec files' },
    { scope: undefined, scp: ['exec', 'agentbox:files', 7] },
    { scope: 'exec', scp: 'files' },
  ]) {
    const answer = await authenticator.authenticate(bearing(await issuer.sign(key, claims)));
    assert.deepEqual(answer.kind === 'ok' && [...answer.caller.principal.scopes].sort(), ['exec', 'files']);
  }
});

verifies('auth.scope.exact', async () => {
  const words = [
    'agentbox:execute',
    'exec,admin',
    'AGENTBOX:EXEC',
    'xexec',
    '__proto__',
    'constructor',
    'exec\tadmin',
    '',
  ];
  for (const scope of words) {
    refusedWith(
      await authenticator.authenticate(bearing(await issuer.sign(key, { scope }))),
      403,
      'insufficient_scope',
    );
  }
  const answer = await authenticator.authenticate(bearing(await issuer.sign(key, { scope: 'exec admins toString' })));
  assert.deepEqual(answer.kind === 'ok' && [...answer.caller.principal.scopes], ['exec']);
});

verifies('auth.scope.missing', async () => {
  const strict = gate.authenticator({ jwks: { ...settings, requiredScopes: ['exec', 'files', 'corp:agents'] } });
  const answer = await strict.authenticate(bearing(await issuer.sign(key, { scope: 'exec' })));
  refusedWith(answer, 403, 'scope="exec files corp:agents"');
  refusedWith(answer, 403, 'error="insufficient_scope"');
  const challenge = authenticator.insufficientScope({ url: URL_OF_MCP }, ['exec', 'files']);
  assert.equal(challenge.status, 403);
  assert.match(challenge.wwwAuthenticate ?? '', /scope="agentbox:exec agentbox:files"/);
});

verifies('auth.scope.wider', async () => {
  const answer = await authenticator.authenticate(bearing(await issuer.sign(key, { scope: 'agentbox:admin' })));
  assert.deepEqual(answer.kind === 'ok' && [...answer.caller.principal.scopes].sort(), [...SCOPES].sort());
  const mapped = gate.authenticator({
    jwks: { ...settings, requiredScopes: [], scopeMap: { 'corp:agents': ['exec', 'skills'] } },
  });
  const corp = await mapped.authenticate(bearing(await issuer.sign(key, { scope: 'corp:agents exec' })));
  assert.deepEqual(corp.kind === 'ok' && [...corp.caller.principal.scopes].sort(), ['exec', 'skills']);
});

async function principalOf(by: Authenticator, token: string): Promise<string> {
  const answer = await by.authenticate(bearing(token));
  assert.equal(answer.kind, 'ok');
  return answer.caller.principal.id;
}

verifies('auth.principal.stable', async () => {
  const sub = 'dana\u001b[31m';
  const first = await principalOf(authenticator, await issuer.sign(key, { sub, name: 'Dana\u0007' }));
  const again = gate.authenticator({ jwks: settings });
  assert.equal(await principalOf(again, await issuer.sign(key, { sub, jti: 'later' })), first);
  assert.notEqual(await principalOf(again, await issuer.sign(key, { sub: 'erin' })), first);
  assert.notEqual(externalPrincipalId('https://other.example', sub), first);
  const record = (await gate.principals.list()).find(({ id }) => id === first);
  assert.deepEqual([record?.name, record?.scopes], [`Dana (${new URL(issuer.issuer).host})`, ['exec']]);
});

verifies('auth.principal.disabled', async () => {
  const token = await issuer.sign(key, { sub: 'frank' });
  await principalOf(authenticator, token);
  const id = externalPrincipalId(issuer.issuer, 'frank');
  await gate.principals.setDisabled(id, true);
  refusedWith(await authenticator.authenticate(bearing(token)), 401, 'invalid_token');
  await gate.principals.setDisabled(id, false);
  assert.equal(await principalOf(authenticator, token), id);
});

verifies(
  'auth.metadata.served',
  () => {
    assert.deepEqual(authenticator.metadata(URL_OF_MCP), {
      resource: AUDIENCE,
      authorization_servers: [issuer.issuer],
      scopes_supported: ['exec'],
      bearer_methods_supported: ['header'],
      resource_name: 'agentbox',
    });
    const own = gate.authenticator().metadata('http://localhost:9/x?y');
    assert.equal(own.resource, 'http://localhost:9/mcp');
    assert.ok(!('authorization_servers' in own));
  },
  { cell: 'with and without an issuer' },
);

verifies(
  'auth.jwt.refused',
  async () => {
    const random = (length: number): string =>
      Buffer.from(crypto.getRandomValues(new Uint8Array(length))).toString('base64url');
    for (let n = 0; n < 200; n += 1) {
      const token =
        n % 2 === 0
          ? `ey${random(30)}.${random(60)}.${random(64)}`
          : `${encoded({ alg: 'ES256', kid: random(4) })}.${random(9)}.`;
      const answer = await authenticator.authenticate(bearing(token));
      assert.equal(answer.kind === 'challenge' && answer.status, 401);
    }
    assert.equal((await authenticator.authenticate(bearing(await signed(key, claimsOf(), {})))).kind, 'ok');
  },
  { cell: 'noise in the shape of a token' },
);
