/** Durable audit records: one caller and many, beside what one sync of the same disk costs in the same round. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type AuditEntry, newTraceId, OPERATOR } from '@agentbox/protocol';
import { type OpenedStores, openStores } from '@agentbox/storage';
import { type Figure, median, quantile } from '../figures.ts';
import type { Scenario } from '../scenario.ts';

const ROUNDS = 5;
const ROUND_MS = 1000;
const CALLERS = [1, 16, 128] as const;

const ENTRY: AuditEntry = {
  at: 1_800_000_000_000,
  kind: 'call.started',
  principal: OPERATOR,
  trace: newTraceId(),
  subject: 'agentbox_exec_command',
  outcome: null,
  detail: {
    call: 'c_12345678901234567890',
    provider: 'machine',
    client: 'client 1.0',
    answered: false,
    arguments: { chars: 120, sha256: 'a'.repeat(64), preview: { cmd: 'make release', workdir: '/home/x/project' } },
  },
};

interface Round {
  readonly perSecond: number;
  readonly p50: number;
  readonly lagP99: number;
}

async function appendWith(stores: OpenedStores, callers: number): Promise<Round> {
  const waits: number[] = [];
  const startedAt = performance.now();
  const lag = monitorEventLoopDelay({ resolution: 1 });
  lag.enable();
  const caller = async (): Promise<void> => {
    for (let at = performance.now(); at < startedAt + ROUND_MS; at = performance.now()) {
      await stores.audit.append(ENTRY);
      waits.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: callers }, () => caller()));
  lag.disable();
  const seconds = (performance.now() - startedAt) / 1000;
  return { perSecond: waits.length / seconds, p50: median(waits), lagP99: lag.percentile(99) / 1e6 };
}

function syncMs(folder: string): number {
  const fd = openSync(join(folder, 'synced'), 'w');
  const waits = Array.from({ length: 100 }, () => {
    const startedAt = performance.now();
    writeSync(fd, 'x'.repeat(4096));
    fdatasyncSync(fd);
    return performance.now() - startedAt;
  });
  closeSync(fd);
  return quantile(waits, 0.5);
}

export const record: Scenario = {
  name: 'record',
  async run() {
    const folder = mkdtempSync(join(tmpdir(), 'agentbox-bench-'));
    try {
      await using stores = await openStores({ kind: 'sqlite', path: join(folder, 'db', 'a.db'), clock: Date.now });
      const syncs: number[] = [];
      const rounds = new Map<number, Round[]>(CALLERS.map((callers) => [callers, []]));
      for (let round = 0; round < ROUNDS; round += 1) {
        syncs.push(syncMs(folder));
        const order = round % 2 === 0 ? CALLERS : CALLERS.toReversed();
        for (const callers of order) rounds.get(callers)?.push(await appendWith(stores, callers));
      }
      return figuresOf(syncs, rounds);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function figuresOf(syncs: readonly number[], rounds: ReadonlyMap<number, readonly Round[]>): readonly Figure[] {
  const of = (callers: number, pick: (round: Round) => number): readonly number[] =>
    (rounds.get(callers) ?? []).map((round) => pick(round));
  const rates = CALLERS.map((callers): Figure => {
    const name = `durable records, ${callers} at a time`;
    return { name, unit: 'calls/s', rounds: of(callers, ({ perSecond }) => perSecond) };
  });
  return [
    { name: 'one write and sync of this disk, p50', unit: 'ms', rounds: syncs },
    { name: 'one durable record alone, p50', unit: 'ms', rounds: of(1, ({ p50 }) => p50) },
    ...rates,
    { name: 'delay of the event loop at 128, p99', unit: 'ms', rounds: of(128, ({ lagP99 }) => lagP99) },
  ];
}
