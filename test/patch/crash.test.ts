/** What is left of a patch whose process is killed in the middle, and what the next patch makes of it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, link, lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { build } from 'esbuild';
import { isMixture } from '../../packages/boxd/src/files/in-place.ts';
import { isAbandoned, ownerNames } from '../../packages/boxd/src/files/owner.ts';
import { farRoot, nearRoot } from '../../packages/boxd/src/files/staging.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Place, place, type Tree, wrap } from './sandbox-tree.ts';

const SOURCE = join(import.meta.dirname, '../fixtures/patch/dies-at-call.ts');
/** One file, because most of a start would be spent on reading the rooms one by one. */
const PROGRAM_FOLDER = await mkdtemp(join(tmpdir(), 'agentbox-patch-crash-'));
const PROGRAM = join(PROGRAM_FOLDER, 'dies-at-call.mjs');
await build({ entryPoints: [SOURCE], outfile: PROGRAM, bundle: true, platform: 'node', format: 'esm', minify: true });
after(() => rm(PROGRAM_FOLDER, { recursive: true }));
const IS_ROOT = process.geteuid?.() === 0;
/** Children at a time; each is a start of Node. */
const TOGETHER = 3;

/** Null when the program was killed, else how many calls it made. */
async function dieAt(call: number, dir: string, patch: string): Promise<number | null> {
  const child = spawn(process.execPath, [PROGRAM, String(call)], {
    cwd: dir,
    env: { ...process.env, NODE_COMPILE_CACHE: PROGRAM_FOLDER },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const ended = Promise.withResolvers<NodeJS.Signals | null>();
  child.on('error', ended.reject).on('close', (_code, signal) => ended.resolve(signal));
  child.stdin.on('error', () => undefined).end(patch);
  if ((await ended.promise) === 'SIGKILL') return null;
  assert.match(out, /^\d+\n$/u, 'the program says how many calls it made');
  return Number(out);
}

interface Scene {
  readonly before: Tree;
  readonly patch: string;
  /** what may stand under a name afterwards; null: nothing */
  readonly allowed: Readonly<Record<string, readonly (string | null)[]>>;
  /** what may be kept for good because nobody can tell whether it is still wanted */
  readonly kept?: RegExp;
  prepare?(at: Place): Promise<void>;
  check?(at: Place): Promise<void>;
}

async function tryAt(call: number, scene: Scene): Promise<boolean> {
  await using at = await place(scene.before);
  await scene.prepare?.(at);
  const ran = await dieAt(call, at.dir, scene.patch);
  // Another patch to the same folders, which has nothing to do with the first.
  const folders = Object.keys(scene.allowed).map((name) => dirname(name));
  for (const folder of new Set(['.', ...folders].filter((path) => existsSync(join(at.dir, path))))) {
    const next = await at.patch(wrap(`*** Add File: ${folder}/next`, '+x'));
    assert.ok(next.exitCode === 0 || !existsSync(join(at.dir, folder)), next.stderr);
  }
  const tree: Readonly<Record<string, unknown>> = { ...(await at.tree()) };
  const where = `killed before call ${call}: ${JSON.stringify(tree)}`;
  for (const [name, contents] of Object.entries(scene.allowed))
    assert.ok(
      contents.some((content) => (tree[name] ?? null) === content),
      `${name}, ${where}`,
    );
  assert.deepEqual(
    Object.keys(tree).filter(
      (name) => !name.endsWith('next') && !(name in scene.allowed) && scene.kept?.test(name) !== true,
    ),
    [],
    where,
  );
  await scene.check?.(at);
  return ran === null;
}

/** At every call that changes something, from the first until the patch is through. */
async function tryAll(scene: Scene): Promise<void> {
  for (let call = 1; ; call += TOGETHER) {
    assert.ok(call < 300, 'the patch ends some time');
    const killed = await Promise.all(Array.from({ length: TOGETHER }, (_, index) => tryAt(call + index, scene)));
    if (killed.includes(true)) continue;
    assert.ok(call > 20, 'the program was killed at each of its calls');
    return;
  }
}

verifies('patch.crash.whole-files', async () => {
  await tryAll({
    before: { f: 'a\n', g: 'g\n', m: 'a\n', l: '-> f' },
    patch: wrap(
      '*** Update File: f',
      '@@',
      '-a',
      '+A',
      '*** Delete File: g',
      '*** Delete File: l',
      '*** Update File: m',
      '*** Move to: d/n',
      '@@',
      '-a',
      '+M',
      '*** Add File: new',
      '+1',
    ),
    allowed: {
      f: ['a\n', 'A\n'],
      g: ['g\n', null],
      l: ['-> f', null],
      m: ['a\n', null],
      'd/n': [null, 'M\n'],
      new: [null, '1\n'],
    },
    // The content of the moved file is somewhere, always.
    check: async (at) => {
      const tree = await at.tree();
      assert.ok(tree['m'] !== undefined || tree['d/n'] !== undefined);
    },
  });
});

verifies(
  'patch.crash.whole-files',
  async () => {
    // A file steps aside for a folder, so its content is under no name of its own for a while.
    await tryAll({
      before: { a: 'a\n', z: 'z\n' },
      patch: wrap('*** Delete File: a', '*** Add File: a/b/c', '+1', '*** Delete File: z'),
      allowed: { a: ['a\n', null], 'a/b/c': [null, '1\n'], z: ['z\n', null] },
      kept: /^\.agentbox-patch-\d+\/kept-[^/]+\/old\/a$/u,
      check: async (at) => {
        const tree = await at.tree();
        assert.ok(tree['a'] !== undefined || tree['a/b/c'] !== undefined, JSON.stringify(tree));
      },
    });
  },
  { cell: 'a file gives way to a folder' },
);

const OLD = 'abcdefgh\nsame\n';
const NEW = 'ABCDEFGHIJ\nsame\n';
const LINKED: Scene = {
  before: { f: OLD, g: 'g\n' },
  patch: wrap('*** Update File: f', '@@', '-abcdefgh', '+ABCDEFGHIJ', '*** Delete File: g'),
  allowed: { f: [OLD, NEW], other: [OLD, NEW], g: ['g\n', null] },
  prepare: (at) => link(join(at.dir, 'f'), join(at.dir, 'other')),
  check: async (at) => {
    const [one, other] = await Promise.all(['f', 'other'].map((name) => lstat(join(at.dir, name))));
    assert.equal(one?.ino, other?.ino);
  },
};

verifies('patch.crash.in-place', async () => tryAll(LINKED));

verifies(
  'patch.crash.in-place',
  async () => {
    const shut = (mode: number) => (at: Place) => chmod(join(at.dir, 'shut'), mode);
    await using probe = await place({ 'shut/f': OLD });
    const folder = join(probe.dir, 'shut');
    // The next patch is to the shut folder too: it finds what was left among the temporary files.
    const patch = wrap('*** Update File: shut/f', '@@', '-abcdefgh', '+ABCDEFGHIJ');
    let torn = 0;
    for (let call = 1; call < 100; call += 1) {
      await shut(0o755)(probe);
      await writeFile(join(folder, 'f'), OLD);
      await shut(0o555)(probe);
      const ran = await dieAt(call, probe.dir, patch);
      const left = await readFile(join(folder, 'f'), 'utf8');
      if (left !== OLD && left !== NEW) torn += 1;
      await probe.patch(wrap('*** Update File: shut/f', '@@', '-no such line', '+x'));
      const after = await readFile(join(folder, 'f'), 'utf8');
      assert.ok(after === OLD || after === NEW, `killed before call ${call}: ${JSON.stringify(after)}`);
      assert.deepEqual(await readdir(farRoot(folder)).catch(() => []), []);
      if (ran !== null) break;
    }
    assert.ok(torn > 0, 'no kill met a file half written');
    await shut(0o755)(probe);
  },
  { cell: 'in a folder that takes no new names', skip: IS_ROOT && 'no folder is shut for root' },
);

/** An owner that nobody is: a process of this place that has ended. */
async function deadOwner(): Promise<string> {
  const child = spawn(process.execPath, ['--eval', ''], { stdio: 'ignore' });
  const { pid } = child;
  await new Promise((resolve) => child.on('close', resolve));
  const [, start, where, random] = ownerNames()().split('-');
  return [pid, start, where, random].join('-');
}

async function leave(at: Place, owner: string, tree: Readonly<Record<string, string>>): Promise<string> {
  const path = join(nearRoot(at.dir), owner);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await chmod(nearRoot(at.dir), 0o700);
  for (const [name, content] of Object.entries(tree)) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

const touch = (at: Place) => at.patch(wrap('*** Add File: next', '+x'));

verifies('patch.crash.swept', async () => {
  await using at = await place({ here: 'now\n', half: 'NEWd\n', edited: 'mine\n' });
  const left = { 'old/gone': 'g\n', 'old/here': 'then\n', 'new/half': 'NEW\n', 'torn/half': 'oldd\n', 'part/p': '1' };
  await leave(at, await deadOwner(), left);
  const reply = await touch(at);
  assert.match(reply.notes.join('\n'), /\/gone: put back after an interrupted patch/u);
  assert.match(reply.notes.join('\n'), /\/half: put back after an interrupted patch/u);
  assert.deepEqual(
    { ...(await at.tree()) },
    { edited: 'mine\n', gone: 'g\n', half: 'oldd\n', here: 'now\n', next: 'x\n' },
  );
  assert.deepEqual((await touch(at)).notes, ['next: overwritten']);
});

verifies(
  'patch.crash.swept',
  async () => {
    await using at = await place({ edited: 'quite another content\n' });
    await leave(at, await deadOwner(), { 'torn/edited': 'old\n', 'new/edited': 'new\n' });
    const [note = ''] = (await touch(at)).notes;
    assert.match(note, /is kept in .*\/kept-/u);
    const kept = note.slice(note.indexOf('is kept in ') + 'is kept in '.length);
    assert.equal(await readFile(join(kept, 'torn/edited'), 'utf8'), 'old\n');
    await touch(at);
    assert.equal(await readFile(join(kept, 'torn/edited'), 'utf8'), 'old\n');
    assert.equal(await readFile(join(at.dir, 'edited'), 'utf8'), 'quite another content\n');
  },
  { cell: 'what somebody has written since is not overwritten, and nothing is thrown away' },
);

verifies('patch.crash.living', async () => {
  await using at = await place({});
  const living = await leave(at, ownerNames()(), { 'old/gone': 'g\n', 'new/x': '1\n' });
  const foreign = await leave(at, '1-1-00000000-000000000000', { 'old/other': 'o\n' });
  await touch(at);
  assert.equal(await readFile(join(living, 'old/gone'), 'utf8'), 'g\n');
  assert.equal(await readFile(join(foreign, 'old/other'), 'utf8'), 'o\n');
  assert.equal(isAbandoned('1-1-00000000-000000000000', 11 * 60_000), true);
  assert.equal(isAbandoned('notes.txt', 11 * 60_000), false);
});

verifies(
  'patch.crash.living',
  async () => {
    await using at = await place({ a: '0\n', b: '0\n', c: '0\n' });
    const names = ['a', 'b', 'c'];
    const often = (name: string): string =>
      wrap(...Array.from({ length: 40 }, (_, index) => [`*** Add File: ${name}${index}`, '+x']).flat());
    const never = 0;
    // While children patch the same folder, this process does so too and finds nothing to tidy up.
    const children = Promise.all(names.map((name) => dieAt(never, at.dir, often(name))));
    const ended = new AbortController();
    void children.finally(() => ended.abort());
    for (let round = 0; round < 10 || !ended.signal.aborted; round += 1) {
      const reply = await at.update('a', '@@', `-${round}`, `+${round + 1}`);
      assert.deepEqual([reply.exitCode, reply.notes], [0, []], reply.stderr);
      await nextTurn();
    }
    assert.ok((await children).every((calls) => calls !== null));
    const left = await readdir(at.dir);
    assert.equal(left.length, 3 + 3 * 40, left.filter((name) => name.startsWith('.')).join());
  },
  { cell: 'processes that patch one folder at once do not disturb each other' },
);

verifies('patch.crash.planted', async () => {
  await using at = await place({ 'out/old/secret': 's\n' });
  await symlink('out', nearRoot(at.dir));
  const reply = await touch(at);
  assert.equal(reply.failure?.code, 'PATH_FORBIDDEN', reply.stderr);
  assert.deepEqual((await readdir(join(at.dir, 'out'))).toSorted(), ['old']);
  await rm(nearRoot(at.dir));
  // Open to others, it may hold what anybody put there.
  await leave(at, await deadOwner(), { 'old/planted': 'p\n' });
  await chmod(nearRoot(at.dir), 0o777);
  await touch(at);
  assert.equal((await readdir(at.dir)).includes('planted'), false);
});

verifies(
  'patch.crash.in-place',
  () => {
    const bytes = (text: string): Uint8Array => Buffer.from(text);
    assert.equal(isMixture(bytes('NEd\n'), bytes('old\n'), bytes('NEW\n')), true);
    assert.equal(isMixture(bytes('NE'), bytes('old\n'), bytes('NEW')), false);
    assert.equal(isMixture(bytes('NEW+longer'), bytes('old'), bytes('NEW')), false);
    assert.equal(isMixture(bytes('xld'), bytes('old'), bytes('NEW')), false);
  },
  { cell: 'only a mixture of both contents counts as one' },
);
