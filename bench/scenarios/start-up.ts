/** From the launcher to the ready line, with and without a running box daemon, and what the idle processes hold. */
import { setTimeout as sleep } from 'node:timers/promises';
import { memoryMb } from '../process-cost.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 7;
const SETTLE_MS = 2000;

export const startUp: Scenario = {
  name: 'start-up',
  async run({ stage }) {
    const rounds = { cold: [] as number[], again: [] as number[], server: [] as number[], boxd: [] as number[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      await using product = await stage();
      rounds.cold.push(product.readyMs);
      await sleep(SETTLE_MS);
      rounds.server.push(memoryMb(product.pid).now);
      rounds.boxd.push(memoryMb(product.boxdPid).now);
      rounds.again.push(await product.restartServer());
    }
    return [
      { name: '`up` ready, nothing running', unit: 'ms', rounds: rounds.cold, target: { most: 1000 } },
      { name: '`up` ready, box daemon running', unit: 'ms', rounds: rounds.again, target: { most: 300 } },
      { name: 'server, idle', unit: 'MB', rounds: rounds.server, target: { most: 100 } },
      { name: 'box daemon, idle', unit: 'MB', rounds: rounds.boxd, target: { most: 70 } },
    ];
  },
};
