/** The line that an answer for always adds: real files, several processes, and a killed one that held the lock. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ExecEntry } from '@agentbox/protocol';
import { newSessionId, OPERATOR } from '@agentbox/protocol';
import { runProgram } from '../../scripts/process.ts';
import { verifies } from '../requirements/verifies.ts';
import { liveRules, put, verdictOf } from './live-rules.ts';

const FIXTURES = path.join(import.meta.dirname, '../fixtures/policy');
const lineOf = (...words: readonly string[]): string =>
  `prefix_rule(pattern=[${words.map((word) => JSON.stringify(word)).join(', ')}], decision="allow")`;

verifies('exec.amend.line', async () => {
  await using live = await liveRules();
  const { policy, user } = live;
  const file = path.join(user, 'default.rules');
  const first = await policy.amend(['npm', 'test']);
  assert.deepEqual(first, { kind: 'written', file, line: 1, text: lineOf('npm', 'test') });
  assert.equal(verdictOf(policy, 'npm', 'test'), 'escalate', 'it is in force when it resolves');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal((await policy.amend(['npm', 'test'])).kind, 'present');
  writeFileSync(file, `# mine\n${lineOf('npm', 'test')}\nprefix_rule(["x"])`);
  assert.deepEqual(await policy.amend(['ls', 'a b']), { kind: 'written', file, line: 4, text: lineOf('ls', 'a b') });
  const text = readFileSync(file, 'utf8');
  assert.equal(text, `# mine\n${lineOf('npm', 'test')}\nprefix_rule(["x"])\n${lineOf('ls', 'a b')}\n`);
  assert.equal(verdictOf(policy, 'x'), 'escalate');
});

verifies(
  'exec.amend.line',
  async () => {
    await using live = await liveRules();
    const file = path.join(live.user, 'default.rules');
    const words = Array.from({ length: 15 }, (_, at) => `w${at}`);
    const all = await Promise.all([
      ...[0, 1, 2].map(() => runProgram([process.execPath, path.join(FIXTURES, 'amend.ts'), file, ...words])),
      ...words.map((word) => live.policy.amend(['tool', word])),
    ]);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(lines.toSorted(), words.map((word) => lineOf('tool', word)).toSorted(), 'each once, none torn');
    const told = all.map((one) => ('code' in one ? Number(one.output.trim()) : Number(one.kind === 'written')));
    assert.equal(
      told.reduce((sum, count) => sum + count, 0),
      words.length,
      'one writer of each',
    );
  },
  { cell: 'several processes' },
);

verifies('exec.amend.lock', async () => {
  await using live = await liveRules((folder) => void put(path.join(folder, 'home/.codex/rules/default.rules'), ''));
  const file = path.join(live.user, 'default.rules');
  const holder = spawn(process.execPath, [path.join(FIXTURES, 'hold-lock.ts'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = await once(holder.stdout, 'data');
    assert.equal(String(said).trim(), 'held');
    const refused = await live.policy.amend(['npm', 'test']);
    assert.match(refused.kind === 'refused' ? refused.reason : '', /is locked by somebody else/);
    assert.equal(readFileSync(file, 'utf8'), '');
  } finally {
    holder.kill('SIGKILL');
    await once(holder, 'exit');
  }
  assert.equal((await live.policy.amend(['npm', 'test'])).kind, 'written', 'a killed holder leaves nothing behind');
});

verifies('exec.amend.refused', async () => {
  await using live = await liveRules();
  const file = path.join(live.user, 'default.rules');
  for (const command of 'bash|bash -c x|sudo ls|env|python3|python3 -c x|git|xargs rm|busybox sh'.split('|'))
    assert.equal((await live.policy.amend(command.split(' '))).kind, 'refused', command);
  assert.equal((await live.policy.amend(['ls', 'a\nprefix_rule(["rm"])'])).kind, 'refused');
  assert.throws(() => statSync(file), 'nothing was made');
  put(file, 'prefix_rule(["date"], "alow")\n');
  const refused = await live.policy.amend(['ls']);
  assert.match(refused.kind === 'refused' ? refused.reason : '', /default\.rules cannot be read/);
  assert.equal(readFileSync(file, 'utf8'), 'prefix_rule(["date"], "alow")\n');
  await assert.rejects(
    live.reopen({ amendFile: path.join(live.folder, 'x.rules') }),
    /CONFIG_INVALID|so nothing may be added/,
  );
});

verifies('exec.amend.preview', async () => {
  await using live = await liveRules();
  const entry = (number: number, file: string, argv: readonly string[]): ExecEntry => ({
    number,
    at: 1,
    session: newSessionId(),
    owner: OPERATOR,
    what: {
      kind: 'exec',
      file,
      argv,
      cwd: '/',
      pid: 1,
      decision: 'run',
      rule: null,
      by: 'default',
      reason: null,
      question: null,
    },
  });
  const past = [
    entry(1, '/usr/bin/npm', ['npm', 'test']),
    entry(2, '/usr/lib/npm-cli.js', ['npm', 'test', '--', 'x']),
    entry(3, '/usr/bin/npm', ['npm', 'run']),
    { ...entry(4, '', []), what: { kind: 'dropped', count: 3 } } as const,
  ];
  assert.deepEqual(live.policy.preview(['npm', 'test'], past), {
    kind: 'rule',
    text: lineOf('npm', 'test'),
    matched: 2,
  });
  assert.equal(live.policy.preview(['bash'], past).kind, 'refused');
});
