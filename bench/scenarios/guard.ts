/**
 * What the policy-enforced shell costs: each program under a guard that decides by itself and under one that asks each
 * time, beside the same sandbox without a guard and beside the host; and the start of a sandboxed session beside one on
 * the host. All but the sandbox without a guard goes through MCP, and all are interleaved.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type Figure, median } from '../figures.ts';
import { type BenchClient, benchClient } from '../mcp-client.ts';
import { childrenOf, cpuMs, endedChildrenCpuMs, memoryMb } from '../process-cost.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

const ROUNDS = 5;
const EXECS = 1000;
const PAIRS = 60;
const SESSIONS = 40;
/** before each timed call: none waits for what the kernel still takes down of the one before */
const REST_MS = 25;
/** nothing of a session is reaped later than this */
const ENDED_MS = 600;

/** Names the program, so that each one is asked about, and says nothing of how it is called here. */
const ASK_ABOUT_TRUE = 'prefix_rule(pattern=["true", "--never-given"], decision="forbidden")\n';

const LOOP = `i=0; while [ $i -lt ${EXECS} ]; do /bin/true; i=$((i+1)); done`;

const Ended = z.looseObject({ exit_code: z.literal(0) });

class Contestant implements Disposable {
  readonly stage: Stage;
  readonly #client: BenchClient;

  constructor(stage: Stage) {
    this.stage = stage;
    this.#client = benchClient(stage.url, stage.token);
  }

  async run(cmd: string): Promise<void> {
    Ended.parse(await this.#client.call('agentbox_exec_command', { cmd, yield_time_ms: 30_000 }));
  }

  async trueMs(): Promise<number> {
    await sleep(REST_MS);
    const startedAt = performance.now();
    await this.run('true');
    return performance.now() - startedAt;
  }

  /** for one program, in µs */
  execCost(): Promise<Cost> {
    return this.#cost(EXECS, () => this.run(LOOP));
  }

  /** for one session, in µs */
  sessionCost(): Promise<Cost> {
    return this.#cost(SESSIONS, async () => {
      for (let count = 0; count < SESSIONS; count += 1) await this.run('true');
    });
  }

  /** processor time of the daemon and of everything that has ended below it */
  async #cost(count: number, work: () => Promise<void>): Promise<Cost> {
    const { boxdPid, pid } = this.stage;
    const taken = (): Cost => {
      const daemon = cpuMs(boxdPid);
      return { tree: daemon + endedChildrenCpuMs(boxdPid), daemon, server: cpuMs(pid) };
    };
    const before = taken();
    await work();
    await sleep(ENDED_MS);
    const after = taken();
    const each = (part: keyof Cost): number => ((after[part] - before[part]) * 1000) / count;
    return { tree: each('tree'), daemon: each('daemon'), server: each('server') };
  }

  #wardens(): readonly number[] {
    const isWarden = (pid: number): boolean => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'warden';
    return childrenOf(this.stage.boxdPid).filter(isWarden);
  }

  /** the sandbox of a session as it is made, for one program without a guard */
  async sandboxArgv(): Promise<readonly string[]> {
    const running = this.run('sleep 1');
    await sleep(500);
    const words = this.#wardens().map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'));
    await running;
    const [argv = []] = words;
    const at = argv.indexOf('--bwrap') + 2;
    return argv.slice(at, at + Number(argv[at - 1]));
  }

  /** the largest that the supervisor of one session ever was, in MB */
  async wardenMb(): Promise<number> {
    const running = this.run(`${LOOP}; sleep 1`);
    let peak = 0;
    for (let over = false; !over; ) {
      over = await Promise.race([running.then(() => true), sleep(100, false)]);
      if (over) break;
      // What has just ended holds nothing any more, and says so by no number.
      const held = this.#wardens().map((pid) => memoryMb(pid).peak);
      peak = Math.max(peak, ...held.filter((size) => !Number.isNaN(size)));
    }
    return peak;
  }

  [Symbol.dispose](): void {
    this.#client[Symbol.dispose]();
  }
}

interface Cost {
  readonly tree: number;
  readonly daemon: number;
  readonly server: number;
}

interface Contestants {
  readonly host: Contestant;
  readonly local: Contestant;
  readonly asked: Contestant;
}

/** for one program in the sandbox of a session, without a guard, in µs */
async function bareSandboxCost([program = '', ...args]: readonly string[]): Promise<Cost> {
  const before = endedChildrenCpuMs(process.pid);
  await once(spawn(program, [...args, '--', '/bin/bash', '-c', LOOP], { stdio: 'ignore' }), 'close');
  return { tree: ((endedChildrenCpuMs(process.pid) - before) * 1000) / EXECS, daemon: 0, server: 0 };
}

async function execFigures({ host, local, asked }: Contestants): Promise<readonly Figure[]> {
  const argv = await local.sandboxArgv();
  const costs: { readonly host: Cost; readonly bare: Cost; readonly local: Cost; readonly asked: Cost }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    costs.push({
      host: await host.execCost(),
      bare: await bareSandboxCost(argv),
      local: await local.execCost(),
      asked: await asked.execCost(),
    });
  }
  const over = (side: 'local' | 'asked'): readonly number[] =>
    costs.map((round) => ((round[side].tree - round.bare.tree) / round.host.tree) * 100);
  const of = (side: keyof (typeof costs)[number], part: keyof Cost): readonly number[] =>
    costs.map((one) => one[side][part]);
  const what = '/bin/true in one bash';
  return [
    { name: `${what} on the host: CPU of the whole tree`, unit: 'µs', rounds: of('host', 'tree') },
    { name: 'the same in the sandbox alone, without a guard', unit: 'µs', rounds: of('bare', 'tree') },
    { name: 'the same in a sandbox, decided by the guard', unit: 'µs', rounds: of('local', 'tree') },
    { name: 'the same in a sandbox, asked each time', unit: 'µs', rounds: of('asked', 'tree') },
    { name: 'the guard, deciding by itself, to fork and exec', unit: '%', rounds: over('local'), target: { most: 15 } },
    { name: 'the guard, asking each time, to fork and exec', unit: '%', rounds: over('asked'), target: { most: 30 } },
    { name: 'of which the box daemon, decided by the guard', unit: 'µs', rounds: of('local', 'daemon') },
    { name: 'of which the box daemon, asked each time', unit: 'µs', rounds: of('asked', 'daemon') },
    { name: 'beside it, the server, which records each', unit: 'µs', rounds: of('asked', 'server') },
  ];
}

async function startFigures({ host, local }: Contestants): Promise<readonly Figure[]> {
  for (let count = 0; count < 20; count += 1) await Promise.all([host.trueMs(), local.trueMs()]);
  const costs: { readonly host: Cost; readonly local: Cost }[] = [];
  const rounds = { host: [] as number[], local: [] as number[], more: [] as number[], ratio: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const [bare, ours]: [number[], number[]] = [[], []];
    for (let pair = 0; pair < PAIRS; pair += 1) {
      bare.push(await host.trueMs());
      ours.push(await local.trueMs());
    }
    costs.push({ host: await host.sessionCost(), local: await local.sessionCost() });
    rounds.host.push(median(bare));
    rounds.local.push(median(ours));
    rounds.more.push(median(ours) - median(bare));
    rounds.ratio.push(median(ours) / median(bare));
  }
  return [
    { name: '`true` through MCP on the host, p50', unit: 'ms', rounds: rounds.host },
    { name: '`true` through MCP in a sandbox, p50', unit: 'ms', rounds: rounds.local },
    { name: 'start of a sandboxed session over `bash -c`, p50', unit: 'ms', rounds: rounds.more, target: { most: 10 } },
    { name: 'the same `true`, sandbox to host', unit: 'x', rounds: rounds.ratio, target: { most: 2.5 } },
    { name: 'session on the host: CPU of box and tree', unit: 'ms', rounds: costs.map((one) => one.host.tree / 1000) },
    {
      name: 'session in a sandbox: CPU of box and tree',
      unit: 'ms',
      rounds: costs.map((one) => one.local.tree / 1000),
    },
    {
      name: 'of which the box daemon',
      unit: 'ms',
      rounds: costs.map((one) => one.local.daemon / 1000),
    },
  ];
}

export const guard: Scenario = {
  name: 'guard',
  async run({ stage }) {
    await using hostStage = await stage();
    await using localStage = await stage({ profile: 'workspace' });
    await using askedStage = await stage({ profile: 'workspace', rules: ASK_ABOUT_TRUE });
    using host = new Contestant(hostStage);
    using local = new Contestant(localStage);
    using asked = new Contestant(askedStage);
    const contestants = { host, local, asked };
    for (const one of [host, local, asked]) await one.execCost();
    const started = await startFigures(contestants);
    const execs = await execFigures(contestants);
    const warden = await local.wardenMb();
    return [
      ...execs,
      ...started,
      { name: `warden of a session with ${EXECS} programs, peak`, unit: 'MB', rounds: [warden], target: { most: 3 } },
    ];
  },
};
