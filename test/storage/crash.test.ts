/** What is left of the record when its writer is killed, and when the disk is full. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyAudit } from '@agentbox/control-plane';
import { type OpenedStores, openStores } from '@agentbox/storage';
import { verifies } from '../requirements/verifies.ts';
import { type Program, sqliteHome, startProgram } from './sqlite-home.ts';

const KILLS = 20;

async function lastSeq(stores: OpenedStores): Promise<number> {
  let head = { seq: 0, hash: '0'.repeat(64) };
  for (;;) {
    const page = await stores.audit.read(head.seq + 1, 1000);
    if (page.length === 0) return head.seq;
    const verification = verifyAudit(page, head);
    assert.equal(verification.kind, 'intact');
    assert.ok(verification.kind === 'intact' && verification.head !== null);
    head = verification.head;
  }
}

/** kills the writer after some acknowledgements; answers the largest number it said was durable */
async function killWhileWriting(path: string, acknowledgements: number): Promise<number> {
  let largest = 0;
  let count = 0;
  const enough = Promise.withResolvers<void>();
  await using program = startProgram('appends-until-killed', [path], undefined, (line) => {
    largest = Math.max(largest, Number(line));
    count += 1;
    if (count === acknowledgements) enough.resolve();
  });
  program.process.once('exit', () => enough.reject(new Error(`ended before it was killed: ${program.stderr()}`)));
  await enough.promise;
  program.process.removeAllListeners('exit');
  program.process.kill('SIGKILL');
  await once(program.process, 'close');
  return largest;
}

verifies(
  'storage.durable.kill-9',
  async () => {
    using home = sqliteHome();
    for (let kill = 0; kill < KILLS; kill += 1) {
      const acknowledged = await killWhileWriting(home.path, 20 + kill * 13);
      await using stores = await openStores({ kind: 'sqlite', path: home.path, clock: Date.now });
      const stored = await lastSeq(stores);
      assert.ok(stored >= acknowledged, `kill ${kill}: ${acknowledged} acknowledged, ${stored} stored`);
    }
  },
  { timeout: 300_000 },
);

const canRaiseLimits = spawnSync('prlimit', ['--version']).status === 0;

async function fillAndFree(program: Program, free: () => void): Promise<void> {
  const full: unknown = JSON.parse(await program.line());
  assert.deepEqual(Reflect.get(Object(full), 'second'), { code: 'DISK_FULL', written: 0 });
  const filled: unknown = Reflect.get(Object(full), 'filled');
  assert.equal(Reflect.get(Object(filled), 'code'), 'DISK_FULL');
  const written = Number(Reflect.get(Object(filled), 'written'));
  assert.ok(written > 0);
  free();
  program.process.stdin.write('go on\n');
  assert.deepEqual(JSON.parse(await program.line()), {
    after: { code: 'WRITTEN', written: 3 },
    records: written + 3,
    verification: 'intact',
  });
}

verifies(
  'storage.durable.full-disk',
  async () => {
    using home = sqliteHome();
    await using program = startProgram('fills-the-disk', [home.path], 512);
    await fillAndFree(program, () => {
      execFileSync('prlimit', ['--pid', String(program.process.pid), '--fsize=unlimited:']);
    });
  },
  { cell: 'a limit on the size of files', timeout: 60_000, skip: !canRaiseLimits && 'needs prlimit of util-linux' },
);

/** a folder on a disk of 3 MiB, or undefined where this user may not mount one */
function tinyDisk(): (Disposable & { readonly folder: string }) | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'agentbox-storage-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder]).status === 0;
  if (!mounted) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  return {
    folder,
    [Symbol.dispose]: () => {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

const canMount = ((): boolean => {
  using disk = tinyDisk();
  return disk !== undefined;
})();

verifies(
  'storage.durable.full-disk',
  async () => {
    using disk = tinyDisk();
    assert.ok(disk !== undefined);
    const ballast = join(disk.folder, 'ballast');
    writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024, 1));
    await using program = startProgram('fills-the-disk', [join(disk.folder, 'home', 'agentbox.db')]);
    await fillAndFree(program, () => rmSync(ballast));
    program.process.stdin.end();
    await once(program.process, 'exit');
  },
  { cell: 'a disk without space', timeout: 60_000, skip: !canMount && 'needs the right to mount a tmpfs' },
);
