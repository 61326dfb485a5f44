/** The same `true` through published peers and through Codex's own loop, interleaved with ours in one run. */
import { type Figure, median } from '../figures.ts';
import { benchClient } from '../mcp-client.ts';
import { codexLoopMs, installPeers, startPeers } from '../peers.ts';
import type { Scenario } from '../scenario.ts';
import { spawnTrueMs } from './exec-true.ts';

const ROUNDS = 5;
const CALLS = 40;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

export const peers: Scenario = {
  name: 'peers',
  async run({ root, stage }) {
    const folder = await installPeers(root);
    await using product = await stage();
    using client = benchClient(product.url, product.token);
    await using closing = new AsyncDisposableStack();
    const others = (await startPeers(folder)).map((peer) => closing.use(peer));
    const contestants = [
      { name: "spawn('/bin/true')", run: spawnTrueMs },
      {
        name: 'agentbox over HTTP, bearer and record',
        run: () => timed(() => client.call('agentbox_exec_command', { cmd: 'true' })),
      },
      ...others.map((peer) => ({ name: `${peer.name} over stdio`, run: () => timed(() => peer.runTrue()) })),
    ].map((contestant) => ({ ...contestant, rounds: [] as number[] }));
    for (let round = 0; round < ROUNDS; round += 1) {
      const order = round % 2 === 0 ? contestants : contestants.toReversed();
      for (const { run, rounds } of order) {
        const times: number[] = [];
        for (let call = 0; call < CALLS; call += 1) times.push(await run());
        rounds.push(median(times));
      }
    }
    const codex = { name: "Codex 0.169's own loop, model on loopback", rounds: [] as number[] };
    for (let round = 0; round < 3; round += 1) codex.rounds.push(median(await codexLoopMs(folder, 20)));
    return [...contestants, codex].map(({ name, rounds }): Figure => ({ name: `${name}, p50`, unit: 'ms', rounds }));
  },
};
