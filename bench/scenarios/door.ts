/** What the door itself costs: a tool that does nothing, with 5, 40 and 300 tools listed, rounds interleaved. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { z } from 'zod';
import { type Figure, median } from '../figures.ts';
import { type BenchClient, benchClient } from '../mcp-client.ts';
import { cpuMs } from '../process-cost.ts';
import type { Scenario } from '../scenario.ts';

const TOOLS = [5, 40, 300] as const;
const ROUNDS = 5;
const CALLS = 1500;
const CONCURRENCY = 8;

const Ready = z.object({ url: z.url(), token: z.string() });

interface Contestant {
  readonly tools: number;
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly client: BenchClient;
  readonly cpu: number[];
  readonly rate: number[];
  readonly listCpu: number[];
}

async function startDoor(root: string, tools: number): Promise<Contestant> {
  const program = `${root}/bench/programs/door-server.ts`;
  const child = spawn(process.execPath, [program, String(tools)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { url, token } = Ready.parse(JSON.parse(String(line)));
  return { tools, child, client: benchClient(url, token), cpu: [], rate: [], listCpu: [] };
}

async function load(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let left = count;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await work();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return performance.now() - startedAt;
}

async function round({ child, client, cpu, rate, listCpu }: Contestant): Promise<void> {
  const pid = child.pid ?? 0;
  const before = cpuMs(pid);
  const ms = await load(CALLS, () => client.call('echo_0', { text: 'x' }));
  const between = cpuMs(pid);
  await load(CALLS / 5, () => client.request('tools/list', {}));
  cpu.push((between - before) / CALLS);
  rate.push((CALLS / ms) * 1000);
  listCpu.push((cpuMs(pid) - between) / (CALLS / 5));
}

export const door: Scenario = {
  name: 'door',
  run: async ({ root }) => {
    const contestants: Contestant[] = [];
    try {
      for (const tools of TOOLS) contestants.push(await startDoor(root, tools));
      for (const { client } of contestants) await load(CALLS, () => client.call('echo_0', { text: 'x' }));
      for (let index = 0; index < ROUNDS; index += 1) {
        for (const contestant of index % 2 === 0 ? contestants : contestants.toReversed()) await round(contestant);
      }
    } finally {
      for (const { child, client } of contestants) {
        client[Symbol.dispose]();
        child.stdin.end();
        await once(child, 'close');
      }
    }
    const [few, , many] = contestants;
    const ratio = median(many?.rate ?? []) / median(few?.rate ?? []);
    return [
      ...contestants.flatMap(({ tools, cpu, rate, listCpu }): Figure[] => [
        {
          name: `tools/call, ${tools} tools listed: CPU of the server`,
          unit: 'ms',
          rounds: cpu,
          ...(tools === 40 ? { target: { most: 0.5 } } : {}),
        },
        { name: `the same, ${CONCURRENCY} at a time`, unit: 'calls/s', rounds: rate },
        { name: `tools/list, ${tools} tools: CPU of the server`, unit: 'ms', rounds: listCpu },
      ]),
      { name: 'rate with 300 tools to rate with 5', unit: 'x', rounds: [ratio], target: { least: 0.9 } },
    ];
  },
};
