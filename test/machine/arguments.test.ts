/** What is wrong with arguments is named; options are settled once, with the bounds of Codex. */
import assert from 'node:assert/strict';
import { type MachineToolName, parseToolArguments } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { execCommandPlan, limits } from './plans.ts';

const WRONG: readonly (readonly [MachineToolName, Readonly<Record<string, unknown>>, RegExp])[] = [
  ['exec_command', {}, /argument "cmd" is missing; it must be a text/],
  ['exec_command', { cmd: 123 }, /argument "cmd" must be a text, not the number 123/],
  ['exec_command', { command: 'ls' }, /unknown argument "command"; did you mean "cmd"\?/],
  ['exec_command', { cmd: 'x', yield_time: 5 }, /unknown argument "yield_time"; did you mean "yield_time_ms"\?/],
  ['exec_command', { cmd: 'x', yield_time_ms: -5 }, /"yield_time_ms" must be at least 0, not the number -5/],
  ['exec_command', { cmd: 'x', yield_time_ms: 'soon' }, /"yield_time_ms" must be a number, not the text "soon"/],
  ['exec_command', { cmd: 'x', yield_time_ms: 1.5 }, /"yield_time_ms" must be a whole number, not the number 1.5/],
  ['exec_command', { cmd: 'x', tty: 'yes' }, /"tty" must be true or false, not the text "yes"/],
  ['exec_command', { cmd: 'x', stderr: 'apart' }, /"stderr" must be one of "merged", "separate", not the text "apart"/],
  ['exec_command', { cmd: 'x', env: { A: 1 } }, /"env\.A" must be a text, not the number 1/],
  ['exec_command', { cmd: 'x', env: ['A=1'] }, /"env" must be an object of texts, not a list of 1/],
  ['exec_command', { cmd: null }, /argument "cmd" must be a text, not null/],
  ['write_stdin', { chars: 'secret'.repeat(20) }, /argument "session_id" is missing/],
  ['write_stdin', { session_id: 's', keys: ['enterr'] }, /"keys\.0" must be one of "enter"/],
  ['write_stdin', { session_id: 's', keys: Array.from({ length: 300 }, () => 'up') }, /at most 256 items/],
  ['bootstrap', { verbose: true }, /unknown argument "verbose"; it takes none/],
  ['kill_session', { session_id: { id: 1 } }, /"session_id" must be a text, not an object/],
  [
    'resize_session',
    { session_id: 's', cols: 0, rows: 2000 },
    /"cols" must be at least 2.*"rows" must be at most 1000/,
  ],
];

for (const [tool, given, expected] of WRONG) {
  verifies(
    'machine.arguments.named',
    () => {
      const parsed = parseToolArguments(tool, given);
      assert.equal(parsed.kind, 'wrong');
      assert.match(parsed.why, expected);
      assert.ok(parsed.why.startsWith(`${tool}: `));
      assert.doesNotMatch(parsed.why, /secretsecret/);
    },
    { cell: `${tool} ${JSON.stringify(given).slice(0, 60)}` },
  );
}

verifies('machine.arguments.numbers', () => {
  const parsed = parseToolArguments('exec_command', { cmd: 'x', yield_time_ms: '500', max_output_tokens: ' 7 ' });
  assert.deepEqual(parsed, { kind: 'ok', value: { cmd: 'x', yield_time_ms: 500, max_output_tokens: 7 } });
  const session = parseToolArguments('write_stdin', { session_id: 4711 });
  assert.deepEqual(session, { kind: 'ok', value: { session_id: '4711' } });
});

verifies(
  'machine.arguments.named',
  () => {
    const absent = parseToolArguments('exec_command', { cmd: 'x', yield_time_ms: null, env: null, format: null });
    assert.deepEqual(absent, { kind: 'ok', value: { cmd: 'x' } });
    const huge = parseToolArguments('exec_command', { cmd: 'x', yield_time_ms: 1e300 });
    assert.equal(huge.kind, 'wrong');
    assert.equal(huge.why.split('yield_time_ms').length, 2, huge.why);
    const nameless = parseToolArguments('exec_command', { cmd: 'x', env: { '': 'y' } });
    assert.equal(nameless.kind, 'wrong');
    assert.match(nameless.why, /an object whose names have 1 to 1024 characters/);
  },
  { cell: 'null for what is left out, each mistake once' },
);

verifies('machine.arguments.clamps', () => {
  const waits = [undefined, 0, 1, 249, 251, 29_999, 40_000].map(
    (ms) => execCommandPlan({ yield_time_ms: ms }).answer.waitMs,
  );
  assert.deepEqual(waits, [10_000, 250, 250, 250, 251, 29_999, 30_000]);
  const { settled, clamp } = limits();
  assert.deepEqual(
    [undefined, 1, 40_000].map((ms) => clamp(ms, settled.writeYieldMs)),
    [250, 250, 30_000],
  );
  assert.deepEqual(
    [undefined, 1, 400_000].map((ms) => clamp(ms, settled.pollYieldMs)),
    [5000, 5000, 300_000],
  );
  assert.equal(execCommandPlan({}).answer.maxTokens, 10_000);
  const much = execCommandPlan({ max_output_tokens: 50_000 }).answer;
  assert.equal(much.maxTokens, 10_000);
  assert.deepEqual(much.warnings, ['max_output_tokens 50000 is more than the limit of 10000']);
});

verifies(
  'machine.arguments.clamps',
  () => {
    const { spawn, answer } = execCommandPlan({});
    assert.deepEqual(spawn.io, { kind: 'pipe', stdin: false, stderr: 'merged' });
    assert.deepEqual(spawn.command, { kind: 'shell', text: 'true', shell: null, login: true });
    assert.equal(spawn.cwd, '/home/somebody');
    assert.equal(spawn.onExit, 'keep');
    assert.equal(answer.format, 'text');
    assert.deepEqual(execCommandPlan({ tty: true }).spawn.io, { kind: 'tty', size: { cols: 80, rows: 24 } });
    assert.equal(execCommandPlan({ workdir: 'a/../b' }).spawn.cwd, '/home/somebody/b');
    assert.equal(execCommandPlan({ workdir: '~' }).spawn.cwd, '/home/somebody/~');
  },
  { cell: 'defaults' },
);
