/** Programs that are let out of the sandbox: what they get, what ends them, and which never leave. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifies } from '../requirements/verifies.ts';
import { isAlive, launch, noNamespaces, processesWith, runGuarded } from './launch.ts';

const skip = noNamespaces;

verifies(
  'guard.outside.runs',
  async () => {
    const script = `export LD_PRELOAD=$PWD/evil.so BASH_ENV=$PWD/evil PATH=$PWD SECRET=1; echo in | /usr/bin/env; echo "code $?"`;
    const run = await runGuarded(script, { escalate: ['env'] });
    assert.deepEqual(run.stdout.split('\n'), ['PATH=/usr/bin:/bin', 'FROM=daemon', 'code 0', '']);
    assert.equal(run.said.escalatedEnds[0]?.code, 0);
  },
  { cell: 'its environment', skip },
);

verifies(
  'guard.outside.runs',
  async () => {
    const run = await runGuarded('echo given | cat -u - > out; cat -u nothing 2> err; echo $?; cat out err', {
      decide: (facts) => (facts.argv.includes('-u') ? { kind: 'escalate', environment: {} } : { kind: 'run' }),
    });
    assert.match(run.stdout, /^1\ngiven\ncat: nothing: No such file/);
  },
  { cell: 'its descriptors, its directory and its status', skip },
);

verifies(
  'guard.outside.runs',
  async () => {
    const target = realpathSync(mkdtempSync(join(tmpdir(), 'guard-outside-')));
    try {
      const run = await runGuarded(`touch ${target}/inside; touch -c x; cp /etc/hostname ${target}/outside; echo $?`, {
        escalate: ['cp'],
      });
      assert.match(run.stdout, /^0$/m);
      assert.ok(!existsSync(join(target, 'inside')) && existsSync(join(target, 'outside')));
    } finally {
      rmSync(target, { recursive: true });
    }
  },
  { cell: 'without the sandbox', skip },
);

verifies(
  'guard.outside.runs',
  async () => {
    const run = await runGuarded(`sh -c 'exit 42'; (exec -a rm sleep 0); exec true`, {
      escalate: ['dash', 'sleep', 'true'],
    });
    assert.equal(run.code, 0);
    assert.deepEqual(
      run.said.escalatedEnds.map(({ code }) => code),
      [42, 0, 0],
    );
  },
  { cell: 'its exit status', skip },
);

verifies(
  'guard.outside.runs',
  async () => {
    // Of several names it keeps the one that nobody inside could have made.
    const script = `(exec -a liar cat /proc/self/cmdline) | tr '\\0' ' '; ln -s /usr/bin/cat mine; ./mine /proc/self/cmdline | tr '\\0' ' '`;
    const run = await runGuarded(script, { escalate: ['cat'] });
    assert.equal(run.stdout, '/usr/bin/cat /proc/self/cmdline /usr/bin/cat /proc/self/cmdline ');
  },
  { cell: 'its first argument', skip },
);

const REFUSED: readonly (readonly [cell: string, script: string])[] = [
  ['a planted program', `cp /usr/bin/id date; ./date`],
  ['a planted script', `printf '#!/bin/sh\\nid\\n' > date; chmod +x date; ./date`],
  ['a program in a private folder', `cp /usr/bin/id /tmp/date; /tmp/date`],
  [
    'a memory file',
    `/usr/bin/python3 -c 'import os
f = os.memfd_create("date"); os.write(f, open("/usr/bin/id", "rb").read()); os.execve(f, ["date"], {})'`,
  ],
  ['from a directory that is another one outside', `cd /tmp; /usr/bin/date`],
  ['the loader', `$(ls /lib64/ld-linux-x86-64.so.2 /lib/ld-linux-aarch64.so.1 2>/dev/null | head -1) /usr/bin/date`],
];
for (const [cell, script] of REFUSED) {
  verifies(
    'guard.outside.refused',
    async () => {
      const run = await runGuarded(`${script}; echo "code $?"`, {
        decide: ({ argv, names, image }) => {
          const named = names.some(({ path }) => path.endsWith('/date')) || image.kind === 'memfd';
          return named && !argv[0]?.endsWith('bash') ? { kind: 'escalate', environment: {} } : { kind: 'run' };
        },
      });
      assert.match(run.stdout, /^code 1$/m);
      assert.doesNotMatch(run.stdout, /uid=|20\d\d/);
      assert.equal(run.said.refused.length, 1, run.output);
      assert.match(run.said.refused[0]?.reason ?? '', /cannot run outside/);
      assert.deepEqual(run.said.escalated, []);
    },
    { cell, skip: cell === 'a memory file' && !existsSync('/usr/bin/python3') ? 'python is not installed here' : skip },
  );
}

verifies(
  'guard.outside.refused',
  async () => {
    // The same path, another file: a folder of the host is covered by one of the sandbox's own.
    const run = await runGuarded('/usr/bin/date; echo "code $?"', {
      escalate: ['date'],
      binds: ['--ro-bind', '/usr/bin/id', '/usr/bin/date'],
    });
    assert.match(run.stdout, /^code 1$/m);
    assert.match(run.said.refused[0]?.reason ?? '', /another file outside/);
  },
  { cell: 'another file of that path', skip },
);

verifies(
  'guard.outside.signals',
  async () => {
    const script = `sleep 31338 & p=$!; sleep 0.3; kill -TERM $p; wait $p; echo "code $?"; timeout 0.3 sleep 31338; echo "code $?"`;
    const run = await runGuarded(script, {
      decide: ({ argv }) => (argv[1] === '31338' ? { kind: 'escalate', environment: {} } : { kind: 'run' }),
    });
    assert.equal(run.stdout, 'code 143\ncode 124\n');
    assert.deepEqual(processesWith('31338'), []);
  },
  { skip },
);

const LONG = (mark: string) => ({
  decide: ({ argv }: { readonly argv: readonly string[] }) =>
    argv[1] === mark ? ({ kind: 'escalate', environment: {} } as const) : ({ kind: 'run' } as const),
});

for (const [cell, end] of [
  ['its waiting process is killed', 'waiting'],
  ['the command ends', 'command'],
  ['the daemon goes away', 'daemon'],
  ['the warden is killed', 'warden'],
] as const) {
  verifies(
    'guard.outside.dies',
    async () => {
      const mark = String(400_000 + Math.floor(Math.random() * 99_999));
      await using run = launch(`sleep ${mark} & sleep 60 & wait`, LONG(mark));
      await run.until(() => run.said.escalated.length === 1, 'it runs outside');
      await sleep(100);
      const outside = run.said.escalated[0] ?? 0;
      assert.ok(isAlive(outside));
      if (end === 'waiting') process.kill(run.said.asked.find(({ argv }) => argv[1] === mark)?.pid ?? 0, 'SIGKILL');
      else if (end === 'command') for (const pid of run.infrastructure.slice(2)) process.kill(pid, 'SIGKILL');
      else if (end === 'daemon') run.guard.close();
      else process.kill(run.pid, 'SIGKILL');
      await run.until(() => !isAlive(outside), 'it is dead', 1000);
    },
    { cell, skip },
  );
}
