/** Many sessions at once: 64 that print 1 MB/s each, a flood, and 1,000 that only wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { BenchClient } from '../mcp-client.ts';
import { benchClient } from '../mcp-client.ts';
import { memoryMb, treeMemoryMb } from '../process-cost.ts';
import type { Scenario } from '../scenario.ts';

const Started = z.looseObject({ session_id: z.string() });
const Polled = z.looseObject({ exit_code: z.number().nullish(), cursor: z.number() });

const STREAMS = 64;
/** 50 pieces of 100,000 bytes, ten a second */
const MEGABYTE_A_SECOND = 'i=0; while [ $i -lt 50 ]; do head -c 100000 /dev/zero; sleep 0.1; i=$((i+1)); done';
const STREAM_BYTES = 5_000_000;
const IDLE = 1000;
const FLOOD_MS = 10_000;

async function start(client: BenchClient, cmd: string): Promise<string> {
  const reply = await client.call('agentbox_exec_command', {
    cmd,
    yield_time_ms: 250,
    raw: true,
    max_output_tokens: 1,
  });
  return Started.parse(reply).session_id;
}

async function bytesAtExit(client: BenchClient, session: string): Promise<number> {
  for (;;) {
    const args = { session_id: session, chars: '', yield_time_ms: 30_000, raw: true, max_output_tokens: 1 };
    const polled = Polled.parse(await client.call('agentbox_write_stdin', args));
    if (typeof polled.exit_code === 'number') return polled.cursor;
  }
}

export const streams: Scenario = {
  name: 'streams',
  async run({ stage }) {
    await using product = await stage();
    using client = benchClient(product.url, product.token);
    const startedAt = performance.now();
    const sessions = await Promise.all(Array.from({ length: STREAMS }, () => start(client, MEGABYTE_A_SECOND)));
    const totals = await Promise.all(sessions.map((session) => bytesAtExit(client, session)));
    const lost = totals.reduce((sum, bytes) => sum + (STREAM_BYTES - bytes), 0);
    return [
      { name: `${STREAMS} sessions of 1 MB/s: bytes lost`, unit: 'MB', rounds: [lost / 1e6], target: { most: 0 } },
      { name: 'the same: time for 5 s of output', unit: 's', rounds: [(performance.now() - startedAt) / 1000] },
    ];
  },
};

export const flood: Scenario = {
  name: 'flood',
  async run({ stage }) {
    await using product = await stage();
    using client = benchClient(product.url, product.token);
    await client.call('agentbox_exec_command', { cmd: 'true' });
    const before = memoryMb(product.boxdPid).now;
    const session = await start(client, 'yes');
    const latencies: number[] = [];
    const until = performance.now() + FLOOD_MS;
    while (performance.now() < until) {
      const startedAt = performance.now();
      await client.call('agentbox_exec_command', { cmd: 'true' });
      latencies.push(performance.now() - startedAt);
      await sleep(100);
    }
    const grown = memoryMb(product.boxdPid).peak - before;
    await client.call('agentbox_kill_session', { session_id: session, signal: 'KILL' });
    return [
      { name: '`yes` for 10 s: growth of the box daemon, peak', unit: 'MB', rounds: [grown], target: { most: 32 } },
      { name: 'another session meanwhile, p50', unit: 'ms', rounds: latencies, target: { most: 200 } },
    ];
  },
};

export const idle: Scenario = {
  name: 'idle',
  async run({ stage }) {
    const env = { AGENTBOX_EXEC_MAX_SESSIONS: String(IDLE + 10) };
    await using product = await stage({ env });
    using client = benchClient(product.url, product.token);
    for (let count = 0; count < IDLE; count += 8) {
      await Promise.all(Array.from({ length: 8 }, () => start(client, 'exec sleep 3000')));
    }
    const total = treeMemoryMb(product.boxdPid) + memoryMb(product.pid).now;
    return [
      { name: '1,000 idle sessions, everything', unit: 'MB', rounds: [total], target: { most: 2500 } },
      { name: 'of which the box daemon', unit: 'MB', rounds: [memoryMb(product.boxdPid).now] },
    ];
  },
};
