/** An interactive shell on a terminal: the kernel's own job control, also for what waits and for what runs outside. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardDecision, GuardFacts } from '@agentbox/exec-guard';
import { verifies } from '../requirements/verifies.ts';
import { decideByName, ENGINES, type GuardedRun, headsOf, launch, noNamespaces, type RunOptions } from './launch.ts';

const SIZE = { cols: 91, rows: 33 };
const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/** `hostname` waits for an answer that never comes; `sleep` and `cat` may run outside under other names. */
function decide(facts: GuardFacts): GuardDecision | Promise<GuardDecision> {
  if (headsOf(facts).includes('hostname')) return new Promise(() => undefined);
  const outside = facts.argv.includes('31337') || facts.argv.includes('-u');
  return decideByName({ deny: ['uname'], escalate: outside ? ['sleep', 'cat'] : [] })(facts);
}

async function shell(options: RunOptions): Promise<GuardedRun> {
  const argv = ['/bin/bash', '--norc', '--noprofile', '--noediting', '-i'];
  const run = launch('', { ...options, argv, terminal: SIZE, decide, environment: { PS1: '[$?]@ ' } });
  await run.sees(/@ $/);
  return run;
}

/** Types a line and waits for what it must show before the next prompt. */
async function type(run: GuardedRun, line: string, shows: RegExp): Promise<void> {
  const before = run.stdout.length;
  run.write(`${line}\n`);
  await run.until(() => shows.test(run.stdout.slice(before).replaceAll('\r', '')), `${line} -> ${String(shows)}`);
}

const settled = (): Promise<void> => sleep(250);

type Check = readonly [cell: string, body: (run: GuardedRun) => Promise<void>];
const CHECKS: readonly Check[] = [
  ['a command and its status', async (run) => type(run, 'sh -c "exit 7"', /\[7\]@ $/)],
  ['the size of the window', async (run) => type(run, 'stty size', /^33 91$/m)],
  ['the shell has job control', async (run) => type(run, 'echo $-', /^\w*m\w*$/m)],
  ['the terminal is /dev/tty', async (run) => type(run, 'echo yes > /dev/tty', /^yes$/m)],
  ['a pipeline', async (run) => type(run, 'seq 5 | tail -1 | cat', /^5$/m)],
  [
    'Ctrl-C ends the foreground job',
    async (run) => {
      run.write('sleep 50\n');
      await settled();
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
    },
  ],
  [
    'Ctrl-Z stops it, fg and Ctrl-C end it',
    async (run) => {
      run.write('sleep 51\n');
      await settled();
      run.write(CTRL_Z);
      await run.sees(/Stopped\s+sleep 51/);
      await type(run, 'jobs', /Stopped\s+sleep 51/);
      run.write('fg\n');
      await settled();
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
    },
  ],
  [
    'bg and kill',
    async (run) => {
      await type(run, 'sleep 52 &', /\[1\] \d+/);
      await type(run, 'kill %1; wait %1', /\[143\]@ $/);
    },
  ],
  [
    'a stopped pipeline goes on',
    async (run) => {
      run.write('sleep 0.6 | cat; echo "end"ed\n');
      await settled();
      run.write(CTRL_Z);
      await run.sees(/Stopped/);
      run.write('fg\n');
      await run.sees(/sleep 0.6 \| cat\r\n[\s\S]*@ $/);
    },
  ],
  [
    'a job in the background may not read',
    async (run) => {
      run.write('cat &\n');
      await settled();
      await type(run, 'jobs', /Stopped/);
      await type(run, 'kill -9 %1; wait', /@ $/);
    },
  ],
  [
    'a denial shows on the terminal',
    async (run) => type(run, 'uname', /^Execution denied: not in this house\n\[1\]@ $/m),
  ],
  [
    'Ctrl-C ends a program that waits for its answer',
    async (run) => {
      run.write('hostname\n');
      await settled();
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
      await run.until(() => run.said.gone.length === 1, 'the judge is told');
    },
  ],
  [
    'Ctrl-Z stops a program that waits, fg brings it back',
    async (run) => {
      run.write('hostname\n');
      await settled();
      run.write(CTRL_Z);
      await run.sees(/Stopped\s+hostname/);
      assert.equal(run.said.gone.length, 0);
      run.write('fg\n');
      await settled();
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
    },
  ],
  [
    'Ctrl-C ends a program outside',
    async (run) => {
      run.write('sleep 31337\n');
      await run.until(() => run.said.escalated.length === 1, 'it runs outside');
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
      assert.equal(run.said.escalatedEnds[0]?.code, 130);
    },
  ],
  [
    'Ctrl-Z stops a program outside, fg and Ctrl-C end it',
    async (run) => {
      run.write('sleep 31337\n');
      await run.until(() => run.said.escalated.length === 1, 'it runs outside');
      await settled();
      run.write(CTRL_Z);
      await run.sees(/Stopped\s+sleep 31337/);
      run.write('fg\n');
      await settled();
      run.write(CTRL_C);
      await run.sees(/\[130\]@ $/);
    },
  ],
  [
    'a program outside reads and writes the terminal',
    async (run) => {
      run.write('cat -u\n');
      await run.until(() => run.said.escalated.length === 1, 'it runs outside');
      run.write('to the outside\n');
      await run.sees(/to the outside\r\nto the outside/);
      run.write('\x04');
      await run.sees(/\[0\]@ $/);
    },
  ],
  [
    'a trap of the shell',
    async (run) => {
      await type(run, "trap 'echo trap'ped INT", /@ $/);
      run.write(CTRL_C);
      await run.sees(/trapped/);
    },
  ],
  [
    'the end of the shell',
    async (run) => {
      run.write('exit 9\n');
      assert.deepEqual(await run.exited, { code: 9, signal: null });
    },
  ],
];

for (const engine of ENGINES) {
  for (const [cell, body] of CHECKS) {
    verifies(
      'guard.terminal.jobs',
      async () => {
        await using run = await shell({ engine });
        await body(run);
        assert.deepEqual(run.said.broken, []);
        assert.deepEqual(run.said.killed, []);
      },
      { cell: `${engine}: ${cell}`, skip: engine === 'namespaces' ? noNamespaces : false },
    );
  }
}
