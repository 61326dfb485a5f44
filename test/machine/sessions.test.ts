/** Sessions through the tools: polls, input, prompts, signals, ownership, cancellation and loss. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before } from 'node:test';
import type { ToolOutcome, ToolProvider } from '@agentbox/control-plane';
import { newCallId, newSessionId, parseSessionId, type SessionId } from '@agentbox/protocol';
import { createMachineProvider, createSkillLibrary, recordSessionEnds } from '@agentbox/providers';
import { isAlive, startTestBox, until } from '../box/harness.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Answer, type Rig, startRig, stranger } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

const idOf = (answer: Answer): string => answer.structured.session_id;
const type = (answer: Answer, given: Record<string, unknown>): Promise<Answer> =>
  rig.call('write_stdin', { session_id: idOf(answer), ...given });

verifies('exec.poll.idempotent', async () => {
  const begun = await rig.exec('echo one; sleep 0.5; echo two; exit 4', { yield_time_ms: 250 });
  assert.equal(begun.kind, 'running');
  assert.equal(begun.structured.output, 'one\n');
  const both = await Promise.all([type(begun, {}), type(begun, {})]);
  for (const answer of both) {
    assert.equal(answer.structured.exit_code, 4);
    assert.equal(answer.structured.output, 'two\n');
  }
  const again = await type(begun, {});
  assert.equal(again.structured.exit_code, 4);
  assert.equal(again.structured.output, '');
  const since = await type(begun, { since: 0 });
  assert.equal(since.structured.output, 'one\ntwo\n');
  const typed = await type(begun, { chars: 'too late\n' });
  assert.equal(typed.structured.exit_code, 4, 'typing into what has ended tells its end');
});

verifies('exec.stdin.intact', async () => {
  const counting = await rig.exec('wc -c', { stdin: true, yield_time_ms: 250 });
  const counted = await type(counting, { chars: 'x'.repeat(1 << 20), eof: true, yield_time_ms: 10_000 });
  assert.equal(counted.structured.output.trim(), '1048576');
  const long = await rig.exec('cat', { tty: true, yield_time_ms: 250 });
  const refused = await type(long, { chars: `${'y'.repeat(5000)}\n` });
  assert.equal(refused.code, 'LINE_TOO_LONG');
  const echoed = await type(long, { chars: 'whole\n', yield_time_ms: 10_000 });
  assert.match(echoed.structured.output, /^whole\nwhole\n$/);
  const ended = await type(long, { eof: true, yield_time_ms: 5000 });
  assert.equal(ended.structured.exit_code, 0);
});

verifies(
  'exec.stdin.intact',
  async () => {
    const hex = 'stty raw -echo; echo ready; dd bs=1 count=14 2>/dev/null | od -An -tx1';
    const keys = await rig.exec(hex, { tty: true, yield_time_ms: 500 });
    const read = await type(keys, { keys: ['up', 'f1', 'enter', 'ctrl-c'], chars: 'ab', yield_time_ms: 250 });
    const rest = read.kind === 'running' ? await type(keys, { chars: 'wxyz', yield_time_ms: 5000 }) : read;
    assert.match(rest.structured.output, /61 62 1b 5b 41 1b 4f 50 0d 03 77 78 79 7a/);
    const pasting = await rig.exec(hex.replace('14', '15'), { tty: true, yield_time_ms: 500 });
    const pasted = await type(pasting, { chars: '\u001b[201~a\nb', paste: true, yield_time_ms: 5000 });
    assert.match(pasted.structured.output, /1b 5b 32 30 30 7e 61 0a 62 1b 5b 32 30 31 7e/);
  },
  { cell: 'keys and bracketed paste' },
);

verifies('exec.stdin.closed', async () => {
  const deaf = await rig.exec('sleep 60', { yield_time_ms: 250 });
  const refused = await type(deaf, { chars: 'hi\n' });
  assert.equal(refused.code, 'STDIN_CLOSED');
  assert.match(
    refused.message,
    /^stdin is closed for this session; rerun exec_command with tty=true to keep stdin open/,
  );
  const interrupted = await type(deaf, { chars: '\u0003', yield_time_ms: 5000 });
  assert.equal(interrupted.structured.exit_code, 130);
  assert.equal(interrupted.structured['signal'], 'SIGINT');
});

verifies('exec.prompt.secret', async () => {
  const secrets = (answer: Answer, given: Record<string, unknown>) =>
    rig.provider.secretArguments?.(
      { id: newCallId(), tool: 'write_stdin', arguments: { session_id: idOf(answer), ...given }, answers: null },
      rig.context(),
    );
  const silent = await rig.exec("read -s -p 'Password: ' x; read -p 'Name: ' y", { tty: true });
  assert.deepEqual(await secrets(silent, { chars: 'hunter2\n' }), ['chars', 'keys']);
  assert.deepEqual(await secrets(silent, {}), []);
  const busy = await rig.exec('stty -echo; echo ready; sleep 60', { tty: true, yield_time_ms: 1000 });
  assert.deepEqual(await secrets(busy, { chars: 'typed ahead\n' }), ['chars', 'keys'], 'nobody reads yet');
  await rig.call('kill_session', { session_id: idOf(busy), signal: 'KILL' });
  const loud = await type(silent, { chars: 'hunter2\n', yield_time_ms: 5000 });
  assert.doesNotMatch(loud.structured.output, /hunter2/);
  assert.deepEqual(await secrets(loud, { chars: 'Bob\n' }), []);
  await type(loud, { chars: 'Bob\n' });
  const definition = rig.provider.list(rig.context().principal).find(({ name }) => name === 'exec_command');
  assert.deepEqual(definition?.meta, { redactArguments: ['env'] });
});

verifies('exec.kill.tree', async () => {
  const stubborn = "trap '' INT TERM HUP; setsid sleep 999 & (setsid sleep 998 &) ; sleep 997 & echo $$; wait";
  const begun = await rig.exec(stubborn, { yield_time_ms: 500 });
  const shell = Number(begun.structured.output);
  const started = performance.now();
  const killed = await rig.call('kill_session', { session_id: idOf(begun) });
  assert.ok(performance.now() - started < 10_000);
  assert.equal(killed.structured['alive'], 0);
  assert.equal(killed.structured['killed'], true);
  assert.ok(Number(killed.structured['signalled']) >= 4, killed.text);
  assert.equal(killed.structured['state'], 'exited');
  assert.ok(!isAlive(shell));
});

verifies(
  'exec.kill.tree',
  async () => {
    const begun = await rig.exec("trap 'echo got USR1' USR1; while true; do sleep 0.1; done", { yield_time_ms: 300 });
    const sent = await rig.call('kill_session', { session_id: idOf(begun), signal: 'sigusr1', tree: false });
    assert.equal(sent.structured['state'], 'running');
    await until(async () => {
      const seen = await rig.call('read_output', { session_id: idOf(begun) });
      return seen.structured.output.includes('got USR1');
    }, 'the signal arrives');
    const unknown = await rig.call('kill_session', { session_id: idOf(begun), signal: 'NOPE' });
    assert.equal(unknown.code, 'SIGNAL_UNKNOWN');
    assert.match(unknown.message, /"NOPE"; known are TERM, INT, KILL/);
    const ended = await rig.call('kill_session', { session_id: idOf(begun), signal: '9' });
    assert.equal(ended.structured.exit_code, 137);
    assert.equal(ended.structured['ended_by'], 'SIGKILL');
  },
  { cell: 'a chosen signal' },
);

verifies('exec.session.owned', async () => {
  const begun = await rig.exec('echo mine; sleep 60', { yield_time_ms: 300 });
  const ids: readonly unknown[] = [idOf(begun), 's_aaaaaaaaaaaa', 99_999, '99999', 'abc'];
  for (const session_id of ids) {
    for (const tool of ['write_stdin', 'read_output', 'kill_session'] as const) {
      const { code, message } = await rig.call(tool, { session_id }, { as: stranger });
      assert.equal(code, 'SESSION_NOT_FOUND', `${tool} ${String(session_id)}`);
      assert.equal(message, `there is no session ${JSON.stringify(String(session_id))}`);
    }
  }
  const listed = await rig.call('list_sessions', {}, { as: stranger });
  assert.deepEqual(listed.structured['sessions'], []);
  const killed = await rig.call('kill_session', { session_id: idOf(begun) });
  assert.equal(killed.kind, 'done');
});

for (const [why, onCancel, onDisconnect, ends] of [
  ['cancelled', 'kill', 'keep', true],
  ['cancelled', 'keep', 'kill', false],
  ['disconnected', 'kill', 'keep', false],
  ['disconnected', 'keep', 'kill', true],
] as const) {
  verifies(
    'exec.cancel.policy',
    async () => {
      await using own = await startRig({ onCancel, onDisconnect });
      const stop = new AbortController();
      const call = own.exec('echo $$ > pid; setsid sleep 300 & wait', {}, { signal: stop.signal });
      const pidFile = path.join(own.workdir, 'pid');
      const pid = await fromFile(pidFile);
      stop.abort(why);
      const answer = await call;
      assert.equal(answer.code, 'CANCELLED');
      assert.equal(answer.detail['running'], !ends);
      assert.equal(isAlive(pid), !ends);
      const listed = await own.call('list_sessions', { running_only: true });
      assert.equal(listed.structured['running'], ends ? 0 : 1);
      const again = await own.exec('echo never', {}, { signal: stop.signal });
      assert.match(again.message, /before the command was started/);
    },
    { cell: `${why} with ${onCancel} and ${onDisconnect}` },
  );
}

async function fromFile(file: string): Promise<number> {
  const read = (): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  await until(() => read().endsWith('\n'), 'the command runs');
  return Number(read());
}

verifies('exec.cancel.progress', async () => {
  const told: string[] = [];
  let last = -1;
  const answer = await rig.exec(
    'for i in 1 2 3 4 5 6; do echo tick $i; sleep 0.4; done',
    {},
    {
      onProgress: ({ progress, message }) => {
        assert.ok(progress > last, 'progress grows');
        last = progress;
        told.push(message);
      },
    },
  );
  assert.equal(answer.structured.exit_code, 0);
  assert.ok(told.length >= 1 && told.length <= 4, `${told.length} messages`);
  assert.match(told.join(''), /^tick 1\n/);
  const waiting = await rig.exec('sleep 60', { yield_time_ms: 250 });
  const stop = new AbortController();
  const poll = rig.call('write_stdin', { session_id: idOf(waiting), yield_time_ms: 60_000 }, { signal: stop.signal });
  stop.abort('cancelled');
  assert.match((await poll).message, /is as it was/);
  const listed = await rig.call('kill_session', { session_id: idOf(waiting), signal: 'KILL' });
  assert.equal(listed.structured['signalled'], 1, 'a cancelled wait ends nothing');
});

verifies('machine.list-sessions', async () => {
  await using own = await startRig();
  await own.exec('echo gone');
  const live = await own.exec('echo first line; echo last line; sleep 60', { yield_time_ms: 300 });
  const listed = await own.call('list_sessions', {});
  const sessions: readonly unknown[] = Array.isArray(listed.structured['sessions'])
    ? listed.structured['sessions']
    : [];
  const [first, second] = sessions.map((one) => Object(one));
  assert.equal(first.session_id, idOf(live));
  assert.equal(first.state, 'running');
  assert.equal(first.last_line, 'last line');
  assert.equal(first.unread_bytes, 0);
  assert.equal(second.exit_code, 0);
  const one = await own.call('list_sessions', { max_results: 1 });
  assert.equal(one.structured['not_listed'], 1);
});

verifies('machine.resize', async () => {
  const shell = await rig.exec("trap 'stty size' WINCH; stty size; while true; do sleep 0.1; done", {
    tty: true,
    yield_time_ms: 300,
  });
  assert.match(shell.structured.output, /24 80/);
  const resized = await rig.call('resize_session', { session_id: idOf(shell), cols: '132', rows: 43 });
  assert.equal(resized.structured['cols'], 132);
  await until(async () => {
    const seen = await rig.call('read_output', { session_id: idOf(shell) });
    return seen.structured.output.includes('43 132');
  }, 'the program hears of it');
  await rig.call('kill_session', { session_id: idOf(shell), signal: 'KILL' });
  const pipe = await rig.exec('true');
  const refused = await rig.call('resize_session', { session_id: idOf(pipe), cols: 100, rows: 30 });
  assert.equal(refused.code, 'NO_TTY');
});

verifies(
  'exec.session.recorded',
  async () => {
    await using own = await startRig();
    const record = async (id: string) => (await own.store.list(null, 10)).find(({ session }) => session === id);
    const early = await own.exec('sleep 0.3; exit 5', { yield_time_ms: 250 });
    const late = await own.exec('sleep 2; exit 6', { yield_time_ms: 250 });
    const parts = { box: own.box.box, sessions: own.store, clock: Date.now, reportFault: () => assert.fail() };
    using watch = await recordSessionEnds(parts);
    assert.ok(Symbol.dispose in watch);
    await until(async () => (await record(idOf(early)))?.exitCode === 5, 'what ended before the watch');
    await until(async () => (await record(idOf(late)))?.exitCode === 6, 'what ends during the watch');
  },
  { cell: 'nobody polls' },
);

const owner = () => rig.context().principal.id;

function sessionOf(answer: Answer): SessionId {
  const session = parseSessionId(idOf(answer));
  assert.ok(session !== undefined);
  return session;
}

/** A provider that remembers nothing, on the same box and store. */
async function restarted(
  call: (next: ToolProvider) => Promise<ToolOutcome>,
): Promise<Readonly<Record<string, unknown>>> {
  await using skills = await createSkillLibrary({ roots: [] });
  const parts = { box: rig.box.box, skills, sessions: rig.store, clock: Date.now, reportFault: () => assert.fail() };
  const outcome = await call(createMachineProvider({ ...parts, settings: {} }));
  assert.equal(outcome.kind, 'done');
  return outcome.result.structured ?? {};
}

const poll = (session_id: string) => (next: ToolProvider) =>
  next.call({ id: newCallId(), tool: 'write_stdin', arguments: { session_id }, answers: null }, rig.context());

const bookmarked = (session: string, cursor: number): Promise<void> =>
  until(async () => {
    const known = (await rig.box.box.list(null)).find((one) => one.session === session);
    return known?.bookmark?.includes(`"cursor":${cursor},`) === true;
  }, 'the box knows how far the caller has read');

verifies(
  'exec.session.views',
  async () => {
    const begun = await rig.exec('echo one; read x; echo two', { stdin: true, yield_time_ms: 1500, format: 'codex' });
    await bookmarked(idOf(begun), 4);
    await rig.box.box.write(owner(), { session: sessionOf(begun), at: null, bytes: Buffer.from('\n'), eof: true });
    const { output, exit_code } = await restarted(poll(idOf(begun)));
    assert.deepEqual([output, exit_code], ['two\n', 0], 'it goes on where the caller was');
  },
  { cell: 'a new server goes on where the caller was' },
);

verifies(
  'exec.session.views',
  async () => {
    const garbage = ['no json', '{"cursor":99999,"stderrCursor":0,"format":"text"}', '{"cursor":-1}'];
    for (const text of garbage) {
      const begun = await rig.exec('echo one; read x; echo two', { stdin: true, yield_time_ms: 5000 });
      await bookmarked(idOf(begun), 4);
      await rig.box.box.bookmark(owner(), sessionOf(begun), text);
      await rig.box.box.write(owner(), { session: sessionOf(begun), at: null, bytes: Buffer.from('\n'), eof: true });
      assert.equal((await restarted(poll(idOf(begun))))['output'], 'one\ntwo\n', text);
    }
  },
  { cell: 'a new server that is unsure repeats all of it' },
);

verifies(
  'exec.session.lost',
  async () => {
    const session = newSessionId();
    const { id: principal } = rig.context().principal;
    const facts = { session, principal, tool: 'exec_command', command: 'x', cwd: '/', openedAt: 1 } as const;
    await rig.store.open({ ...facts, closedAt: 2, exitCode: 0 });
    const gone = await rig.call('write_stdin', { session_id: session });
    assert.equal(gone.code, 'SESSION_LOST');
    assert.match(gone.message, /keeps nothing of it any more; it had exited with code 0/);
    const foreign = await rig.call('write_stdin', { session_id: session }, { as: stranger });
    assert.equal(foreign.code, 'SESSION_NOT_FOUND');
  },
  { cell: 'known to the record alone' },
);

verifies('exec.session.lost', async () => {
  await using own = await startRig();
  const begun = await own.exec('echo before; sleep 300', { yield_time_ms: 300 });
  process.kill(own.box.pid, 'SIGKILL');
  await using next = await startTestBox({ home: own.box.home });
  assert.notEqual(next.pid, own.box.pid);
  const polled = await own.call('write_stdin', { session_id: idOf(begun) });
  assert.equal(polled.code, 'SESSION_LOST');
  assert.match(polled.message, new RegExp(`session ${idOf(begun)} was lost: .+; what it printed can be read`));
  const log = await own.call('read_output', { session_id: idOf(begun) });
  assert.equal(log.structured.output, 'before\n');
  assert.equal(log.structured['state'], 'lost');
});
