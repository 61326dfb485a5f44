/** Programs that wait for their answer, denials, and what is asked at all. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardDecision, GuardFacts } from '@agentbox/exec-guard';
import { verifies } from '../requirements/verifies.ts';
import { DENIAL, headsOf, launch, noNamespaces, runGuarded } from './launch.ts';

const skip = noNamespaces;
const RUN: GuardDecision = { kind: 'run' };

/** Answers `true` after a while, everything else at once. */
const slowly =
  (ms: number, decision: GuardDecision = RUN) =>
  async (facts: GuardFacts): Promise<GuardDecision> => {
    if (headsOf(facts).includes('true')) {
      await sleep(ms);
      return decision;
    }
    return RUN;
  };
const never = (facts: GuardFacts): GuardDecision | Promise<GuardDecision> =>
  headsOf(facts).includes('true') ? new Promise(() => undefined) : RUN;

verifies(
  'guard.pending.others-go-on',
  async () => {
    const script = 'for i in $(seq 64); do /bin/true & done; /bin/echo other; wait; echo all';
    await using run = launch(script, { decide: slowly(700) });
    await run.sees(/^other$/m, 650);
    await run.sees(/^all$/m);
    assert.deepEqual((await run.exited).code, 0);
    assert.equal(run.said.asked.length, 64 + 3);
  },
  { cell: '64 at once', skip },
);

verifies(
  'guard.pending.others-go-on',
  async () => {
    for (const ms of [0, 5, 14, 16, 40, 120]) {
      const script = '/bin/true && echo one; /bin/true; echo $?; exec /bin/true';
      const run = await runGuarded(script, { decide: slowly(ms) });
      assert.deepEqual([run.code, run.output], [0, 'one\n0\n'], String(ms));
      const denied = await runGuarded('/bin/true; echo $?', { decide: slowly(ms, { kind: 'deny', text: 'no' }) });
      assert.equal(denied.stdout, '1\n');
      assert.equal(denied.stderr, 'Execution denied: no\n');
    }
  },
  { cell: 'answered at any time', skip },
);

for (const [cell, wait, signal, code] of [
  ['SIGHUP', 300, 'HUP', 129],
  ['SIGTERM soon', 1, 'TERM', 143],
  ['SIGKILL', 300, 'KILL', 137],
  ['SIGUSR1', 100, 'USR1', 138],
] as const) {
  verifies(
    'guard.pending.interrupted',
    async () => {
      const script = `/bin/true & p=$!; sleep ${wait / 1000}; kill -${signal} $p; wait $p; echo $?`;
      await using run = launch(script, { decide: never });
      await run.sees(new RegExp(`^${code}$`, 'm'));
      await run.until(() => run.said.gone.length === 1, 'the judge is told');
    },
    { cell, skip },
  );
}

verifies(
  'guard.pending.interrupted',
  async () => {
    // The child of timeout has a handler for SIGTERM of its parent's making when it waits.
    await using run = launch('timeout -k 1 0.3 /bin/true; echo $?', { decide: never });
    await run.sees(/^124$/m);
  },
  { cell: 'timeout', skip },
);

verifies(
  'guard.pending.handler',
  async () => {
    const script = `PERL_SIGNALS=unsafe perl -e '$SIG{USR1} = sub { syswrite(STDOUT, "handled\\n") }; system("(sleep 0.3; kill -USR1 $$) &"); exec("/bin/true"); die'; echo $?`;
    let times = 0;
    const decide = (facts: GuardFacts): GuardDecision | Promise<GuardDecision> =>
      !headsOf(facts).includes('true') || ++times === 2 ? RUN : new Promise(() => undefined);
    await using run = launch(script, { decide });
    await run.sees(/handled\n[\s\S]*^0$/m);
    assert.equal(times, 2);
    assert.equal(run.said.gone.length, 1);
  },
  { skip: spawnSync('perl', ['-v']).status === 0 ? skip : 'perl is not installed here' },
);

verifies(
  'guard.pending.fault',
  async () => {
    const run = await runGuarded('/bin/true; echo $?', {
      decide: async (facts) => {
        if (!headsOf(facts).includes('true')) return RUN;
        await sleep(1);
        return assert.fail('a fault of the judge');
      },
    });
    assert.equal(run.stdout, '1\n');
    assert.match(run.stderr, /Execution denied: the guard could not decide/);
  },
  { skip },
);

verifies(
  'guard.deny.text',
  async () => {
    const deny = ['uname'];
    const to = async (how: string): Promise<string> => (await runGuarded(`${how}; echo "code $?"`, { deny })).output;
    const text = `Execution denied: ${DENIAL}`;
    assert.match(await to('uname 2>&1 | cat'), new RegExp(text));
    assert.match(await to('echo kept > f; uname 2>>f; cat f'), new RegExp(`^kept\n${text}`));
    assert.match(await to('uname 2>/dev/null'), /^code 1$/m);
    assert.match(await to('uname 2>&-'), /^code 1$/m);
  },
  { cell: 'a pipe, a file, nothing', skip },
);

verifies(
  'guard.deny.text',
  async () => {
    // Nobody reads the pipe, and it is full.
    const script = `perl -e 'pipe(R, W); open(STDERR, ">&W"); fcntl(W, 4, 2048); 1 while syswrite(W, "x" x 4096); fcntl(W, 4, 0); system("uname"); print $? >> 8, "\\n"'`;
    const run = await runGuarded(script, { deny: ['uname'] });
    assert.equal(run.stdout, '1\n');
  },
  { cell: 'a full pipe', skip },
);

verifies(
  'guard.deny.text',
  async () => {
    const text = `one\ntwo\x1b[31m\u2028${'é'.repeat(3000)}`;
    const run = await runGuarded('/bin/true', { decide: slowly(0, { kind: 'deny', text }) });
    assert.equal(run.code, 1);
    assert.match(run.stderr, /^Execution denied: one two \[31m é+\n$/);
  },
  { cell: 'one line, bounded', skip },
);

verifies(
  'guard.exec.names',
  async () => {
    const script = 'ln -s /usr/bin/env e; ./e true; printf "#!/bin/sh\\n" > s; chmod +x s; ./s; cd /usr/bin; ./true';
    const { said, folder } = await runGuarded(script);
    const [, , linked, , , script1, relative] = said.asked;
    assert.deepEqual(linked?.names, [
      { path: join(folder, 'e'), writable: true },
      { path: '/usr/bin/env', writable: false },
    ]);
    assert.equal(linked?.file, '/usr/bin/env');
    assert.deepEqual(linked?.argv, ['./e', 'true']);
    assert.equal(linked?.cwd, folder);
    assert.equal(script1?.file, join(folder, 's'));
    assert.equal(script1?.image.kind, 'file');
    assert.equal(script1?.names.at(-1)?.writable, true);
    assert.equal(script1?.interpreters.length, 1);
    assert.equal(script1?.interpreters[0]?.writable, false);
    assert.equal(relative?.file, '/usr/bin/true');
    assert.ok(said.asked.every(({ pid }) => pid > 0));
  },
  { skip },
);

verifies(
  'guard.exec.errors',
  async () => {
    const script = './nothing; echo $?; touch f; ./f; echo $?; /etc/hostname/x; ln -s l l; ./l; nosuchprogram; echo $?';
    const { said, output } = await runGuarded(script);
    assert.deepEqual(
      said.asked.map(({ file }) => file).filter((file) => !/\/(?:bash|touch|ln)$/.test(file)),
      [],
    );
    assert.match(output, /Permission denied/);
    assert.match(output, /Too many levels of symbolic links/);
  },
  { skip },
);

verifies(
  'guard.exec.local',
  async () => {
    const script = 'uname; true; /bin/echo hi; ln -s /usr/bin/uname x; ./x';
    const run = await runGuarded(script, { heads: ['uname'], deny: ['uname'] });
    assert.doesNotMatch(run.output, /Linux/);
    // The first programs may be asked about before the heads have arrived.
    const asked = run.said.asked.flatMap(headsOf).filter((head) => head !== 'bash');
    assert.ok(asked.includes('uname') && !asked.includes('echo'));
    assert.ok(run.said.ran.some(({ file }) => file === '/usr/bin/echo'));
  },
  { skip },
);

verifies(
  'guard.exec.bytes',
  async () => {
    const script = `printf '%s|' $'\\xff\\xfe' $'a\\xc3' $'\\xed\\xa0\\x80' $'\\x01"\\\\' é > f; /bin/echo $'\\xff\\xfe' $'a\\xc3' $'\\xed\\xa0\\x80' $'\\x01"\\\\' é; cp /bin/true $'t\\xff'; ./$'t\\xff'`;
    const run = await runGuarded(script);
    const argv = run.said.asked.find(({ file }) => file === '/usr/bin/echo')?.argv;
    assert.deepEqual(argv?.slice(1), ['\udcff\udcfe', 'a\udcc3', '\udced\udca0\udc80', '\x01"\\', 'é']);
    assert.ok(run.said.asked.some(({ file }) => file.endsWith('t\udcff')));
    assert.equal(run.code, 0);
  },
  { skip },
);

verifies(
  'guard.exec.long',
  async () => {
    const sum = (facts: GuardFacts | undefined): number =>
      (facts?.argv ?? []).reduce((all, word) => all + word.length + 1, 0);
    const run = await runGuarded(
      `x=$(printf %0130000d 0); /bin/echo $x | wc -c; perl -e 'exec "/bin/echo", 1..100000' | wc -c`,
    );
    assert.equal(run.stdout, '130001\n588895\n');
    const echoes = run.said.asked.filter(({ file }) => file === '/usr/bin/echo');
    assert.deepEqual(echoes.map(sum), [130_011, 588_905]);
    assert.ok(echoes.every(({ truncated }) => !truncated));
  },
  { cell: 'whole', skip },
);

verifies(
  'guard.exec.long',
  async () => {
    // The kernel takes a quarter of the stack's limit for arguments, and 6 MiB at most.
    const run = await runGuarded(`ulimit -s unlimited; perl -e 'exec "/bin/echo", 1..700000'; echo $?`);
    assert.equal(run.stdout, '1\n');
    assert.match(run.stderr, /^Execution denied: its arguments are too long to be judged$/m);
    assert.equal(run.said.refused.length, 1);
  },
  { cell: 'refused', skip },
);

verifies(
  'guard.exec.writable',
  async () => {
    const plan = { noExecFromWritable: true };
    const memory = `/usr/bin/python3 -c 'import os
f = os.memfd_create("x"); os.write(f, open("/usr/bin/uname", "rb").read()); os.execve(f, ["x"], {})'`;
    const loader = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((path) => existsSync(path)) ?? '';
    const deleted = `perl -e 'open(F, "<", "u"); unlink("u"); open(G, "<&=", F); fcntl(F, 2, 0); exec("/proc/self/fd/" . fileno(F))'`;
    for (const script of [
      './u',
      '/tmp/u',
      memory,
      `${loader} ./u`,
      deleted,
      'printf "#!$PWD/u\\n" > s; chmod +x s; ./s',
    ]) {
      const run = await runGuarded(`cp /usr/bin/uname u; cp u /tmp/u; ${script}`, { plan });
      assert.doesNotMatch(run.stdout, /Linux/, script);
      assert.equal(run.said.refused.length, 1, `${script}: ${run.output}`);
      assert.match(run.stderr, /Execution denied/);
    }
    const run = await runGuarded('uname; sh -c uname', { plan });
    assert.match(run.stdout, /^Linux\nLinux$/m);
  },
  { skip },
);

verifies(
  'guard.exec.writable',
  async () => {
    const memory = `/usr/bin/python3 -c 'import os
f = os.memfd_create("x"); os.write(f, open("/usr/bin/uname", "rb").read()); os.execve(f, ["x"], {})'`;
    const run = await runGuarded(memory, { heads: [] });
    assert.equal(run.said.asked.at(-1)?.image.kind, 'memfd');
    const gone = `/usr/bin/python3 -c 'import os, shutil
shutil.copy("/usr/bin/uname", "u"); f = os.open("u", os.O_RDONLY); os.unlink("u"); os.execve(f, ["x"], {})'`;
    const other = await runGuarded(gone, { heads: [] });
    assert.equal(other.said.asked.at(-1)?.image.kind, 'deleted');
  },
  {
    cell: 'images without a name are always asked about',
    skip: existsSync('/usr/bin/python3') ? skip : 'python is not installed here',
  },
);
