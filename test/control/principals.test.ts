/** Tokens: what is issued, kept, refused, and how soon. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createPrincipals,
  type PrincipalStore,
  type Principals,
  type Refused,
  type Verified,
} from '@agentbox/control-plane';
import { newPrincipalId, OPERATOR, SCOPES } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { verifies } from '../requirements/verifies.ts';

interface Office extends AsyncDisposable {
  readonly principals: Principals;
  readonly store: PrincipalStore;
  readonly path: string;
  now: number;
  /** what a start of the server makes of the same store */
  again(): Promise<Principals>;
}

async function openOffice(): Promise<Office> {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-control-'));
  const path = join(folder, 'home', 'agentbox.db');
  const stores = await openStores({ kind: 'sqlite', path, clock: Date.now });
  const time = { now: 1_000_000 };
  const again = (): Promise<Principals> =>
    createPrincipals({
      store: stores.principals,
      clock: () => time.now,
      random: (size) => crypto.getRandomValues(new Uint8Array(size)),
      reportFault: () => undefined,
    });
  const principals = await again();
  return {
    again,
    principals,
    store: stores.principals,
    path,
    get now() {
      return time.now;
    },
    set now(now: number) {
      time.now = now;
    },
    [Symbol.asyncDispose]: async () => {
      await stores[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const nameOf = (answer: Verified | Refused): string => ('refused' in answer ? answer.refused : answer.principal.id);

verifies('control.principals.token', async () => {
  await using office = await openOffice();
  const issued = await office.principals.issue(OPERATOR);
  const again = await office.principals.issue(OPERATOR);
  assert.match(issued.token, /^abx_[0-9a-f]{64}$/);
  assert.notEqual(issued.token, again.token);
  const kept = await office.store.listTokens(OPERATOR);
  const hash = createHash('sha256').update(issued.token).digest('hex');
  assert.ok(kept.some((record) => record.hash === hash && record.id === issued.tokenId));
  for (const file of [office.path, `${office.path}-wal`]) {
    assert.ok(!readFileSync(file).includes(issued.token.slice(4, 20)), `${file} holds the token`);
  }
});

verifies('control.principals.verify', async () => {
  await using office = await openOffice();
  const { principals } = office;
  const record = await principals.create('phone', ['exec']);
  const { token } = await principals.issue(record.id, { expiresAt: office.now + 60_000 });
  const verified = await principals.verify(token);
  assert.ok('principal' in verified);
  assert.deepEqual([verified.principal.id, [...verified.principal.scopes]], [record.id, ['exec']]);
  assert.equal(verified.expiresAt, office.now + 60_000);
  for (const wrong of [
    '',
    'abx_',
    token.slice(0, -1),
    `${token}0`,
    token.toUpperCase(),
    ` ${token}`,
    `abx_${'0'.repeat(64)}`,
  ]) {
    assert.equal(nameOf(await principals.verify(wrong)), 'UNAUTHENTICATED', JSON.stringify(wrong));
  }
  await principals.setDisabled(record.id, true);
  assert.equal(nameOf(await principals.verify(token)), 'TOKEN_REVOKED');
  await principals.setDisabled(record.id, false);
  assert.equal(nameOf(await principals.verify(token)), record.id);
  office.now += 60_000;
  assert.equal(nameOf(await principals.verify(token)), 'UNAUTHENTICATED', 'expired');
  await assert.rejects(principals.issue(newPrincipalId()), { code: 'INVALID_ARGUMENTS' });
  await assert.rejects(principals.create('', []), { code: 'INVALID_ARGUMENTS' });
  await assert.rejects(principals.create('x'.repeat(65), []), { code: 'INVALID_ARGUMENTS' });
});

verifies(
  'control.principals.verify',
  async () => {
    await using office = await openOffice();
    const operator = await office.principals.get(OPERATOR);
    assert.deepEqual([operator?.scopes, operator?.disabledAt], [SCOPES, null]);
    assert.deepEqual((await office.principals.list()).length, 1);
    assert.ok(operator !== undefined);
    await office.store.put({ ...operator, scopes: ['exec'] });
    await office.again();
    assert.deepEqual((await office.principals.get(OPERATOR))?.scopes, SCOPES, 'a scope that came with an update');
  },
  { cell: 'the operator exists from the start' },
);

verifies('control.principals.rotate', async () => {
  await using office = await openOffice();
  const { principals } = office;
  const other = await principals.create('laptop', ['exec']);
  const [first, second, foreign] = [
    await principals.issue(OPERATOR),
    await principals.issue(OPERATOR),
    await principals.issue(other.id),
  ];
  const ended: string[] = [];
  principals.revoked.subscribe((id) => void ended.push(id));
  for (const { token } of [first, second, foreign]) assert.ok('principal' in (await principals.verify(token)));
  const rotated = await principals.rotate(OPERATOR);
  for (const { token } of [first, second]) assert.equal(nameOf(await principals.verify(token)), 'TOKEN_REVOKED');
  assert.equal(nameOf(await principals.verify(rotated.token)), OPERATOR);
  assert.equal(nameOf(await principals.verify(foreign.token)), other.id);
  assert.equal(await principals.revoke(other.id), 1);
  assert.equal(nameOf(await principals.verify(foreign.token)), 'TOKEN_REVOKED');
  assert.deepEqual(ended, [OPERATOR, other.id]);
  const restarted = await office.again();
  for (const { token } of [first, second, foreign]) {
    assert.equal(nameOf(await restarted.verify(token)), 'TOKEN_REVOKED', 'also after a restart');
  }
});

verifies(
  'control.principals.rotate',
  async () => {
    await using office = await openOffice();
    const { principals } = office;
    const { token } = await principals.issue(OPERATOR);
    const asked = Array.from({ length: 20 }, () => principals.verify(token));
    await principals.rotate(OPERATOR);
    await Promise.all(asked);
    assert.equal(nameOf(await principals.verify(token)), 'TOKEN_REVOKED', 'an answer read before is not remembered');
  },
  { cell: 'while the token is being verified' },
);

verifies('control.principals.remembered', async () => {
  await using office = await openOffice();
  const { principals, store } = office;
  const { token } = await principals.issue(OPERATOR);
  assert.equal(nameOf(await principals.verify(token)), OPERATOR);
  // What another process does to the store is seen after the time that answers are remembered.
  await store.revokeTokens(OPERATOR, office.now);
  assert.equal(nameOf(await principals.verify(token)), OPERATOR);
  office.now -= 1;
  assert.equal(nameOf(await principals.verify(token)), 'TOKEN_REVOKED', 'the clock was set back');
  office.now += 5_001;
  assert.equal(nameOf(await principals.verify(token)), 'TOKEN_REVOKED');
  const tokens = await Promise.all(Array.from({ length: 300 }, () => principals.issue(OPERATOR)));
  for (const issued of tokens) await principals.verify(issued.token);
  await store.revokeTokens(OPERATOR, office.now);
  let remembered = 0;
  for (const issued of tokens.toReversed()) {
    if ('principal' in (await principals.verify(issued.token))) remembered += 1;
  }
  assert.equal(remembered, 256);
});
