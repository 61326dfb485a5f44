/** What goes into a session, and how it is known that one waits for it. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { OPERATOR, type SessionId } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { cannotBeNobody, exitCode, refusal, STDIN, startTestBox, type TestBox, TTY, until } from './harness.ts';

const USERS = [
  ['this user', 'self', false],
  ['nobody', 'nobody', cannotBeNobody()],
] as const;

let t: TestBox;
before(async () => void (t = await startTestBox()));
after(async () => t[Symbol.asyncDispose]());

const write = (session: SessionId, text: string | Uint8Array, more: { at?: number; eof?: boolean } = {}) =>
  t.box.write(OPERATOR, { session, at: more.at ?? null, bytes: Buffer.from(text), eof: more.eof ?? false });

const NOW = { collect: { waitMs: 0 } };

verifies('box.input.intact', async () => {
  const bytes = randomBytes(1024 * 1024);
  const { session } = await t.run('sleep 0.3; exec sha256sum', { io: STDIN, ...NOW });
  await write(session, bytes, { at: 0, eof: true });
  const ran = await t.collect(session);
  assert.equal(ran.text.split(' ')[0], createHash('sha256').update(bytes).digest('hex'));
});

verifies('box.input.offset', async () => {
  const { session } = await t.run('exec cat', { io: STDIN, ...NOW });
  assert.deepEqual(await write(session, 'hello', { at: 0 }), { accepted: 5 });
  assert.deepEqual(await write(session, 'hello', { at: 0 }), { accepted: 5 });
  assert.deepEqual(await write(session, 'lo world', { at: 3 }), { accepted: 11 });
  assert.equal((await refusal(write(session, 'x', { at: 99 }))).code, 'INVALID_ARGUMENTS');
  await write(session, '', { eof: true });
  await write(session, '', { eof: true });
  assert.equal((await t.collect(session)).text, 'hello world');
});

verifies('box.input.line-too-long', async () => {
  const { session } = await t.run('read -r line; echo "${#line}"', { io: TTY, shell: '/bin/sh', ...NOW });
  const refused = await refusal(write(session, `${'x'.repeat(4096)}\n`));
  assert.equal(refused.code, 'LINE_TOO_LONG');
  await write(session, `${'x'.repeat(4095)}\n`);
  assert.match((await t.collect(session)).text, /4095\r\n$/);
  const raw = await t.run('stty raw -echo; echo ready; head -c 100000 | wc -c', { io: TTY, ...NOW });
  await until(async () => (await t.collect(raw.session, { waitMs: 0 })).text.includes('ready'), 'the terminal is raw');
  await write(raw.session, 'x'.repeat(100_000));
  assert.match((await t.collect(raw.session)).text, /100000/);
});

verifies('box.input.closed', async () => {
  const none = await t.run('sleep 5', NOW);
  assert.equal((await refusal(write(none.session, 'x'))).code, 'STDIN_CLOSED');
  const ended = await t.run('true', { io: STDIN });
  assert.equal((await refusal(write(ended.session, 'x'))).code, 'STDIN_CLOSED');
  const eof = await t.run('cat; sleep 5', { io: STDIN, ...NOW });
  await write(eof.session, 'x', { eof: true });
  assert.equal((await refusal(write(eof.session, 'y'))).code, 'STDIN_CLOSED');
  const terminal = await t.run('cat', { io: TTY, ...NOW });
  await write(terminal.session, 'line', { eof: true });
  await until(async () => (await t.collect(terminal.session, { waitMs: 0 })).text.length >= 8, 'cat answered');
  await write(terminal.session, '', { eof: true });
  assert.equal(exitCode(await t.collect(terminal.session)), 0);
});

verifies('box.input.interrupt', async () => {
  const { session } = await t.run('trap "echo caught; exit 5" INT; while :; do sleep 0.05; done', {
    io: STDIN,
    ...NOW,
  });
  await sleep(300);
  await t.box.interrupt(OPERATOR, session, 'SIGINT');
  const ran = await t.collect(session);
  assert.equal(ran.text, 'caught\n');
  assert.equal(exitCode(ran), 5);
  assert.equal((await refusal(t.box.interrupt(OPERATOR, session, 'SIGNO'))).code, 'SIGNAL_UNKNOWN');
});

const PYTHON = '/usr/bin/python3';
const PROMPTS = [
  ['read -p', 'read -p "your name: " name; echo "hi $name"', TTY, 'your name: ', true],
  ['read -s', 'read -s -p "Password: " x; echo "ok $x"', TTY, 'Password: ', false],
  ['python input', `${PYTHON} -c 'print("ok", input("age? "))'`, TTY, 'age? ', true],
  ['getpass', `${PYTHON} -c 'import getpass; print("ok", getpass.getpass("secret: "))'`, TTY, 'secret: ', false],
  ['behind a pipeline', 'echo x | (cat >/dev/null; read -p "sure? " x < /dev/tty; echo ok)', TTY, 'sure? ', true],
  ['pipe', 'printf "value: "; read x; echo "ok $x"', STDIN, 'value: ', true],
  ['pipe python', `${PYTHON} -c 'print("ok", input("n: "))'`, STDIN, 'n: ', true],
] as const;

for (const [who, user, skip] of USERS) {
  verifies(
    'box.input.prompt',
    async () => {
      await using own = await startTestBox({ user });
      const waits: number[] = [];
      for (const [name, script, io, text, echo] of PROMPTS) {
        const ran = await own.run(script, { io, shell: '/bin/bash', collect: { untilInput: true, waitMs: 15_000 } });
        assert.deepEqual(ran.reply.awaitingInput, { text, echo }, `${name}: ${ran.text}`);
        await own.box.write(OPERATOR, { session: ran.session, at: 0, bytes: Buffer.from('42\n'), eof: false });
        assert.match((await own.collect(ran.session)).text, /(ok|hi)/, name);
      }
      for (let round = 0; round < 5; round += 1) {
        // The shell says itself when it asks, so that its own start does not count.
        const ran = await own.run('echo "$EPOCHREALTIME"; read -p "sure? " x', {
          io: TTY,
          shell: '/bin/bash',
          collect: { untilInput: true, waitMs: 15_000 },
        });
        waits.push(Date.now() - Number(ran.text.split(/[^\d.]/)[0]) * 1000);
        await own.box.kill(OPERATOR, ran.session, 'KILL', 2000);
      }
      const median = waits.toSorted((a, b) => a - b)[2] ?? 0;
      assert.ok(median < 500, `the waiting call was answered after ${waits.map(Math.round).join()} ms`);
      const busy = await own.run('printf "working... "; sleep 1; echo done', {
        io: TTY,
        collect: { untilInput: true, waitMs: 15_000 },
      });
      assert.equal(busy.reply.awaitingInput, null);
      assert.equal(exitCode(busy), 0);
    },
    { cell: who, skip },
  );
}

verifies('box.terminal.ctrl-c', async () => {
  const { session } = await t.run(['/bin/bash', '--norc', '-i'], { io: TTY, env: { PS1: '$ ' }, ...NOW });
  const shows = (text: string) =>
    until(async () => (await t.collect(session, { waitMs: 0 })).text.includes(text), `it shows ${text}`);
  await shows('$ ');
  await write(session, 'echo $((40 + 2)); sleep 98765\r');
  await shows('42');
  await sleep(200);
  await write(session, '\x03');
  await write(session, 'echo code $?\r');
  await shows('code 130');
  await write(session, 'sleep 54321 &\r');
  await write(session, 'jobs\r');
  await shows('Running');
  await write(session, 'kill %1; exit 6\r');
  const ran = await t.collect(session);
  assert.equal(exitCode(ran), 6);
  assert.doesNotMatch(ran.text, /no job control/);
});

verifies('box.terminal.size', async () => {
  const io = { kind: 'tty', size: { cols: 101, rows: 33 } } as const;
  const script = 'trap "stty size; exit" WINCH; stty size; while :; do sleep 0.05; done';
  const { session } = await t.run(script, { io, ...NOW });
  await until(async () => (await t.collect(session, { waitMs: 0 })).text === '33 101\r\n', 'it shows its size');
  await t.box.resize(OPERATOR, session, { cols: 44, rows: 55 });
  const ran = await t.collect(session);
  assert.match(ran.text, /55 44/);
  assert.deepEqual(ran.reply.size, { cols: 44, rows: 55 });
  const pipe = await t.run('true');
  assert.equal((await refusal(t.box.resize(OPERATOR, pipe.session, { cols: 1, rows: 1 }))).code, 'NO_TTY');
});
