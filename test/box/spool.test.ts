/** What of a session's output survives a killed daemon, a full disk and a used-up quota. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSessionId, OPERATOR, parseSessionId } from '@agentbox/protocol';
import { verifies } from '../requirements/verifies.ts';
import { exitCode, isAlive, type Ran, startTestBox, type TestBox, until } from './harness.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const NOW = { collect: { waitMs: 0 } };
const ALL = { headBytes: 8 * MIB, tailBytes: 8 * MIB } as const;
const LIMITS = {
  spool: { headBytes: 64 * KIB, ringBytes: MIB },
  log: { tailBytes: 16 * KIB, backlogBytes: MIB },
} as const;
const NUMBERS = Array.from({ length: 1_000_000 }, (_, index) => `${index + 1}\n`).join('');

function newHome(): string {
  return mkdtempSync(path.join(tmpdir(), 'agentbox-box-'));
}

/** What a process has computed so far, in ms: unlike a clock it does not count what else the machine does. */
function processorMs(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) * 10;
}

async function killDaemon(t: TestBox): Promise<void> {
  process.kill(t.pid, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon is dead');
}

/** Head and tail of the numbers, and a count of everything between. */
function assertHonest({ reply, text }: Ran, least: number): void {
  const kept = reply.head.length + reply.tail.length;
  assert.equal(reply.dropped + kept, reply.next);
  assert.ok(kept >= least, `${kept} bytes are kept`);
  const head = 64 * KIB;
  assert.equal(text.slice(0, head), NUMBERS.slice(0, head));
  assert.equal(text.slice(head), NUMBERS.slice(reply.next - (kept - head), reply.next));
}

verifies('box.restart.large-log', async () => {
  const home = newHome();
  const t = await startTestBox({ home, limits: LIMITS });
  const running = await t.run('seq 1000000; sleep 60', NOW);
  const ended = await t.run('seq 1000000', { collect: ALL });
  assert.equal(exitCode(ended), 0);
  await until(async () => (await t.collect(running.session, { waitMs: 0 })).reply.next === NUMBERS.length, 'printed');
  await sleep(300);
  await killDaemon(t);
  await t.box.close();
  {
    await using next = await startTestBox({ home, limits: LIMITS });
    const lost = await next.collect(running.session, ALL);
    assert.equal(lost.reply.state.kind, 'lost');
    assert.equal(lost.reply.next, NUMBERS.length);
    assertHonest(lost, 64 * KIB + 768 * KIB);
    const whole = await next.collect(ended.session, ALL);
    assert.equal(exitCode(whole), 0);
    assertHonest(whole, 64 * KIB + MIB);
    const gap = await next.box.read(OPERATOR, { session: ended.session, stream: 'output', from: MIB, max: 1000 });
    assert.equal(gap.next - gap.bytes.length, NUMBERS.length - MIB, 'a reader learns where the gap ends');
  }
  rmSync(home, { recursive: true });
});

verifies(
  'box.restart.large-log',
  async () => {
    const home = newHome();
    const t = await startTestBox({ home, limits: LIMITS });
    const flood = await t.run('seq 100000000', NOW);
    await until(async () => (await t.collect(flood.session, { waitMs: 0 })).reply.next > 20 * MIB, 'it floods');
    await killDaemon(t);
    await t.box.close();
    {
      await using next = await startTestBox({ home, limits: LIMITS });
      const { reply, text } = await next.collect(flood.session, ALL);
      assert.equal(reply.dropped + reply.head.length + reply.tail.length, reply.next);
      const tail = text
        .slice(64 * KIB)
        .split('\n')
        .slice(1, -1)
        .map(Number);
      assert.ok(tail.length > 50_000, `${tail.length} numbers`);
      for (const [index, one] of tail.entries()) assert.equal(one, (tail[0] ?? 0) + index);
    }
    rmSync(home, { recursive: true });
  },
  { cell: 'killed in the middle of a flood' },
);

verifies('box.limits.quota', async () => {
  await using t = await startTestBox({ limits: { totalSpoolBytes: 1000 * KIB } });
  const live = await t.run('head -c 200000 /dev/zero | tr "\\0" x; sleep 60', NOW);
  const old = await t.run('head -c 300000 /dev/zero; exit 3');
  const newer = await t.run('head -c 300000 /dev/zero');
  await sleep(200);
  const newest = await t.run('head -c 300000 /dev/zero');
  const evicted = await t.collect(old.session);
  assert.equal(exitCode(evicted), 3);
  assert.deepEqual([evicted.reply.next, evicted.reply.dropped, evicted.text], [300_000, 300_000, '']);
  assert.match((await t.box.info(OPERATOR, old.session)).notes.join(), /dropped: the quota/);
  for (const { session } of [newer, newest]) assert.equal((await t.collect(session)).text.length, 300_000);
  assert.equal((await t.collect(live.session, { waitMs: 0 })).text, 'x'.repeat(200_000));
  assert.deepEqual((await t.box.info(OPERATOR, live.session)).notes, []);
});

/** Why no small file system can be mounted here, or false. */
function cannotMount(): string | false {
  if (process.getuid?.() !== 0) return 'an ordinary user cannot mount';
  const trial = newHome();
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', trial]).status === 0;
  if (mounted) spawnSync('umount', [trial]);
  rmSync(trial, { recursive: true });
  return mounted ? false : 'mounting is not allowed';
}

verifies(
  'box.output.disk-full',
  async () => {
    const home = newHome();
    assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', home]).status, 0);
    try {
      await using t = await startTestBox({ home });
      const ballast = path.join(home, 'ballast');
      const go = path.join(home, 'go');
      const script = `seq 50000; until [ -e ${go} ]; do sleep 0.05; done; seq 50001 100000; sleep 0.7; seq 100001 100500`;
      const { session } = await t.run('true');
      writeFileSync(ballast, Buffer.alloc(1850 * KIB));
      const ran = await t.run(script, NOW);
      const notes = async (): Promise<string> => (await t.box.info(OPERATOR, ran.session)).notes.join();
      await until(async () => /memory only/.test(await notes()), 'it is said that the disk is full');
      assert.ok((await t.collect(ran.session, { waitMs: 0 })).text.endsWith('\n50000\n'), 'the end is right');
      rmSync(ballast);
      writeFileSync(go, '');
      const ended = await t.collect(ran.session);
      assert.equal(exitCode(ended), 0);
      assert.match(await notes(), /is written to disk again/);
      assert.ok(ended.text.startsWith('1\n2\n') && ended.text.endsWith('\n100500\n'));
      assert.equal(ended.reply.dropped + ended.reply.head.length + ended.reply.tail.length, ended.reply.next);
      assert.deepEqual((await t.collect(ran.session)).reply.dropped, ended.reply.dropped);
      assert.equal(exitCode(await t.collect(session)), 0);
    } finally {
      spawnSync('umount', ['-l', home]);
      rmSync(home, { recursive: true });
    }
  },
  { skip: cannotMount() },
);

/** Ended sessions as a daemon leaves them. */
function plant(home: string, count: number, command = 'seq 10'): void {
  const directory = path.join(home, 'box', 'sessions');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (let index = 0; index < count; index += 1) {
    const session = newSessionId();
    const facts = {
      session,
      owner: OPERATOR,
      command,
      cwd: '/',
      io: { kind: 'tty', size: { cols: 80, rows: 24 } },
    };
    const exit = { code: 0, signal: null, at: Date.now() };
    const lines = [
      { kind: 'asked', facts },
      { kind: 'started', pid: 1, startedAt: Date.now() },
      { kind: 'ended', exit, output: 5, stderr: 0 },
    ];
    mkdirSync(path.join(directory, session), { mode: 0o700 });
    writeFileSync(path.join(directory, session, 'journal'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    writeFileSync(path.join(directory, session, 'output'), 'old\n\n');
  }
}

verifies('box.wire.many-sessions', async () => {
  const home = newHome();
  plant(home, 5000, '€'.repeat(8192));
  await using t = await startTestBox({ home });
  const listed = await t.box.list(null);
  assert.equal(new Set(listed.map(({ session }) => session)).size, 5000);
  const [one] = listed;
  assert.ok(one !== undefined && one.command.length <= 501);
  assert.equal((await t.box.info(OPERATOR, one.session)).command.length, 8192, 'one that is asked for is told whole');
  rmSync(home, { recursive: true });
});

verifies('box.restart.many', async () => {
  const homes = { none: newHome(), many: newHome() };
  plant(homes.many, 2000);
  const names = readdirSync(path.join(homes.many, 'box/sessions'));
  const took = { none: [] as number[], many: [] as number[] };
  for (let round = 0; round < 3; round += 1) {
    for (const kind of ['none', 'many'] as const) {
      await using t = await startTestBox({ home: homes[kind] });
      took[kind].push(processorMs(t.pid));
      const one = names[round * 500];
      if (kind === 'many') assert.equal((await t.collect(parseSessionId(one ?? '') ?? newSessionId())).text, 'old\n\n');
      if (kind === 'many' && round === 2) assert.equal((await t.box.list(OPERATOR)).length, 2000);
    }
  }
  const plain = Math.min(...took.none);
  const extra = Math.min(...took.many) - plain;
  assert.ok(extra < Math.max(150, plain / 2), `${extra} ms of processor more than ${plain} ms`);
  for (const home of Object.values(homes)) rmSync(home, { recursive: true });
});
