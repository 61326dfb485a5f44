/** What git on the host would run because of a command: what a configuration leads to, and repositories further down. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { git, repository } from './git.ts';
import { type Box, openBox, put, unavailable } from './harness.ts';

const skip = unavailable;

/** What `git status` on the host would run, if a command could have it so: leaves a file. */
const planted = (box: Box): string => `[core]\\n\\tfsmonitor = "touch ${box.base}/owned; false"\\n`;

function statusRunsNothing(box: Box, ...folders: readonly string[]): void {
  for (const folder of folders) {
    const env = { PATH: process.env['PATH'], HOME: box.realHome, GIT_CONFIG_NOSYSTEM: '1' };
    spawnSync('git', ['status'], { cwd: path.join(box.workspace, folder), env });
    assert.equal(existsSync(path.join(box.base, 'owned')), false, `git ran something in ${folder}`);
  }
}

/** [cell, value of `include.path`, the file that it names, what is there before] */
const INCLUDES: readonly (readonly [string, string, string, string | null])[] = [
  ['a file of the working tree', '../.gitinc', '.gitinc', '[user]\n'],
  ['a file that is not there', '../.gitinc', '.gitinc', null],
  ['a folder that is not there', '../conf/deep/git.inc', 'conf/deep/git.inc', null],
  ['a file in a folder', '../conf/git.inc', 'conf/git.inc', '[user]\n'],
  ['a file that an included one includes', '../conf/first.inc', 'conf/second.inc', '[user]\n'],
  ['a file of the home', '~/work/.gitinc', '.gitinc', null],
];

for (const [cell, value, file, before] of INCLUDES) {
  verifies(
    'sandbox.guard.includes',
    () => {
      using box = openBox();
      repository(box.workspace);
      git(box.workspace, 'config', 'include.path', value);
      const at = path.join(box.workspace, file);
      if (before !== null) put(at, before);
      if (value.endsWith('first.inc'))
        put(path.join(box.workspace, 'conf/first.inc'), '[include]\n\tpath = second.inc\n');
      const write = `mkdir -p $(dirname ${file}); printf '${planted(box)}' > ${file}`;
      box.sh(`${write}; rm -f ${file}; ${write}; mv conf gone; mv .gitinc gone; ${write}; ln -sf /tmp/x ${file}`);
      statusRunsNothing(box, '.');
      assert.equal(existsSync(at) ? readFileSync(at, 'utf8') : null, before);
    },
    { cell, skip },
  );
}

verifies(
  'sandbox.guard.includes',
  () => {
    using box = openBox();
    repository(box.workspace);
    put(path.join(box.realHome, '.gitconfig'), `[includeIf "gitdir:~/work/"]\n\tpath = "~/work/mine.inc" ; of work\n`);
    box.sh(`printf '${planted(box)}' > mine.inc`);
    statusRunsNothing(box, '.');
  },
  { cell: 'of the user, on a condition', skip },
);

verifies(
  'sandbox.guard.includes',
  () => {
    using box = openBox();
    repository(box.workspace);
    const script = path.join(box.workspace, 'tools/watch.sh');
    put(script, 'true\n');
    git(box.workspace, 'config', 'core.fsmonitor', 'tools/watch.sh');
    box.sh(`echo evil > tools/watch.sh; mv tools gone; mkdir tools; echo evil > tools/watch.sh`);
    assert.equal(readFileSync(script, 'utf8'), 'true\n');
    assert.equal(box.sh('echo other > tools/other').code, 0);
  },
  { cell: 'a script that the configuration names', skip },
);

verifies(
  'sandbox.guard.nested',
  () => {
    using box = openBox();
    repository(box.workspace);
    for (const name of ['sub/rep', 'other']) repository(path.join(box.workspace, name));
    git(box.workspace, 'init', '-q', '--bare', 'stores/bare.git');
    repository(path.join(box.base, 'origin'));
    git(box.workspace, 'submodule', 'add', '-q', path.join(box.base, 'origin'), 'mod');
    for (const at of ['sub/rep/.git', 'other/.git', 'stores/bare.git', '.git/modules/mod']) {
      const top = at.split('/')[0] ?? '';
      const write = `mkdir -p ${at}; printf '${planted(box)}' >> ${at}/config; printf '${planted(box)}' > ${at}/config`;
      box.sh(`${write}; rm -rf ${at}; ${write}; mv ${at} gone; mv ${top} away; ${write}`);
    }
    box.sh(`rm mod/.git; mv mod gone; git init -q mod; printf '${planted(box)}' >> mod/.git/config`);
    statusRunsNothing(box, '.', 'sub/rep', 'other', 'stores/bare.git', 'mod');
  },
  { cell: 'that were there', skip },
);

verifies(
  'sandbox.guard.nested',
  () => {
    using box = openBox();
    repository(box.workspace);
    repository(path.join(box.workspace, 'sub/rep'));
    const worked = box.sh(
      'cd sub/rep && echo two > file && git -c user.name=T -c user.email=t@t commit -qam two && git log --oneline | wc -l',
    );
    assert.equal(worked.stdout.trim(), '2', worked.stderr);
    assert.equal(box.sh('git init -q mine').code, 0);
    assert.equal(box.sh('cd mine && git config user.name T').code, 0, 'a command’s own repository stays its own');
  },
  { cell: 'are worked with', skip },
);

verifies(
  'sandbox.guard.nested',
  () => {
    using box = openBox();
    for (let at = 0; at < 40; at++) repository(path.join(box.workspace, `many/r${at}`));
    const { code, stderr } = box.sh('cd many/r0 && git status --short');
    assert.equal(code, 0, stderr);
  },
  { cell: 'that are many', skip },
);

verifies(
  'sandbox.guard.open',
  () => {
    using box = openBox();
    assert.equal(box.sh('ln -s x .vscode; ln -s x .mcp.json; ln -s x .git').code, 0);
    const { code, stderr } = box.sh('touch still-works');
    assert.equal(code, 0, stderr);
    assert.equal(existsSync(path.join(box.workspace, 'still-works')), true);
  },
  { cell: 'links that a command made', skip },
);
