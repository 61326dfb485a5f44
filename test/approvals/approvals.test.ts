/** The inbox on a real database: what is opened, who answers first, what the box hears of it, and when. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditRecord, newQuestionId, newSessionId } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { house, until } from './inbox.ts';
import { asked, kept, OPERATOR_CALLER, person } from './samples.ts';

const yes = { decision: 'once', by: OPERATOR_CALLER, face: 'cli', note: null } as const;

verifies('approvals.open.durable', async () => {
  using home = house();
  await using inbox = await home.start();
  const { approvals } = inbox;
  const question = asked();
  const seen = Promise.withResolvers<readonly [unknown, readonly AuditRecord[]]>();
  approvals.changed.subscribe(({ id }) => seen.resolve(Promise.all([approvals.get(id, null), inbox.records()])));
  assert.deepEqual(await approvals.opened(question), { kind: 'open', question: kept(question) });
  const [durable, records] = await seen.promise;
  assert.deepEqual(durable, kept(question));
  assert.deepEqual([records.at(-1)?.kind, records.at(-1)?.subject], ['question.opened', question.id]);
});

verifies('approvals.open.again', async () => {
  using home = house();
  await using inbox = await home.start();
  const question = asked();
  const both = await Promise.all([inbox.approvals.opened(question), inbox.approvals.opened(question)]);
  both.push(await inbox.approvals.opened(question));
  assert.deepEqual(
    both.map(({ kind }) => kind),
    ['open', 'open', 'open'],
  );
  assert.equal((await inbox.records()).length, 1);
  await inbox.approvals.answer(question.id, yes);
  assert.equal((await inbox.approvals.opened(question)).kind, 'closed');
});

verifies('approvals.open.other-content', async () => {
  using home = house();
  await using inbox = await home.start();
  const { approvals } = inbox;
  const question = asked();
  await approvals.opened(question);
  const swapped = { ...question, bindsTo: 'f'.repeat(64) };
  assert.equal((await approvals.opened(swapped)).kind, 'refused');
  assert.equal((await approvals.get(question.id, null))?.state, 'withdrawn');
  await until('the box heard a no for both', () => home.heard.length === 2);
  assert.deepEqual(new Set(home.heard.map(({ bindsTo }) => bindsTo)), new Set([question.bindsTo, swapped.bindsTo]));
  assert.ok(home.heard.every(({ decision }) => decision === 'deny'));
  assert.equal((await approvals.answer(question.id, yes)).kind, 'closed');
});

verifies('approvals.open.bounded', async () => {
  using home = house();
  await using inbox = await home.start({ maxOpen: 5, maxOpenPerSession: 2 });
  const session = newSessionId();
  const kinds = async (questions: readonly ReturnType<typeof asked>[]) =>
    (await Promise.all(questions.map((question) => inbox.approvals.opened(question)))).map(({ kind }) => kind);
  const own = await kinds(Array.from({ length: 4 }, () => asked({ session })));
  assert.deepEqual(own.toSorted(), ['open', 'open', 'refused', 'refused']);
  const all = await kinds(Array.from({ length: 4 }, () => asked()));
  assert.deepEqual(all.toSorted(), ['open', 'open', 'open', 'refused']);
  assert.deepEqual(
    home.heard.map(({ decision }) => decision),
    ['deny', 'deny', 'deny'],
  );
  const [open] = await inbox.approvals.list({ state: 'open', askedBy: null, limit: 10 });
  assert.ok(open !== undefined);
  await inbox.approvals.answer(open.id, yes);
  assert.deepEqual(await kinds([asked()]), ['open']);
});

for (const disk of ['no-record', 'no-questions'] as const) {
  verifies(
    'approvals.open.full-disk',
    async () => {
      using home = house();
      await using inbox = await home.start();
      home.disk = disk;
      const question = asked();
      assert.equal((await inbox.approvals.opened(question)).kind, 'refused');
      assert.deepEqual(
        home.heard.map(({ question: id, decision }) => [id, decision]),
        [[question.id, 'deny']],
      );
      assert.equal(await inbox.approvals.get(question.id, null), undefined);
      home.disk = 'whole';
      assert.equal((await inbox.approvals.opened(question)).kind, 'open');
    },
    { cell: disk },
  );
}

const ROUNDS = 50;

verifies('approvals.answer.first-wins', async () => {
  using home = house();
  await using inbox = await home.start();
  const { approvals } = inbox;
  for (let round = 0; round < ROUNDS; round += 1) {
    const question = asked();
    await approvals.opened(question);
    const answers = await Promise.all([
      approvals.answer(question.id, yes),
      approvals.answer(question.id, { ...yes, decision: 'deny', face: 'console', by: person('approve') }),
    ]);
    assert.deepEqual(answers.map(({ kind }) => kind).toSorted(), ['accepted', 'closed']);
    const stored = await approvals.get(question.id, null);
    const [accepted, closed] = answers.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
    assert.ok(accepted?.kind === 'accepted' && closed?.kind === 'closed');
    assert.deepEqual(accepted.question.answer, stored?.answer);
    assert.deepEqual(closed.answer, stored?.answer);
  }
  await until('the box heard all', () => home.heard.length === ROUNDS);
  await sleep(50);
  assert.equal(new Set(home.heard.map(({ question }) => question)).size, home.heard.length);
});

verifies('approvals.answer.recorded-first', async () => {
  using home = house();
  await using inbox = await home.start();
  const question = asked();
  await inbox.approvals.opened(question);
  home.disk = 'no-record';
  await assert.rejects(inbox.approvals.answer(question.id, yes), { code: 'DISK_FULL' });
  await sleep(400);
  assert.deepEqual(home.heard, []);
  home.disk = 'whole';
  inbox.approvals.boxIsBack();
  await until('the box heard it', () => home.heard.length > 0);
  assert.deepEqual(
    home.heard.map(({ question: id, decision, after }) => [id, decision, after]),
    [[question.id, 'once', 'question.answered']],
  );
  const { approvals } = inbox;
  await until('it is noted', async () => (await approvals.get(question.id, null))?.delivery === 'taken');
});

verifies('approvals.answer.full-disk', async () => {
  using home = house();
  await using inbox = await home.start();
  const question = asked();
  await inbox.approvals.opened(question);
  home.disk = 'no-questions';
  await assert.rejects(inbox.approvals.answer(question.id, yes), { code: 'DISK_FULL' });
  assert.equal((await inbox.approvals.get(question.id, null))?.state, 'open');
  assert.deepEqual(home.heard, []);
  home.disk = 'whole';
  assert.equal((await inbox.approvals.answer(question.id, yes)).kind, 'accepted');
});

verifies('approvals.answer.box-away', async () => {
  using home = house();
  const question = asked();
  home.box = 'away';
  {
    await using inbox = await home.start();
    await inbox.approvals.opened(question);
    const answered = await inbox.approvals.answer(question.id, { ...yes, decision: 'always', note: ' ja \n' });
    assert.equal(answered.kind, 'accepted');
    await sleep(100);
  }
  home.box = 'there';
  await using inbox = await home.start();
  await until('the box heard it', () => home.heard.length > 0);
  assert.deepEqual(
    home.heard.map(({ decision, note }) => [decision, note]),
    [['always', 'ja']],
  );
  await until('it is noted', async () => (await inbox.approvals.get(question.id, null))?.delivery === 'taken');
  const written = (await inbox.records()).at(-1);
  assert.deepEqual([written?.kind, written?.subject, written?.detail['line']], ['policy.changed', '/rules', 3]);
});

verifies('approvals.answer.gone', async () => {
  using home = house();
  home.box = 'late';
  await using inbox = await home.start();
  const question = asked();
  await inbox.approvals.opened(question);
  await inbox.approvals.answer(question.id, yes);
  await until('it is noted', async () => (await inbox.approvals.get(question.id, null))?.delivery === 'gone');
  assert.equal((await inbox.approvals.get(question.id, null))?.state, 'answered');
});

verifies('approvals.permission.foreign', async () => {
  using home = house();
  await using inbox = await home.start();
  const { approvals } = inbox;
  const stranger = person('exec');
  const question = asked();
  await approvals.opened(question);
  const unknown = newQuestionId();
  for (const id of [question.id, unknown]) {
    for (const decision of ['once', 'always', 'deny'] as const) {
      assert.deepEqual(await approvals.answer(id, { decision, by: stranger, face: 'client', note: null }), {
        kind: 'not-found',
      });
    }
    assert.equal(await approvals.get(id, stranger.id), undefined);
  }
  assert.deepEqual(await approvals.list({ state: null, askedBy: stranger.id, limit: 10 }), []);
});

verifies('approvals.expiry', async () => {
  using home = house();
  const before = asked({ expiresAt: Date.now() + 3000 });
  {
    await using inbox = await home.start();
    await inbox.approvals.opened(before);
  }
  await sleep(Math.max(0, before.expiresAt - Date.now()) + 10);
  await using inbox = await home.start();
  const { approvals } = inbox;
  assert.equal((await approvals.get(before.id, null))?.state, 'expired');
  const now = asked({ expiresAt: Date.now() + 3000 });
  await approvals.opened(now);
  const signal = approvals.whileOpen(now.id);
  assert.equal(signal.aborted, false);
  await until('both are told', () => home.heard.length === 2);
  assert.equal(signal.aborted, true);
  assert.deepEqual(
    home.heard.map(({ question, decision, note }) => [question, decision, note]),
    [before, now].map(({ id }) => [id, 'deny', 'nobody answered in time']),
  );
  assert.deepEqual(await approvals.answer(now.id, yes), { kind: 'closed', state: 'expired', answer: null });
  assert.equal((await approvals.opened(asked({ expiresAt: Date.now() - 1 }))).kind, 'closed');
});

verifies('approvals.restart', async () => {
  using home = house();
  const questions = [asked({ askedAt: 2 }), asked({ askedAt: 1 })];
  {
    await using inbox = await home.start();
    for (const question of questions) await inbox.approvals.opened(question);
  }
  await using inbox = await home.start({ maxOpen: 2 });
  const open = await inbox.approvals.list({ state: 'open', askedBy: null, limit: 10 });
  assert.deepEqual(
    open,
    questions.map((question) => kept(question)),
  );
  assert.equal((await inbox.approvals.opened(asked())).kind, 'refused');
  for (const question of questions) assert.equal((await inbox.approvals.opened(question)).kind, 'open');
  for (const { id } of questions) assert.equal((await inbox.approvals.answer(id, yes)).kind, 'accepted');
});

verifies('approvals.withdrawn', async () => {
  using home = house();
  await using inbox = await home.start();
  const { approvals } = inbox;
  const session = newSessionId();
  const [ended, stays, other] = [asked({ session }), asked({ session }), asked()];
  await approvals.told(session, [ended, stays]);
  await approvals.opened(other);
  const signal = approvals.whileOpen(ended.id);
  const fresh = asked({ session });
  await approvals.told(session, [stays, fresh]);
  assert.equal(signal.aborted, true);
  assert.equal((await approvals.get(ended.id, null))?.state, 'withdrawn');
  const open = await approvals.list({ state: 'open', askedBy: null, limit: 10 });
  assert.deepEqual(new Set(open.map(({ id }) => id)), new Set([stays.id, fresh.id, other.id]));
  assert.deepEqual(await approvals.answer(ended.id, yes), { kind: 'closed', state: 'withdrawn', answer: null });
});

verifies(
  'approvals.withdrawn',
  async () => {
    using home = house();
    await using inbox = await home.start();
    const { approvals } = inbox;
    const question = asked();
    const opening = approvals.opened(question);
    await Promise.all([approvals.told(question.session, [question]), approvals.told(question.session, [])]);
    await opening;
    assert.equal((await approvals.get(question.id, null))?.state, 'withdrawn');
  },
  { cell: 'while it was still on its way to the store' },
);
