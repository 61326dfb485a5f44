/** What is mounted is exchanged for a link after it was looked at and before it is mounted: then nothing runs. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Placeholders } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { type Box, CANARY, openBox, put, unavailable } from '../sandbox/harness.ts';
import { runGuarded } from './launch.ts';

const skip = unavailable;

/** A directory of the host that no sandbox shows. */
const secretOf = (box: Box): string => join(box.base, 'secret');

interface Outcome {
  readonly ran: boolean;
  readonly output: string;
  readonly failed: string;
}

/** `exchange` happens when all was looked at. */
async function launched(box: Box, script: string, exchange: () => void): Promise<Outcome> {
  const planned = box.launch();
  assert.ok(planned.kind === 'launch');
  const hold = new Placeholders().hold(planned.placeholders);
  try {
    exchange();
    const run = await runGuarded(`echo ran; ${script}`, {
      folder: box.workspace,
      cwd: planned.cwd,
      plan: planned.plan,
      argv: ['/bin/sh', '-c', `echo ran; ${script}`],
    });
    return { ran: run.stdout.includes('ran'), output: run.output, failed: run.said.failed.join() };
  } finally {
    hold.release();
  }
}

function exchanged(box: Box, name: string): () => void {
  return () => {
    renameSync(join(box.workspace, name), join(box.workspace, 'away'));
    symlinkSync('../../secret', join(box.workspace, name));
  };
}

const GUARDED: readonly (readonly [cell: string, name: string, prepare: (box: Box) => void])[] = [
  ['a folder that is read-only', '.vscode', (box) => put(join(box.workspace, '.vscode/tasks.json'), '{}')],
  [
    'a folder that is pinned',
    'cw',
    (box) => {
      put(join(box.workspace, '.git/config'), '[core]\n\thooksPath = cw/hooks\n');
      put(join(box.workspace, '.git/HEAD'), 'ref: refs/heads/main\n');
      put(join(box.workspace, 'cw/hooks/pre-commit'), 'true\n');
    },
  ],
  [
    'the repository itself',
    '.git',
    (box) => {
      put(join(box.workspace, '.git/config'), '[core]\n');
      put(join(box.workspace, '.git/hooks/x'), '');
    },
  ],
];

for (const [cell, name, prepare] of GUARDED) {
  verifies(
    'guard.start.exchanged',
    async () => {
      using box = openBox();
      prepare(box);
      for (const file of ['hooks/pre-commit', 'config', 'commondir', 'tasks.json'])
        put(join(secretOf(box), file), CANARY);
      const before = readdirSync(secretOf(box)).toSorted();
      const script = `cat ${name}/tasks.json ${name}/config; echo planted > ${name}/planted`;
      const { ran, output, failed } = await launched(box, script, exchanged(box, name));
      assert.equal(ran, false, output);
      assert.match(failed, /was exchanged while the sandbox was set up|bwrap: /);
      assert.doesNotMatch(output, new RegExp(CANARY));
      assert.deepEqual(readdirSync(secretOf(box)).toSorted(), before);
    },
    { cell, skip },
  );
}

verifies(
  'guard.start.exchanged',
  async () => {
    using box = openBox();
    put(join(box.workspace, '.vscode/tasks.json'), 'mine');
    const script = 'cat .vscode/tasks.json; echo x > .vscode/tasks.json';
    const { ran, output } = await launched(box, script, () => undefined);
    assert.equal(ran, true, output);
    assert.match(output, /mine/);
    assert.equal(readFileSync(join(box.workspace, '.vscode/tasks.json'), 'utf8'), 'mine');
  },
  { cell: 'nothing', skip },
);

const LINKS: readonly (readonly [cell: string, place: string, names: string])[] = [
  ['the private home', 'private/home', '.config'],
  ['the private home, further down', 'private/home', '.local/share'],
  ['the private /tmp', 'private/tmp', ''],
];

for (const [cell, place, names] of LINKS) {
  verifies(
    'guard.start.private-links',
    async () => {
      // Below the private /tmp there are the folders above the workspace, which lies in the /tmp of the host.
      using box = openBox('/tmp');
      const [first = ''] = names === '' ? box.base.split('/').slice(2) : [names];
      put(join(box.realHome, '.config/pip/pip.conf'), '[global]\n');
      put(join(box.realHome, '.local/share/mise/installs/x'), '');
      mkdirSync(secretOf(box));
      const link = join(box.base, place, first);
      for (const target of [`/oldroot${secretOf(box)}`, `../../../../../../../oldroot${secretOf(box)}`]) {
        rmSync(link, { recursive: true, force: true });
        mkdirSync(join(link, '..'), { recursive: true });
        symlinkSync(target, link);
        const { ran, output } = await launched(box, `cat ${box.realHome}/.config/pip/pip.conf; pwd`, () => undefined);
        assert.equal(ran, true, output);
        assert.match(output, /\[global\]/);
        assert.deepEqual(readdirSync(secretOf(box)), [], 'something was made outside');
      }
    },
    { cell, skip },
  );
}

verifies(
  'guard.start.private-links',
  async () => {
    using box = openBox();
    put(join(box.realHome, '.config/pip/pip.conf'), '[global]\n');
    mkdirSync(secretOf(box));
    const link = join(box.base, 'private/home/.config');
    const { ran } = await launched(box, 'true', () => {
      rmSync(link, { recursive: true, force: true });
      symlinkSync(`/oldroot${secretOf(box)}`, link);
    });
    assert.equal(ran, false);
  },
  { cell: 'put there while it is launched', skip },
);

verifies(
  'guard.start.private-links',
  () => {
    using box = openBox();
    mkdirSync(secretOf(box));
    symlinkSync(secretOf(box), join(box.workspace, 'link'));
    const at = join(box.workspace, 'link/hooks');
    const hold = new Placeholders().hold([
      { path: at, content: null },
      { path: `${at}.file`, content: '' },
    ]);
    assert.deepEqual(readdirSync(secretOf(box)), []);
    put(join(secretOf(box), 'hooks.file'), '');
    hold.release();
    assert.equal(existsSync(join(secretOf(box), 'hooks.file')), true);
  },
  { cell: 'on the way to a placeholder' },
);
