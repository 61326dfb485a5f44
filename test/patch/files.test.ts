/** What patches do to real files: modes, links, folders, rollback, locks and the walls of the workspace. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { watch } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentboxError } from '@agentbox/protocol';
import { OpenFolders } from '../../packages/boxd/src/files/folder.ts';
import { applyPatch, PathLocks } from '../../packages/boxd/src/files/index.ts';
import { MAX_PATCH_BYTES, MAX_WAITING } from '../../packages/boxd/src/files/limits.ts';
import { readRegularFile } from '../../packages/boxd/src/files/read.ts';
import { Transaction } from '../../packages/boxd/src/files/transaction.ts';
import { verifies } from '../requirements/verifies.ts';
import { type Place, place, placeAt, readTree, wrap } from './sandbox-tree.ts';

const IS_ROOT = process.geteuid?.() === 0;
const A_TO_B = ['@@', '-a', '+A'];

verifies('patch.write.mode-and-owner', async () => {
  await using at = await place({ f: ['0o4751', 'a\n'] });
  if (IS_ROOT) execFileSync('chown', ['1234:4321', join(at.dir, 'f')]);
  await chmod(join(at.dir, 'f'), 0o4751);
  const before = await lstat(join(at.dir, 'f'));
  assert.equal((await at.update('f', '*** Move to: g', ...A_TO_B)).exitCode, 0);
  assert.equal((await at.update('g', '@@', '-A', '+B')).exitCode, 0);
  const after = await lstat(join(at.dir, 'g'));
  assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid]);
});

verifies(
  'patch.write.mode-and-owner',
  async () => {
    await using at = await place();
    const old = process.umask(0o027);
    try {
      await at.patch(wrap('*** Add File: n', '+x'));
    } finally {
      process.umask(old);
    }
    assert.equal((await lstat(join(at.dir, 'n'))).mode & 0o777, 0o640);
  },
  { cell: 'a new file takes the umask' },
);

verifies(
  'patch.write.mode-and-owner',
  async () => {
    await using at = await place({ f: ['0o755', 'a\n'] });
    const reply = await at.patch(wrap('*** Update File: f', '*** Move to: g', ...A_TO_B, '*** Add File: f/x', '+1'));
    assert.equal(reply.exitCode, 0, reply.stderr);
    assert.deepEqual({ ...(await at.tree()) }, { 'f/x': '1\n', g: ['0o755', 'A\n'] });
    assert.deepEqual(reply.notes, [], 'nothing was overwritten');
  },
  { cell: 'a file that gives way to a folder takes its mode with it' },
);

verifies('patch.write.links', async () => {
  await using at = await place({ 'd/t': 'a\n', l: '-> d/t', m: '-> l' });
  assert.equal((await at.update('m', ...A_TO_B)).exitCode, 0);
  assert.deepEqual({ ...(await at.tree()) }, { 'd/t': 'A\n', l: '-> d/t', m: '-> l' });
  assert.equal((await at.patch(wrap('*** Delete File: l'))).exitCode, 0);
  assert.deepEqual({ ...(await at.tree()) }, { 'd/t': 'A\n', m: '-> l' });
});

verifies(
  'patch.write.links',
  async () => {
    await using at = await place({ t: 'a\n', l: '-> t' });
    assert.equal((await at.update('l', '*** Move to: n', ...A_TO_B)).exitCode, 0);
    assert.deepEqual({ ...(await at.tree()) }, { n: 'A\n', t: 'a\n' });
  },
  { cell: 'moving a link takes the link away and leaves its file' },
);

/** `f` and `other` are one file. */
async function placeLinked(content: string): Promise<Place & { readonly inode: number }> {
  const at = await place({ f: content, g: 'g\n' });
  await link(join(at.dir, 'f'), join(at.dir, 'other'));
  await chmod(join(at.dir, 'f'), 0o640);
  return { ...at, inode: (await lstat(join(at.dir, 'f'))).ino };
}

verifies('patch.write.hard-links', async () => {
  await using at = await placeLinked('a\nb\n');
  const reply = await at.patch(wrap('*** Update File: f', ...A_TO_B, '*** Add File: n', '+x'));
  assert.equal(reply.exitCode, 0, reply.stderr);
  assert.deepEqual({ ...(await at.tree()) }, { f: 'A\nb\n', g: 'g\n', n: 'x\n', other: 'A\nb\n' });
  const after = await lstat(join(at.dir, 'other'));
  assert.deepEqual([after.ino, after.nlink, after.mode & 0o777], [at.inode, 2, 0o640]);
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'g', 'n', 'other']);
});

verifies(
  'patch.write.hard-links',
  async () => {
    await using at = await placeLinked('a\nb\n');
    await at.update('g', '*** Move to: f', '@@', '-g', '+moved');
    assert.equal((await lstat(join(at.dir, 'f'))).ino, at.inode);
    await at.patch(wrap('*** Add File: other', '+added'));
    assert.deepEqual({ ...(await at.tree()) }, { f: 'added\n', other: 'added\n' });
    await at.patch(wrap('*** Delete File: f'));
    assert.deepEqual({ ...(await at.tree()) }, { other: 'added\n' });
  },
  { cell: 'a move onto one and an Add over one write into it, a delete takes one name' },
);

verifies(
  'patch.write.hard-links',
  async () => {
    await using at = await placeLinked('a\nb\n');
    const transaction = new Transaction();
    const changes = [
      { path: join(at.dir, 'f'), content: Buffer.from('shorter'), modeFrom: join(at.dir, 'f') },
      { path: join(at.dir, 'g'), content: Buffer.from('new\n'), modeFrom: join(at.dir, 'g') },
      { path: join(at.dir, 'missing'), content: null, modeFrom: null },
    ];
    await transaction.stage(changes);
    await assert.rejects(transaction.commit(changes), /ENOENT at .*\/missing/u);
    assert.equal(await readFile(join(at.dir, 'other'), 'utf8'), 'shorter', 'the failure comes after the writing');
    assert.deepEqual(await transaction.rollback(), []);
    assert.deepEqual({ ...(await at.tree()) }, { f: 'a\nb\n', g: 'g\n', other: 'a\nb\n' });
    assert.equal((await lstat(join(at.dir, 'f'))).ino, at.inode);
    assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'g', 'other']);
  },
  { cell: 'put back whole when a later change fails' },
);

verifies('patch.write.folders', async () => {
  await using at = await place({ f: 'a\n' });
  assert.equal((await at.patch(wrap('*** Add File: p/q/n', '+x'))).exitCode, 0);
  assert.deepEqual({ ...(await at.tree()) }, { f: 'a\n', 'p/q/n': 'x\n' });
  const failing = new Transaction();
  const bytes = Buffer.from('x');
  const changes = [
    { path: join(at.dir, 'r/s/n'), content: bytes, modeFrom: null },
    { path: join(at.dir, 'f/x'), content: bytes, modeFrom: null },
  ];
  await assert.rejects(failing.stage(changes), /ENOTDIR|EEXIST/u);
  assert.deepEqual(await failing.rollback(), []);
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'p']);
  // The first of two new folders is made, the second cannot be.
  const halfway = new Transaction();
  const tooLong = [{ path: join(at.dir, 's', 'n'.repeat(256), 'x'), content: bytes, modeFrom: null }];
  await assert.rejects(halfway.stage(tooLong), /ENAMETOOLONG/u);
  assert.deepEqual(await halfway.rollback(), []);
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'p']);
});

verifies(
  'patch.write.read-only-file',
  async () => {
    await using at = await place({ f: 'a\n' });
    await chmod(join(at.dir, 'f'), 0o444);
    const reply = await at.update('f', ...A_TO_B);
    assert.equal(reply.exitCode, 1);
    assert.match(reply.stderr, /Failed to write file .*\/f: Permission denied \(os error 13\)/u);
    assert.deepEqual({ ...(await at.tree()) }, { f: 'a\n' });
  },
  { skip: IS_ROOT && 'root may write every file' },
);

function mountTmpfs(dir: string, options: string): string | null {
  if (!IS_ROOT) return 'needs root to mount a small file system';
  const done = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'agentbox-test', dir], { encoding: 'utf8' });
  return done.status === 0 ? null : `mount is not allowed here: ${done.stderr}`;
}

verifies('patch.atomic.disk-full', async (context) => {
  const dir = await mkdtemp(join(tmpdir(), 'agentbox-full-'));
  const why = mountTmpfs(dir, 'size=256k');
  if (why !== null) {
    await rm(dir, { recursive: true });
    context.skip(why);
    return;
  }
  try {
    const at = await placeAt(dir, { a: 'a\n', b: 'a\n', 'old/x': '1\n' });
    const before = await at.tree();
    const big = Array.from({ length: 400 }, (_, index) => `+${index}${'x'.repeat(1000)}`);
    const reply = await at.patch(
      wrap(
        '*** Update File: a',
        ...A_TO_B,
        '*** Delete File: b',
        '*** Add File: new/y',
        '+2',
        '*** Add File: big',
        ...big,
      ),
    );
    assert.equal(reply.failure?.code, 'DISK_FULL');
    assert.match(reply.stderr, /Failed to write file .*\/big: No space left on device \(os error 28\)/u);
    assert.deepEqual(await at.tree(), before);
    assert.deepEqual((await readdir(dir)).toSorted(), ['a', 'b', 'old']);
  } finally {
    execFileSync('umount', [dir]);
    await rm(dir, { recursive: true });
  }
});

verifies('patch.atomic.no-right', async (context) => {
  await using at = await place({ f: 'a\n', 'shut/x': '1\n' });
  const shut = join(at.dir, 'shut');
  const why = IS_ROOT ? mountTmpfs(shut, 'ro') : null;
  if (why !== null) {
    context.skip(why);
    return;
  }
  if (!IS_ROOT) await chmod(shut, 0o555);
  try {
    const reply = await at.patch(
      wrap('*** Update File: f', ...A_TO_B, '*** Add File: n', '+1', '*** Add File: shut/y', '+2'),
    );
    assert.equal(reply.exitCode, 1);
    assert.match(reply.stderr, /Failed to write file .*\/shut\/y: (Permission denied|Read-only file system)/u);
    assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'shut']);
    assert.equal(await readFile(join(at.dir, 'f'), 'utf8'), 'a\n');
  } finally {
    if (IS_ROOT) execFileSync('umount', [shut]);
    else await chmod(shut, 0o755);
  }
});

verifies('patch.atomic.no-leftovers', async () => {
  await using at = await place({ f: 'a\n', g: 'a\n', h: 'a\n' });
  await at.patch(
    wrap('*** Update File: f', ...A_TO_B, '*** Delete File: g', '*** Update File: h', '*** Move to: i', ...A_TO_B),
  );
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f', 'i']);
  const transaction = new Transaction();
  const changes = ['f', 'i', 'new'].map((name) => ({
    path: join(at.dir, name),
    content: Buffer.from('2'),
    modeFrom: null,
  }));
  await transaction.stage(changes);
  await transaction.commit(changes);
  await transaction.commit([{ path: join(at.dir, 'f'), content: null, modeFrom: null }]).catch(() => undefined);
  assert.deepEqual(await transaction.rollback(), []);
  assert.deepEqual({ ...(await at.tree()) }, { f: 'A\n', i: 'A\n' });
});

verifies('patch.atomic.no-lost-content', async () => {
  await using at = await place({ f: 'a\n', g: 'b\n' });
  const looks: Promise<boolean>[] = [];
  const whole = async (): Promise<boolean> => {
    const contents = Object.values(await readTree(at.dir).catch(() => ({ skipped: 'a\n', too: 'b\n' })));
    const old = contents.includes('a\n') && contents.includes('b\n');
    return old || (contents.includes('A\n') && (contents.includes('b\n') || contents.includes('B\n')));
  };
  const watcher = watch(at.dir, () => void looks.push(whole()));
  await at.patch(wrap('*** Update File: f', ...A_TO_B, '*** Update File: g', '*** Move to: h', '@@', '-b', '+B'));
  await delay(50);
  watcher.close();
  assert.ok(looks.length > 0);
  assert.ok((await Promise.all(looks)).every(Boolean), 'a moment without one of the contents');
});

verifies(
  'patch.atomic.in-place',
  async () => {
    await using at = await place({ 'shut/f': 'abc\n', 'shut/g': '1\n' });
    await chmod(join(at.dir, 'shut'), 0o555);
    try {
      const done = await at.update('shut/f', '@@', '-abc', '+X');
      assert.equal(done.exitCode, 0, done.stderr);
      assert.deepEqual({ ...(await at.tree()) }, { 'shut/f': 'X\n', 'shut/g': '1\n' });
      const failed = await at.patch(wrap('*** Update File: shut/f', '@@', '-X', '+Y', '*** Delete File: shut/g'));
      assert.equal(failed.exitCode, 1);
      assert.deepEqual({ ...(await at.tree()) }, { 'shut/f': 'X\n', 'shut/g': '1\n' });
    } finally {
      await chmod(join(at.dir, 'shut'), 0o755);
    }
  },
  { skip: IS_ROOT && 'no folder is shut for root' },
);

verifies('patch.locks.same-file', async () => {
  await using at = await place({ f: 'start\n', l: '-> f' });
  const locks = new PathLocks();
  const options = { atomic: true, strict: false, clobber: true };
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) => {
      const patch = wrap(`*** Update File: ${index % 2 === 0 ? 'f' : 'l'}`, '@@', `+${index}`);
      return applyPatch({ patch, cwd: at.dir, workspace: null, profile: null, options }, locks);
    }),
  );
  assert.ok(replies.every((reply) => reply.exitCode === 0));
  const lines = (await readFile(join(at.dir, 'f'), 'utf8')).trim().split('\n');
  assert.deepEqual(new Set(lines.slice(1)), new Set(Array.from({ length: 40 }, (_, index) => String(index))));
  assert.equal(locks.size, 0);
});

verifies(
  'patch.locks.same-file',
  async () => {
    const locks = new PathLocks();
    const gate = Promise.withResolvers<void>();
    const waiting = Array.from({ length: MAX_WAITING }, () => locks.run(['/x', '/y'], () => gate.promise));
    await assert.rejects(
      locks.run(['/y'], async () => undefined),
      (fault) => fault instanceof AgentboxError && fault.code === 'OVERLOADED',
    );
    gate.resolve();
    await Promise.all(waiting);
    assert.equal(locks.size, 0);
  },
  { cell: 'the queue is bounded' },
);

verifies('patch.locks.changed-meanwhile', async () => {
  await using at = await place({ f: 'a\n' });
  const path = join(at.dir, 'f');
  const stop = new AbortController();
  const other = (async () => {
    for (let index = 0; !stop.signal.aborted; index += 1) {
      await writeFile(`${path}.next`, `a\n${index}\n`);
      await rename(`${path}.next`, path);
      await delay(1);
    }
  })();
  for (let round = 0; round < 20; round += 1) {
    const reply = await at.update('f', '@@', ' a', '+mine');
    assert.ok(reply.exitCode === 0 || /changed each time/u.test(reply.stderr), reply.stderr);
  }
  stop.abort();
  await other;
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['f']);
});

verifies('patch.jail.parents', async () => {
  await using at = await place({ 'w/f': 'a\n', secret: 's\n' });
  const jail = await placeAt(join(at.dir, 'w'));
  for (const path of ['../new', 'x/../../new', join(at.dir, 'new'), '../w2/new']) {
    const reply = await jail.patch(wrap(`*** Add File: ${path}`, '+x'), { workspace: jail.dir });
    assert.equal(reply.failure?.code, 'PATH_FORBIDDEN', path);
    assert.match(reply.stderr, /outside the workspace/u);
  }
  const del = await jail.patch(wrap('*** Delete File: ../secret'), { workspace: jail.dir });
  assert.equal(del.failure?.code, 'PATH_FORBIDDEN');
  const move = await jail.patch(wrap('*** Update File: f', '*** Move to: ../f', ...A_TO_B), { workspace: jail.dir });
  assert.equal(move.failure?.code, 'PATH_FORBIDDEN');
  const inside = await jail.patch(wrap('*** Update File: x/../f', ...A_TO_B), { workspace: jail.dir });
  assert.equal(inside.exitCode, 0, inside.stderr);
  assert.deepEqual({ ...(await at.tree()) }, { secret: 's\n', 'w/f': 'A\n' });
});

verifies('patch.jail.links', async () => {
  await using at = await place({ secret: 'a\n', 'out/x': '1\n', 'w/l': '-> ../secret', 'w/d': '-> ../out' });
  const jail = await placeAt(join(at.dir, 'w'));
  for (const patch of [
    wrap('*** Update File: l', ...A_TO_B),
    wrap('*** Add File: l', '+x'),
    wrap('*** Add File: d/y', '+x'),
    wrap('*** Add File: d/../y', '+x', '*** Delete File: d/x'),
  ]) {
    const reply = await jail.patch(patch, { workspace: jail.dir });
    assert.equal(reply.failure?.code, 'PATH_FORBIDDEN', patch);
    assert.match(reply.stderr, /leads to .*(secret|out)/u);
  }
  assert.deepEqual(
    { ...(await at.tree()) },
    { 'out/x': '1\n', secret: 'a\n', 'w/d': '-> ../out', 'w/l': '-> ../secret' },
  );
});

verifies('patch.jail.dangling', async () => {
  await using at = await place({ 'w/l': '-> ../made', 'w/chain': '-> l', 'w/d': '-> ../nowhere' });
  const jail = await placeAt(join(at.dir, 'w'));
  for (const path of ['l', 'chain', 'd/x']) {
    const reply = await jail.patch(wrap(`*** Add File: ${path}`, '+x'), { workspace: jail.dir });
    assert.equal(reply.exitCode, 1, path);
  }
  assert.deepEqual((await readdir(at.dir)).toSorted(), ['w']);
});

verifies('patch.jail.swapped-folder', async () => {
  await using at = await place({ 'in/f': 'a\n', 'out/f': 'b\n' });
  const folders = new OpenFolders();
  await rename(join(at.dir, 'in'), join(at.dir, 'was'));
  await symlink('out', join(at.dir, 'in'));
  assert.throws(() => folders.safe(join(at.dir, 'in/f')), /ENOTDIR|ELOOP/u);
  await mkdir(join(at.dir, 'out/sub'));
  const forbidden = (fault: unknown): boolean => fault instanceof AgentboxError && fault.code === 'PATH_FORBIDDEN';
  assert.throws(() => folders.safe(join(at.dir, 'in/sub/f')), forbidden);
  assert.throws(() => folders.make(join(at.dir, 'in/sub/new'), 0o777, new Set()), forbidden);
  const safe = folders.safe(join(at.dir, 'was/f'));
  await rename(join(at.dir, 'was'), join(at.dir, 'then'));
  await symlink('out', join(at.dir, 'was'));
  await writeFile(safe, 'mine\n');
  folders.close();
  assert.deepEqual({ ...(await at.tree()) }, { in: '-> out', 'out/f': 'b\n', 'then/f': 'mine\n', was: '-> out' });
});

verifies('patch.limits', async () => {
  await using at = await place();
  const reply = await at.patch('x'.repeat(MAX_PATCH_BYTES + 1));
  assert.equal(reply.failure?.code, 'PATCH_INVALID');
  assert.match(reply.stderr, new RegExp(`the limit is ${MAX_PATCH_BYTES}`, 'u'));
  const nul = await at.patch(wrap('*** Add File: a\0b', '+x'));
  assert.equal(nul.failure?.code, 'PATCH_INVALID');
});

verifies('patch.read.regular', async () => {
  await using at = await place({ f: 'abc', l: '-> f', 'd/x': '1' });
  assert.equal(Buffer.from(await readRegularFile(join(at.dir, 'l'), 10)).toString(), 'abc');
  execFileSync('mkfifo', [join(at.dir, 'p')]);
  await link(join(at.dir, 'f'), join(at.dir, 'hard'));
  for (const [name, code] of [
    ['d', 'FILE_NOT_FOUND'],
    ['p', 'FILE_NOT_FOUND'],
    ['none', 'FILE_NOT_FOUND'],
    ['f/x', 'FILE_NOT_FOUND'],
  ] as const) {
    await assert.rejects(
      readRegularFile(join(at.dir, name), 10),
      (fault) => fault instanceof AgentboxError && fault.code === code,
      name,
    );
  }
  await assert.rejects(readRegularFile(join(at.dir, 'f'), 2), /limit is 2/u);
});
