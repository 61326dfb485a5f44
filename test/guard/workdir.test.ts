/** Commands that start in a directory which only their sandbox has. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Placeholders } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { type Box, openBox, unavailable } from '../sandbox/harness.ts';
import { type GuardedRun, runGuarded } from './launch.ts';

const skip = unavailable;

async function runIn(box: Box, cwd: string, script: string): Promise<GuardedRun> {
  const planned = box.launch({}, cwd);
  assert.ok(planned.kind === 'launch', JSON.stringify(planned));
  const hold = new Placeholders().hold(planned.placeholders);
  try {
    return await runGuarded(script, {
      folder: box.workspace,
      cwd: planned.cwd,
      plan: planned.plan,
      decide: ({ file }) => (file.endsWith('/date') ? { kind: 'escalate', environment: {} } : { kind: 'run' }),
    });
  } finally {
    hold.release();
  }
}

const PLACES: readonly (readonly [cell: string, folder: string, cwd: (box: Box) => string])[] = [
  ['the private /tmp', 'private/tmp/only here/x', () => '/tmp/only here/x'],
  ['the private home', 'private/home/y', (box) => join(box.realHome, 'y')],
];

for (const [cell, folder, cwd] of PLACES) {
  verifies(
    'guard.inside.directory',
    async () => {
      using box = openBox();
      mkdirSync(join(box.base, folder), { recursive: true });
      const run = await runIn(box, cwd(box), 'pwd; /bin/pwd; date +LET-%s-OUT; echo "code $?"');
      assert.equal(run.stdout, `${cwd(box)}\n${cwd(box)}\ncode 1\n`);
      assert.match(run.stderr, /the working directory/);
      assert.deepEqual(run.said.escalated, []);
    },
    { cell, skip },
  );
}

verifies(
  'guard.inside.directory',
  async () => {
    using box = openBox();
    const run = await runIn(box, box.workspace, 'pwd; date +LET-%s-OUT');
    assert.match(run.stdout, /^\/.*\/work\nLET-\d+-OUT\n$/);
  },
  { cell: 'the workspace', skip },
);
