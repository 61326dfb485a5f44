/** A program that was let out, and left the family of its guard, when the guard is killed. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isAlive, processesWith, until } from '../cli/product.ts';
import { BOUNDS_TOGETHER, NO_SANDBOX } from '../e2e/sandboxed.ts';
import { QuestionClient } from '../questions/clients.ts';
import { Place } from '../questions/place.ts';
import { verifies } from '../requirements/verifies.ts';

const skip = NO_SANDBOX === false && !BOUNDS_TOGETHER ? 'no control group can be made here' : NO_SANDBOX;

/** Of the first guard, not of process 1 of its sandbox. */
function wardenOf(place: Place): number {
  const found = processesWith(place.home.at('work')).find((pid) => {
    const [program = '', option] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return program.endsWith('/warden') && option === '--link';
  });
  assert.ok(found !== undefined, 'no guard is there');
  return found;
}

verifies(
  'guard.outside.dies',
  async () => {
    await using place = await Place.open({}, 'prefix_rule(pattern = ["setsid"], decision = "allow")\n');
    await using client = await QuestionClient.connect(place, '2025 over HTTP', { person: null });
    await client.exec('setsid -f sleep 40377; sleep 40378', { yield_time_ms: 1000 });
    const [outside] = await until('it was let out', () => {
      const found = processesWith('sleep\u000040377');
      return found.length === 1 && found;
    });
    assert.ok(outside !== undefined);
    process.kill(wardenOf(place), 'SIGKILL');
    await until('it has ended', () => !isAlive(outside));
  },
  { cell: 'by itself, and the guard is killed', skip },
);
