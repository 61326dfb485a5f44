/** What an answer leads to: rules, the first of two, many at once, a call that is cancelled, the record. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRecord } from '@agentbox/protocol';
import { z } from 'zod';
import { processesWith, until } from '../cli/product.ts';
import { NO_SANDBOX } from '../e2e/sandboxed.ts';
import { verifies } from '../requirements/verifies.ts';
import { KINDS, type PersonAnswer, QuestionClient } from './clients.ts';
import { Place, RULES } from './place.ts';

const skip = NO_SANDBOX;
const UNASKED = { person: null };

const argvOf = ({ detail: { argv } }: AuditRecord): readonly unknown[] => (Array.isArray(argv) ? argv : []);

verifies(
  'questions.always',
  async () => {
    await using place = await Place.open();
    for (const name of ['one', 'two', 'three']) mkdirSync(place.home.at('work', name));
    const decisions = ['always'];
    await using client = await QuestionClient.connect(place, '2026-07-28 over HTTP', {
      person: () => ({ action: 'accept', content: { decision: decisions.shift() ?? 'deny' } }),
    });
    const first = await client.exec('rm -rf one; echo "code $?"');
    assert.equal(first.output, 'code 0\n', first.text);
    assert.match(client.asked[0] ?? '', /Always writes: /);
    const [changed] = await until('the rule is in the record', async () => {
      // The box tells of its new rules as well, by their number.
      const found = (await place.record()).filter(({ kind, detail }) => kind === 'policy.changed' && 'rule' in detail);
      return found.length > 0 && found;
    });
    assert.ok(changed !== undefined);
    const lines = readFileSync(changed.subject, 'utf8').split('\n');
    assert.equal(lines[Number(changed.detail['line']) - 1], changed.detail['rule']);
    assert.match(String(changed.detail['rule']), /^prefix_rule\(pattern=\["rm", "-rf", "one"\], decision="allow"\)$/);
    mkdirSync(place.home.at('work', 'one'));
    const again = await client.exec('rm -rf one; echo "code $?"; rm -rf two; echo "code $?"');
    assert.match(again.output, /^code 0\n[^]*code 1\n$/, again.text);
    assert.equal(client.asked.length, 2, 'only what the rule does not name');
    assert.deepEqual(
      [existsSync(place.home.at('work', 'one')), existsSync(place.home.at('work', 'two'))],
      [false, true],
    );
  },
  { skip },
);

for (const kind of KINDS) {
  verifies(
    'questions.first-wins',
    async () => {
      await using place = await Place.open();
      const late = Promise.withResolvers<PersonAnswer>();
      const takenBack = Promise.withResolvers<string>();
      await using client = await QuestionClient.connect(place, kind, {
        person: (_message, signal) => {
          signal.addEventListener('abort', () => takenBack.resolve('taken back'));
          return late.promise;
        },
      });
      const call = client.exec(place.writes('first'));
      const question = await place.first();
      await until('the dialog is open', () => client.asked.length === 1);
      assert.equal((await place.cli('approvals', 'allow', question.id)).code, 0);
      // A client of 2026-07-28 is not called back: it comes with its answer, and is told what counted.
      if (kind === '2026-07-28 over HTTP') late.resolve({ action: 'decline' });
      else assert.equal(await takenBack.promise, 'taken back');
      const told = await call;
      assert.deepEqual([told.output, place.counted()], ['first\ncode 0\n', ['first']], told.text);
      late.resolve({ action: 'decline' });
      const again = await place.cli('approvals', 'deny', question.id);
      assert.equal(again.code, 5);
      assert.match(again.stderr, /already/);
      const ends = (await place.record()).filter((one) => one.kind === 'question.answered');
      assert.deepEqual(
        ends.map(({ detail }) => [detail['decision'], detail['face']]),
        [['once', 'cli']],
      );
    },
    { cell: kind, skip },
  );
}

for (const tool of ['exec_command', 'shell'] as const) {
  for (const kind of ['2025 over HTTP', '2025 over stdio'] as const) {
    verifies(
      'questions.cancel',
      async () => {
        await using place = await Place.open();
        const never = Promise.withResolvers<PersonAnswer>();
        await using client = await QuestionClient.connect(place, kind, { person: () => never.promise });
        const cancel = new AbortController();
        const command = `(sleep 4323 &); ${place.writes('cancelled')}`;
        const more = tool === 'shell' ? { command, workdir: place.home.at('work') } : { cmd: command };
        const call = assert.rejects(client.call(tool, { ...more, login: false }, cancel.signal));
        await until('the dialog is open', () => client.asked.length === 1);
        assert.equal(processesWith('sleep\x004323').length, 1);
        cancel.abort('enough');
        await call;
        await until('its processes are gone', () => processesWith('sleep\x004323').length === 0);
        await place.opened(0);
        assert.deepEqual(place.counted(), []);
      },
      { cell: `${tool}, ${kind}`, skip },
    );
  }
}

for (const kind of ['2025 over HTTP', '2026-07-28 over HTTP'] as const) {
  verifies(
    'questions.rounds',
    async () => {
      await using place = await Place.open();
      await using client = await QuestionClient.connect(place, kind, { person: () => ({ action: 'accept' }) });
      const all = Array.from({ length: 10 }, (_, step) => `echo ${step} | tee -a ${place.countFile}`).join('; ');
      const held = await client.exec(all);
      assert.deepEqual([client.asked.length, held.running, held.waiting.length], [8, true, 1], held.text);
      const told = await client.wait(held.session_id);
      assert.equal(told.running, true, 'what is known to wait is not asked again');
      for (let left = 2; left > 0; left -= 1) {
        const [question] = await place.opened(1);
        await place.cli('approvals', 'allow', question?.id ?? '');
        await until('it went on', () => place.counted().length === 11 - left);
      }
      const end = await client.wait(held.session_id, { since: 0 });
      assert.deepEqual([end.exit_code, place.counted().length], [0, 10], end.text);
    },
    { cell: kind, skip },
  );
}

verifies(
  'questions.poll',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(place.writes('poll'), { yield_time_ms: 250 });
    const question = await place.first();
    const began = performance.now();
    const idle = await client.wait(held.session_id, { yield_time_ms: 1500 });
    assert.ok(performance.now() - began > 1000, 'what is known already is no reason to answer');
    assert.deepEqual([idle.running, idle.waiting[0]?.question], [true, question.id], idle.text);
    const waits = client.wait(held.session_id, { yield_time_ms: 60_000 });
    await sleep(300);
    await place.cli('approvals', 'allow', question.id);
    const answeredAt = performance.now();
    const told = await waits;
    assert.ok(performance.now() - answeredAt < 5000);
    assert.deepEqual([told.output, told.exit_code], ['poll\ncode 0\n', 0], told.text);
  },
  { skip },
);

const CROWD = 20;
const issued = z.looseObject({ token: z.string() });

async function newCaller(place: Place, name: string): Promise<string> {
  const { stdout, stderr } = await place.cli('token', 'create', name, '--json', '--scopes', 'exec');
  assert.notEqual(stdout, '', stderr);
  return issued.parse(JSON.parse(stdout)).token;
}

verifies(
  'questions.crowd',
  async () => {
    await using place = await Place.open();
    const tokens: string[] = [];
    for (const name of ['anna', 'bert', 'carl', 'dora']) tokens.push(await newCaller(place, name));
    const everyone = Array.from({ length: CROWD }, async (_, number) => {
      const word = `crowd-${number}-`;
      const no = number % 3 === 0;
      const person = (message: string): PersonAnswer => {
        assert.match(message, new RegExp(`-${number}-`), 'nobody sees the question of another one');
        return no ? { action: 'decline' } : { action: 'accept' };
      };
      const kind = number % 2 === 0 ? '2025 over HTTP' : '2026-07-28 over HTTP';
      await using client = await QuestionClient.connect(place, kind, { token: tokens[number % 4] ?? '', person });
      const told = await client.exec(
        `echo ${word} | tee -a ${place.countFile} /dev/null/${word} ${place.countFile}${word}; true`,
      );
      if (no) assert.match(told.output, /^Execution denied: User declined execution\n$/, told.text);
      else assert.match(told.output, new RegExp(`^[^]*${word}[^]*$`), told.text);
      assert.equal(client.asked.length, 1);
      return no ? null : word;
    });
    const words = await Promise.all(everyone);
    assert.deepEqual(place.counted().toSorted(), words.filter((word) => word !== null).toSorted());
  },
  { skip },
);

verifies(
  'questions.foreign',
  async () => {
    await using place = await Place.open();
    const [mine, other] = [await newCaller(place, 'mine'), await newCaller(place, 'other')];
    await using client = await QuestionClient.connect(place, '2025 over HTTP', { token: mine, person: null });
    const held = await client.exec(place.writes('foreign'));
    const question = await place.first();
    await using stranger = await QuestionClient.connect(place, '2025 over HTTP', { token: other, person: null });
    const told = await stranger.wait(held.session_id);
    assert.ok(told.isError && !told.text.includes(question.id), told.text);
    const { tools } = await stranger.client.listTools();
    for (const { name } of tools.filter((tool) => /session|approv|question/.test(tool.name))) {
      const seen = await stranger.call(name, {}).catch((fault: unknown) => ({ text: String(fault) }));
      assert.ok(!seen.text.includes(question.id) && !seen.text.includes(question.session), seen.text);
    }
    await place.opened(1);
    assert.equal((await place.cli('approvals', 'deny', question.id)).code, 0);
  },
  { skip },
);

/** The decided programs of a session, as the record has them. */
const programs = (records: readonly AuditRecord[], session: string | undefined) =>
  records
    .filter(({ kind, subject }) => kind === 'exec.decided' && subject === session)
    .map((record) => [argvOf(record).slice(0, 2).join(' '), record.detail['decision']].join(': '));

verifies(
  'questions.record',
  async () => {
    await using place = await Place.open({}, RULES);
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const steps = Array.from({ length: 30 }, (_, step) => {
      const program = ['dirname', 'id', 'date'][step % 3] ?? '';
      return { command: program === 'date' ? `date +${step}` : `${program} ${step}`, program };
    });
    const session = await client.exec(steps.map(({ command }) => command).join('; ') + '; true', {
      yield_time_ms: 30_000,
    });
    assert.equal(session.exit_code, 0, session.text);
    const decision = { dirname: 'run', id: 'deny', date: 'escalate' };
    const expected = steps.map(
      ({ command, program }) => `${command}: ${Object.entries(decision).find(([name]) => name === program)?.[1]}`,
    );
    const found = await until('the record has all of it', async () => {
      const all = programs(await place.record(), session.session_id).filter((line) => /^(dirname|id|date)/.test(line));
      return all.length >= 30 && all;
    });
    assert.deepEqual(found, expected);
    const { stdout } = await place.cli('logs', '--json', '--last', '500', '--kind', 'exec.decided');
    assert.equal(
      stdout
        .trim()
        .split('\n')
        .filter((line) => /"(dirname|id|date)"/.test(line)).length,
      30,
    );
  },
  { cell: 'allowed, denied and let out', skip },
);

verifies(
  'questions.record',
  async () => {
    await using place = await Place.open();
    const client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const memory = residentOf(place.up.ready.boxd_pid);
    const loop = await client.exec('for i in $(seq 5000); do /bin/true $i; done; echo all', { yield_time_ms: 250 });
    await sleep(1500);
    await client.vanish();
    await place.killServer();
    await using later = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const began = performance.now();
    for (let told = loop; told.running === true; ) told = await later.wait(loop.session_id, { yield_time_ms: 60_000 });
    console.log(`the rest of 5000 programs took ${Math.round(performance.now() - began)} ms`);
    const numbers = await until('the record has all of it', async () => {
      const own = (await place.record()).filter(
        (one) => one.subject === loop.session_id && argvOf(one)[0] === '/bin/true',
      );
      return own.length >= 5000 && own.map((one) => Number(argvOf(one)[1]));
    });
    assert.deepEqual(
      numbers,
      Array.from({ length: 5000 }, (_, index) => index + 1),
    );
    const grown = residentOf(place.up.ready.boxd_pid) - memory;
    console.log(`the box grew by ${grown} kB`);
    assert.ok(grown < 120_000, `${grown} kB`);
  },
  { cell: '5000 programs, and a server that is killed among them', skip },
);

/** kB */
const residentOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
