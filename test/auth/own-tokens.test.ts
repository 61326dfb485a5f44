/** Own tokens, what is asked of the Authorization header, and the limit on wrong ones. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { Authentication, Challenge, DoorRequest } from '@agentbox/auth';
import { OPERATOR } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { asking, bearing, openGate } from './gate.ts';

const gate = await openGate();
after(() => gate[Symbol.asyncDispose]());
const unknown = `abx_${'0'.repeat(64)}`;

function challenged(answer: Authentication): Challenge {
  assert.equal(answer.kind, 'challenge');
  return answer;
}

verifies('auth.token.own', async () => {
  const authenticator = gate.authenticator();
  const answer = await authenticator.authenticate(bearing(gate.token));
  assert.equal(answer.kind === 'ok' && answer.caller.principal.id, OPERATOR);
  for (const token of [
    unknown,
    gate.token.toUpperCase(),
    `${gate.token}0`,
    gate.token.slice(0, -1),
    'eyJ.eyJ.sig',
    'x',
  ]) {
    const challenge = challenged(await authenticator.authenticate(bearing(token)));
    assert.equal(challenge.status, 401);
    assert.match(challenge.wwwAuthenticate ?? '', /^Bearer error="invalid_token", error_description="[^"]+", scope="/);
  }
});

verifies('auth.token.revoked', async () => {
  const { id } = await gate.principals.create('short-lived', ['exec']);
  const { token } = await gate.principals.issue(id);
  const authenticator = gate.authenticator();
  assert.equal((await authenticator.authenticate(bearing(token))).kind, 'ok');
  await gate.principals.revoke(id);
  const challenge = challenged(await authenticator.authenticate(bearing(token)));
  assert.deepEqual([challenge.status, challenge.code], [401, 'TOKEN_REVOKED']);
});

verifies('auth.token.missing', async () => {
  const challenge = challenged(await gate.authenticator().authenticate(asking([])));
  assert.equal(challenge.status, 401);
  assert.equal(
    challenge.wwwAuthenticate,
    'Bearer scope="agentbox:exec agentbox:files agentbox:skills", ' +
      'resource_metadata="http://127.0.0.1:7070/.well-known/oauth-protected-resource/mcp"',
  );
  const configured = gate.authenticator({ resource: 'https://agent.example/mcp' });
  assert.match(
    challenged(await configured.authenticate(asking([]))).wwwAuthenticate ?? '',
    /resource_metadata="https:\/\/agent\.example\/\.well-known\/oauth-protected-resource\/mcp"$/,
  );
});

const REFUSED: readonly (readonly [string, DoorRequest])[] = [
  ['Basic', asking(['Basic b3BlcmF0b3I6eA=='])],
  ['no token', asking(['Bearer'])],
  ['empty', asking([''])],
  ['a space inside', asking(['Bearer a b'])],
  ['two in one header', asking([`Bearer ${gate.token}, Bearer ${gate.token}`])],
  ['a control character', asking([`Bearer ${gate.token}\u0001`])],
  ['longer than a token', asking([`Bearer ${'a'.repeat(9000)}`])],
];
for (const [cell, request] of REFUSED) {
  verifies(
    'auth.token.malformed',
    async () => {
      const challenge = challenged(await gate.authenticator().authenticate(request));
      assert.equal(challenge.status, 400);
      assert.match(challenge.wwwAuthenticate ?? '', /error="invalid_request"/);
    },
    { cell },
  );
}

verifies(
  'auth.token.malformed',
  async () => {
    const answer = await gate.authenticator().authenticate(asking([`bEaReR  ${gate.token} `]));
    assert.equal(answer.kind, 'ok');
  },
  { cell: 'the scheme has no case' },
);

verifies('auth.token.in-url', async () => {
  for (const name of ['access_token', 'token']) {
    const url = `http://127.0.0.1:7070/mcp?${name}=${gate.token}`;
    for (const headers of [{}, { authorization: [`Bearer ${gate.token}`] }]) {
      const challenge = challenged(await gate.authenticator().authenticate({ ...asking([]), headers, url }));
      assert.equal(challenge.status, 400);
      assert.ok(!JSON.stringify(challenge).includes(gate.token));
    }
  }
});

verifies('auth.token.two-headers', async () => {
  const both = asking([`Bearer ${gate.token}`, `Bearer ${gate.token}`]);
  assert.equal(challenged(await gate.authenticator().authenticate(both)).status, 400);
});

verifies('auth.attempts.limited', async () => {
  let now = 1_000_000;
  const attempts = { burst: 5, refillMs: 1_000, addresses: 10 };
  const authenticator = gate.authenticator({ clock: () => now, attempts });
  const tryUnknown = async (): Promise<Challenge> => challenged(await authenticator.authenticate(bearing(unknown)));
  for (let n = 0; n < 5; n += 1) assert.equal((await tryUnknown()).status, 401);
  const limited = await tryUnknown();
  assert.deepEqual([limited.status, limited.retryAfterSeconds, limited.wwwAuthenticate], [429, 1, null]);
  assert.equal((await authenticator.authenticate(bearing(gate.token))).kind, 'ok');
  const elsewhere = { ...bearing(unknown), remoteAddress: '192.0.2.2' };
  assert.equal(challenged(await authenticator.authenticate(elsewhere)).status, 401);
  assert.equal(challenged(await authenticator.authenticate(asking([]))).status, 401);
  now += 1_000;
  assert.equal((await tryUnknown()).status, 401);
});
