/** The hash of a file that a process puts something else in the place of, meanwhile or before. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashImage } from '../../packages/boxd/src/guard/image-hash.ts';
import { facts } from '../policy/exec-facts.ts';
import { verifies } from '../requirements/verifies.ts';

const MANY = 40;
/** Far less than a blocked thread would take, which is for ever. */
const SOON_MS = 5000;

function factsOf(file: string) {
  const { dev, ino, size } = statSync(file);
  const image = { kind: 'file', device: dev, inode: ino, size } as const;
  return { ...facts(file, [file]), image, pid: process.pid };
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'guard-image-'));
  try {
    copyFileSync('/bin/true', join(folder, 'rm'));
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Many at once, and the threads that read files are free afterwards. */
async function hashedSoon(image: ReturnType<typeof factsOf>): Promise<readonly string[]> {
  const begun = performance.now();
  const hashes = await Promise.all(Array.from({ length: MANY }, () => hashImage(image)));
  await readFile('/etc/hostname').catch(() => undefined);
  assert.ok(performance.now() - begun < SOON_MS);
  return hashes;
}

const REPLACEMENTS: readonly (readonly [cell: string, replace: (file: string) => void])[] = [
  ['a pipe', (file) => void spawnSync('mkfifo', [file])],
  ['a link to a pipe', (file) => (spawnSync('mkfifo', [`${file}.pipe`]), symlinkSync(`${file}.pipe`, file))],
  ['a link to a file of the host', (file) => symlinkSync('/bin/false', file)],
  ['another file', (file) => copyFileSync('/bin/false', file)],
  ['nothing', () => undefined],
];

for (const [cell, replace] of REPLACEMENTS) {
  verifies(
    'guard.image.bounded',
    () =>
      inFolder(async (folder) => {
        const file = join(folder, 'rm');
        const image = factsOf(file);
        renameSync(file, `${file}.judged`);
        replace(file);
        assert.deepEqual([...new Set(await hashedSoon(image))], ['']);
      }),
    { cell },
  );
}

verifies(
  'guard.image.bounded',
  () =>
    inFolder(async (folder) => {
      const file = join(folder, 'rm');
      const image = factsOf(file);
      const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex');
      assert.deepEqual([...new Set(await hashedSoon(image))], [sha256]);
      spawnSync('mkfifo', [`${file}.pipe`]);
      const script = `import ctypes, sys
call = ctypes.CDLL(None).renameat2
a, b = sys.argv[1].encode(), sys.argv[2].encode()
while True: call(-100, a, -100, b, 2)`;
      const swapper = spawn('/usr/bin/python3', ['-c', script, file, `${file}.pipe`], { stdio: 'ignore' });
      try {
        for (let turn = 0; turn < 10; turn++)
          for (const hash of await hashedSoon(image)) assert.ok(hash === '' || hash === sha256);
      } finally {
        swapper.kill('SIGKILL');
      }
    }),
  {
    cell: 'by turns',
    skip: spawnSync('/usr/bin/python3', ['-V']).status === 0 ? false : 'python is not installed here',
  },
);
