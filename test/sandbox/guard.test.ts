/** What of a workspace must stand although it is writable: git's hooks and configuration, and what agents believe. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { Placeholders } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { git, repository } from './git.ts';
import { type Box, openBox, put, type Result, unavailable } from './harness.ts';

const skip = unavailable;

/** Everything by which git outside could be made to run something, as text. */
function beliefs(gitDirectory: string): string {
  const common = path.join(gitDirectory, 'commondir');
  if (existsSync(common))
    return ['commondir', 'gitdir'].map((name) => readFileSync(path.join(gitDirectory, name), 'utf8')).join();
  const names = ['config', 'config.worktree'];
  const texts = names
    .map((name) => path.join(gitDirectory, name))
    .flatMap((file) => (existsSync(file) ? [readFileSync(file, 'utf8')] : []));
  const hooks = path.join(gitDirectory, 'hooks');
  return [...texts, ...(existsSync(hooks) ? readdirSync(hooks) : [])].join('\n');
}

const PLANT =
  'printf "#!/bin/sh\\n" > "$G/hooks/post-checkout"; chmod +x "$G/hooks/post-checkout"; printf "[core]\\nfsmonitor=/tmp/x\\n" >> "$G/config"; ';
const ATTACKS: readonly (readonly [string, string])[] = [
  ['written', PLANT],
  ['.git renamed and made anew', `mv "$G" "$G.old"; mkdir -p "$G/hooks"; ${PLANT}`],
  ['.git removed and made anew', `rm -rf "$G"; mkdir -p "$G/hooks"; ${PLANT}`],
  ['hooks renamed', `mv "$G/hooks" "$G/hooks.old"; mkdir "$G/hooks"; ${PLANT}`],
  ['hooks replaced by a link', `rm -rf "$G/hooks"; mkdir evil; ln -s "$PWD/evil" "$G/hooks"; ${PLANT}`],
  [
    'config replaced by a rename',
    'echo x > "$G/config.new"; mv "$G/config.new" "$G/config"; ln -f "$G/HEAD" "$G/config"',
  ],
  ['config by git itself', 'git config core.fsmonitor /tmp/x; git config core.hooksPath /tmp'],
  [
    'a common directory elsewhere',
    'mkdir evil; echo "$PWD/evil" > "$G/commondir"; rm -f "$G/commondir"; echo /tmp > "$G/commondir"',
  ],
  ['through another way', 'echo x >> "/proc/self/root$G/config"; echo x >> "/proc/1/cwd/.git/config"'],
];

for (const [cell, script] of ATTACKS) {
  verifies(
    'sandbox.guard.git',
    () => {
      using box = openBox();
      repository(box.workspace);
      const gitDirectory = path.join(box.workspace, '.git');
      const before = beliefs(gitDirectory);
      box.sh(script, { environment: { G: gitDirectory } });
      assert.equal(beliefs(gitDirectory), before);
      // What may be written may also be destroyed: then there is nothing left to believe.
      if (!cell.includes('removed')) git(box.workspace, 'status');
    },
    { cell, skip },
  );
}

verifies(
  'sandbox.guard.git',
  () => {
    using box = openBox();
    repository(path.join(box.base, 'origin'));
    repository(box.workspace);
    git(box.workspace, 'submodule', 'add', '-q', path.join(box.base, 'origin'), 'sub');
    git(box.workspace, 'commit', '-qm', 'with a submodule');
    git(box.workspace, 'worktree', 'add', '-q', path.join(box.workspace, 'tree'), '-b', 'other');
    const inner = ['modules/sub', 'worktrees/tree'].map((name) => path.join(box.workspace, '.git', name));
    for (const gitDirectory of inner) {
      const before = beliefs(gitDirectory);
      const parent = path.dirname(gitDirectory);
      const moved = `mv "${parent}" "${parent}.old"; mv "$G" "$G.old"; mkdir -p "$G/hooks"; echo /tmp > "$G/commondir";`;
      box.sh(`${moved} ${PLANT}`, { environment: { G: gitDirectory } });
      assert.equal(beliefs(gitDirectory), before, gitDirectory);
    }
    const worked = box.sh(
      'cd sub && echo two > file && git -c user.name=T -c user.email=t@t commit -qam two && git log --oneline | wc -l',
    );
    assert.equal(worked.stdout.trim(), '2', worked.stderr);
  },
  { cell: 'of submodules and linked worktrees', skip },
);

verifies(
  'sandbox.guard.git',
  () => {
    using box = openBox();
    const main = path.join(box.workspace, 'main');
    repository(main);
    const tree = path.join(box.workspace, 'tree');
    git(main, 'worktree', 'add', '-q', tree, '-b', 'other');
    const profile = { writable: [tree, main] };
    const before = readFileSync(path.join(tree, '.git'), 'utf8');
    const gitDirectory = path.join(main, '.git/worktrees/tree');
    const believed = beliefs(gitDirectory) + beliefs(path.join(main, '.git'));
    box.sh('echo "gitdir: /tmp" > .git; rm -f .git; mv .git x', { profile, cwd: tree });
    box.sh(`${PLANT} echo /tmp > "$G/commondir"`, { profile, cwd: tree, environment: { G: gitDirectory } });
    assert.equal(readFileSync(path.join(tree, '.git'), 'utf8'), before);
    assert.equal(beliefs(gitDirectory) + beliefs(path.join(main, '.git')), believed);
    const worked = box.sh('echo two > file && git -c user.name=T -c user.email=t@t commit -qam two', {
      profile,
      cwd: tree,
    });
    assert.equal(worked.code, 0, worked.stderr);
  },
  { cell: 'where a .git file leads', skip },
);

verifies(
  'sandbox.guard.git',
  () => {
    using box = openBox();
    repository(box.workspace);
    put(path.join(box.workspace, '.husky/pre-commit'), 'npm test\n');
    put(path.join(box.workspace, 'tools/hooks/pre-push'), 'true\n');
    for (const [hooksPath, hook] of [
      ['.husky/_', '.husky/pre-commit'],
      ['tools/hooks', 'tools/hooks/pre-push'],
    ] as const) {
      git(box.workspace, 'config', 'core.hooksPath', hooksPath);
      const at = path.join(box.workspace, hook);
      const before = readFileSync(at, 'utf8');
      const folder = path.dirname(hook).split('/')[0];
      box.sh(`echo evil > ${hook}; mv ${folder} gone; mkdir -p ${path.dirname(hook)}; echo evil > ${hook}`);
      assert.equal(readFileSync(at, 'utf8'), before, hook);
    }
  },
  { cell: 'hooks that are kept in the working tree', skip },
);

const UNRENAMEABLE = ['.agentbox', '.codex', '.agents', '.mcp.json', '.vscode', '.claude'];

verifies(
  'sandbox.guard.agents',
  () => {
    using box = openBox();
    for (const name of UNRENAMEABLE)
      put(path.join(box.workspace, name.endsWith('.json') ? name : `${name}/file`), 'mine');
    for (const name of UNRENAMEABLE) {
      box.sh(
        `echo x > ${name}; echo x > ${name}/file; rm -rf ${name}; mv ${name} gone; mkdir ${name}; echo x > ${name}/new`,
      );
      const at = path.join(box.workspace, name);
      assert.equal(readFileSync(name.endsWith('.json') ? at : path.join(at, 'file'), 'utf8'), 'mine', name);
      if (!name.endsWith('.json')) assert.deepEqual(readdirSync(at), ['file']);
    }
  },
  { cell: 'as they are', skip },
);

verifies(
  'sandbox.guard.agents',
  () => {
    using box = openBox();
    const script = ['.agentbox', '.codex', '.agents']
      .map(
        (name) =>
          `mkdir -p ${name}/rules; rmdir ${name}; mv ${name} gone; echo x > ${name}/rules.rules; chmod 777 ${name}; mkdir ${name}/rules;`,
      )
      .join(' ');
    box.sh(script, { keepPlaceholders: true });
    for (const name of ['.agentbox', '.codex', '.agents']) {
      assert.deepEqual(readdirSync(path.join(box.workspace, name)), [], name);
    }
  },
  { cell: 'absent', skip },
);

verifies(
  'sandbox.guard.no-litter',
  () => {
    using box = openBox();
    assert.equal(box.sh('touch made').code, 0);
    assert.deepEqual(readdirSync(box.workspace), ['made']);
    repository(box.workspace);
    const before = readdirSync(path.join(box.workspace, '.git'));
    assert.equal(box.sh('git status').code, 0);
    assert.deepEqual(readdirSync(path.join(box.workspace, '.git')), before);
    mkdirSync(path.join(box.workspace, '.codex'));
    assert.equal(box.sh('true').code, 0);
    assert.deepEqual(readdirSync(box.workspace).toSorted(), ['.codex', '.git', 'file', 'made']);
  },
  { skip },
);

verifies(
  'sandbox.guard.no-litter',
  () => {
    using box = openBox();
    const at = path.join(box.workspace, '.codex');
    const placeholders = new Placeholders();
    const first = placeholders.hold([{ path: at, content: null }]);
    const second = placeholders.hold([{ path: at, content: null }]);
    first.release();
    first.release();
    assert.equal(existsSync(at), true);
    second.release();
    assert.equal(existsSync(at), false);
    const third = placeholders.hold([{ path: at, content: null }]);
    put(path.join(at, 'file'), 'of a person');
    third.release();
    assert.equal(existsSync(path.join(at, 'file')), true);
  },
  { cell: 'several sandboxes, and a person between them' },
);

function commit(box: Box, cwd: string): Result {
  return box.sh('echo more >> file && git add . && git commit -qm more && git log --oneline | wc -l', { cwd });
}

verifies(
  'sandbox.guard.new-repository',
  () => {
    using box = openBox();
    const who = 'git config --global user.name T; git config --global user.email t@example.test; ';
    const made = box.sh(
      `${who} git init -q new && cd new && git config core.autocrlf false && git remote add o ../x && echo 1 > file`,
    );
    assert.equal(made.code, 0, made.stderr);
    assert.equal(commit(box, path.join(box.workspace, 'new')).stdout.trim(), '1');
    const cloned = box.sh('git clone -q new copy && cd copy && git config user.name Other && git checkout -qb topic');
    assert.equal(cloned.code, 0, cloned.stderr);
    assert.equal(commit(box, path.join(box.workspace, 'copy')).stdout.trim(), '2');
    assert.equal(box.sh('git init -q . && git add new/file && git status --short | head -1').code, 0);
  },
  { skip },
);

verifies(
  'sandbox.refuse.workspace',
  () => {
    using box = openBox();
    symlinkSync(box.base, path.join(box.workspace, '.git'));
    const launch = box.launch();
    assert.ok(launch.kind === 'refuse');
    assert.equal(launch.problem.path, path.join(box.workspace, '.git'));
    assert.match(launch.problem.message, /is a link/);
  },
  { cell: 'a workspace whose .git is a link' },
);
