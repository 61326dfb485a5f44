/** How a command starts: what it is given, what is refused, what it costs. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { after, before } from 'node:test';
import { newSessionId, OPERATOR } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { exitCode, refusal, STDIN, spawnRequest, startTestBox, type TestBox, TTY } from './harness.ts';

let t: TestBox;
before(async () => void (t = await startTestBox({ environment: { SERVER_SECRET: 'hunter2', OPENAI_API_KEY: 'k' } })));
after(async () => t[Symbol.asyncDispose]());

const LIST = 'ls /proc/$$/fd; :';

verifies('box.spawn.descriptors', async () => {
  const open = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      t.run('sleep 60', { io: index % 2 === 0 ? TTY : STDIN, collect: { waitMs: 0 } }),
    ),
  );
  const paths = [
    { io: TTY },
    { io: STDIN },
    {},
    { io: { kind: 'pipe', stdin: true, stderr: 'separate' } },
    { login: true },
  ] as const;
  for (const path of paths) {
    const { text } = await t.run(LIST, { ...path, shell: '/bin/sh' });
    assert.deepEqual(text.trim().split(/\s+/), ['0', '1', '2'], JSON.stringify(path));
  }
  const { text } = await t.run(['/bin/sh', '-c', LIST]);
  assert.deepEqual(text.trim().split('\n'), ['0', '1', '2']);
  await Promise.all(open.map(({ session }) => t.box.kill(OPERATOR, session, 'KILL', 2000)));
});

verifies('box.spawn.leader', async () => {
  for (const io of [TTY, STDIN] as const) {
    const { text } = await t.run('exec cat /proc/self/stat /proc/self/status', { io });
    const [pid, , , , group, session] = text.split(' ');
    assert.equal(group, pid);
    assert.equal(session, pid);
    // The end of a terminal's leader hangs up on all that it started; what shall be kept outlives that.
    const ignored = io === TTY ? /SigBlk:\s+0{16}\s+SigIgn:\s+0{15}1/ : /SigBlk:\s+0{16}\s+SigIgn:\s+0{16}/;
    assert.match(text, ignored);
  }
});

verifies('box.spawn.plain', async () => {
  const facts = (text: string): readonly string[] =>
    text.match(/^(?:Sig(?:Blk|Ign|Cgt)|Seccomp|NoNewPrivs|Umask|oom|nice).*$/gm) ?? [];
  const look = 'cat /proc/self/status; echo "oom $(cat /proc/self/oom_score_adj)"; echo "nice $(nice)"';
  const plain = spawnSync('/bin/sh', ['-c', look], { encoding: 'utf8' }).stdout;
  assert.ok(facts(plain).length >= 8);
  for (const login of [true, false]) {
    const { text } = await t.run(look, { login, shell: '/bin/sh' });
    assert.deepEqual(
      facts(text),
      facts(plain).map((one) => one.replace(/^(SigIgn:\s+).*/, '$10000000000000000')),
    );
  }
  const { text } = await t.run('yes | head -n 1; echo "${PIPESTATUS[*]}"', { shell: '/bin/bash' });
  assert.equal(text, 'y\n141 0\n', 'a broken pipe ends its writer');
});

verifies('box.spawn.once', async () => {
  const session = newSessionId();
  const { collect: _, ...request } = spawnRequest('echo once', { session });
  const replies = await Promise.all([t.box.spawn(request), t.box.spawn(request), t.box.spawn(request)]);
  const again = await t.box.spawn(request);
  for (const reply of replies) assert.deepEqual(reply, again);
  assert.equal((await t.collect(session)).text, 'once\n');
});

verifies('box.spawn.names-what-is-missing', async () => {
  const inside = path.join(t.home, 'there');
  mkdirSync(inside);
  const cwd = await refusal(t.run('true', { cwd: `${inside}/not/here` }));
  assert.equal(cwd.code, 'WORKDIR_NOT_FOUND');
  assert.ok(cwd.message.includes(`${inside}/not/here`) && cwd.message.endsWith(inside), cwd.message);
  const shell = await refusal(t.run('true', { shell: 'nosuchshell' }));
  assert.equal(shell.code, 'SHELL_NOT_FOUND');
  assert.match(shell.message, /nosuchshell/);
  const program = await refusal(t.run(['nosuchprogram']));
  assert.equal(program.code, 'SPAWN_FAILED');
  assert.match(program.message, /nosuchprogram/);
  assert.equal((await refusal(t.run(['']))).code, 'SPAWN_FAILED');
  assert.equal((await refusal(t.run('true', { cwd: 'relative' }))).code, 'WORKDIR_NOT_FOUND');
});

verifies('box.spawn.nul', async () => {
  for (const work of [
    t.run('a\0b'),
    t.run(['a\0']),
    t.run('true', { cwd: '/\0' }),
    t.run('true', { env: { A: '\0' } }),
  ]) {
    assert.equal((await refusal(work)).code, 'INVALID_ARGUMENTS');
  }
});

verifies('box.spawn.large-command', async () => {
  const { text } = await t.run(`: ${'x'.repeat(1024 * 1024)}\necho ran`);
  assert.equal(text, 'ran\n');
  assert.equal((await refusal(t.run(['/bin/echo', 'x'.repeat(200_000)]))).code, 'COMMAND_TOO_LARGE');
});

verifies('box.spawn.latency', async () => {
  const time = async (work: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const node = (): Promise<unknown> =>
    new Promise((resolve) => spawn('/bin/true', { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', resolve));
  const rounds: { ours: number; node: number }[] = [];
  for (let round = 0; round < 60; round += 1) {
    rounds.push({ ours: await time(() => t.run(['/bin/true'])), node: await time(node) });
  }
  const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
  const ratio = median(rounds.map((one) => one.ours)) / median(rounds.map((one) => one.node));
  assert.ok(ratio < 6, `ratio ${ratio.toFixed(2)}`);
});

verifies('box.env.allow-list', async () => {
  const { text } = await t.run('env', { env: { ASKED: 'yes' } });
  assert.doesNotMatch(text, /hunter2|OPENAI|NODE_/);
  assert.match(text, /^ASKED=yes$/m);
  const { session } = await t.run('echo $AGENTBOX_SESSION');
  assert.equal((await t.collect(session)).text, `${session}\n`);
  assert.doesNotMatch((await t.run('env', { login: true })).text, /hunter2|OPENAI/);
});

verifies('box.env.unattended', async () => {
  const { text } = await t.run('echo $PAGER $GIT_PAGER $NO_COLOR $TERM $GIT_TERMINAL_PROMPT $DEBIAN_FRONTEND');
  assert.equal(text, 'cat cat 1 dumb 0 noninteractive\n');
  const tty = await t.run('echo "$TERM [$GIT_TERMINAL_PROMPT]"', { io: TTY });
  assert.equal(tty.text, 'xterm-256color []\r\n');
  assert.equal((await t.run('echo $PAGER', { env: { PAGER: 'less' } })).text, 'less\n');
});

verifies('box.env.login', async () => {
  const first = await t.run('echo "$PATH"', { login: true });
  const shell = (await t.box.facts()).shell;
  const real = await t.run([shell, '-l', '-c', 'echo "$PATH"']);
  assert.equal(first.text, real.text);
  const { notes } = await t.box.info(OPERATOR, first.session);
  assert.deepEqual(notes, []);
});

verifies('box.env.login-broken', async () => {
  const cases = [
    ['hangs', 'sleep 100', true],
    ['exits', 'exit 7', true],
    ['noisy', 'echo noise; printf "\\0\\0A=b\\0"; export FROM_PROFILE=1; false', false],
  ] as const;
  for (const [name, profile, noted] of cases) {
    const home = path.join(t.home, name);
    mkdirSync(home);
    await t.run(`printf '%s\\n' '${profile}' > ${home}/.profile; cp ${home}/.profile ${home}/.bash_profile`);
    await using own = await startTestBox({ environment: { HOME: home }, loginTimeoutMs: 1500 });
    const ran = await own.run('echo "ran $FROM_PROFILE"', { login: true });
    assert.equal(ran.text, noted ? 'ran \n' : 'ran 1\n', name);
    assert.equal((await own.box.info(OPERATOR, ran.session)).notes.length, noted ? 1 : 0, name);
  }
});

verifies('box.terminal.exit', async () => {
  for (const io of [TTY, STDIN] as const) {
    assert.equal(exitCode(await t.run('exit 9', { io })), 9);
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGKILL', 137],
      ['SIGSEGV', 139],
    ] as const) {
      const { reply } = await t.run(`kill -${signal.slice(3)} $$`, { io });
      assert.equal(reply.state.kind, 'exited');
      assert.equal(reply.state.exit.signal, signal);
      assert.equal(reply.state.exit.code, code);
    }
  }
});
