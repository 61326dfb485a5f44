/** Many sessions: none is ended for another, and short commands leave nothing behind in the box. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { until } from '../box/harness.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(async () => {
  assert.deepEqual(rig.faults, []);
  await rig[Symbol.asyncDispose]();
});

const descriptors = (): number => readdirSync(`/proc/${rig.box.pid}/fd`).length;

/** Children of the box daemon by state. */
function children(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(parent) === rig.box.pid ? [state] : [];
      } catch {
        return [];
      }
    });
}

async function inLanes(count: number, body: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      next += 1;
      await body(next);
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
}

verifies(
  'exec.session.pressure',
  async () => {
    await inLanes(20, async () => void (await rig.exec('true')));
    const before = { fds: descriptors(), children: children().length };
    await inLanes(1000, async (index) => {
      const { structured } = await rig.exec(`echo ${index}; (exit 3)`);
      assert.equal(structured.output, `${index}\n`);
      assert.equal(structured.exit_code, 3);
    });
    await until(() => descriptors() <= before.fds + 2, 'every descriptor is given back');
    await until(() => children().length <= before.children, 'every child was waited for');
    assert.ok(!children().includes('Z'));
  },
  { cell: '1000 short commands' },
);

verifies('exec.session.pressure', async () => {
  const live: string[] = [];
  const refused: string[] = [];
  const open = async (): Promise<void> => {
    const answer = await rig.exec('echo up; sleep 600', { yield_time_ms: 250 });
    if (answer.kind === 'failed') refused.push(`${answer.code}: ${answer.message}`);
    else live.push(answer.structured.session_id);
  };
  await inLanes(64, open);
  await inLanes(6, open);
  assert.equal(live.length, 64);
  assert.equal(refused.length, 6);
  for (const told of refused) {
    assert.match(told, /TOO_MANY_SESSIONS/);
    for (const id of live) assert.ok(told.includes(id), `${id} is named`);
  }
  const listed = await rig.call('list_sessions', { running_only: true, max_results: 100 });
  assert.equal(listed.structured['running'], 64, 'nobody was ended for it');
  const [first = ''] = live;
  await rig.call('kill_session', { session_id: first, signal: 'KILL' });
  await until(async () => {
    const again = await rig.exec('echo up');
    return again.structured.output === 'up\n';
  }, 'one that ended makes room');
});
