/** What every store of questions keeps, whatever lies under it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuestionStore } from '@agentbox/control-plane';
import { newPrincipalId, newQuestionId, OPERATOR, type QuestionReply } from '@agentbox/protocol';
import { openStores } from '@agentbox/storage';
import { verifies } from '../requirements/verifies.ts';
import { memoryQuestions } from './memory-questions.ts';
import { asked, kept } from './samples.ts';

interface Opened extends AsyncDisposable {
  readonly store: QuestionStore;
}

const STORES: Readonly<Record<string, () => Promise<Opened>>> = {
  memory: () => Promise.resolve({ store: memoryQuestions(), [Symbol.asyncDispose]: () => Promise.resolve() }),
  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agentbox-questions-'));
    const stores = await openStores({ kind: 'sqlite', path: join(folder, 'home', 'agentbox.db'), clock: Date.now });
    return {
      store: stores.questions,
      [Symbol.asyncDispose]: async () => {
        await stores[Symbol.asyncDispose]();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  },
};

const ALL = { state: null, askedBy: null, limit: 100 } as const;

const reply = (rest: Partial<QuestionReply> = {}): QuestionReply => ({
  decision: 'once',
  by: OPERATOR,
  at: Date.now(),
  face: 'cli',
  note: 'gut so',
  ...rest,
});

for (const [cell, open] of Object.entries(STORES)) {
  verifies(
    'approvals.store.kept',
    async () => {
      await using opened = await open();
      const { store } = opened;
      const me = newPrincipalId();
      const hostile = asked({ owner: me, askedAt: 1 }, { argv: ['x', '\u001B[2J\u0000"\'\u202E', 'ü三'], rule: null });
      const first = kept(hostile);
      const second = kept(asked({ askedAt: 2, proposal: null }));
      assert.equal(await store.add(first), true);
      assert.equal(await store.add(second), true);
      assert.equal(await store.add({ ...first, bindsTo: 'other' }), false);
      assert.deepEqual(await store.get(first.id), first);
      assert.equal(await store.get(newQuestionId()), undefined);
      assert.deepEqual(await store.list(ALL), [second, first]);
      assert.deepEqual(await store.list({ ...ALL, limit: 1 }), [second]);
      assert.deepEqual(await store.list({ ...ALL, askedBy: me }), [first]);
      assert.deepEqual(await store.list({ ...ALL, state: 'answered' }), []);
      const given = reply();
      await store.answer(first.id, given);
      const answered = { ...first, state: 'answered', answer: given, delivery: 'unrecorded' } as const;
      assert.deepEqual(await store.list({ ...ALL, state: 'answered' }), [answered]);
      assert.deepEqual(await store.undelivered(10), [answered]);
    },
    { cell },
  );

  verifies(
    'approvals.store.conditional',
    async () => {
      await using opened = await open();
      const { store } = opened;
      const [won, over, ended] = [kept(asked()), kept(asked({ expiresAt: 5000 })), kept(asked())];
      for (const one of [won, over, ended]) await store.add(one);
      const both = await Promise.all([
        store.answer(won.id, reply()),
        store.answer(won.id, reply({ decision: 'deny' })),
      ]);
      assert.equal(both.filter(Boolean).length, 1);
      assert.equal(await store.answer(over.id, reply({ at: 5000 })), false);
      assert.equal(await store.answer(newQuestionId(), reply()), false);
      assert.equal(await store.end(won.id, 'expired'), false);
      assert.deepEqual([await store.end(ended.id, 'withdrawn'), await store.end(ended.id, 'expired')], [true, false]);
      assert.equal(await store.answer(ended.id, reply()), false);
      assert.equal(await store.deliver(won.id, 'owed', 'taken'), false);
      assert.equal(await store.deliver(won.id, 'unrecorded', 'owed'), true);
      assert.equal(await store.deliver(won.id, 'owed', 'taken'), true);
      assert.equal(await store.deliver(won.id, 'owed', 'gone'), false);
      assert.deepEqual(
        (await store.undelivered(10)).map(({ id, state }) => [id, state]),
        [[ended.id, 'withdrawn']],
      );
      assert.equal((await store.get(over.id))?.state, 'open');
    },
    { cell },
  );
}
