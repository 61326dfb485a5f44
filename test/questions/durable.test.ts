/** Questions across the death, the standstill and the restart of each process that has a part in them. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditRecord } from '@agentbox/protocol';
import { isAlive, processesWith, until } from '../cli/product.ts';
import { at, type Json, modern, resultOf, textOf } from '../door/mcp/raw-client.ts';
import { NO_SANDBOX } from '../e2e/sandboxed.ts';
import { verifies } from '../requirements/verifies.ts';
import { QuestionClient } from './clients.ts';
import { Place } from './place.ts';

const skip = NO_SANDBOX;
const ASKS = { elicitation: { form: {} } };
const UNASKED = { person: null };

const kinds = (records: readonly AuditRecord[], ...names: readonly string[]): readonly string[] =>
  records.filter(({ kind }) => names.includes(kind)).map(({ kind }) => kind);

/** Programs of the record by their first argument. */
const decided = (records: readonly AuditRecord[], program: string): readonly AuditRecord[] =>
  records.filter(({ kind, detail: { argv } }) => kind === 'exec.decided' && Array.isArray(argv) && argv[0] === program);

verifies(
  'questions.server-killed',
  async () => {
    await using place = await Place.open();
    const client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(`echo before; ${place.writes('killed')}; echo after`);
    const question = await place.first();
    await client.vanish();
    await place.killServer();
    assert.deepEqual(
      (await place.open()).map(({ id, session }) => [id, session]),
      [[question.id, held.session_id]],
    );
    assert.match((await place.cli('approvals')).stdout, new RegExp(question.id.slice(0, 6)));
    assert.equal((await place.cli('approvals', 'allow', question.id)).code, 0);
    await using later = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const told = await later.wait(held.session_id, { since: 0 });
    assert.deepEqual([told.output, told.exit_code], ['before\nkilled\ncode 0\nafter\n', 0], told.text);
    assert.deepEqual(place.counted(), ['killed']);
    const records = await until('the record has it', async () => {
      const all = await place.record();
      return decided(all, 'tee').length > 0 && all;
    });
    assert.deepEqual(kinds(records, 'question.opened', 'question.answered'), ['question.opened', 'question.answered']);
    assert.equal(decided(records, 'tee').length, 1);
  },
  { skip },
);

verifies(
  'questions.box-stopped',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(place.writes('stopped'));
    const question = await place.first();
    process.kill(place.up.ready.boxd_pid, 'SIGSTOP');
    await place.cli('approvals', 'allow', question.id);
    assert.deepEqual(place.counted(), []);
    process.kill(place.up.ready.boxd_pid, 'SIGCONT');
    const told = await client.wait(held.session_id);
    assert.deepEqual([told.output, place.counted()], ['stopped\ncode 0\n', ['stopped']], told.text);
    const records = await place.record();
    assert.equal(kinds(records, 'question.answered').length, 1);
  },
  { skip },
);

verifies(
  'questions.box-killed',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(`(setsid sleep 4321 &) ; ${place.writes('never')}`);
    await place.first();
    process.kill(place.up.ready.boxd_pid, 'SIGKILL');
    await until('its programs are gone', () => processesWith('sleep\x004321').length === 0);
    const wardens = (): readonly number[] =>
      processesWith('/warden').filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(place.home.root));
    await until('its wardens are gone', () => wardens().length === 0);
    await place.opened(0);
    const told = await client.wait(held.session_id);
    assert.match(told.text, /was lost/);
    assert.deepEqual(place.counted(), []);
    const records = await place.record();
    const ended = records.find(({ kind }) => kind === 'question.answered');
    assert.equal(ended?.detail['decision'], 'withdrawn');
  },
  { skip },
);

verifies(
  'questions.warden-killed',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(`(setsid sleep 4322 &) ; ${place.writes('never')}`);
    await place.first();
    const [sleeper] = processesWith('sleep\x004322');
    assert.ok(sleeper !== undefined);
    const warden = wardenOf(sleeper);
    process.kill(warden, 'SIGKILL');
    const killedAt = performance.now();
    await until('everything of it is gone', () => !isAlive(sleeper));
    assert.ok(performance.now() - killedAt < 1500, `${performance.now() - killedAt} ms`);
    const told = await client.wait(held.session_id, { since: 0 });
    assert.match(told.text, /guard/, told.text);
    await place.opened(0);
    assert.deepEqual(place.counted(), []);
  },
  { skip },
);

/** The oldest warden above a process of a sandbox. */
function wardenOf(pid: number): number {
  let found = 0;
  for (let at = pid; at > 1; ) {
    const [, parent] = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, 'utf8')) ?? [];
    if (readFileSync(`/proc/${at}/cmdline`, 'utf8').includes('/warden')) found = at;
    at = Number(parent);
  }
  assert.ok(found > 0);
  return found;
}

const YES = { action: 'accept', content: { decision: 'once' } };

async function askModern(place: Place, name: string, args: Json) {
  const result = resultOf(await modern(place.up.ready, 'tools/call', { name, arguments: args }, ASKS));
  assert.equal(result['resultType'], 'input_required', JSON.stringify(result));
  const [id] = Object.keys(at(result, 'inputRequests'));
  assert.ok(id !== undefined);
  const retry = { name, arguments: args, inputResponses: { [id]: YES }, requestState: result['requestState'] };
  return { id, retry: () => modern(place.up.ready, 'tools/call', retry, ASKS) };
}

for (const tool of ['exec_command', 'shell'] as const) {
  verifies(
    'questions.state.restart',
    async () => {
      await using place = await Place.open();
      const more = { login: false };
      const args = (command: string): Json =>
        tool === 'shell'
          ? { command, workdir: place.home.at('work'), ...more }
          : { cmd: command, yield_time_ms: 20_000, ...more };
      const asked = await askModern(place, tool, args(`echo began >> began; ${place.writes('state')}`));
      const other = await askModern(place, tool, args(place.writes('other')));
      await place.killServer();
      const told = await asked.retry();
      assert.match(textOf(resultOf(told)), /state\\?\ncode 0|state\\ncode 0/, JSON.stringify(told.messages));
      assert.equal(readFileSync(place.home.at('work', 'began'), 'utf8'), 'began\n');
      const repeated = await asked.retry();
      assert.match(JSON.stringify(repeated.messages), /look before you call again/, 'a state is opened once');
      await place.killServer();
      const third = await asked.retry();
      assert.doesNotMatch(JSON.stringify(third.messages), /input_required/);
      assert.deepEqual(place.counted(), ['state']);
      // The person said no meanwhile: what the client says later changes nothing, and is told the end.
      assert.equal((await place.cli('approvals', 'deny', other.id, '--note', 'no')).code, 0);
      const late = await other.retry();
      assert.match(textOf(resultOf(late)), /Execution denied: no/, JSON.stringify(late.messages));
      assert.deepEqual(place.counted(), ['state']);
      assert.equal(readFileSync(place.home.at('work', 'began'), 'utf8'), 'began\n');
      const { mode, size } = statSync(place.home.at('home', 'state.key'));
      assert.deepEqual([mode & 0o777, size], [0o600, 32]);
    },
    { cell: tool, skip },
  );
}

verifies(
  'questions.expiry',
  async () => {
    await using place = await Place.open({ AGENTBOX_POLICY_QUESTION_MS: '1500' });
    await using client = await QuestionClient.connect(place, '2025 over HTTP', UNASKED);
    const held = await client.exec(place.writes('late'));
    const question = await place.first();
    const told = await client.wait(held.session_id);
    assert.match(told.output, /Execution denied: Nobody answered in time\ncode 1\n/, told.text);
    const late = await place.cli('approvals', 'allow', question.id);
    assert.equal(late.code, 5, late.stderr);
    const ends = async (): Promise<AuditRecord | undefined> =>
      (await place.record()).find(({ kind }) => kind === 'question.answered');
    const end = await until('its end is in the record', ends);
    assert.deepEqual([end.subject, end.detail['decision'], end.outcome], [question.id, 'expired', 'refused']);
    const [program] = await until('the program is in the record', async () => {
      const found = decided(await place.record(), 'tee');
      return found.length > 0 && found;
    });
    assert.deepEqual([program?.detail['by'], program?.detail['question']], ['expired', question.id]);
    assert.deepEqual(place.counted(), []);
  },
  { skip },
);

verifies(
  'questions.shell.time',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, '2025 over HTTP', {
      person: async () => {
        await sleep(2500);
        return { action: 'accept' };
      },
    });
    const command = `${place.writes('time')}; sleep 60`;
    const began = performance.now();
    const cpu = cpuOf(place.up.ready.pid);
    const told = await client.shell(place, command, { timeout_ms: 2000 });
    const passed = performance.now() - began;
    assert.deepEqual([told.timed_out, told.exit_code, told.output], [true, 124, 'time\ncode 0\n'], told.text);
    assert.ok(passed > 4000 && passed < 15_000, `${passed} ms`);
    assert.ok(cpuOf(place.up.ready.pid) - cpu < 1.5, 'nothing spins while a person is asked');
  },
  { skip },
);

/** seconds */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
