/** What becomes of a session's processes: killed, reaped, listed, ended with their daemon. As root and as nobody. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { OPERATOR } from '@agentbox/protocol';
import { z } from 'zod';
import { verifies } from '../requirements/verifies.ts';
import {
  cannotBeNobody,
  cannotTrack,
  exitCode,
  isAlive,
  startTestBox,
  type TestBox,
  until,
  withMark,
} from './harness.ts';

/** Every way to follow a tree that there is here; as an ordinary user /proc alone is sure to be there. */
const WAYS = [
  ['cgroup2', 'self', 'cgroup2', cannotTrack('cgroup2')],
  ['cgroup1', 'self', 'cgroup1', cannotTrack('cgroup1')],
  ['procfs', 'self', 'procfs', false],
  ['procfs as nobody', 'nobody', 'procfs', cannotBeNobody()],
] as const;

/** Each of these sleeps for a number of seconds that no other process of the machine sleeps for. */
function stubborn(mark: string): string {
  return [
    `setsid sleep ${mark}1 &`,
    `(setsid sh -c '(sleep ${mark}2 &) & exit' &)`,
    `env -i setsid sh -c 'env -i sleep ${mark}3 & exit 0' &`,
    `nohup sh -c "trap '' TERM INT HUP; sleep ${mark}4; sleep ${mark}4" > /dev/null 2>&1 &`,
    `env -i /bin/sh -c "trap '' TERM INT HUP QUIT; (env -i setsid setsid sh -c 'trap \\"\\" TERM; sleep ${mark}5' &)" &`,
    'sleep 0.3',
    'echo started',
  ].join('\n');
}

const PYTHON = '/usr/bin/python3';
const newMark = (): string => String(1_000_000 + Math.floor(Math.random() * 8_000_000));
const sleepers = (mark: string): readonly number[] => withMark(`sleep\0${mark}`);

for (const [cell, user, tracking, skip] of WAYS) {
  verifies(
    'box.tree.kill',
    async () => {
      await using t = await startTestBox({ user, tracking });
      for (const ending of ['\nsleep 100', '']) {
        const mark = newMark();
        const { session } = await t.run(stubborn(mark) + ending, { collect: { waitMs: 0 } });
        await until(() => sleepers(mark).length === 5, `five sleepers run (${sleepers(mark).length})`);
        const reply = await t.box.kill(OPERATOR, session, 'SIGKILL', 2000);
        assert.equal(reply.alive, 0);
        assert.deepEqual(sleepers(mark), []);
        assert.equal(reply.state.kind, 'exited');
      }
    },
    { cell, skip },
  );

  verifies(
    'box.tree.dies-with-boxd',
    async () => {
      await using t = await startTestBox({ user, tracking });
      const mark = newMark();
      await t.run(`${stubborn(mark)}\nsleep ${mark}6`, { collect: { waitMs: 0 } });
      await until(() => sleepers(mark).length === 6, 'six sleepers run');
      process.kill(t.pid, 'SIGKILL');
      await until(() => sleepers(mark).length === 0, 'nothing survives');
    },
    { cell, skip },
  );

  verifies(
    'box.tree.background',
    async () => {
      await using t = await startTestBox({ user, tracking });
      const server = 'require("net").createServer().listen(0,"127.0.0.1",function(){console.log(this.address().port)})';
      const ran = await t.run(`nohup ${process.execPath} -e '${server}' 2>/dev/null & sleep 0.7`);
      assert.equal(exitCode(ran), 0);
      const background = async () => {
        const { state } = await t.box.info(OPERATOR, ran.session);
        return state.kind === 'exited' ? state.background : [];
      };
      await until(async () => ((await background())[0]?.ports.length ?? 0) > 0, 'the port is known');
      const [only, ...others] = await background();
      assert.equal(others.length, 0);
      assert.match(only?.command ?? '', /createServer/);
      const { text } = await t.collect(ran.session);
      assert.deepEqual(only?.ports, [Number(text)]);
      const killed = await t.box.kill(OPERATOR, ran.session, 'TERM', 3000);
      assert.equal(killed.signalled, 1);
      assert.equal(killed.alive, 0);
      assert.deepEqual(await background(), []);
    },
    { cell, skip },
  );
}

/** Leaves its parents, its kernel session, its environment and the limit that marks it. */
const shedding = (mark: string): string =>
  `env -i setsid /bin/bash -c 'ulimit -S -x unlimited; (setsid sleep ${mark} &) & exit 0'; sleep 0.2; echo left`;

for (const [cell, user, tracking, skip] of WAYS.filter(([, , kind]) => kind !== 'procfs')) {
  verifies(
    'box.tree.sheds-its-mark',
    async () => {
      await using t = await startTestBox({ user, tracking });
      assert.equal((await t.box.facts()).tracking, tracking);
      const mark = newMark();
      const killed = await t.run(shedding(mark));
      assert.equal(killed.text, 'left\n');
      const { state } = await t.box.info(OPERATOR, killed.session);
      assert.ok(state.kind === 'exited' && state.background.length === 1, JSON.stringify(state));
      assert.equal((await t.box.kill(OPERATOR, killed.session, 'KILL', 5000)).alive, 0);
      assert.deepEqual(sleepers(mark), []);
      await t.run(shedding(mark));
      assert.equal(sleepers(mark).length, 1);
      process.kill(t.pid, 'SIGKILL');
      await until(() => sleepers(mark).length === 0, 'nothing survives the daemon');
    },
    { cell, skip },
  );

  verifies(
    'box.tree.groups-are-removed',
    async () => {
      let first = '';
      {
        await using t = await startTestBox({ user, tracking, limits: { sweepMs: 50 } });
        first = groupOf(t);
        const inside = (): readonly string[] =>
          readdirSync(first, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
        const live = await t.run('sleep 60', { collect: { waitMs: 0 } });
        const [group = ''] = inside();
        const nested = `g=${first}/${group}/nested; mkdir -p $g/deep; echo $$ > $g/deep/cgroup.procs; exec sleep ${newMark()}`;
        const mover = await t.run(nested, { collect: { waitMs: 0 } });
        for (let round = 0; round < 20; round += 1) await t.run('true');
        await until(() => inside().length === 2, `the two live ones have groups (${inside().join()})`);
        await t.box.kill(OPERATOR, live.session, 'KILL', 5000);
        await t.box.kill(OPERATOR, mover.session, 'KILL', 5000);
        await until(() => inside().length === 0, `no group is left (${inside().join()})`);
      }
      await until(() => !existsSync(first), 'the daemon left no group');
      await using t = await startTestBox({ user, tracking });
      const second = groupOf(t);
      await t.run('sleep 60', { collect: { waitMs: 0 } });
      process.kill(t.pid, 'SIGKILL');
      await until(() => !existsSync(second), 'the guardian removed the groups');
    },
    { cell, skip },
  );

  verifies(
    'box.tree.group-lost',
    async () => {
      await using t = await startTestBox({ user, tracking });
      const own = groupOf(t);
      const kept = await t.run('sleep 60', { collect: { waitMs: 0 } });
      await t.box.kill(OPERATOR, kept.session, 'KILL', 5000);
      await until(() => removed(own), 'somebody removed the group of the daemon');
      const mark = newMark();
      const { session } = await t.run(`sleep ${mark}`, { collect: { waitMs: 0 } });
      await until(() => sleepers(mark).length === 1, 'the command runs all the same');
      const facts = await t.box.facts();
      assert.equal(facts.tracking, 'procfs');
      assert.match(facts.notes.join(), /cgroups failed/);
      assert.match((await t.box.info(OPERATOR, session)).notes.join(), /cgroups failed/);
      assert.equal((await t.box.kill(OPERATOR, session, 'KILL', 5000)).alive, 0);
      assert.deepEqual(sleepers(mark), []);
    },
    { cell, skip },
  );
}

for (const [cell, user, tracking, skip] of WAYS) {
  verifies(
    'box.tree.fork-bomb',
    async () => {
      await using t = await startTestBox({ user, tracking });
      const mark = newMark();
      // Each waits for a moment, starts two more and ends: a tree that is never the same at two looks.
      const bomb = `import os, time
end = time.time() + 20
for _ in range(200):
    if os.fork() == 0:
        while time.time() < end:
            if os.fork() > 0: os._exit(0)
            os.setsid()
            time.sleep(0.2)
        os._exit(0)
time.sleep(20) # ${mark}
`;
      const { session } = await t.run([PYTHON, '-c', bomb], { collect: { waitMs: 0 } });
      await until(() => withMark(mark).length > 100, 'it spreads');
      const reply = await t.box.kill(OPERATOR, session, 'SIGKILL', 15_000);
      assert.equal(reply.alive, 0);
      assert.deepEqual(withMark(mark), []);
    },
    { cell, skip: skip || (!existsSync(PYTHON) && 'no python') },
  );
}

verifies('box.tree.orphans-by-name', async () => {
  await using t = await startTestBox({ tracking: 'procfs' });
  const mark = newMark();
  const ran = await t.run(`/bin/bash -c 'ulimit -S -x 1000; setsid -f sleep ${mark}'; sleep 0.2; echo left`);
  const { state } = await t.box.info(OPERATOR, ran.session);
  assert.ok(state.kind === 'exited' && state.background.length === 1, JSON.stringify(state));
  assert.equal((await t.box.kill(OPERATOR, ran.session, 'KILL', 5000)).alive, 0);
  assert.deepEqual(sleepers(mark), []);
});

/** Where a daemon says that its groups are. */
function groupOf(t: TestBox): string {
  return RUN_FILE.parse(JSON.parse(readFileSync(path.join(t.home, 'run', 'boxd.json'), 'utf8'))).cgroup.directory;
}

const RUN_FILE = z.object({ cgroup: z.object({ directory: z.string() }) });

function removed(directory: string): boolean {
  spawnSync('find', [directory, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  return !existsSync(directory);
}

verifies('box.tree.on-exit-kill', async () => {
  await using t = await startTestBox();
  const mark = newMark();
  const ran = await t.run(stubborn(mark), { onExit: 'kill' });
  assert.equal(ran.text, 'started\n');
  assert.equal(exitCode(ran), 0);
  assert.deepEqual(sleepers(mark), []);
});

verifies('box.tree.guardian', async () => {
  await using t = await startTestBox();
  const mark = newMark();
  await t.run(`sleep ${mark}`, { collect: { waitMs: 0 } });
  await until(() => sleepers(mark).length === 1, 'the sleeper runs');
  const guardian = childrenOf(t.pid).find((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('agentbox-g'),
  );
  assert.ok(guardian !== undefined);
  process.kill(guardian, 'SIGKILL');
  await until(() => !isAlive(t.pid), 'the daemon ended');
  assert.deepEqual(sleepers(mark), []);
});

verifies('box.tree.reaped', async () => {
  await using t = await startTestBox();
  await runMany(t, 50);
  const before = readdirSync(`/proc/${t.pid}/fd`).length;
  await runMany(t, 1000);
  await until(() => readdirSync(`/proc/${t.pid}/fd`).length <= before, 'no descriptor more than before');
  const zombies = childrenOf(t.pid).filter((pid) => !isAlive(pid));
  assert.deepEqual(zombies, []);
});

async function runMany(t: TestBox, count: number): Promise<void> {
  for (let done = 0; done < count; done += 10) {
    // The inner command outlives its parent for a moment: an orphan that the daemon adopts.
    await Promise.all(Array.from({ length: 10 }, () => t.run('(sleep 0.01 &) >/dev/null', { shell: '/bin/sh' })));
  }
}

function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}
