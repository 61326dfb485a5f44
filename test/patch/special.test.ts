/** What is no regular file stays as it is, and a failure says its cause. Only pipes and sockets in a private folder. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { lstat, readdir, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { AgentboxError, HINT } from '@agentbox/protocol';
import { applyPatch, PathLocks } from '../../packages/boxd/src/files/index.ts';
import { MAX_READ_BYTES } from '../../packages/boxd/src/files/limits.ts';
import { observe } from '../../packages/boxd/src/files/observe.ts';
import { Paths } from '../../packages/boxd/src/files/resolve.ts';
import { Transaction } from '../../packages/boxd/src/files/transaction.ts';
import { verifies } from '../requirements/verifies.ts';
import { A_TO_B } from './cells.ts';
import { type Place, place, placeAt, wrap } from './sandbox-tree.ts';

const IS_ROOT = process.geteuid?.() === 0;
const PROGRAM = join(import.meta.dirname, '../fixtures/patch/applies-a-patch.ts');

interface Special {
  readonly what: string;
  /** answers with what takes it away, or with why it cannot be made */
  make(path: string): Promise<(() => Promise<void>) | string>;
}

const SPECIALS: readonly Special[] = [
  {
    what: 'a named pipe',
    make: async (path) => {
      execFileSync('mkfifo', [path]);
      return async () => undefined;
    },
  },
  {
    what: 'a socket',
    make: async (path) => {
      const server = createServer().listen(path);
      await once(server, 'listening');
      return async () => {
        server.close();
        await once(server, 'close');
      };
    },
  },
  {
    what: 'a character device',
    make: async (path) => {
      const done = spawnSync('mknod', [path, 'c', '1', '3'], { encoding: 'utf8' });
      return done.status === 0 ? async () => undefined : `no device can be made here: ${done.stderr}`;
    },
  },
];

const HUNKS: readonly (readonly [string, readonly string[]])[] = [
  ['add', ['*** Add File: p', '+x']],
  ['add through a link', ['*** Add File: l', '+x']],
  ['update', ['*** Update File: p', ...A_TO_B]],
  ['move onto it', ['*** Update File: g', '*** Move to: p', ...A_TO_B]],
  ['delete', ['*** Delete File: p']],
];

async function refuses(at: Place, what: string): Promise<void> {
  const before = await lstat(join(at.dir, 'p'));
  for (const [name, hunk] of HUNKS) {
    for (const atomic of [true, false]) {
      const reply = await at.patch(wrap(...hunk), { atomic });
      assert.deepEqual([reply.exitCode, reply.failure?.code, reply.stdout], [1, 'NOT_A_FILE', ''], name);
      assert.match(reply.stderr, new RegExp(`${at.dir}/[pl]\\b[^]*It is ${what}, not a regular file`, 'u'), name);
    }
    const after = await lstat(join(at.dir, 'p'));
    assert.deepEqual([after.ino, after.mode, after.ctimeMs], [before.ino, before.mode, before.ctimeMs], name);
  }
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'g', 'l', 'p']);
}

for (const special of SPECIALS) {
  verifies(
    'patch.write.special-file',
    async (context) => {
      await using at = await place({ f: 'a\n', g: 'a\n', l: '-> p' });
      const end = await special.make(join(at.dir, 'p'));
      if (typeof end === 'string') {
        context.skip(end);
        return;
      }
      try {
        await refuses(at, special.what);
      } finally {
        await end();
      }
    },
    { cell: special.what },
  );
}

verifies(
  'patch.write.special-file',
  async () => {
    await using at = await place({ f: 'a\n' });
    execFileSync('mkfifo', [join(at.dir, 'p')]);
    const run = (patch: string) =>
      spawnSync(process.execPath, [PROGRAM], { cwd: at.dir, input: patch, encoding: 'utf8' });
    for (const hunk of [['*** Add File: p', '+x'], ['*** Delete File: p']]) {
      const done = run(wrap('*** Update File: f', ...A_TO_B, ...hunk));
      assert.deepEqual([done.status, done.stdout], [1, '']);
      assert.match(done.stderr, /\/p\nIt is a named pipe/u);
    }
    assert.ok((await lstat(join(at.dir, 'p'))).isFIFO());
    assert.equal(run(wrap('*** Update File: f', ...A_TO_B)).status, 0, 'nothing of the patch before was done');
  },
  { cell: 'on the command line' },
);

verifies(
  'patch.write.special-file',
  async () => {
    await using at = await place({ f: 'a\n' });
    const path = join(at.dir, 'p');
    for (const content of [Buffer.from('x'), null]) {
      const change = { path, content, modeFrom: null };
      const late = new Transaction();
      await late.stage([change]);
      execFileSync('mkfifo', [path]);
      await assert.rejects(late.commit([change]), /p is a named pipe/u);
      await late.rollback();
      assert.ok((await lstat(path)).isFIFO());
      await assert.rejects(
        new Transaction().stage([{ path, content: Buffer.from('x'), modeFrom: null }]),
        /named pipe/u,
      );
      execFileSync('rm', [path]);
    }
    assert.deepEqual(await readdir(at.dir), ['f']);
  },
  { cell: 'put there after the patch was planned' },
);

verifies('patch.fail.cause', async () => {
  await using at = await place({ f: 'a\nb\nc\n', 'd/x': '1\n', w: '\xff\xfe\0\0a\0\0\0' });
  const code = async (...hunk: readonly string[]) => {
    const reply = await at.patch(wrap(...hunk), { clobber: false });
    return [reply.failure?.code, reply.stderr];
  };
  assert.deepEqual((await code('*** Add File: f', '+x'))[0], 'FILE_EXISTS');
  assert.deepEqual((await code('*** Add File: d', '+x'))[0], 'NOT_A_FILE');
  assert.deepEqual((await code('*** Delete File: d'))[0], 'NOT_A_FILE');
  assert.deepEqual((await code('*** Add File: f/x', '+x'))[0], 'NOT_A_FILE');
  assert.deepEqual((await code('*** Update File: w', ...A_TO_B))[0], 'FILE_UNUSABLE');
  assert.deepEqual((await code(`*** Add File: ${'n'.repeat(300)}`, '+x'))[0], 'FILE_UNUSABLE');
  for (const path of ['new/', 'f/', 'new/.']) {
    const [folder, text] = await code(`*** Add File: ${path}`, '+x');
    assert.equal(folder, 'NOT_A_FILE', path);
    assert.match(text ?? '', /ends in '\/'/u);
  }
  const [failed, text] = await code('*** Update File: f', '@@', '-qqqq', '+x');
  assert.equal(failed, 'PATCH_FAILED');
  assert.match(text ?? '', /\/f:\nqqqq\n.*line 3 of the patch/u);
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['d', 'f', 'w']);
  for (const other of ['FILE_EXISTS', 'FILE_UNUSABLE', 'NOT_A_FILE'] as const)
    assert.notEqual(HINT[other], HINT.PATCH_FAILED);
});

verifies(
  'patch.fail.cause',
  async () => {
    await using at = await place({ f: 'a\nb\nc\n', g: 'def f():\n  x\n' });
    const overlapping = await at.update('f', '@@', ' a', '-b', '+B', '@@', '-b', '-c', '+C');
    assert.match(overlapping.stderr, /Overlap: this stands at line 2, of which the chunk at line 3 of the patch/u);
    const repeated = await at.update('g', '@@ def f():', ' def f():', '-  x', '+  y');
    assert.match(repeated.stderr, /stands at line 1, but the search begins after line 1, because of the @@ line/u);
    assert.deepEqual([overlapping.exitCode, repeated.exitCode], [1, 1]);
  },
  { cell: 'lines that are out of reach' },
);

verifies(
  'patch.fail.cause',
  async () => {
    await using at = await place({ f: ['0o444', 'a\n'] });
    const reply = await at.update('f', ...A_TO_B);
    assert.equal(reply.failure?.code, 'FILE_UNUSABLE');
    assert.match(reply.stderr, /Permission denied/u);
  },
  { cell: 'missing rights', skip: IS_ROOT && 'root may write every file' },
);

verifies(
  'patch.fail.cause',
  async () => {
    await using at = await place({ 'd/f': 'a\n' });
    for (const cwd of ['d/no/where', 'd/f', 'd/f/x']) {
      const request = { patch: wrap('*** Add File: n', '+x'), cwd: join(at.dir, cwd), workspace: null, profile: null };
      await assert.rejects(
        applyPatch({ ...request, options: { atomic: true, strict: false, clobber: true } }, new PathLocks()),
        (fault) =>
          fault instanceof AgentboxError && fault.code === 'WORKDIR_NOT_FOUND' && fault.message.includes(`${at.dir}/d`),
      );
    }
    assert.deepEqual({ ...(await at.tree()) }, { 'd/f': 'a\n' });
  },
  { cell: 'a working directory that does not exist' },
);

verifies('patch.fail.remains', async () => {
  await using at = await place({ f: 'a\n', same: 'a\n' });
  const hunks = ['*** Update File: f', ...A_TO_B, '*** Update File: same', '@@', ' a', '*** Add File: n', '+x'];
  const patch = wrap(...hunks, '*** Delete File: nope');
  const atomic = await at.patch(patch);
  assert.doesNotMatch(atomic.stderr, /stay/u);
  const reply = await at.patch(patch, { atomic: false });
  assert.match(
    reply.stderr,
    /^Failed to delete file .*\/nope\nThe hunks before this one were carried out and stay: f, n\n$/u,
  );
  assert.deepEqual({ ...(await at.tree()) }, { f: 'A\n', n: 'x\n', same: 'a\n' });
});

verifies('patch.jail.unlink', async () => {
  await using at = await place({ secret: 's\n', 'w/f': 'a\n', 'w/out': '-> ../secret', 'w/gone': '-> ../nowhere' });
  await symlink('..', join(at.dir, 'w/up'));
  const jail = await placeAt(join(at.dir, 'w'));
  for (const name of ['out', 'gone', 'up']) {
    const reply = await jail.patch(wrap(`*** Delete File: ${name}`), { workspace: jail.dir });
    assert.equal(reply.exitCode, 0, reply.stderr);
  }
  const outside = await jail.patch(wrap('*** Delete File: ../secret'), { workspace: jail.dir });
  assert.equal(outside.failure?.code, 'PATH_FORBIDDEN');
  assert.deepEqual({ ...(await at.tree()) }, { secret: 's\n', 'w/f': 'a\n' });
});

verifies('patch.limits.sum', async () => {
  await using at = await place({ f: '123', g: '456' });
  const budget = { left: 5 };
  const nodes = [];
  for (const name of ['f', 'g', 'f']) {
    nodes.push((await observe(new Paths(), at.dir, name, null, budget)).facts.node);
  }
  const reason = `the files of the patch have more than ${MAX_READ_BYTES} bytes together; send it in parts`;
  assert.deepEqual(
    nodes.map((node) => (node.kind === 'unreadable' ? node.reason : node.kind)),
    ['file', reason, reason],
  );
  assert.equal(budget.left, 2);
});
