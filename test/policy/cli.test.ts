/** `agentbox policy` as its user runs it. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../cli/product.ts';
import { verifies } from '../requirements/verifies.ts';

const RULES = `prefix_rule(["git", ["push", "fetch"]], "prompt", match = ["git push"], not_match = ["git pull"], justification = "why")
prefix_rule(["git"], "allow")
prefix_rule(["git", "push", "--force"], "forbidden")
`;
const NOTE = /Only the named files were asked, and nothing ran/u;

async function withFiles(
  files: Readonly<Record<string, string | Buffer>>,
  use: (ask: (...args: readonly string[]) => ReturnType<typeof run>) => Promise<void>,
): Promise<void> {
  const cwd = await mkdtemp(join(tmpdir(), 'agentbox-policy-'));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, name), text);
    await use((...args) => run(['policy', ...args], { cwd }));
  } finally {
    await rm(cwd, { recursive: true });
  }
}

verifies('policy.cli.check', async () => {
  await withFiles(
    { 'a.rules': RULES, 'b.rules': 'prefix_rule(["git"\n', 'c.rules': Buffer.from([0xff]) },
    async (ask) => {
      const answer =
        '{"matchedRules":[{"prefixRuleMatch":{"matchedPrefix":["git","push"],"decision":"prompt","justification":"why"}},{"prefixRuleMatch":{"matchedPrefix":["git"],"decision":"allow"}}],"decision":"prompt"}\n';
      const checked = await ask('check', '-r', 'a.rules', '--', 'git', 'push', '-x');
      assert.deepEqual([checked.code, checked.stdout], [0, answer]);
      const pretty = await ask('check', '--rules', 'a.rules', '--rules', 'a.rules', '--pretty', 'git');
      assert.match(pretty.stdout, /^\{\n {2}"matchedRules": \[\n {4}\{\n {6}"prefixRuleMatch": \{\n/u);
      assert.equal((await ask('check', '-r', 'a.rules', '--', 'ls')).stdout, '{"matchedRules":[]}\n');
      const resolved = await ask('check', '-r', 'a.rules', '--resolve-host-executables', '--', '/usr/bin/git');
      assert.match(resolved.stdout, /"decision":"allow","resolvedProgram":"\/usr\/bin\/git"\}/u);
      const broken = await ask('check', '-r', 'a.rules', '-r', 'b.rules', '--', 'git');
      assert.deepEqual([broken.code, broken.stdout], [1, '']);
      assert.match(broken.stderr, /^error: b\.rules:\d:\d+: .+\n {2}.+/u);
      for (const [file, why] of [
        ['c.rules', /not valid UTF-8/u],
        ['none.rules', /none\.rules cannot be read/u],
        ['.', /cannot be read/u],
      ] as const) {
        const missing = await ask('check', '-r', file, '--', 'git');
        assert.deepEqual([missing.code, missing.stdout], [1, '']);
        assert.match(missing.stderr, why);
      }
      for (const args of [
        [],
        ['check'],
        ['check', '-r', 'a.rules'],
        ['chek', '-r', 'a.rules', 'x'],
        ['check', '-r', 'a.rules', 'git', '-x'],
        ['test'],
      ])
        assert.equal((await ask(...args)).code, 2, args.join(' '));
    },
  );
});

verifies('policy.cli.explain', async () => {
  await withFiles({ 'a.rules': RULES }, async (ask) => {
    const { code, stdout } = await ask('explain', '-r', 'a.rules', '--', 'git', 'push', 'origin');
    assert.equal(code, 0);
    assert.match(stdout, /`git push origin` is put to a person by a\.rules:1:1: git \{push\|fetch\}\./u);
    assert.match(stdout, /a\.rules:2:1 also matches \(git\), but says allow, which is less strict/u);
    assert.match(stdout, /a\.rules:3:1 does not match: word 3 must be --force, and the command has origin/u);
    const path = await ask('explain', '-r', 'a.rules', '--', '/usr/bin/git');
    assert.match(path.stdout, /No rule decides[\s\S]*paths are not resolved/u);
  });
});

verifies('policy.cli.test', async () => {
  await withFiles(
    { 'a.rules': RULES, 'b.rules': 'prefix_rule(["v"], match = ["v", "w"])', 'c.rules': 'x = ' },
    async (ask) => {
      const good = await ask('test', 'a.rules');
      assert.equal(good.code, 0);
      assert.match(
        good.stdout,
        /ok {5}a\.rules:1:1 matches git push\nok {5}a\.rules:1:1 does not match git pull\n\n1 files, 3 rules, 2 passed, 0 failed/u,
      );
      const bad = await ask('test', 'a.rules', 'b.rules', 'c.rules');
      assert.equal(bad.code, 1);
      assert.match(bad.stdout, /not ok b\.rules:1:1 matches w\n/u);
      assert.match(bad.stdout, /not ok c\.rules:1:5: /u);
      assert.match(bad.stdout, /3 files, 4 rules, 3 passed, 2 failed/u);
    },
  );
});

verifies('policy.cli.whose', async () => {
  await withFiles({ 'a.rules': RULES }, async (ask) => {
    assert.match((await ask('--help')).stdout, /Without --rules the files are asked that every program/u);
    assert.match((await ask('check', '-r', 'a.rules', '--', 'git')).stderr, NOTE);
    assert.match((await ask('explain', '-r', 'a.rules', '--', 'git')).stdout, NOTE);
    assert.match((await ask('test', 'a.rules')).stdout, NOTE);
  });
});

verifies(
  'policy.cli.whose',
  async () => {
    await withFiles({}, async (ask) => {
      const home = await mkdtemp(join(tmpdir(), 'agentbox-policy-home-'));
      try {
        await mkdir(join(home, 'rules'));
        const file = join(home, 'rules', 'own.rules');
        await writeFile(file, RULES, { mode: 0o600 });
        const standing = await ask('explain', '--home', home, '--', 'git', 'push');
        assert.ok(standing.stdout.includes(`${file}:1:1`), standing.stdout);
        assert.match(standing.stdout, /files that every program in a sandbox is checked against/u);
        await chmod(file, 0o666);
        const open = await ask('check', '--home', home, '--', 'git');
        assert.deepEqual([open.code, open.stdout], [1, '']);
        assert.match(open.stderr, /own\.rules:1:1: .*may be written by others/u);
      } finally {
        await rm(home, { recursive: true });
      }
    });
  },
  { cell: 'those that stand' },
);
