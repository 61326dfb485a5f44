/** The daemon itself: its door, its limits, its death and what the next one finds. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectBox, startBoxDaemon } from '@agentbox/boxd-client';
import {
  AgentboxError,
  BOX_PROTOCOL_VERSION,
  encodeFrame,
  newPrincipalId,
  newSessionId,
  OPERATOR,
} from '@agentbox/protocol';
import { build } from '../../scripts/tasks/build.ts';
import { verifies } from '../requirements/verifies.ts';
import {
  currentPid,
  exitCode,
  isAlive,
  MAIN,
  refusal,
  rssBytes,
  spawnRequest,
  startTestBox,
  TTY,
  until,
} from './harness.ts';

const NOW = { collect: { waitMs: 0 } };
const ROOT = path.resolve(import.meta.dirname, '../..');
const MIB = 1024 * 1024;
const ENTRY = [process.execPath, MAIN] as const;

verifies('box.limits.sessions', async () => {
  await using t = await startTestBox({ limits: { livePerOwner: 5, liveInBox: 7 } });
  for (let round = 0; round < 20; round += 1) await t.run('true');
  const live = await Promise.all(Array.from({ length: 5 }, () => t.run('sleep 60', NOW)));
  const refused = await refusal(t.run('echo too many'));
  assert.equal(refused.code, 'TOO_MANY_SESSIONS');
  const other = newPrincipalId();
  await Promise.all([
    t.box.spawn(spawnRequest('sleep 60', { owner: other })),
    t.box.spawn(spawnRequest('sleep 60', { owner: other })),
  ]);
  assert.equal(
    (await refusal(t.box.spawn(spawnRequest('true', { owner: newPrincipalId() })))).code,
    'TOO_MANY_SESSIONS',
  );
  for (const { session } of live) assert.equal((await t.box.info(OPERATOR, session)).state.kind, 'running');
  await t.box.kill(OPERATOR, live[0]?.session ?? newSessionId(), 'KILL', 2000);
  assert.equal((await t.run('echo fits')).text, 'fits\n');
});

verifies('box.limits.retention', async () => {
  await using t = await startTestBox({ limits: { keepMs: 1000, keepCount: 3, sweepMs: 50 } });
  const live = await t.run('echo live; sleep 60', NOW);
  const background = await t.run('sleep 60 & echo left');
  const old = await t.run('echo old');
  const directory = path.join(t.home, 'box/sessions', old.session);
  const forgotten = async (): Promise<boolean> => {
    const ids = (await t.box.list(OPERATOR)).map(({ session }) => session);
    return !ids.includes(old.session);
  };
  await until(forgotten, 'the old one is forgotten');
  assert.equal(statSync(directory, { throwIfNoEntry: false }), undefined);
  assert.equal((await refusal(t.box.info(OPERATOR, old.session))).code, 'SESSION_NOT_FOUND');
  assert.equal((await t.collect(live.session, { waitMs: 0 })).text, 'live\n');
  assert.equal((await t.collect(background.session)).text, 'left\n');
  for (let index = 0; index < 10; index += 1) await t.run('true');
  await until(async () => (await t.box.list(OPERATOR)).length <= 5, 'only the newest are kept');
});

verifies(
  'box.limits.retention',
  async () => {
    await using t = await startTestBox({ limits: { keepMs: 300, keepCount: 3, sweepMs: 100 } });
    for (let index = 0; index < 5; index += 1) await t.run('sleep 1.5 & echo left');
    const kept = (): number => readdirSync(path.join(t.home, 'box/sessions')).length;
    assert.equal(kept(), 5);
    await until(() => kept() === 0, 'sessions whose background has ended are forgotten though nobody asks');
  },
  { cell: 'background' },
);

verifies('box.wire.other-version', async () => {
  await using t = await startTestBox();
  const key = readFileSync(path.join(t.home, 'run', 'boxd.key'), 'utf8');
  const socketPath = path.join(t.home, 'run', 'boxd.sock');
  await t.run('sleep 60', NOW);
  const text = await sendRaw(socketPath, hello(key, 99));
  const told = `"other":{"protocol":${BOX_PROTOCOL_VERSION},"version":`;
  assert.ok(text.includes(told) && text.includes('"living":1}'), text);
  const stranger = await sendRaw(socketPath, hello('0'.repeat(64), 99));
  assert.doesNotMatch(stranger, /living/);
});

verifies('box.client.other-version', async () => {
  for (const [program, reason] of [
    ['daemon-of-another-version.ts', /another version, 9\.9 .*3 sessions run in it: `agentbox down` ends it/],
    ['daemon-of-another-version.ts before', /another version, older .*sessions may run in it/],
  ] as const) {
    await using other = await startOther(program.includes('before') ? 'before' : 'busy');
    const refused = await refusal(connectBox({ home: other.home, reconnectMs: 5000 }));
    assert.equal(refused.code, 'BOX_PROTOCOL');
    assert.match(refused.message, reason);
    const kept = await refusal(startBoxDaemon({ home: other.home, entry: [process.execPath, MAIN] }));
    assert.equal(kept.code, 'BOX_PROTOCOL', 'it stays, because something runs in it');
    assert.ok(isAlive(other.pid));
  }
  await using idle = await startOther('idle');
  await using next = await startTestBox({ home: idle.home });
  assert.equal((await next.run('echo next')).text, 'next\n');
  assert.ok(!isAlive(idle.pid), 'an idle one makes way');
});

/** A daemon of another wire version that has announced itself in a home of its own. */
async function startOther(kind: 'busy' | 'before' | 'idle'): Promise<AsyncDisposable & { home: string; pid: number }> {
  const home = mkdtempSync(path.join(tmpdir(), 'agentbox-box-'));
  const program = path.join(import.meta.dirname, '../fixtures/programs/daemon-of-another-version.ts');
  const child = spawn(process.execPath, [program, home, kind], { stdio: 'inherit' });
  await until(() => existsSync(path.join(home, 'run/boxd.json')), 'the other daemon listens');
  return {
    home,
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await until(() => !isAlive(child.pid ?? 0), 'the other daemon is gone');
      rmSync(home, { recursive: true, force: true });
    },
  };
}

verifies('box.limits.requests', async () => {
  await using t = await startTestBox();
  const socketPath = path.join(t.home, 'run', 'boxd.sock');
  const silent = sendRaw(socketPath, []);
  const { session } = await t.run('sleep 60', NOW);
  const collects = Array.from({ length: 4200 }, () =>
    t.collect(session, { waitMs: 3000 }).then(
      () => 'answered',
      (fault: unknown) => (fault instanceof AgentboxError ? fault.code : 'fault'),
    ),
  );
  const answers = await Promise.all(collects);
  assert.equal(answers.filter((one) => one === 'answered').length, 4096);
  assert.equal(answers.filter((one) => one === 'OVERLOADED').length, 104);
  assert.match(await silent, /no handshake in time/);
});

verifies(
  'box.limits.requests',
  async () => {
    await using t = await startTestBox();
    const { session } = await t.run('head -c 20000000 /dev/zero', { collect: { headBytes: 10, tailBytes: 10 } });
    const before = rssBytes(t.pid);
    const key = readFileSync(path.join(t.home, 'run', 'boxd.key'), 'utf8');
    const deaf = connect(path.join(t.home, 'run', 'boxd.sock'));
    await new Promise((resolve) => deaf.on('connect', resolve));
    deaf.pause();
    for (const part of hello(key)) deaf.write(part);
    // Each in a turn of its own, as a client that has no answer yet would send it.
    for (let id = 1; id <= 60; id += 1) {
      const request = { session, stream: 'output', from: 0, max: 8 * 1024 * 1024 };
      for (const part of encodeFrame({ id, op: 'read', owner: OPERATOR, request })) deaf.write(part);
      await sleep(20);
    }
    const grown = (rssBytes(t.pid) - before) / 1024 / 1024;
    assert.ok(grown < 200, `grew ${grown.toFixed(0)} MiB for 480 MiB of answers`);
    assert.equal((await t.run('echo unhurt')).text, 'unhurt\n');
    deaf.destroy();
  },
  { cell: 'a client that never reads' },
);

verifies('box.owner.foreign', async () => {
  await using t = await startTestBox();
  const { session } = await t.run('sleep 60', NOW);
  const stranger = newPrincipalId();
  const unknown = newSessionId();
  const ask = (id: typeof session) => [
    t.box.info(stranger, id),
    t.box.kill(stranger, id, 'KILL', 0),
    t.box.interrupt(stranger, id, 'INT'),
    t.box.resize(stranger, id, { cols: 1, rows: 1 }),
    t.box.read(stranger, { session: id, stream: 'output', from: 0, max: 1 }),
    t.box.write(stranger, { session: id, at: 0, bytes: new Uint8Array(1), eof: false }),
    t.box.search(stranger, { session: id, stream: 'output', from: 0, pattern: 'x', maxMatches: 1 }),
  ];
  const foreign = await Promise.all(ask(session).map(refusal));
  const missing = await Promise.all(ask(unknown).map(refusal));
  for (const [index, one] of foreign.entries()) {
    assert.equal(one.code, 'SESSION_NOT_FOUND');
    assert.equal(one.message.replace(session, unknown), missing[index]?.message);
  }
  assert.deepEqual(await t.box.list(stranger), []);
  assert.equal((await t.box.list(OPERATOR)).length, 1);
  assert.equal((await t.box.list(null)).length, 1);
});

verifies('box.restart.lost', async () => {
  await using t = await startTestBox();
  const ended = await t.run('echo ended; exit 3');
  const running = await t.run('echo before; sleep 60', NOW);
  await until(async () => (await t.collect(running.session, { waitMs: 0 })).text === 'before\n', 'it printed');
  await sleep(200);
  process.kill(t.pid, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon is dead');
  await startBoxDaemon({ home: t.home, entry: ENTRY });
  const old = await t.collect(running.session);
  assert.equal(old.text, 'before\n');
  assert.equal(old.reply.state.kind, 'lost');
  assert.match(old.reply.state.cause, /box daemon/);
  assert.equal(
    (await refusal(t.box.write(OPERATOR, { session: running.session, at: 0, bytes: Buffer.from('x'), eof: false })))
      .code,
    'SESSION_LOST',
  );
  const still = await t.collect(ended.session);
  assert.equal(still.text, 'ended\n');
  assert.equal(exitCode(still), 3);
  assert.equal(still.reply.newlines, 1);
  const again = await refusal(t.box.spawn(spawnRequest('echo twice', { session: running.session })));
  assert.equal(again.code, 'SESSION_LOST');
  assert.equal((await t.run('echo new')).text, 'new\n');
});

verifies('box.restart.lock', async () => {
  await using t = await startTestBox();
  const second = spawnSync(process.execPath, [MAIN, '--home', t.home], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(second.status, 1);
  assert.match(second.stderr, /ALREADY_RUNNING/);
  const [a, b] = await Promise.all([
    startBoxDaemon({ home: t.home, entry: ENTRY }),
    startBoxDaemon({ home: t.home, entry: ENTRY }),
  ]);
  assert.equal(a.pid, t.pid);
  assert.equal(b.pid, t.pid);
  process.kill(t.pid, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon is dead');
  const [c, d] = await Promise.all([
    startBoxDaemon({ home: t.home, entry: ENTRY }),
    startBoxDaemon({ home: t.home, entry: ENTRY }),
  ]);
  assert.equal(c.pid, d.pid);
  assert.notEqual(c.pid, t.pid);
});

verifies('box.shutdown', async () => {
  await using t = await startTestBox();
  await t.run("trap '' TERM HUP INT; while :; do sleep 1; done", NOW);
  const polite = await t.run("trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done", NOW);
  await sleep(300);
  const start = performance.now();
  await t.box.shutdown();
  await until(() => !isAlive(t.pid), 'the daemon ended');
  assert.ok(performance.now() - start < 8000);
  assert.equal(currentPid(t.home), undefined);
  await startBoxDaemon({ home: t.home, entry: ENTRY });
  const { text, reply } = await t.collect(polite.session);
  assert.match(text, /bye\n$/);
  assert.equal(reply.state.kind, 'exited');
});

async function sendRaw(socketPath: string, parts: readonly Uint8Array[]): Promise<string> {
  const socket = connect(socketPath);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  // In one write: a second one could meet the daemon's closed end, and its EPIPE would discard the answer unread.
  socket.write(Buffer.concat(parts));
  await new Promise((resolve) => socket.on('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}

const hello = (key: string, protocol = BOX_PROTOCOL_VERSION): readonly Uint8Array[] =>
  encodeFrame({ hello: { protocol, key } });

verifies('box.wire.malformed', async () => {
  await using t = await startTestBox();
  const key = readFileSync(path.join(t.home, 'run', 'boxd.key'), 'utf8');
  const socketPath = path.join(t.home, 'run', 'boxd.sock');
  const huge = Buffer.alloc(8, 0xff);
  const cases: readonly (readonly [string, readonly Uint8Array[], RegExp])[] = [
    ['garbage', [Buffer.from('GET / HTTP/1.1\r\n\r\n')], /goodbye.*too large/],
    ['garbage after the hello', [...hello(key), huge], /goodbye.*too large/],
    ['no JSON', [...hello(key), Buffer.from([0, 0, 0, 5, 0, 0, 0, 1, 0x7b])], /not JSON/],
    ['no id', [...hello(key), ...encodeFrame({ op: 'facts' })], /no id/],
    ['a header longer than its frame', [Buffer.from([0, 0, 0, 5, 0, 0, 0, 9])], /longer than its frame/],
    ['another protocol', hello(key, 99), /speaks \d/],
  ];
  for (const [name, parts, reason] of cases) assert.match(await sendRaw(socketPath, parts), reason, name);
  const line = connect(socketPath);
  for (const part of [...hello(key), ...encodeFrame({ id: 7, op: 'nonsense' })]) line.write(part);
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    line.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.includes('BOX_PROTOCOL')) resolve(text);
    });
  });
  assert.match(answer, /"id":7/);
  line.destroy();
  assert.equal((await t.run('echo unhurt')).text, 'unhurt\n');
});

verifies('box.wire.key', async () => {
  await using t = await startTestBox();
  const socketPath = path.join(t.home, 'run', 'boxd.sock');
  const answer = await sendRaw(socketPath, [...hello('0'.repeat(64)), ...encodeFrame({ id: 1, op: 'facts' })]);
  assert.match(answer, /key is wrong/);
  assert.doesNotMatch(answer, /welcome|hostname/);
});

verifies('box.wire.private', async () => {
  await using t = await startTestBox();
  const { session } = await t.run('echo secret');
  const mode = (...parts: readonly string[]): string =>
    (statSync(path.join(t.home, ...parts)).mode & 0o777).toString(8);
  await until(
    () => statSync(path.join(t.home, 'box/sessions', session, 'output'), { throwIfNoEntry: false }) !== undefined,
    'spooled',
  );
  assert.equal(mode('run'), '700');
  assert.equal(mode('run/boxd.sock'), '600');
  assert.equal(mode('run/boxd.key'), '600');
  assert.equal(mode('box/sessions'), '700');
  assert.equal(mode('box/sessions', session), '700');
  assert.equal(mode('box/sessions', session, 'output'), '600');
  assert.equal(mode('box/sessions', session, 'journal'), '600');
});

verifies('box.wire.cancel', async () => {
  await using t = await startTestBox();
  const { session } = await t.run('sleep 60', NOW);
  const controller = new AbortController();
  const pending = refusal(
    t.box.collect(
      OPERATOR,
      { session, from: 0, headBytes: 1, tailBytes: 1, waitMs: 60_000, stream: 'output', untilInput: true },
      controller.signal,
    ),
  );
  setTimeout(() => controller.abort(), 100);
  assert.equal((await pending).code, 'CANCELLED');
  assert.equal((await t.box.info(OPERATOR, session)).state.kind, 'running');
});

verifies('box.wire.pipelined', async () => {
  await using t = await startTestBox();
  const rounds = Array.from({ length: 50 }, (_, index) => t.run(`echo ${index}`, { login: index % 2 === 0 }));
  for (const [index, ran] of (await Promise.all(rounds)).entries()) assert.equal(ran.text, `${index}\n`);
});

verifies('box.wire.long-home', async () => {
  let short = '';
  const parent = mkdtempSync(path.join(tmpdir(), 'agentbox-long-'));
  const home = path.join(parent, 'x'.repeat(100), 'y'.repeat(100));
  mkdirSync(home, { recursive: true });
  {
    await using t = await startTestBox({ home });
    assert.equal((await t.run('echo far')).text, 'far\n');
    const { socketPath } = await startBoxDaemon({ home, entry: ENTRY });
    short = path.dirname(socketPath);
    assert.ok(Buffer.byteLength(socketPath) <= 107);
    assert.equal(statSync(path.dirname(socketPath)).mode & 0o777, 0o700);
    assert.equal(statSync(socketPath).mode & 0o777, 0o600);
  }
  assert.equal(statSync(short, { throwIfNoEntry: false }), undefined);
  rmSync(parent, { recursive: true });
});

/** The daemon as the product starts it, built when it is not. */
async function bundledEntry(): Promise<readonly [string, ...string[]]> {
  const bundle = path.join(ROOT, 'dist/boxd.mjs');
  if (!existsSync(bundle)) await build();
  return [process.execPath, bundle];
}

verifies('box.budget.memory', async () => {
  const entry = await bundledEntry();
  const bare: number[] = [];
  const took: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    bare.push(timeOf(() => spawnSync(process.execPath, ['-e', '0'])));
    await using t = await startTestBox({ entry });
    took.push(t.startMs);
    assert.ok(rssBytes(t.pid) < 80 * MIB, `${(rssBytes(t.pid) / MIB).toFixed(0)} MiB at rest`);
  }
  const ratio = Math.min(...took) / Math.min(...bare);
  assert.ok(ratio < 6, `start is ${ratio.toFixed(1)} times that of node: ${took.map(Math.round).join()} ms`);
  await using t = await startTestBox({ entry });
  const idle = rssBytes(t.pid) / MIB;
  await Promise.all(Array.from({ length: 50 }, () => t.run('exec sleep 60', { io: TTY, ...NOW })));
  const each = (rssBytes(t.pid) / MIB - idle) / 50;
  assert.ok(each < 1, `${each.toFixed(2)} MiB for a session`);
});

function timeOf(work: () => unknown): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

verifies('box.env.no-secrets', async () => {
  const secrets = { SERVER_TOKEN: 'hunter2hunter2', DATABASE_URL: 'postgres://hunter2' };
  const home = mkdtempSync(path.join(tmpdir(), 'agentbox-box-'));
  await startBoxDaemon({ home, entry: ENTRY, environment: { ...process.env, ...secrets } });
  {
    await using t = await startTestBox({ home });
    const live = await t.run('sleep 60', NOW);
    await t.run('sleep 60', { login: true, ...NOW });
    const processes = [
      t.pid,
      ...readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map(Number),
    ];
    const own = processes.filter((pid) => pid === t.pid || parentOf(pid) === t.pid);
    assert.ok(own.length >= 3, 'the daemon, its guardian and two sessions');
    for (const pid of own) {
      assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'utf8'), /hunter2|SERVER_TOKEN|DATABASE_URL/);
      assert.doesNotMatch(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), /hunter2/);
      const key = readFileSync(path.join(home, 'run', 'boxd.key'), 'utf8');
      assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(key));
      // A login shell opens its profile and closes it again; what was inherited stays open.
      const open = (): string => readdirSync(`/proc/${pid}/fd`).toSorted().join(' ');
      if (pid !== t.pid) await until(() => open() === '0 1 2', `${pid} has no descriptor but 0 to 2`);
    }
    const seen = await t.run('env; cat /proc/$PPID/environ /proc/self/environ', { login: true });
    assert.doesNotMatch(seen.text, /hunter2/);
    await t.box.kill(OPERATOR, live.session, 'KILL', 2000);
  }
  rmSync(home, { recursive: true });
});

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
