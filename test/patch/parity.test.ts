/** The public scenarios and the observed cases: what Codex does, byte for byte, except where we must differ. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatchCommand } from '../../packages/cli/src/commands/apply-patch.ts';
import { verifies } from '../requirements/verifies.ts';
import { place, readTree, type Tree } from './sandbox-tree.ts';

interface Observed {
  readonly id: string;
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly input: Tree;
  readonly patch: string;
  readonly expected: Tree;
  readonly unchanged: boolean;
}

const FIXTURES = join(import.meta.dirname, '../fixtures/apply-patch');
const CASES: readonly Observed[] = JSON.parse(readFileSync(join(FIXTURES, 'observed.json'), 'utf8'));

/** Answered otherwise by intent; differ-files.test.ts and differ-places.test.ts hold their expectations. */
const DIFFER: ReadonlySet<string> = new Set(
  [
    '118 120 121 122 124 126 127 128 130 134 141 142 143 144 146 148 149 161 162 163 164 170 178 182',
    '191 192 193 195 196 198 209 218 222 227 228 229 231',
  ].flatMap((ids) => ids.split(' ')),
);
const NOTHING_NEAR = /^Nothing like it is in the file\. The chunk begins at line \d+ of the patch\.\n$/u;
const A_FOLDER = /^It is a folder\.\n$/u;
/** The same failure, to which ours adds a line that says why. */
const EXPLAINED: ReadonlyMap<string, RegExp> = new Map([
  ['119', NOTHING_NEAR],
  ['155', A_FOLDER],
  ['156', /^A part of its path is not a folder\.\n$/u],
  ['165', A_FOLDER],
  ['173', NOTHING_NEAR],
  ['185', A_FOLDER],
  ['215', /^Nearest: /u],
  ['239', /^Nearest: /u],
  ['240', /^Nearest: /u],
]);

const sorted = (tree: Tree): Tree => Object.fromEntries(Object.entries(tree).toSorted(([a], [b]) => (a < b ? -1 : 1)));

async function run(patch: string, dir: string): Promise<{ rc: number; stdout: string; stderr: string }> {
  let stdout = '';
  let stderr = '';
  const stdin = (async function* input() {
    yield Buffer.from(patch);
  })();
  // An empty patch can only be given as an argument: empty standard input is wrong use.
  const rc = await applyPatchCommand(patch === '' ? ['', '--cwd', dir] : ['--cwd', dir], {
    stdin,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    cwd: '/',
  });
  return { rc, stdout, stderr };
}

for (const one of CASES.filter(({ id }) => !DIFFER.has(id.slice(0, 3)))) {
  verifies(
    'patch.parity.observed',
    async () => {
      await using at = await place(one.input);
      const got = await run(one.patch, at.dir);
      const stderr = one.stderr.replaceAll('$CWD', at.dir);
      const why = EXPLAINED.get(one.id.slice(0, 3));
      assert.equal(got.stderr.slice(0, why === undefined ? undefined : stderr.length), stderr);
      if (why !== undefined) assert.match(got.stderr.slice(stderr.length), why);
      assert.deepEqual({ rc: got.rc, stdout: got.stdout }, { rc: one.rc, stdout: one.stdout });
      assert.deepEqual(sorted(await at.tree()), sorted(one.unchanged ? one.input : one.expected));
    },
    { cell: one.id },
  );
}

const SCENARIOS = readdirSync(join(FIXTURES, 'scenarios'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

async function treeOf(scenario: string, part: string): Promise<Tree> {
  const dir = join(FIXTURES, 'scenarios', scenario, part);
  return existsSync(dir) ? readTree(dir) : {};
}

for (const scenario of SCENARIOS) {
  verifies(
    'patch.parity.scenarios',
    async () => {
      await using at = await place(await treeOf(scenario, 'input'));
      const patch = readFileSync(join(FIXTURES, 'scenarios', scenario, 'patch.txt'), 'utf8');
      // 015 blesses the half-applied patch, which only the hunk-by-hunk mode gives.
      await at.patch(patch, { atomic: !scenario.startsWith('015') });
      assert.deepEqual(await at.tree(), await treeOf(scenario, 'expected'));
    },
    { cell: scenario },
  );
}

verifies('patch.parity.hunk-by-hunk', async () => {
  const one = CASES.find((candidate) => candidate.id.startsWith('231'));
  assert.ok(one !== undefined);
  await using at = await place(one.input);
  const reply = await at.patch(one.patch, { atomic: false });
  assert.equal(reply.exitCode, one.rc);
  const stderr = one.stderr.replaceAll('$CWD', at.dir);
  assert.equal(reply.stderr.slice(0, stderr.length), stderr);
  assert.match(reply.stderr, /^The hunks before this one were carried out and stay: a$/mu);
  assert.deepEqual(sorted(await at.tree()), sorted(one.expected));
});
