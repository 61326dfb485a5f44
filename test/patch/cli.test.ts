/** `agentbox apply-patch` as a program. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { place, wrap } from './sandbox-tree.ts';

const PROGRAM = join(import.meta.dirname, '../fixtures/patch/applies-a-patch.ts');
const A_TO_B = wrap('*** Update File: f', '@@', '-a', '+A');

function run(
  input: string | Buffer,
  cwd: string,
  ...args: readonly string[]
): readonly [number | null, string, string] {
  const done = spawnSync(process.execPath, [PROGRAM, ...args], { cwd, input, encoding: 'utf8' });
  return [done.status, done.stdout, done.stderr];
}

verifies('patch.cli.stdin', async () => {
  await using at = await place({ f: 'a\n', 'd/f': 'a\n' });
  const success = 'Success. Updated the following files:\nM f\n';
  assert.deepEqual(run(A_TO_B, at.dir), [0, success, '']);
  assert.deepEqual(run(A_TO_B, at.dir, '--cwd', 'd'), [0, success, '']);
  assert.deepEqual({ ...(await at.tree()) }, { 'd/f': 'A\n', f: 'A\n' });
  const gone = run(wrap('*** Delete File: none'), at.dir, `--cwd=${at.dir}`);
  assert.deepEqual(gone, [1, '', `Failed to delete file ${at.dir}/none\n`]);
  assert.deepEqual(run('', at.dir, wrap('*** Delete File: f')), [
    0,
    'Success. Updated the following files:\nD f\n',
    '',
  ]);
});

verifies('patch.cli.usage', async () => {
  await using at = await place();
  const usage = "Usage: apply_patch 'PATCH'\n       echo 'PATCH' | apply_patch\n";
  assert.deepEqual(run('', at.dir), [2, '', usage]);
  assert.deepEqual(run('', at.dir, 'a', 'b'), [2, '', 'Error: apply_patch accepts exactly one argument.\n']);
  assert.equal(run('', at.dir, '--cwd')[0], 2);
  assert.match(run('', at.dir, '--frobnicate')[2], /unknown option --frobnicate/u);
  assert.deepEqual(run('', at.dir, ''), [1, '', "Invalid patch: The last line of the patch must be '*** End Patch'\n"]);
  assert.equal(run(Buffer.from([0xff]), at.dir)[0], 1);
});
