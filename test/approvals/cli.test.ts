/** The command line against a real control socket and a real database, and what a kill of the server leaves. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openStores } from '@agentbox/storage';
import { verifies } from '../requirements/verifies.ts';
import { until } from './inbox.ts';
import { asked } from './samples.ts';
import { ApprovalsHome, type Box } from './server.ts';

for (const [cell, box] of [
  ['between the database and the record', 'dies-before-record'],
  ['between the record and the box', 'dies-before-box'],
] satisfies [string, Box][]) {
  verifies(
    'approvals.answer.survives-kill',
    async () => {
      using home = new ApprovalsHome();
      const question = asked();
      {
        await using server = await home.serve(box);
        assert.equal(await server.ask(question), 'open');
        const { code } = await home.cli('allow', question.id, '--session', '--note', 'go');
        assert.equal(code, 3);
        await server.ended();
      }
      assert.deepEqual(home.heard(), []);
      const expected = [{ question: question.id, bindsTo: question.bindsTo, decision: 'session', note: 'go' }];
      {
        await using server = await home.serve('there');
        await until('the box heard it', () => home.heard().length > 0);
        await sleep(200);
        assert.deepEqual(home.heard(), expected);
        await server.kill();
      }
      {
        await using server = await home.serve('there');
        assert.equal(await server.ask(question), 'closed');
        await sleep(200);
      }
      assert.deepEqual(home.heard(), expected);
      await using stores = await openStores({ kind: 'sqlite', path: join(home.path, 'agentbox.db'), clock: Date.now });
      const kinds = (await stores.audit.read(1, 100)).map(({ kind }) => kind);
      assert.deepEqual(kinds, ['question.opened', 'question.answered']);
    },
    { cell },
  );
}

verifies('approvals.cli.show', async () => {
  using home = new ApprovalsHome();
  await using server = await home.serve('there');
  assert.equal((await home.cli()).stdout, 'Nothing waits.\n');
  const script = `${'echo long; '.repeat(2000)}rm -rf /\u001B[2J\u202E`;
  const question = asked({}, { argv: ['git', '-c', script, ''], interpreters: ['/usr/bin/python3'] });
  await server.ask(question);
  const list = await home.cli('list');
  assert.match(
    list.stdout,
    new RegExp(`${question.id} +waits +\\d+s +(1m 00s|\\d+s) +${question.owner} +outside +/usr/bin/git -c `),
  );
  const { stdout, code } = await home.cli('show', question.id.slice(0, 8));
  assert.equal(code, 0);
  for (const shown of [
    '/usr/bin/git',
    '/work/project',
    question.facts.sha256,
    '/usr/bin/python3',
    '/etc/agentbox/rules/team.rules:12',
    'publishing is for people',
    'runs it OUTSIDE the sandbox',
    'what the rules allow',
    '/home/somebody/.agentbox/rules/amended.rules',
    'prefix_rule(pattern=["git", "push"], decision="allow")',
    question.session,
    `$'${'echo long; '.repeat(2000)}rm -rf /\\u{1b}[2J\\u{202e}' ''`,
  ]) {
    assert.ok(stdout.includes(shown), shown.slice(0, 80));
  }
  assert.doesNotMatch(list.stdout + stdout, /[^\p{L}\p{M}\p{N}\p{P}\p{S} \n]/u);
  const json: unknown = JSON.parse((await home.cli('show', question.id, '--json')).stdout);
  assert.deepEqual(Reflect.get(Object(json), 'facts'), question.facts);
});

verifies('approvals.cli.answer', async () => {
  using home = new ApprovalsHome();
  await using server = await home.serve('there');
  const [one, two, three] = [asked(), asked({ proposal: null }), asked()];
  for (const question of [one, two, three]) await server.ask(question);
  const codes = async (...args: readonly string[]) => (await home.cli(...args)).code;
  assert.equal(await codes('allow', 'q_'), 2);
  assert.equal(await codes('allow'), 2);
  assert.equal(await codes('allow', one.id, '--once', '--always'), 2);
  assert.equal(await codes('deny', one.id, '--session'), 2);
  assert.equal(await codes('allow', 'q_00000'), 4);
  assert.equal(await codes('allow', two.id, '--always'), 1);
  assert.equal(await codes('allow', one.id.slice(0, 10), '--always'), 0);
  const late = await home.cli('deny', one.id);
  assert.equal(late.code, 5);
  assert.match(late.stderr, /answered already: always, through the cli, by operator/);
  assert.equal(await codes('deny', two.id, '--note', 'use a branch'), 0);
  assert.equal(await codes('allow', three.id), 0);
  assert.deepEqual(
    home.heard().map((answer) => [Reflect.get(Object(answer), 'decision'), Reflect.get(Object(answer), 'note')]),
    [
      ['always', null],
      ['deny', 'use a branch'],
      ['once', null],
    ],
  );
  await server.kill();
  assert.equal(await codes('list'), 3);
});

verifies(
  'approvals.cli.answer',
  async () => {
    using home = new ApprovalsHome();
    const [gone, kept] = [asked(), asked()];
    {
      await using server = await home.serve('late');
      await server.ask(gone);
      const late = await home.cli('allow', gone.id);
      assert.deepEqual([late.code, late.stdout.includes('Too late')], [5, true]);
    }
    await using server = await home.serve('away');
    await server.ask(kept);
    const away = await home.cli('allow', kept.id);
    assert.deepEqual([away.code, away.stdout.includes('The box is away')], [0, true]);
  },
  { cell: 'the box is too late or away' },
);

verifies(
  'approvals.open.full-disk',
  async () => {
    using home = new ApprovalsHome();
    await using server = await home.serve('there', 1000);
    const open = asked();
    assert.equal(await server.ask(open), 'open');
    const large = () => asked({}, { argv: ['git', 'x'.repeat(40_000)] });
    let refused = large();
    for (let more = 0; more < 40 && (await server.ask(refused)) === 'open'; more += 1) refused = large();
    const { id: question, bindsTo } = refused;
    assert.deepEqual(home.heard(), [{ question, bindsTo, decision: 'deny', note: 'the question could not be kept' }]);
    assert.equal((await home.cli('show', question)).code, 4);
  },
  { cell: 'a real one' },
);
