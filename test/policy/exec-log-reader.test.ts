/** A reader that follows the log while programs are decided about, as the server does. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSessionId, OPERATOR } from '@agentbox/protocol';
import { ExecLog } from '../../packages/boxd/src/guard/exec-log.ts';
import { verifies } from '../requirements/verifies.ts';

const ENTRIES = 5000;
/** small, so that the log goes on in other files and the oldest are removed behind the reader */
const QUOTA_BYTES = 2 * 1024 * 1024;

async function fill(log: ExecLog): Promise<void> {
  const session = newSessionId();
  for (let number = 1; number <= ENTRIES; number += 1) {
    const what = {
      kind: 'exec',
      decision: 'run',
      by: 'default',
      file: '/usr/bin/true',
      argv: ['true', 'é'.repeat(number % 97)],
      cwd: '/',
      pid: number,
      rule: null,
      reason: null,
      question: null,
    } as const;
    log.append({ at: Date.now(), session, owner: OPERATOR, what });
    if (number % 50 === 0) await sleep(1);
    if (number % 700 === 0) log.flush();
  }
}

verifies(
  'exec.log.numbers',
  async () => {
    const home = mkdtempSync(path.join(tmpdir(), 'agentbox-log-reader-'));
    const log = new ExecLog({ home, quotaBytes: QUOTA_BYTES });
    try {
      const filled = fill(log);
      let reached = 0;
      while (reached < ENTRIES) {
        for (const { number, what } of await log.readAside(reached, 120)) {
          assert.deepEqual([number, what.kind], [reached + 1, 'exec']);
          reached = number;
        }
        log.acknowledge(reached);
        await sleep(1);
      }
      await filled;
      assert.deepEqual([log.last, await log.readAside(reached, 10)], [ENTRIES, []]);
      assert.deepEqual(
        log.read(ENTRIES - 5, 3).map(({ number }) => number),
        [ENTRIES - 4, ENTRIES - 3, ENTRIES - 2],
      );
    } finally {
      log.close();
      rmSync(home, { recursive: true, force: true });
    }
  },
  { cell: 'read while it grows' },
);
