/** The log of programs on a real disk: numbers over kills, the quota, acknowledgement, a full disk, long arguments. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExecEntry, newSessionId, OPERATOR } from '@agentbox/protocol';
import { z } from 'zod';
import { ExecLog } from '../../packages/boxd/src/guard/exec-log.ts';
import { runProgram } from '../../scripts/process.ts';
import { verifies } from '../requirements/verifies.ts';

const WRITER = path.join(import.meta.dirname, '../fixtures/policy/write-log.ts');
const SESSION = newSessionId();

function entry(argv: readonly string[] = ['ls']): Omit<ExecEntry, 'number'> {
  const decided = { decision: 'run', rule: null, by: 'default', reason: null, question: null } as const;
  return {
    at: 1,
    session: SESSION,
    owner: OPERATOR,
    what: { kind: 'exec', file: '/usr/bin/ls', argv, cwd: '/', pid: 1, ...decided },
  };
}

async function withHome(run: (home: string) => Promise<void> | void): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'agentbox-log-'));
  try {
    await run(home);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const numbersOf = (entries: readonly ExecEntry[]): readonly number[] => entries.map(({ number }) => number);
const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, at) => at + 1);
const segmentsOf = (home: string): readonly string[] =>
  readdirSync(path.join(home, 'box/execs'))
    .filter((name) => name.endsWith('.jsonl'))
    .toSorted();

verifies('exec.log.numbers', async () => {
  await withHome(async (home) => {
    const log = new ExecLog({ home });
    const told: number[] = [];
    log.changed.subscribe((last) => void told.push(last));
    assert.deepEqual([log.append(entry()), log.append(entry()), log.last], [1, 2, 2]);
    assert.deepEqual(told, [], 'it is not on disk yet');
    await sleep(150);
    assert.deepEqual(told, [2]);
    assert.deepEqual(numbersOf(log.read(0, 10)), [1, 2]);
    assert.deepEqual(numbersOf(log.read(0, 1)), [1]);
    assert.deepEqual(numbersOf(log.read(2, 10)), []);
    log.append(entry());
    log.close();
    const again = new ExecLog({ home });
    assert.deepEqual([again.last, again.append(entry())], [3, 4]);
    assert.deepEqual(again.read(2, 10), [
      { number: 3, ...entry() },
      { number: 4, ...entry() },
    ]);
    again.close();
    const [file = ''] = segmentsOf(home);
    assert.equal(statSync(path.join(home, 'box/execs', file)).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(home, 'box/execs')).mode & 0o777, 0o700);
  });
});

verifies(
  'exec.log.numbers',
  async () => {
    await withHome(async (home) => {
      for (let round = 0; round < 5; round += 1) {
        const writer = spawn(process.execPath, [WRITER, home, '1000000'], { stdio: ['ignore', 'pipe', 'inherit'] });
        let said = '';
        writer.stdout.on('data', (chunk) => {
          said += String(chunk);
        });
        await once(writer.stdout, 'data');
        await sleep(50 + round * 30);
        writer.kill('SIGKILL');
        await once(writer, 'close');
        const promised = Number(said.slice(0, said.lastIndexOf('\n')).split('\n').at(-1));
        const log = new ExecLog({ home });
        assert.ok(log.last >= promised && promised > 0, `${promised} was on disk, ${log.last} is`);
        const kept: number[] = [];
        for (let entries = log.read(0, 5000); entries.length > 0; entries = log.read(kept.at(-1) ?? 0, 5000))
          kept.push(...numbersOf(entries));
        assert.deepEqual(kept, upTo(log.last));
        log.close();
      }
    });
  },
  { cell: 'five kills' },
);

verifies(
  'exec.log.numbers',
  async () => {
    await withHome((home) => {
      const log = new ExecLog({ home });
      for (let turn = 0; turn < 5; turn += 1) log.append(entry());
      log.close();
      const file = path.join(home, 'box/execs', segmentsOf(home)[0] ?? '');
      const { size } = statSync(file);
      for (const spoil of [
        () => appendFileSync(file, '{"number":6,"at":1'),
        () => appendFileSync(file, 'x'.repeat(70_000)),
        () => truncateSync(file, size - 3),
      ]) {
        spoil();
        const again = new ExecLog({ home });
        assert.equal(again.last, spoil.toString().includes('truncate') ? 4 : 5);
        again.close();
        assert.ok(readFileSync(file, 'utf8').endsWith('}\n'));
      }
      const last = new ExecLog({ home });
      assert.equal(last.append(entry()), 5);
      assert.deepEqual(numbersOf(last.read(0, 10)), upTo(5));
      last.close();
    });
  },
  { cell: 'a torn end' },
);

verifies('exec.log.quota', async () => {
  await withHome((home) => {
    const quotaBytes = 160_000;
    let log = new ExecLog({ home, quotaBytes });
    for (let turn = 1; turn <= 2000; turn += 1) {
      log.append(entry(['ls', 'x'.repeat(300)]));
      if (turn % 9 === 0) log.flush();
      if (turn === 1000) {
        log.close();
        log = new ExecLog({ home, quotaBytes });
      }
    }
    const entries = log.read(0, 10_000);
    const [first, second] = entries;
    assert.ok(first?.what.kind === 'dropped' && second !== undefined);
    assert.equal(first.what.count, second.number - 1);
    assert.equal(first.number, second.number - 1);
    assert.deepEqual(numbersOf(entries.slice(1)), upTo(2000).slice(second.number - 1));
    assert.equal(first.what.count + entries.length - 1, 2000, 'every one is there or counted');
    const seen = log.read(500, 1)[0];
    assert.equal(
      seen?.what.kind === 'dropped' && seen.what.count,
      second.number - 501,
      'counted from where one has read',
    );
    assert.deepEqual(numbersOf(log.read(first.number, 2)), [second.number, second.number + 1]);
    const bytes = segmentsOf(home).reduce((sum, name) => sum + statSync(path.join(home, 'box/execs', name)).size, 0);
    assert.ok(bytes <= quotaBytes, `${bytes} bytes`);
    log.close();
  });
});

verifies('exec.log.acknowledge', async () => {
  await withHome((home) => {
    const log = new ExecLog({ home, quotaBytes: 160_000 });
    for (let turn = 1; turn <= 300; turn += 1) {
      log.append(entry(['ls', 'x'.repeat(300)]));
      log.flush();
    }
    const before = segmentsOf(home).length;
    log.acknowledge(250);
    assert.ok(segmentsOf(home).length < before);
    assert.equal(log.read(250, 1)[0]?.number, 251, 'what is not acknowledged stays');
    assert.ok(
      log.read(0, 500).every(({ what }) => what.kind === 'exec'),
      'nothing of it was dropped',
    );
    log.acknowledge(1_000_000);
    assert.deepEqual(
      log.read(0, 500).filter(({ number, what }) => what.kind === 'dropped' || number > 300),
      [],
    );
    log.close();
    const again = new ExecLog({ home, quotaBytes: 160_000 });
    assert.equal(again.append(entry()), 301, 'the numbers go on when all of it has gone');
    assert.ok(again.read(0, 500).every(({ what }) => what.kind === 'exec'));
    again.close();
  });
});

const Filled = z.object({
  codes: z.array(z.string()),
  failures: z.number(),
  notes: z.array(z.string()),
  last: z.number(),
  numbers: z.array(z.number()),
});
const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

verifies(
  'exec.log.full-disk',
  async () => {
    await withHome(async (home) => {
      const script = 'mount -t tmpfs -o size=512k none "$0" && exec "$@"';
      const command = [process.execPath, WRITER, home, '0', 'fill'];
      const ran = await runProgram(['unshare', '-rm', 'sh', '-c', script, home, ...command]);
      assert.equal(ran.code, 0, ran.output);
      const { codes, failures, notes, last, numbers } = Filled.parse(JSON.parse(ran.output));
      assert.deepEqual(codes, ['DISK_FULL']);
      assert.ok(failures > 50, `${failures} flushes failed`);
      assert.deepEqual(notes, ['the disk of the log of programs is full', 'the log of programs is written again']);
      assert.equal(last, 201);
      assert.deepEqual(numbers, upTo(201), 'what waited is written when there is room');
    });
  },
  { skip: !canMount && 'no small file system can be mounted here' },
);

verifies('exec.log.long-arguments', async () => {
  await withHome((home) => {
    const log = new ExecLog({ home });
    log.append(entry(['ls', 'x'.repeat(5000), `${'y'.repeat(4095)}😀tail`]));
    log.append(entry(Array.from({ length: 3000 }, () => 'z'.repeat(100))));
    const [words, many] = log.read(0, 2).map(({ what }) => (what.kind === 'exec' ? what.argv : []));
    assert.equal(words?.[1], `${'x'.repeat(4096)}[... 904 more characters]`);
    assert.equal(words?.[2], `${'y'.repeat(4095)}[... 6 more characters]`);
    assert.match(many?.at(-1) ?? '', /^\[\.\.\. (\d+) more arguments\]$/);
    const left = Number(/\d+/.exec(many?.at(-1) ?? '')?.[0]);
    assert.equal((many?.length ?? 0) - 1 + left, 3000);
    log.close();
  });
});
