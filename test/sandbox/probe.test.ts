/** What the probe finds, where everything is there and where something is missing, broken or hangs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { engineOf, type MachineProbe, probeMachine } from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { probe, put, unavailable } from './harness.ts';

verifies('sandbox.probe.tries', async () => {
  const { workspace, 'read-only': readOnly } = probe.profiles;
  assert.deepEqual(workspace, readOnly);
  if (workspace.kind === 'unavailable') {
    assert.ok(workspace.missing.length > 0);
    return;
  }
  assert.ok(workspace.engine === 'namespaces' && workspace.enforced.length >= 4);
  assert.deepEqual(engineOf(probe, 'workspace'), { kind: 'namespaces', bubblewrap: probe.bubblewrap });
  const limits = probe.groupLimits ? workspace.enforced : workspace.notEnforced;
  assert.match(
    limits.join('\n'),
    probe.groupLimits ? /memory and processes together \(cgroup v[12]\)/ : /memory of all processes/,
  );
  for (const directory of groupDirectories(probe)) {
    assert.ok(existsSync(directory));
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith('agentbox-probe')),
      [],
    );
  }
  assert.deepEqual(await probeMachine({ allowLandlockOnly: false }), probe);
});

function groupDirectories({ groups }: MachineProbe): readonly string[] {
  if (groups.kind === 'cgroup2') return [groups.directory];
  return groups.kind === 'cgroup1' ? [groups.memory, groups.processes].filter((one) => one !== null) : [];
}

interface Cell {
  readonly name: string;
  /** a bwrap that stands in for the real one; null: none is installed */
  readonly bwrap: string | null;
  readonly what: RegExp;
  readonly fix: RegExp;
}

const VERSION = 'case "$1" in --version) echo bubblewrap 0.8.0; exit 0;; esac; ';
const CELLS: readonly Cell[] = [
  {
    name: 'too old',
    bwrap: 'echo bubblewrap 0.4.1',
    what: /no bubblewrap 0\.5\.0 or newer/,
    fix: /^apt-get install bubblewrap/,
  },
  { name: 'something else', bwrap: 'echo hello', what: /no bubblewrap/, fix: /^apt-get install bubblewrap/ },
  {
    name: 'namespaces refused',
    bwrap: `${VERSION}echo "bwrap: setting up uid map: Permission denied" >&2; exit 1`,
    what: /setting up uid map: Permission denied/,
    fix: /./,
  },
  { name: 'hangs', bwrap: `${VERSION}exec sleep 60`, what: /no answer in time/, fix: /./ },
  { name: 'hangs at its version', bwrap: 'exec sleep 60', what: /no bubblewrap/, fix: /./ },
];

for (const { name, bwrap, what, fix } of CELLS) {
  verifies(
    'sandbox.probe.fix',
    async () => {
      const folder = mkdtempSync(path.join(tmpdir(), 'agentbox-bwrap-'));
      try {
        const program = path.join(folder, 'bwrap');
        put(program, `#!/bin/sh\n${bwrap}\n`);
        chmodSync(program, 0o755);
        const found = await probeMachine({ searchPath: folder, allowLandlockOnly: false, limitMs: 300 });
        assert.equal(found.bubblewrap, null);
        const missing = found.missing.at(-1);
        assert.match(missing?.what ?? '', what);
        assert.match(missing?.fix ?? '', fix);
        assert.equal(engineOf(found, 'workspace'), null);
        assert.equal(spawnSync('pgrep', ['-f', program], { encoding: 'utf8' }).stdout, '');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    { cell: name },
  );
}

verifies(
  'sandbox.probe.landlock-only',
  async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'agentbox-bwrap-'));
    try {
      const program = path.join(folder, 'bwrap');
      put(program, '#!/bin/sh\nexit 1\n');
      chmodSync(program, 0o755);
      const refused = await probeMachine({ searchPath: folder, allowLandlockOnly: false });
      assert.equal(refused.profiles.workspace.kind, 'unavailable');
      const accepted = await probeMachine({ searchPath: folder, allowLandlockOnly: true });
      const { workspace } = accepted.profiles;
      assert.ok(workspace.kind === 'ready' && workspace.engine === 'landlock');
      const lost = workspace.notEnforced.join('\n');
      for (const loss of [/no process namespace/, /hidden files/, /git hooks/, /no proxy/]) assert.match(lost, loss);
      assert.deepEqual(engineOf(accepted, 'workspace'), { kind: 'landlock' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  { skip: unavailable },
);
