/** What clients send of a sandbox: every form is read, and none of it widens what the operator allowed. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import type { SandboxProfile } from '@agentbox/protocol';
import {
  accessOf,
  clampToCeiling,
  holdOnHost,
  holdToCeiling,
  parseSandboxState,
  type ResolvedWish,
  type SandboxWish,
  wishedAt,
} from '@agentbox/sandbox';
import { verifies } from '../requirements/verifies.ts';
import { openBox, put, unavailable } from './harness.ts';

const LIMITS = { memoryBytes: 1, processes: 2, openFiles: 3, fileBytes: 4, cpuSeconds: 5 };
const CEILING: SandboxProfile = {
  name: 'workspace',
  readable: ['/shared'],
  writable: ['/work'],
  hidden: ['/work/.secret'],
  tmp: '/private/tmp',
  home: '/private/home',
  network: 'rules',
  noExecFromWritable: true,
  limits: LIMITS,
};

function read(given: unknown): SandboxWish {
  const parsed = parseSandboxState(given);
  assert.equal(parsed.kind, 'ok', JSON.stringify(parsed));
  return parsed.kind === 'ok' ? parsed.wish : assert.fail();
}

const entry = (place: unknown, access: string): unknown => ({ path: place, access });
const special = (kind: string): unknown => ({ type: 'special', value: { kind } });
const managed = (entries: readonly unknown[], network = 'restricted'): unknown => ({
  permissionProfile: { type: 'managed', file_system: { type: 'restricted', entries }, network },
  sandboxCwd: 'file:///work/my%20app',
});

interface Form {
  readonly name: string;
  readonly state: unknown;
  readonly cwd: string | null;
  readonly writable: readonly string[];
  readonly network: SandboxProfile['network'];
}

const V1 = {
  sandboxPolicy: { type: 'read-only' },
  codexLinuxSandboxExe: null,
  sandboxCwd: '/work/a',
  useLinuxSandboxBwrap: false,
};
const FORMS: readonly Form[] = [
  { name: 'first form, read-only', state: V1, cwd: '/work/a', writable: [], network: 'none' },
  {
    name: 'first form, workspace-write',
    state: {
      sandboxPolicy: { type: 'workspace-write', writable_roots: ['/work/b'], network_access: true },
      sandboxCwd: '/work/a',
      useLinuxSandboxBindMounts: true,
    },
    cwd: '/work/a',
    writable: ['/work/a', '/work/b'],
    network: 'rules',
  },
  {
    name: 'README, without a directory',
    state: { sandboxPolicy: { type: 'workspace-write' }, codexLinuxSandboxExe: '/x' },
    cwd: null,
    writable: ['/work/start'],
    network: 'none',
  },
  {
    name: 'danger-full-access',
    state: { sandboxPolicy: { type: 'danger-full-access' }, sandboxCwd: '/' },
    cwd: '/',
    writable: ['/work'],
    network: 'rules',
  },
  {
    name: 'external-sandbox',
    state: { sandboxPolicy: { type: 'external-sandbox', network_access: 'restricted' } },
    cwd: null,
    writable: ['/work'],
    network: 'none',
  },
  {
    name: 'nothing but a directory',
    state: { sandboxCwd: '/work/a', useLegacyLandlock: false },
    cwd: '/work/a',
    writable: ['/work'],
    network: 'rules',
  },
  { name: 'nothing', state: {}, cwd: null, writable: ['/work'], network: 'rules' },
  {
    name: 'second form, managed with a URI',
    state: managed([entry(special('root'), 'read'), entry(special('current_working_directory'), 'write')]),
    cwd: '/work/my app',
    writable: ['/work/my app'],
    network: 'none',
  },
  {
    name: 'second form, unknown specials',
    state: managed(
      [
        entry(special('root'), 'read'),
        entry(special('moon'), 'write'),
        entry({ type: 'special', value: 'minimal' }, 'read'),
      ],
      'enabled',
    ),
    cwd: '/work/my app',
    writable: [],
    network: 'rules',
  },
  {
    name: 'second form, paths and carve-outs',
    state: managed([
      entry(special('root'), 'read'),
      entry({ type: 'path', path: '/work' }, 'write'),
      entry({ type: 'path', path: '/work/.git' }, 'read'),
      entry({ type: 'path', path: 'file:///work/keys' }, 'none'),
    ]),
    cwd: '/work/my app',
    writable: ['/work'],
    network: 'none',
  },
  {
    name: 'second form, disabled',
    state: { permissionProfile: { type: 'disabled' }, sandboxCwd: '/work' },
    cwd: '/work',
    writable: ['/work'],
    network: 'rules',
  },
  {
    name: 'second form, both shapes',
    state: {
      permissionProfile: { type: 'managed', file_system: { type: 'unrestricted' }, network: 'enabled' },
      sandboxPolicy: { type: 'read-only' },
    },
    cwd: null,
    writable: ['/work'],
    network: 'rules',
  },
  {
    name: 'nulls',
    state: { permissionProfile: null, sandboxPolicy: null, sandboxCwd: null },
    cwd: null,
    writable: ['/work'],
    network: 'rules',
  },
];

for (const { name, state, cwd, writable, network } of FORMS) {
  verifies(
    'sandbox.state.forms',
    () => {
      const wish = read(state);
      assert.equal(wish.cwd, cwd);
      const { profile } = holdToCeiling(CEILING, wish, '/work/start');
      assert.deepEqual(profile.writable, writable);
      assert.equal(profile.network, network);
    },
    { cell: name },
  );
}

const WRONG: readonly (readonly [string, unknown, string])[] = [
  ['no object', 'canary', ''],
  ['an unknown policy', { sandboxPolicy: { type: 'canary' } }, 'sandboxPolicy.type'],
  ['no policy type', { sandboxPolicy: { canary: 1 } }, 'sandboxPolicy.type'],
  [
    'roots that are no list',
    { sandboxPolicy: { type: 'workspace-write', writable_roots: 'canary' } },
    'sandboxPolicy.writable_roots',
  ],
  ['a relative directory', { sandboxCwd: 'canary' }, 'sandboxCwd'],
  ['a URI of another machine', { sandboxCwd: 'file://canary/x' }, 'sandboxCwd'],
  ['a NUL', { sandboxCwd: '/canary\0' }, 'sandboxCwd'],
  ['an unknown access', managed([entry(special('root'), 'canary')]), 'permissionProfile.file_system.entries.0.access'],
  [
    'too many entries',
    managed(Array.from({ length: 600 }, () => entry(special('root'), 'read'))),
    'permissionProfile.file_system.entries',
  ],
  ['a long path', { sandboxCwd: `/canary${'x'.repeat(5000)}` }, 'sandboxCwd'],
];

for (const [cell, given, field] of WRONG) {
  verifies(
    'sandbox.state.wrong',
    () => {
      const parsed = parseSandboxState(given);
      assert.ok(parsed.kind === 'wrong', JSON.stringify(parsed));
      assert.equal(parsed.field, field);
      assert.doesNotMatch(parsed.expected, /canary/);
      assert.notEqual(parsed.expected, '');
    },
    { cell },
  );
}

/** A generator with a seed, so that a failing case comes again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const NAMES = ['a', 'b', 'ab'];
const PATHS = [
  '/',
  ...NAMES.flatMap((one) => [
    `/${one}`,
    ...NAMES.flatMap((two) => [`/${one}/${two}`, ...NAMES.map((three) => `/${one}/${two}/${three}`)]),
  ]),
];

function pick<T>(next: () => number, from: readonly T[], most: number): readonly T[] {
  return Array.from({ length: Math.floor(next() * (most + 1)) }, () => from[Math.floor(next() * from.length)]).filter(
    (one): one is T => one !== undefined,
  );
}

const ACCESSES = ['none', 'read', 'write'] as const;
const WEIGHT = { none: 0, read: 1, write: 2 } as const;

verifies('sandbox.state.ceiling', () => {
  const next = random(20_261_121);
  for (let round = 0; round < 20_000; round += 1) {
    const ceiling = {
      ...CEILING,
      readable: pick(next, PATHS, 3),
      writable: pick(next, PATHS, 3),
      hidden: pick(next, PATHS, 2),
    };
    const named = pick(next, PATHS, 6).map((one) => ({
      path: one,
      access: ACCESSES[Math.floor(next() * 3)] ?? 'none',
    }));
    const wish: ResolvedWish = { entries: named, network: next() < 0.5, notes: [] };
    const { profile } = clampToCeiling(ceiling, wish);
    for (const at of PATHS) {
      const [got, most, wished] = [accessOf(profile, at), accessOf(ceiling, at), wishedAt(named, at)];
      const context = JSON.stringify({ at, got, most, wished, ceiling, named, profile });
      assert.ok(WEIGHT[got] <= WEIGHT[most], `wider than the ceiling: ${context}`);
      assert.ok(WEIGHT[got] <= WEIGHT[wished], `wider than the wish: ${context}`);
      const closed = profile.hidden.some((one) => at === one || at.startsWith(`${one === '/' ? '' : one}/`));
      if (!closed)
        assert.equal(WEIGHT[got], Math.min(WEIGHT[most], WEIGHT[wished]), `narrower than needed: ${context}`);
    }
    const { limits, tmp, home, noExecFromWritable, network } = profile;
    assert.deepEqual(
      { limits, tmp, home, noExecFromWritable },
      { limits: LIMITS, tmp: CEILING.tmp, home: CEILING.home, noExecFromWritable: true },
    );
    assert.equal(network === 'rules', wish.network);
    assert.equal(profile.name === 'read-only', profile.writable.length === 0);
  }
});

verifies(
  'sandbox.state.ceiling',
  () => {
    using box = openBox();
    const outside = path.join(box.base, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, path.join(box.workspace, 'link'));
    for (const asked of ['link', 'link/deeper', '../..', '/', '/etc', box.realHome, 'none/../../..']) {
      const state = { sandboxPolicy: { type: 'workspace-write', writable_roots: [asked] }, sandboxCwd: box.workspace };
      const { profile } = holdToCeiling(box.profile, read(state), box.workspace);
      for (const root of profile.writable) assert.equal(accessOf(box.profile, root), 'write', asked);
      assert.equal(accessOf(profile, outside), 'none', asked);
    }
    const shut = { ...box.profile, network: 'none' as const };
    const open = holdToCeiling(shut, read({ sandboxPolicy: { type: 'danger-full-access' } }), box.workspace);
    assert.equal(open.profile.network, 'none');
    assert.match(open.narrowed.join(), /network/);
  },
  { cell: 'through links and dots' },
);

verifies('sandbox.state.narrows', () => {
  using box = openBox();
  const at = (name: string): string => path.join(box.workspace, name);
  for (const name of ['a/.env', 'a/deep/er/.env', 'a/file', 'b/file']) put(at(name), 'x');
  const glob = (pattern: string, access: string): unknown => entry({ type: 'glob_pattern', pattern }, access);
  const state = {
    permissionProfile: {
      type: 'managed',
      network: 'restricted',
      file_system: {
        type: 'restricted',
        entries: [
          entry(special('root'), 'read'),
          entry({ type: 'path', path: 'a' }, 'write'),
          glob('**/.env', 'deny'),
          glob('b/*', 'write'),
        ],
      },
    },
    sandboxCwd: box.workspace,
  };
  const { profile, narrowed } = holdToCeiling(box.profile, read(state), '/');
  assert.deepEqual(profile.writable, [at('a')]);
  assert.equal(accessOf(profile, at('b/file')), 'read');
  assert.deepEqual([accessOf(profile, at('a/.env')), accessOf(profile, at('a/deep/er/.env'))], ['none', 'none']);
  assert.match(narrowed.join(), /patterns that grant/);
});

verifies(
  'sandbox.state.narrows',
  () => {
    using box = openBox();
    const less = { sandboxPolicy: { type: 'workspace-write' }, sandboxCwd: box.workspace };
    const { profile } = holdOnHost(box.profile, read(less), box.workspace);
    assert.ok(profile !== 'host');
    assert.deepEqual(profile.writable, [box.workspace]);
    assert.equal(holdOnHost(box.profile, read({ sandboxPolicy: { type: 'danger-full-access' } }), '/').profile, 'host');
  },
  { cell: 'under the profile host' },
);

verifies(
  'sandbox.state.narrows',
  () => {
    using box = openBox();
    const own = { type: 'path', path: box.workspace };
    const carved = ['.git', '.codex', '.agents', 'lib'].map((name) =>
      entry({ type: 'path', path: path.join(box.workspace, name) }, 'read'),
    );
    put(path.join(box.workspace, 'lib/file'), 'x');
    const state = {
      permissionProfile: {
        type: 'managed',
        network: 'restricted',
        file_system: { type: 'restricted', entries: [entry(special('root'), 'read'), entry(own, 'write'), ...carved] },
      },
      sandboxCwd: box.workspace,
    };
    const { profile } = holdToCeiling(box.profile, read(state), box.workspace);
    const ran = box.sh('touch a; mkdir .git; touch lib/b .git/x; ls -A lib .git; ls', { profile });
    assert.equal(ran.stdout, '.git:\n\nlib:\nfile\na\nlib\n', ran.stderr);
    assert.deepEqual(readdirSync(box.workspace), ['a', 'lib']);
  },
  { cell: 'read-only folders that are not there', skip: unavailable },
);
