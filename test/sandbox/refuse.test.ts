/** What may not be given away, and how that is said. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { defaultLimits } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { type Box, openBox } from './harness.ts';

interface Cell {
  readonly name: string;
  /** makes what is asked for, and says its path */
  readonly workspace: (box: Box) => string;
  readonly says: RegExp;
  readonly code?: string;
}

const CELLS: readonly Cell[] = [
  {
    name: 'does not exist',
    workspace: (box) => path.join(box.base, 'none'),
    says: /does not exist/,
    code: 'WORKDIR_NOT_FOUND',
  },
  { name: 'a named pipe', workspace: (box) => pipe(path.join(box.base, 'pipe')), says: /neither a directory/ },
  { name: 'the whole machine', workspace: () => '/', says: /whole machine/ },
  { name: 'the home', workspace: (box) => box.realHome, says: /holds the home directory/ },
  { name: 'above the home', workspace: (box) => box.base, says: /holds the home directory/ },
  { name: 'agentbox itself', workspace: (box) => box.agentboxHome, says: /agentbox keeps/ },
  { name: 'in agentbox itself', workspace: (box) => folder(path.join(box.agentboxHome, 'in')), says: /agentbox keeps/ },
  {
    name: 'a link to the system',
    workspace: (box) => link('/usr/share', path.join(box.base, 'link')),
    says: /belongs to the system \(a link/,
  },
  {
    name: 'a link to the root',
    workspace: (box) => link('/', path.join(box.base, 'link')),
    says: /whole machine \(a link/,
  },
  {
    name: 'a link to the home',
    workspace: (box) => link(box.realHome, path.join(box.base, 'link')),
    says: /home directory .* \(a link/,
  },
  {
    name: 'a link anywhere',
    workspace: (box) => link(folder(path.join(box.base, 'real')), path.join(box.base, 'link')),
    says: /is a link/,
  },
  {
    name: 'of another user',
    workspace: (box) => foreign(path.join(box.base, 'theirs')),
    says: /belongs to user|cannot be written/,
  },
  { name: 'dots', workspace: (box) => `${box.workspace}/../..`, says: /holds the home directory/ },
  ...['/proc', '/sys', '/dev', '/dev/shm', '/etc', '/etc/ssl', '/usr', '/usr/local', '/tmp', '/var', '/home'].map(
    (place) => ({
      name: place,
      workspace: () => place,
      says: /belongs to the system|home directory|whole machine/,
    }),
  ),
];

for (const { name, workspace, says, code = 'PATH_FORBIDDEN' } of CELLS) {
  verifies(
    'sandbox.refuse.workspace',
    () => {
      using box = openBox();
      const asked = workspace(box);
      const launch = box.launch({ writable: [asked] });
      assert.ok(launch.kind === 'refuse', 'it is launched');
      const { problem } = launch;
      assert.match(problem.message, says);
      assert.ok(problem.message.includes(asked), 'the path is named');
      assert.equal(problem.key, 'writable');
      assert.equal(problem.code, code);
      assert.notEqual(problem.fix, '');
    },
    { cell: name },
  );
}

verifies(
  'sandbox.refuse.workspace',
  () => {
    using box = openBox();
    const read = (readable: string): string => {
      const launch = box.launch({ readable: [readable] });
      return launch.kind === 'refuse' ? `${launch.problem.key}: ${launch.problem.message}` : 'launched';
    };
    for (const place of ['/', '/proc', '/sys', '/run', box.realHome, box.agentboxHome])
      assert.match(read(place), /^readable: /, place);
    assert.equal(read(folder(path.join(box.base, 'shown'))), 'launched');
  },
  { cell: 'too much to read' },
);

verifies(
  'sandbox.refuse.workspace',
  () => {
    using box = openBox();
    const at = (cwd: string, more = {}): string => {
      const launch = box.launch(more, cwd);
      return launch.kind === 'refuse' ? launch.problem.key : launch.cwd;
    };
    assert.equal(at(path.join(box.workspace, 'none')), 'workdir');
    assert.equal(at(folder(path.join(box.base, 'outside'))), 'workdir');
    assert.equal(at(path.join(box.realHome, '.ssh')), 'workdir');
    assert.equal(
      at(folder(path.join(box.workspace, 'closed')), { hidden: [path.join(box.workspace, 'closed')] }),
      'workdir',
    );
    assert.equal(at('/usr/share'), '/usr/share');
    assert.equal(at(box.realHome), box.realHome);
    assert.equal(
      at(link(folder(path.join(box.workspace, 'a')), path.join(box.workspace, 'b'))),
      path.join(box.workspace, 'a'),
    );
    const written = box.launch({ name: 'read-only' });
    assert.ok(written.kind === 'refuse' && written.problem.key === 'writable');
  },
  { cell: 'where a command starts' },
);

verifies('sandbox.limits.defaults', () => {
  const gib = 1024 ** 3;
  assert.equal(defaultLimits(64 * gib).memoryBytes, 4 * gib);
  assert.equal(defaultLimits(2 * gib).memoryBytes, gib);
  using box = openBox();
  const launch = box.launch();
  assert.ok(launch.kind === 'launch');
  assert.deepEqual(launch.plan.group, { memoryBytes: 4 * gib, processes: 512 });
  assert.equal(launch.plan.rlimits.addressSpaceBytes, null);
  assert.equal(launch.plan.rlimits.openFiles, 4096);
});

function folder(at: string): string {
  mkdirSync(at, { recursive: true });
  return at;
}

/** Root gives it to somebody else; an ordinary user has one that root owns and nobody may write. */
function foreign(at: string): string {
  mkdirSync(at);
  if (process.getuid?.() === 0) chownSync(at, 12_345, 12_345);
  else chmodSync(at, 0o555);
  return at;
}

function pipe(at: string): string {
  assert.equal(spawnSync('mkfifo', [at]).status, 0);
  return at;
}

function link(to: string, at: string): string {
  symlinkSync(to, at);
  return at;
}
