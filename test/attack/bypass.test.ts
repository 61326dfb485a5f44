/** The profile workspace under the list: 0 leaks, and no way to start a forbidden program. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { AttackHome, NO_NETWORK, reportOf } from './attacked.ts';

const skip = NO_NETWORK;

const CELLS = [
  ['rules by name', ''],
  ['nothing from writable folders', '[sandbox]\nno_exec_from_writable = true\n'],
] as const;

for (const [cell, config] of CELLS) {
  verifies(
    'attack.bypass.none',
    async () => {
      using place = new AttackHome();
      writeFileSync(join(place.home, 'config.toml'), config);
      const { cases } = reportOf(await place.run(['--profile', 'workspace', '--json', '--only', 'G']));
      const tries = cases.flatMap((one) => one.tries);
      const failed = tries.filter(({ verdict }) => verdict === 'leaked' || verdict === 'broken');
      assert.deepEqual(failed, []);
      const copies = tries.filter(({ verdict }) => verdict === 'reported');
      assert.equal(
        copies.length > 0,
        config === '',
        'a copy is a class of its own, and refused when that is asked for',
      );
      const held = tries.filter(({ verdict }) => verdict === 'held');
      assert.ok(held.length >= 90, `${held.length} tries: at least 45 ways, each on a pipe and on a terminal`);
    },
    { skip, cell },
  );
}

verifies(
  'attack.workspace.holds',
  async () => {
    using place = new AttackHome();
    const ran = await place.run(['--profile', 'workspace', '--json']);
    const { cases } = reportOf(ran);
    const failed = cases.filter(({ verdict }) => verdict === 'leaked' || verdict === 'broken');
    assert.deepEqual(failed, []);
    assert.equal(ran.code, 0);
  },
  { skip },
);
