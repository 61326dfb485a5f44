/** `true` through HTTP, bearer and record, beside the machine's own spawn: interleaved, so that noise hits both. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Figure, median, quantile } from '../figures.ts';
import { benchClient } from '../mcp-client.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 5;
const PAIRS = 60;

export async function spawnTrueMs(): Promise<number> {
  const startedAt = performance.now();
  const child = spawn('/bin/true', { stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'close');
  return performance.now() - startedAt;
}

export const execTrue: Scenario = {
  name: 'exec-true',
  async run({ stage }) {
    await using product = await stage();
    using client = benchClient(product.url, product.token);
    const call = async (): Promise<number> => {
      const startedAt = performance.now();
      await client.call('agentbox_exec_command', { cmd: 'true' });
      return performance.now() - startedAt;
    };
    for (let count = 0; count < 30; count += 1) await Promise.all([call(), spawnTrueMs()]);
    const rounds = { ours: [] as number[], p95: [] as number[], spawn: [] as number[], ratio: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      const [ours, bare]: [number[], number[]] = [[], []];
      for (let pair = 0; pair < PAIRS; pair += 1) {
        bare.push(await spawnTrueMs());
        ours.push(await call());
      }
      rounds.ours.push(median(ours));
      rounds.p95.push(quantile(ours, 0.95));
      rounds.spawn.push(median(bare));
      rounds.ratio.push(median(ours) / median(bare));
    }
    return [
      { name: "the machine's own spawn('/bin/true'), p50", unit: 'ms', rounds: rounds.spawn },
      {
        name: 'exec_command true over HTTP, bearer and record, p50',
        unit: 'ms',
        rounds: rounds.ours,
        target: { most: 15 },
      },
      { name: 'the same, p95', unit: 'ms', rounds: rounds.p95, target: { most: 40 } },
      { name: 'ratio of the two p50', unit: 'x', rounds: rounds.ratio, target: { most: 2.5 } },
    ] satisfies readonly Figure[];
  },
};
