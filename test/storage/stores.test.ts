/** What every implementation of the stores keeps, whatever lies under it. */
import assert from 'node:assert/strict';
import { after } from 'node:test';
import {
  type PrincipalRecord,
  type SessionRecord,
  type Stores,
  type TokenRecord,
  verifyAudit,
} from '@agentbox/control-plane';
import {
  type AuditEntry,
  newPrincipalId,
  newSessionId,
  newTraceId,
  OPERATOR,
  type PrincipalId,
} from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { verifies } from '../requirements/verifies.ts';
import { openFilesOfStorage, sqliteHome } from './sqlite-home.ts';

interface Place extends Disposable {
  /** opens what an earlier `open` of this place has left */
  open(): Promise<Stores>;
}

/** One place per test; a further implementation of the stores is one more line. */
const STORES: Readonly<Record<string, () => Place>> = {
  sqlite: () => {
    const home = sqliteHome();
    return {
      open: () => openStores({ kind: 'sqlite', path: home.path, clock: Date.now }),
      [Symbol.dispose]: () => home[Symbol.dispose](),
    };
  },
};

const principal = (createdAt: number, rest: Partial<PrincipalRecord> = {}): PrincipalRecord => ({
  id: newPrincipalId(),
  name: 'Zoë "the\u0000tester"',
  scopes: ['exec', 'files'],
  createdAt,
  disabledAt: null,
  ...rest,
});

const token = (id: string, owner: PrincipalId, rest: Partial<TokenRecord> = {}): TokenRecord => ({
  id,
  principal: owner,
  hash: id.padEnd(64, '0'),
  createdAt: 1,
  expiresAt: null,
  revokedAt: null,
  ...rest,
});

const session = (owner: PrincipalId, openedAt: number): SessionRecord => ({
  session: newSessionId(),
  principal: owner,
  tool: 'exec_command',
  command: 'printf "ü\\n"',
  cwd: '/srv/ü',
  openedAt,
  closedAt: null,
  exitCode: null,
});

const entry = (subject: string): AuditEntry => ({
  at: 1_800_000_000_123,
  kind: 'call.started',
  principal: OPERATOR,
  trace: newTraceId(),
  subject,
  outcome: null,
  detail: { text: 'a "quoted" ü \u2028 \ud83d\ude00', list: [1, 2.5, null], nested: { b: 1, a: 2 } },
});

for (const [name, placeOf] of Object.entries(STORES)) {
  verifies(
    'storage.principals.kept',
    async () => {
      using place = placeOf();
      await using stores = await place.open();
      const [older, newer] = [principal(1), principal(2)];
      await stores.principals.put(newer);
      await stores.principals.put(older);
      assert.deepEqual(await stores.principals.get(older.id), older);
      assert.equal(await stores.principals.get(newPrincipalId()), undefined);
      const disabled = { ...older, name: 'renamed', scopes: [], disabledAt: 9 };
      await stores.principals.put({ ...disabled, createdAt: 77 });
      assert.deepEqual(await stores.principals.list(), [disabled, newer], 'the time of creation stays');
    },
    { cell: name },
  );

  verifies(
    'storage.tokens.kept',
    async () => {
      using place = placeOf();
      await using stores = await place.open();
      const [ann, bob] = [principal(1), principal(2)];
      await stores.principals.put(ann);
      await stores.principals.put(bob);
      await stores.principals.addToken(token('t_a', ann.id, { expiresAt: 2 ** 45 }));
      await stores.principals.addToken(token('t_b', bob.id));
      assert.equal((await stores.principals.findToken('t_a'.padEnd(64, '0')))?.expiresAt, 2 ** 45);
      assert.equal(await stores.principals.findToken('f'.repeat(64)), undefined);
      assert.equal(await stores.principals.revokeTokens(ann.id, 5), 1);
      assert.equal(await stores.principals.revokeTokens(ann.id, 6), 0);
      assert.deepEqual(
        (await stores.principals.listTokens(ann.id)).map(({ revokedAt }) => revokedAt),
        [5],
      );
      assert.equal(await stores.principals.replaceTokens(token('t_c', bob.id, { createdAt: 9 }), 7), 1);
      assert.deepEqual(
        (await stores.principals.listTokens(bob.id)).map(({ id, revokedAt }) => [id, revokedAt]),
        [
          ['t_c', null],
          ['t_b', 7],
        ],
      );
      const sameHash = token('t_d', bob.id, { hash: 't_a'.padEnd(64, '0') });
      await assert.rejects(stores.principals.replaceTokens(sameHash, 8), { code: 'INTERNAL' });
      assert.equal((await stores.principals.listTokens(bob.id))[0]?.revokedAt, null, 'nothing was revoked either');
      await assert.rejects(stores.principals.addToken(token('t_e', newPrincipalId())), { code: 'INTERNAL' });
    },
    { cell: name },
  );

  verifies(
    'storage.sessions.kept',
    async () => {
      using place = placeOf();
      await using stores = await place.open();
      const [mine, other] = [newPrincipalId(), newPrincipalId()];
      const records = [session(mine, 10), session(other, 20), session(mine, 30)];
      for (const record of records) await stores.sessions.open(record);
      const [first, second, third] = records;
      assert.ok(first !== undefined && second !== undefined && third !== undefined);
      assert.deepEqual(await stores.sessions.list(null, 2), [third, second]);
      assert.deepEqual(await stores.sessions.list(mine, 10), [third, first]);
      await stores.sessions.open({ ...first, principal: other, command: 'taken over' });
      await stores.sessions.close(first.session, 40, 130);
      await stores.sessions.close(first.session, 50, 0);
      await stores.sessions.close(newSessionId(), 60, 0);
      assert.deepEqual((await stores.sessions.list(mine, 10))[1], { ...first, closedAt: 40, exitCode: 130 });
    },
    { cell: name },
  );

  verifies(
    'storage.audit.kept',
    async () => {
      using place = placeOf();
      {
        await using stores = await place.open();
        const written = await Promise.all(Array.from({ length: 300 }, (_, at) => stores.audit.append(entry(`${at}`))));
        assert.deepEqual(
          written.map(({ seq }) => seq),
          Array.from({ length: 300 }, (_, at) => at + 1),
        );
      }
      await using stores = await place.open();
      assert.deepEqual(await stores.audit.append(entry('300')), { seq: 301 });
      const records = await stores.audit.read(1, 1000);
      assert.deepEqual(
        records.map(({ subject }) => subject),
        Array.from({ length: 301 }, (_, at) => `${at}`),
      );
      assert.equal(verifyAudit(records, { seq: 0, hash: '0'.repeat(64) }).kind, 'intact');
      assert.equal((await stores.audit.read(250, 10))[0]?.seq, 250);
      assert.equal((await stores.audit.read(250, 10)).length, 10);
      assert.deepEqual(await stores.audit.read(302, 10), []);
    },
    { cell: name },
  );
}

/** What a caller can bring into a record, and what a careless writer could. */
const ODD_DETAIL: AuditEntry['detail'] = {
  ...Object.fromEntries([
    ['__proto__', 'own'],
    ['', 1],
  ]),
  when: new Date(0),
  missing: undefined,
  nan: Number.NaN,
  zero: -0,
  tiny: 5e-324,
  run: () => 1,
  half: '\ud83d',
  list: [undefined, '\u0000', 1e21],
  ['\udc00']: true,
};

for (const [name, placeOf] of Object.entries(STORES)) {
  verifies(
    'storage.audit.kept',
    async () => {
      using place = placeOf();
      for (const subject of ['\ud83d', 'nul \u0000 inside', '\udc00😀'.slice(0, 2), 'e\u0301 \u2028 \ufeff']) {
        await using stores = await place.open();
        await stores.audit.append({ ...entry(subject), detail: ODD_DETAIL });
        const verification = verifyAudit(await stores.audit.read(1, 10));
        assert.equal(verification.kind, 'intact', JSON.stringify(subject));
      }
    },
    { cell: `${name}, whatever an entry holds` },
  );
}

after(() => assert.deepEqual(openFilesOfStorage(), []));
