/** Real files and real watchers: what is in force after a change, a mistake, a restart, and a careless right. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifies } from '../requirements/verifies.ts';
import { becomes, liveRules, put, verdictOf } from './live-rules.ts';

const FORBID = 'prefix_rule(["ls"], "forbidden")\n';
const ASK = 'prefix_rule(["ls"], "prompt")\n';

verifies('exec.rules.live', async () => {
  await using live = await liveRules();
  const { policy, user, team } = live;
  const versions: number[] = [];
  policy.changed.subscribe((version) => void versions.push(version));
  assert.equal(verdictOf(policy, 'ls'), 'run');
  const file = put(path.join(user, 'a.rules'), FORBID);
  await becomes(policy, 'deny', 'ls');
  writeFileSync(file, ASK);
  await becomes(policy, 'ask', 'ls');
  renameSync(put(path.join(user, 'a.new'), FORBID), file);
  await becomes(policy, 'deny', 'ls');
  renameSync(file, path.join(user, 'b.rules'));
  await becomes(policy, 'deny', 'ls');
  await sleep(300);
  rmSync(path.join(user, 'b.rules'));
  await becomes(policy, 'run', 'ls');
  put(path.join(team, 'a.rules'), ASK);
  await becomes(policy, 'ask', 'ls');
  rmSync(team, { recursive: true });
  await becomes(policy, 'run', 'ls');
  put(path.join(team, 'a.rules'), FORBID);
  await becomes(policy, 'deny', 'ls');
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  );
  assert.equal(policy.version, versions.at(-1));
  assert.deepEqual(live.told, []);
});

verifies(
  'exec.rules.live',
  async () => {
    await using live = await liveRules((folder) => void put(path.join(folder, 'team/a.rules'), ASK));
    const { policy, team } = live;
    const file = path.join(team, 'a.rules');
    let loosest = 'ask';
    policy.changed.subscribe(() => {
      if (verdictOf(policy, 'ls') === 'run') loosest = 'run';
    });
    for (let turn = 0; turn < 20; turn += 1) {
      writeFileSync(file, '');
      await sleep(turn);
      writeFileSync(file, turn % 2 === 0 ? FORBID : ASK);
      await sleep(20);
    }
    writeFileSync(file, FORBID);
    await becomes(policy, 'deny', 'ls');
    assert.equal(loosest, 'ask', 'a file that is being written is not read while it is empty');
  },
  { cell: 'an edit in place' },
);

verifies('exec.rules.broken', async () => {
  await using live = await liveRules((folder) => {
    put(path.join(folder, 'team/a.rules'), FORBID);
    put(path.join(folder, 'home/.codex/rules/b.rules'), 'prefix_rule(["rm"], "prompt")\nprefix_rule(["date"])\n');
  });
  const { policy, team, user, told } = live;
  writeFileSync(path.join(team, 'a.rules'), 'x = 1\nprefix_rule(["ls"], "forbiden")\n');
  writeFileSync(path.join(user, 'b.rules'), 'prefix_rule(["rm"], "forbidden")\nprefix_rule(["date"])\n');
  await becomes(policy, 'deny', 'rm', 'x');
  assert.equal(verdictOf(policy, 'ls'), 'deny', 'what it forbade stays forbidden');
  assert.equal(verdictOf(policy, 'date'), 'escalate', 'other files are as they were');
  assert.equal(policy.problems().length, 1);
  assert.match(
    policy.problems()[0] ?? '',
    /team\/a\.rules:2:1: the decision "forbiden" is not known; did you mean "forbidden"\?; its last good version/,
  );
  assert.deepEqual(told, policy.problems());
  const later = await live.reopen();
  assert.deepEqual([verdictOf(later, 'ls'), verdictOf(later, 'who')], ['deny', 'run'], 'a restart forgets nothing');
  put(path.join(team, 'a.rules'), ASK);
  await becomes(later, 'ask', 'ls');
  assert.deepEqual(later.problems(), []);
  rmSync(path.join(team, 'a.rules'));
  await becomes(later, 'run', 'ls');
  put(path.join(team, 'a.rules'), 'broken(');
  await becomes(later, 'deny', 'anything');
});

verifies('exec.rules.never-good', async () => {
  await using live = await liveRules((folder) => {
    put(path.join(folder, 'team/a.rules'), FORBID);
    put(path.join(folder, 'home/.codex/rules/b.rules'), 'prefix_rule(["date"])\n');
    put(path.join(folder, 'home/.codex/rules/c.rules'), 'prefix_rule(["date"]\n');
  });
  const { policy, told } = live;
  assert.equal(verdictOf(policy, 'ls'), 'deny', 'the other files hold');
  assert.equal(verdictOf(policy, 'date'), 'run', 'and nothing leaves the sandbox');
  assert.equal(policy.network('a.example', 443, 'https').decision, 'refuse');
  assert.match(told[0] ?? '', /c\.rules:\d+:\d+: .*; its rules are not in force/);
  put(path.join(live.user, 'c.rules'), '');
  await becomes(policy, 'escalate', 'date');
});

verifies(
  'exec.rules.never-good',
  async () => {
    await using live = await liveRules((folder) => void put(path.join(folder, 'team'), 'a file'));
    const { policy } = live;
    const denied = policy.decide(
      { ...(await import('./exec-facts.ts')).facts('/usr/bin/ls', ['ls']) },
      { noExecFromWritable: false },
    );
    assert.match(denied.kind === 'deny' ? denied.text : '', /team cannot be read, so everything is forbidden/);
    assert.equal(policy.heads(), 'all');
    assert.match(policy.problems()[0] ?? '', /team:1:1: is a file, and must be a directory/);
    rmSync(live.team);
    await becomes(policy, 'run', 'ls');
  },
  { cell: 'a team directory that is a file' },
);

verifies('exec.rules.ownership', async () => {
  await using live = await liveRules((folder) => void put(path.join(folder, 'home/.codex/rules/a.rules'), FORBID));
  const { policy, user, folder, told } = live;
  const file = path.join(user, 'a.rules');
  chmodSync(file, 0o666);
  appendFileSync(file, 'prefix_rule(["date"])\n');
  await sleep(400);
  assert.deepEqual([verdictOf(policy, 'ls'), verdictOf(policy, 'date')], ['deny', 'run'], 'it keeps what it last said');
  assert.match(told.at(-1) ?? '', /a\.rules:1:1: may be written by others; chmod go-w .*; its last good version/);
  chmodSync(file, 0o600);
  await becomes(policy, 'escalate', 'date');
  put(path.join(folder, 'elsewhere.rules'), 'prefix_rule(["who"])\n');
  symlinkSync('../../../elsewhere.rules', path.join(user, 'link.rules'));
  await becomes(policy, 'run', 'date');
  assert.match(told.at(-1) ?? '', /link\.rules:1:1: leads out of its directory, to .*elsewhere\.rules/);
  rmSync(path.join(user, 'link.rules'));
  await becomes(policy, 'escalate', 'date');
  symlinkSync('a.rules', path.join(user, 'same.rules'));
  mkdirSync(path.join(user, 'd.rules'));
  await becomes(policy, 'run', 'date');
  assert.match(told.at(-1) ?? '', /d\.rules:1:1: is no regular file/);
  rmSync(path.join(user, 'd.rules'), { recursive: true });
  await becomes(policy, 'escalate', 'date');
  chmodSync(user, 0o777);
  policy.reload();
  assert.match(told.at(-1) ?? '', /rules:1:1: may be written by others/);
  assert.equal(verdictOf(policy, 'ls'), 'deny', 'the files of a directory that is open to others keep what they said');
});

verifies(
  'exec.rules.ownership',
  async () => {
    await using live = await liveRules((folder) => {
      chownSync(put(path.join(folder, 'home/.codex/rules/a.rules'), FORBID), 12_345, 12_345);
    });
    assert.equal(verdictOf(live.policy, 'ls'), 'run');
    assert.match(live.told[0] ?? '', /a\.rules:1:1: belongs to user 12345; chown it/);
  },
  { cell: 'another owner', skip: process.getuid?.() !== 0 && 'only root gives a file away' },
);
