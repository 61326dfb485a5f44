/** Homes and workspaces in all the places where people keep them: a sandbox starts, and what it writes is there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { verifies } from '../requirements/verifies.ts';
import { type Box, openBox, unavailable } from './harness.ts';

const notRoot = process.getuid?.() === 0 ? unavailable : 'only root makes directories there';

const DEEP = Array.from({ length: 200 }, (_, at) => `d${at}`).join('/');

/** `parent`: where a directory of this test's own is made; `below`: what is made in it. */
const PLACES: readonly (readonly [cell: string, parent: string, below: string])[] = [
  ['/tmp', '/tmp', ''],
  ['/var/tmp', '/var/tmp', ''],
  ['/srv', '/srv', ''],
  ['a directory of the root', '/', ''],
  ['/var/lib', '/var/lib', ''],
  ['/opt', '/opt', 'a'],
  ['/mnt', '/mnt', 'a/b'],
  ['/home', '/home', ''],
  ['spaces, quotes and other alphabets', '/tmp', `with space/'q'/"dq"/ünï 日本/a$b\`c\`\\d`],
  ['a line break', '/tmp', 'new\nline\ttab'],
  ['200 levels', '/tmp', DEEP],
];

const SCRIPT =
  'echo kept > file && echo own > ~/own && cat ~/own && echo t > /tmp/t && cat /var/tmp/t && echo v > /var/tmp/v && cat /tmp/v';

function works(box: Box): void {
  const { code, stdout, stderr } = box.sh(SCRIPT);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'own\nt\nv\n', stderr: '' });
  assert.equal(readFileSync(path.join(box.workspace, 'file'), 'utf8'), 'kept\n');
  assert.equal(readFileSync(path.join(box.base, 'private/home/own'), 'utf8'), 'own\n');
  assert.notEqual(box.sh(`cat ${path.join('..', 'notes.txt')}`).code, 0, 'the home itself is not shown');
}

function worksIn(folder: string): void {
  using box = openBox(folder);
  works(box);
}

for (const [cell, parent, below] of PLACES) {
  const skip = parent.endsWith('tmp') ? unavailable : notRoot;
  verifies(
    'sandbox.places.anywhere',
    () => {
      const own = mkdtempSync(path.join(parent, 'agentbox-place-'));
      try {
        mkdirSync(path.join(own, below), { recursive: true });
        worksIn(path.join(own, below));
      } finally {
        rmSync(own, { recursive: true });
      }
    },
    { cell, skip },
  );
}

const mount = (...words: readonly string[]): boolean => spawnSync('mount', words).status === 0;
const unmount = (at: string): void => void spawnSync('umount', ['-l', at]);

/** An own mount on `at`; false where this machine does not let it be made. */
const MOUNTS: readonly (readonly [cell: string, make: (at: string, beside: string) => boolean])[] = [
  ['a file system of its own', (at) => mount('-t', 'tmpfs', 'none', at)],
  ['a bind mount', (at, beside) => mount('--bind', beside, at)],
  [
    'an overlay',
    (at, beside) => {
      if (!mount('-t', 'tmpfs', 'none', beside)) return false;
      for (const name of ['lower', 'upper', 'work']) mkdirSync(path.join(beside, name));
      const parts = ['lower', 'upper', 'work'].map((name) => `${name}dir=${path.join(beside, name)}`);
      return mount('-t', 'overlay', '-o', parts.join(), 'none', at);
    },
  ],
];

for (const [cell, make] of MOUNTS) {
  verifies(
    'sandbox.places.anywhere',
    (context) => {
      const own = mkdtempSync('/tmp/agentbox-place-');
      const [at, beside] = [path.join(own, 'at'), path.join(own, 'beside')];
      for (const folder of [at, beside]) mkdirSync(folder);
      try {
        if (make(at, beside)) worksIn(at);
        else context.skip('mounting is not allowed here');
      } finally {
        unmount(at);
        unmount(beside);
        rmSync(own, { recursive: true });
      }
    },
    { cell, skip: notRoot },
  );
}
