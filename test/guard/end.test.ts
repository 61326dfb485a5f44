/** How sandboxes end: killed guards, signals to all of them, daemons that a command leaves. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifies } from '../requirements/verifies.ts';
import { ENGINES, type GuardedRun, isAlive, launch, noNamespaces, processesWith, runGuarded } from './launch.ts';

const mark = (): string => String(1_000_000 + Math.floor(Math.random() * 8_999_999));
const SETTLE_MS = 400;

/** A command with a plain child, one of its own session, and an orphan of its own session. */
async function busy(number: string, engine: 'namespaces' | 'landlock' = 'namespaces'): Promise<GuardedRun> {
  const run = launch(`sleep ${number} & setsid sleep ${number} & (setsid sleep ${number} &) ; echo up; wait`, {
    engine,
  });
  await run.sees(/up/);
  await run.until(() => processesWith(number).filter((pid) => pid !== run.pid).length >= 4, 'all run');
  return run;
}

for (const [cell, index] of [
  ['the warden', 0],
  ['bubblewrap', 1],
  ['process 1', 2],
] as const) {
  verifies(
    'guard.end.killed',
    async () => {
      const number = mark();
      await using run = await busy(number);
      process.kill(run.infrastructure[index] ?? 0, 'SIGKILL');
      await sleep(SETTLE_MS);
      assert.deepEqual(processesWith(number), []);
      assert.deepEqual(run.infrastructure.filter(isAlive), []);
    },
    { cell, skip: noNamespaces },
  );
}

for (const engine of ENGINES) {
  const skip = engine === 'namespaces' ? noNamespaces : false;
  verifies(
    'guard.end.killed',
    async () => {
      const number = mark();
      await using run = await busy(number, engine);
      run.guard.close();
      await run.closed;
      assert.deepEqual(processesWith(number), []);
    },
    { cell: `${engine}: the daemon closes the line`, skip },
  );

  verifies(
    'guard.end.killed',
    async () => {
      const number = mark();
      await using run = await busy(number, engine);
      process.kill(run.infrastructure.at(-1) ?? 0, 'SIGKILL');
      await run.closed;
      assert.deepEqual(processesWith(number), []);
    },
    { cell: `${engine}: process 1 is killed`, skip },
  );

  verifies(
    'guard.end.signals',
    async () => {
      const script = `trap ':' HUP INT QUIT TERM USR1 USR2 TSTP TTIN TTOU PIPE ALRM; echo up; for i in $(seq 100); do sleep 0.05; done; /bin/echo still`;
      await using run = launch(script, { engine });
      await run.sees(/up/);
      for (const signal of [
        'HUP',
        'INT',
        'QUIT',
        'TERM',
        'USR1',
        'USR2',
        'TSTP',
        'TTIN',
        'TTOU',
        'PIPE',
        'ALRM',
        'WINCH',
        'IO',
        'PROF',
        'XCPU',
        'STKFLT',
      ] as const) {
        for (const pid of run.infrastructure) process.kill(pid, `SIG${signal}`);
        if (!['IO', 'PROF', 'XCPU', 'STKFLT'].includes(signal)) process.kill(-run.pid, `SIG${signal}`);
      }
      await run.sees(/still/, 9000);
      assert.equal((await run.exited).code, 0);
    },
    { cell: engine, skip },
  );

  verifies(
    'guard.end.daemons',
    async () => {
      const number = mark();
      await using run = launch(`(setsid sleep ${number} >/dev/null 2>&1 </dev/null &); exit 5`, { engine });
      const exit = await run.exited;
      assert.deepEqual(exit, { code: 5, signal: null });
      await sleep(100);
      assert.equal(processesWith(number).filter((pid) => pid !== run.pid).length >= 1, true);
      run.guard.close();
      await run.closed;
      assert.deepEqual(processesWith(number), []);
    },
    { cell: `${engine}: a daemon`, skip },
  );

  verifies(
    'guard.end.daemons',
    async () => {
      const run = await runGuarded('kill -SEGV $$', { engine });
      assert.deepEqual(await run.exited, { code: 139, signal: 11 });
      assert.equal(await run.closed, 139);
    },
    { cell: `${engine}: a signal`, skip },
  );
}

verifies('guard.inside.descriptors', async () => {
  for (const engine of ENGINES) {
    if (engine === 'namespaces' && noNamespaces !== false) continue;
    const run = await runGuarded(
      'ls /proc/self/fd | wc -l; grep -E "Sig(Blk|Ign)|NoNewPrivs|CapEff|CapBnd|Seccomp:" /proc/self/status; ls -l /proc/1/fd/ 2>&1 >/dev/null',
      { engine },
    );
    // Three, and the one with which ls reads the folder.
    assert.match(run.stdout, /^4\n/);
    assert.match(run.stdout, /SigBlk:\t0{16}\nSigIgn:\t0{16}\n/);
    assert.match(run.stdout, /CapEff:\t0{16}\nCapBnd:\t[0-9a-f]{16}\nNoNewPrivs:\t1\nSeccomp:\t2\n/);
    // What an ordinary user's bounding set holds can be gained by no exec: there are no new privileges.
    if (process.getuid?.() === 0) assert.match(run.stdout, /CapBnd:\t0{16}\n/);
    if (engine === 'namespaces') assert.match(run.stdout, /\/proc\/1\/fd\/.*Permission denied/);
  }
});
