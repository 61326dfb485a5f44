/** Each kind of client, asked by a program of its command. */
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { until } from '../cli/product.ts';
import { NO_SANDBOX } from '../e2e/sandboxed.ts';
import { verifies } from '../requirements/verifies.ts';
import { KINDS, type Kind, type PersonAnswer, QuestionClient } from './clients.ts';
import { Place } from './place.ts';

const skip = NO_SANDBOX;
let place: Place;
before(async () => {
  if (skip === false) place = await Place.open();
});
after(async () => {
  if (skip === false) await place[Symbol.asyncDispose]();
});

const answering = (kind: Kind, answer: PersonAnswer): Promise<QuestionClient> =>
  QuestionClient.connect(place, kind, { person: () => answer });

const slug = (kind: Kind): string => kind.replaceAll(' ', '-');
const written = (word: string): number => place.counted().filter((line) => line === word).length;

for (const kind of KINDS) {
  verifies(
    'questions.client.accept',
    async () => {
      const word = `accept-${slug(kind)}`;
      await using client = await answering(kind, { action: 'accept', content: { decision: 'once' } });
      const told = await client.exec(`echo before; ${place.writes(word)}`);
      assert.deepEqual([told.output, told.exit_code], [`before\n${word}\ncode 0\n`, 0], told.text);
      assert.deepEqual([client.asked.length, written(word)], [1, 1]);
      assert.match(client.asked[0] ?? '', /tee` -a|tee -a/);
      const again = await client.exec(place.writes(word));
      assert.equal(again.exit_code, 0);
      assert.deepEqual([client.asked.length, written(word)], [2, 2], 'once is asked each time');
    },
    { cell: `exec_command, ${kind}`, skip },
  );

  verifies(
    'questions.client.accept',
    async () => {
      const word = `shell-${slug(kind)}`;
      await using client = await answering(kind, { action: 'accept' });
      const told = await client.shell(place, place.writes(word));
      assert.deepEqual([told.output, told.exit_code, written(word)], [`${word}\ncode 0\n`, 0, 1], told.text);
    },
    { cell: `shell, ${kind}`, skip },
  );

  verifies(
    'questions.client.session',
    async () => {
      const word = `session-${slug(kind)}`;
      await using client = await answering(kind, { action: 'accept', content: { decision: 'session' } });
      for (let time = 1; time <= 3; time += 1) {
        const told = await client.exec(`echo ${word} | tee -a ${place.countFile}-${slug(kind)} ${place.countFile}`);
        assert.deepEqual([told.output, client.asked.length, written(word)], [`${word}\n`, 1, time], told.text);
      }
    },
    { cell: kind, skip },
  );

  const NOES: readonly (readonly [string, PersonAnswer, RegExp])[] = [
    ['decline', { action: 'decline' }, /Execution denied: User declined execution/],
    ['cancel', { action: 'cancel' }, /Execution denied: User cancelled execution/],
    [
      'a no with a reason',
      { action: 'accept', content: { decision: 'deny', reason: 'not today' } },
      /denied: not today/,
    ],
  ];
  for (const [name, answer, expected] of NOES) {
    for (const tool of ['exec_command', 'shell'] as const) {
      verifies(
        'questions.client.refused',
        async () => {
          const word = `no-${name.replaceAll(' ', '-')}-${tool}-${slug(kind)}`;
          await using client = await answering(kind, answer);
          const command = place.writes(word);
          const told = await (tool === 'shell' ? client.shell(place, command) : client.exec(command));
          assert.match(told.output, expected, told.text);
          assert.match(told.output, /code 1\n/);
          assert.deepEqual([told.exit_code, written(word), client.asked.length], [0, 0, 1]);
          assert.deepEqual([told.denied.length, told.denied[0]?.argv.slice(0, 2)], [1, ['tee', '-a']]);
          assert.match(`Execution denied: ${told.denied[0]?.reason}`, expected);
        },
        { cell: `${name}, ${tool}, ${kind}`, skip },
      );
    }
  }

  verifies(
    'questions.client.unanswered',
    async () => {
      const word = `error-${slug(kind)}`;
      await using client = await QuestionClient.connect(place, kind, {
        person: () => Promise.reject(new RangeError('this client shows no dialogs')),
      });
      const call = client.exec(`echo begun; ${place.writes(word)}`, { yield_time_ms: 500 });
      const told = await call.catch(() => null);
      const question = await place.first();
      if (told !== null) {
        assert.deepEqual(
          [told.isError, told.running, told.waiting[0]?.question],
          [false, true, question.id],
          told.text,
        );
      }
      assert.equal((await place.cli('approvals', 'allow', question.id)).code, 0);
      await using later = await QuestionClient.connect(place, kind, { person: null });
      const end = await later.wait(question.session, { since: 0 });
      assert.deepEqual([end.output, written(word)], [`begun\n${word}\ncode 0\n`, 1], end.text);
    },
    { cell: kind, skip },
  );

  verifies(
    'questions.client.several',
    async () => {
      const word = `several-${slug(kind)}`;
      await using client = await QuestionClient.connect(place, kind, {
        person: (message) => ({ action: /second/.test(message) ? 'decline' : 'accept' }),
      });
      const files = ['first', 'second', 'third'].map((name) => `${place.countFile}-${name}`);
      const parts = files.map((file) => `echo ${word} | tee -a ${file} ${place.countFile} &`).join(' ');
      const told = await client.exec(`${parts} wait; echo all`);
      assert.match(told.output, /all\n$/, told.text);
      assert.deepEqual([written(word), client.asked.length, told.denied.length], [2, 3, 1], told.text);
    },
    { cell: kind, skip },
  );
}

for (const kind of KINDS) {
  for (const tool of ['exec_command', 'shell'] as const) {
    verifies(
      'questions.client.vanished',
      async () => {
        const word = `vanish-${tool}-${slug(kind)}`;
        const forever = Promise.withResolvers<PersonAnswer>();
        const client = await QuestionClient.connect(place, kind, { person: () => forever.promise });
        const command = `echo before; ${place.writes(word)}; echo after`;
        const call = tool === 'shell' ? client.shell(place, command) : client.exec(command);
        const lost = assert.rejects(call);
        const question = await place.first();
        await until('the dialog is open', () => client.asked.length === 1);
        await client.vanish();
        // Between the two requests of 2026-07-28 nothing is open that could fail.
        if (kind !== '2026-07-28 over HTTP') await lost;
        assert.deepEqual(
          (await place.open()).map(({ id }) => id),
          [question.id],
          'it waits still',
        );
        assert.equal((await place.cli('approvals', 'allow', question.id)).code, 0);
        await using later = await QuestionClient.connect(place, kind, { person: null });
        const told = await later.wait(question.session, { since: 0 });
        assert.deepEqual([told.output, told.exit_code], [`before\n${word}\ncode 0\nafter\n`, 0], told.text);
        assert.equal(written(word), 1);
      },
      { cell: `${tool}, ${kind}`, skip },
    );

    verifies(
      'questions.client.unasked',
      async () => {
        const word = `unasked-${tool}-${slug(kind)}`;
        await using client = await QuestionClient.connect(place, kind, { person: null });
        const command = `echo before; ${place.writes(word)}`;
        const held = await (tool === 'shell' ? client.shell(place, command) : client.exec(command));
        const question = await place.first();
        assert.deepEqual([held.output, held.waiting[0]?.question], ['before\n', question.id], held.text);
        assert.match(held.text, new RegExp(question.id));
        const waits = client.wait(held.session_id);
        assert.equal((await place.cli('approvals', 'allow', question.id)).code, 0);
        const told = await waits;
        assert.deepEqual([told.output, told.exit_code, written(word)], [`${word}\ncode 0\n`, 0, 1], told.text);
      },
      { cell: `${tool}, ${kind}`, skip },
    );
  }
}
