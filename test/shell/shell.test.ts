/** shell on real processes: what it answers, when it ends what it started, and what it refuses. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { CALL_LIMITS, createCatalog } from '@agentbox/control-plane';
import { type ExecOutput, newSessionId } from '@agentbox/protocol';
import { fitShell } from '../../packages/providers/src/machine/shell-answer.ts';
import { timeLeft, waitForEnd } from '../../packages/providers/src/machine/wait-for-end.ts';
import { isAlive, spawnRequest, until } from '../box/harness.ts';
import { type Answer, operator, type Rig, startRig } from '../machine/rig.ts';
import { verifies } from '../requirements/verifies.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

type Given = Readonly<Record<string, unknown>>;
const run = (command: string, more: Given = {}) =>
  rig.call('shell', { command, workdir: rig.workdir, login: false, ...more });
/** The text is JSON whatever was printed. */
const json = (answer: Answer): Record<string, unknown> => Object(JSON.parse(answer.text));
const pidIn = (file: string): number => Number(readFileSync(`${rig.workdir}/${file}`, 'utf8'));

verifies('shell.tool.listed', () => {
  const definition = rig.provider.list(operator).find(({ name }) => name === 'shell');
  assert.ok(definition !== undefined);
  const { description: timeout, ...timeoutRest } = Object(definition.inputSchema['properties']).timeout_ms;
  const { description: login, ...loginRest } = Object(definition.inputSchema['properties']).login;
  assert.match(timeout, /^The timeout for the command in milliseconds/);
  assert.match(login, /^Launch Bash with -lc instead of -c: defaults to true/);
  assert.deepEqual(
    {
      ...definition.inputSchema,
      properties: { ...Object(definition.inputSchema['properties']), timeout_ms: timeoutRest, login: loginRest },
    },
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'ExecParams',
      type: 'object',
      properties: {
        command: { description: 'The bash string to execute.', type: 'string' },
        workdir: {
          description: 'The working directory to execute the command in. Must be an absolute path.',
          type: 'string',
          maxLength: 4096,
        },
        timeout_ms: { minimum: 0, type: ['integer', 'null'] },
        login: { type: ['boolean', 'null'] },
      },
      required: ['command', 'workdir'],
      additionalProperties: false,
    },
  );
  assert.match(
    definition.description,
    /Runs a shell command and returns its output\. You MUST provide the workdir as an absolute path\./,
  );
  using catalog = createCatalog({ providers: [rig.provider], prefix: 'agentbox_', reportFault: () => undefined });
  assert.ok(catalog.list(operator).some(({ wireName }) => wireName === 'agentbox_shell'));
  assert.equal(catalog.find('shell', operator), catalog.find('agentbox_shell', operator));
});

verifies('shell.result.shape', async () => {
  const answer = await run('echo hi; exit 3', { timeout_ms: null });
  assert.equal(answer.kind, 'done');
  const { duration, ...rest } = json(answer);
  const quiet = { background: [], binary: false, warnings: [], denied: [] };
  assert.deepEqual(rest, { exit_code: 3, output: 'hi\n', timed_out: false, ...quiet });
  const { secs, nanos } = Object(duration);
  assert.ok(Number.isInteger(secs) && Number.isInteger(nanos) && nanos < 1e9, JSON.stringify(duration));
  const { session_id: _none, ...structured } = answer.structured;
  assert.deepEqual(json(answer), structured);
  const login = await run('shopt -q login_shell && echo login || echo plain', { login: null });
  assert.equal(login.structured.exit_code, 0);
  const nothing = await run('  ');
  assert.equal(nothing.structured.exit_code, 0);
  assert.match(String(nothing.structured['warnings']), /command is empty/);
});

verifies('shell.output.interleaved', async () => {
  const { structured } = await run('for i in 1 2 3; do echo out $i; echo err $i >&2; done');
  assert.equal(structured.output, 'out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
});

for (const [cell, command] of [
  ['numbers', 'seq 1 200000'],
  ['quotes and backslashes', `yes '"\\"\\"' | head -c 300000`],
  ['bytes', 'head -c 300000 /dev/urandom'],
  ['one line', 'head -c 1000000 /dev/zero | tr "\\0" x'],
] as const) {
  verifies(
    'shell.output.long',
    async () => {
      const answer = await run(command);
      assert.ok(answer.text.length <= CALL_LIMITS.inlineChars);
      const { output, omitted, session_id: session } = json(answer);
      const { from, bytes } = Object(omitted);
      const told = `[... ${bytes} bytes (`;
      assert.ok(String(output).includes(told), `${told} in the output`);
      assert.ok(
        String(output).includes(`agentbox_read_output session_id=${String(session)} from=${from} to=${from + bytes}`),
      );
      const rest = await rig.call('read_output', { session_id: session, from, to: from + 8, raw: true });
      assert.notEqual(rest.structured.output, '');
    },
    { cell },
  );
}

verifies(
  'shell.output.long',
  async () => {
    const { structured } = await run("printf 'a\\377b\\0c'");
    assert.equal(structured['binary'], true);
    assert.match(structured.output, /^a\ufffdb/);
  },
  { cell: 'a bad byte' },
);

verifies('shell.timeout.partial', async () => {
  const command = 'echo begun; echo $$ >leader; setsid sleep 300 & echo $! >child; sleep 300';
  const answer = await run(command, { timeout_ms: 400 });
  assert.equal(answer.kind, 'done', 'no error');
  const { exit_code, output, timed_out, signal, session_id } = json(answer);
  assert.deepEqual(
    { exit_code, output, timed_out, signal, session_id },
    { exit_code: 124, output: 'begun\n', timed_out: true, signal: 'SIGTERM', session_id: undefined },
  );
  await until(() => !isAlive(pidIn('leader')) && !isAlive(pidIn('child')), 'nothing of the call is left');
});

verifies(
  'shell.timeout.partial',
  async () => {
    const { structured } = await run("trap '' TERM; echo deaf; echo $$ >deaf; while :; do sleep 0.1; done", {
      timeout_ms: '300',
    });
    assert.equal(structured.output, 'deaf\n');
    assert.equal(structured['timed_out'], true);
    assert.equal(structured['signal'], 'SIGKILL');
    assert.ok(!isAlive(pidIn('deaf')));
  },
  { cell: 'a command that ignores TERM' },
);

verifies(
  'shell.timeout.partial',
  async () => {
    const { structured } = await run('sleep 300', { timeout_ms: 0 });
    assert.equal(structured['timed_out'], true);
    assert.match(String(structured['warnings']), /timeout_ms 0 ends the command at once/);
  },
  { cell: 'no time at all' },
);

verifies('shell.timeout.paused', async () => {
  assert.equal(timeLeft(1000, 400, 0), 600);
  assert.equal(timeLeft(1000, 5000, 4500), 500);
  assert.equal(timeLeft(1000, 5000, 4000), 0);
  assert.equal(timeLeft(1000, 400, 900), 1000, 'never more than was given');
  const session = newSessionId();
  const { box } = rig.box;
  await box.spawn(spawnRequest('sleep 0.8; echo late', { session }));
  const ask = { session, from: 0, headBytes: 1000, tailBytes: 1000, stream: 'output', untilInput: false } as const;
  const began = performance.now();
  const collect = async (waitMs: number) => {
    const reply = await box.collect(operator.id, { ...ask, waitMs });
    return { ...reply, heldMs: performance.now() - began };
  };
  const paused = await waitForEnd({ collect, timeoutMs: 200, elapsedMs: 0, isHeld: () => false });
  assert.equal(paused.state.kind, 'exited', 'a person took longer than the timeout');
  assert.equal(Buffer.from(paused.head).toString(), 'late\n');
});

verifies('shell.timeout.bounded', async () => {
  const { structured } = await run('true', { timeout_ms: 86_400_000 });
  assert.match(String(structured['warnings']), /timeout_ms 86400000 is held to 1800000/);
  const wrong = await run('true', { timeout_ms: -1 });
  assert.equal(wrong.code, 'INVALID_ARGUMENTS');
  assert.match(wrong.message, /"timeout_ms" must be at least 0/);
});

for (const [name, number] of [
  ['KILL', 9],
  ['SEGV', 11],
  ['HUP', 1],
] as const) {
  verifies(
    'shell.ended.signal',
    async () => {
      const answer = await run(`echo before; kill -${name} $$`);
      assert.equal(answer.kind, 'done');
      const { exit_code, output, signal, timed_out } = json(answer);
      const expected = { exit_code: 128 + number, output: 'before\n', signal: `SIG${name}`, timed_out: false };
      assert.deepEqual({ exit_code, output, signal, timed_out }, expected);
    },
    { cell: name },
  );
}

/** Begins a command that writes its pid, and lets go of it for the reason given. */
async function letGoOf(own: Rig, why: 'cancelled' | 'disconnected', timeoutMs: number) {
  const abort = new AbortController();
  const command = 'echo $$ >pid.new && mv pid.new pid; echo begun; sleep 300';
  const given = { command, workdir: own.workdir, login: false, timeout_ms: timeoutMs };
  const call = own.call('shell', given, { signal: abort.signal });
  const pid = (): number => {
    try {
      return Number(readFileSync(`${own.workdir}/pid`, 'utf8'));
    } catch {
      return 0;
    }
  };
  await until(() => pid() > 0, 'the command runs');
  abort.abort(why);
  return { answer: await call, pid: pid() };
}

verifies(
  'shell.cancel',
  async () => {
    await using own = await startRig();
    const { answer, pid } = await letGoOf(own, 'cancelled', 60_000);
    assert.equal(answer.code, 'CANCELLED');
    assert.equal(answer.detail['running'], false);
    assert.ok(!isAlive(pid));
    const printed = await own.call('read_output', { session_id: answer.detail['session'] });
    assert.equal(printed.structured.output, 'begun\n');
    assert.deepEqual(own.faults, []);
  },
  { cell: 'cancelled' },
);

verifies(
  'shell.cancel',
  async () => {
    await using own = await startRig();
    const { answer, pid } = await letGoOf(own, 'disconnected', 1500);
    assert.equal(answer.code, 'CANCELLED');
    assert.equal(answer.detail['running'], true);
    await until(() => !isAlive(pid), 'the timeout ends it without its caller');
    const session_id = answer.detail['session'];
    const state = async () => (await own.call('write_stdin', { session_id, yield_time_ms: 250 })).structured;
    await until(async () => (await state())['signal'] === 'SIGTERM', 'its end is known');
    assert.deepEqual(own.faults, []);
  },
  { cell: 'disconnected' },
);

verifies('shell.arguments', async () => {
  const refused = async (given: Given): Promise<Answer> => rig.call('shell', { command: 'touch ran', ...given });
  const relative = await refused({ workdir: 'sub' });
  assert.equal(relative.code, 'INVALID_ARGUMENTS');
  assert.match(relative.message, /"workdir" must be an absolute path, not "sub"/);
  assert.match((await refused({ workdir: '' })).message, /"workdir" must be an absolute path/);
  assert.match((await refused({})).message, /"workdir" is missing/);
  const missing = await refused({ workdir: `${rig.workdir}/no/such` });
  assert.equal(missing.code, 'WORKDIR_NOT_FOUND');
  assert.ok(missing.message.includes(`nearest that does is ${rig.workdir}`));
  assert.match((await refused({ workdir: '/a\0b' })).message, /"workdir" has a NUL byte at character 2/);
  const nul = await run('echo a\0b');
  assert.match(nul.message, /"command" has a NUL byte at character 6/);
  const large = await run('x'.repeat(4 * 1024 * 1024 + 1));
  assert.equal(large.code, 'COMMAND_TOO_LARGE');
  assert.match(large.message, /^command has 4194305 characters/);
  assert.match((await run('true', { cmd: 'true' })).message, /did you mean "command"/);
  assert.match((await run('true', { timeout: 5 })).message, /did you mean "timeout_ms"/);
  assert.throws(() => readFileSync(`${rig.workdir}/ran`), /ENOENT/);
  const megabyte = await run(`: ${'x'.repeat(1024 * 1024)}; echo ran`);
  assert.equal(megabyte.structured.output, 'ran\n');
});

verifies('shell.denied.bounded', async () => {
  const denied = Array.from({ length: 12 }, (_, at) => ({
    file: '/usr/bin/uname',
    argv: ['uname', ...Array.from({ length: 20 }, () => 'x'.repeat(500))],
    rule: { source: 'default.rules', line: at + 1, justification: 'not here' },
    reason: 'not here',
  }));
  const end = { wallMs: 1234.5, timedOut: false, alive: 0, denied };
  const { outcome } = await fitShell(10_000, () => Promise.resolve(PRINTED), end);
  assert.ok(outcome.kind === 'done');
  const told = Object(outcome.result.structured);
  assert.equal(told.denied.length, 10);
  assert.deepEqual(told.denied[3].rule, { source: 'default.rules', line: 4, justification: 'not here' });
  assert.deepEqual(told.warnings, ['2 more programs were refused']);
  assert.deepEqual(told.duration, { secs: 1, nanos: 234_500_000 });
});

const PRINTED: ExecOutput = {
  chunk_id: '',
  wall_time_seconds: 0,
  exit_code: 0,
  original_token_count: 0,
  output: '',
  running: false,
  cwd: '/',
  cursor: 0,
  background: [],
  binary: false,
  warnings: [],
  denied: [],
};

verifies('shell.background', async () => {
  const answer = await run('sleep 300 & echo $!');
  const { session_id, background } = json(answer);
  const [left] = [background].flat().map((one) => Object(one));
  assert.equal(left.pid, Number(answer.structured.output));
  assert.ok(isAlive(left.pid));
  await rig.call('kill_session', { session_id });
  assert.ok(!isAlive(left.pid));
});
