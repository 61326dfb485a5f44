/** A program that is found once is found anew when its file, its link or its first line is another one. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { DENIAL, launch, noNamespaces, runGuarded } from './launch.ts';

function script(path: string, line: string): void {
  writeFileSync(path, `${line}\n`);
  chmodSync(path, 0o755);
}

function link(path: string, target: string): void {
  symlinkSync(target, `${path}.new`);
  renameSync(`${path}.new`, path);
}

/** What stands at the path before, and what the machine's owner puts there while the sandbox runs. */
const CHANGES: readonly (readonly [string, (path: string) => void, (path: string) => void])[] = [
  ['a link', (path) => link(path, '/usr/bin/true'), (path) => link(path, '/usr/bin/id')],
  ['a first line', (path) => script(path, '#!/usr/bin/true'), (path) => script(path, '#!/usr/bin/id')],
  ['a file that becomes a link', (path) => copyFileSync('/usr/bin/true', path), (path) => link(path, '/usr/bin/id')],
  [
    'a file that becomes a script',
    (path) => copyFileSync('/usr/bin/true', path),
    (path) => script(path, '#!/usr/bin/id'),
  ],
];

for (const [cell, before, after] of CHANGES) {
  verifies(
    'guard.exec.names',
    async () => {
      const owned = realpathSync(mkdtempSync(join(tmpdir(), 'guard-owned-')));
      const path = join(owned, 'p');
      before(path);
      chmodSync(owned, 0o755);
      const binds = ['--tmpfs', '/mnt', '--ro-bind', owned, '/mnt/owned', '--remount-ro', '/mnt'];
      await using run = launch(
        'for i in 1 2 3; do /mnt/owned/p; done; echo ready; read x; /mnt/owned/p; echo "code $?"',
        {
          deny: ['id'],
          binds,
        },
      );
      await run.sees(/ready/);
      const known = run.said.asked.length;
      after(path);
      run.write('go\n');
      const { code } = await run.exited;
      await run.closed;
      rmSync(owned, { recursive: true });
      assert.equal(code, 0);
      assert.deepEqual(run.said.killed, []);
      assert.equal(run.said.asked.length, known + 1);
      assert.match(run.output, new RegExp(`Execution denied: ${DENIAL}`));
      assert.match(run.output, /^code 1$/m);
      assert.doesNotMatch(run.output, /uid=/);
    },
    { cell: `${cell} that the machine's owner changes`, skip: noNamespaces },
  );
}

verifies(
  'guard.exec.names',
  async () => {
    const turns = 'for t in true id true id; do ln -sfn /usr/bin/$t "$HOME/p"; "$HOME/p"; echo "code $?"; done';
    const { stdout, said } = await runGuarded(turns, { deny: ['id'] });
    assert.equal(stdout, 'code 0\ncode 1\ncode 0\ncode 1\n');
    assert.deepEqual(said.killed, []);
  },
  { cell: 'a link that the sandbox changes between two programs' },
);
