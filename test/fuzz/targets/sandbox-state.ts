/**
 * What a client sends of a sandbox, as any JSON: it is read or refused by a field, never thrown at, and whatever is
 * read comes to no more than the operator's ceiling.
 */
import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import type { SandboxProfile } from '@agentbox/protocol';
import { accessOf, clampToCeiling, parseSandboxState, type ResolvedEntry, type SandboxWish } from '@agentbox/sandbox';
import type { Target } from '../harness.ts';

const CEILING: SandboxProfile = {
  name: 'workspace',
  readable: ['/r', '/w/ro'],
  writable: ['/w'],
  hidden: ['/w/secret'],
  tmp: '/t',
  home: '/h',
  network: 'none',
  noExecFromWritable: true,
  limits: { memoryBytes: 1, processes: 1, openFiles: 1, fileBytes: 1, cpuSeconds: null },
};
const WEIGHT = { none: 0, read: 1, write: 2 } as const;
const PLACES = ['/', '/w', '/w/a', '/w/ro', '/w/ro/a', '/w/secret', '/w/secret/a', '/r', '/r/a', '/x'];

function parsed(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes).toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return { sandboxCwd: text };
  }
}

/** Plain paths: links are the disk's matter. */
function entriesOf({ files }: SandboxWish): readonly ResolvedEntry[] | null {
  if (files === null || files === 'unrestricted') return null;
  return files.flatMap(({ place, access }): readonly ResolvedEntry[] => {
    if (place.kind === 'path' && place.path.startsWith('/')) return [{ path: resolve(place.path), access }];
    return place.kind === 'special' && place.name === 'root' ? [{ path: '/', access }] : [];
  });
}

function run(bytes: Uint8Array): void {
  const state = parseSandboxState(parsed(bytes));
  if (state.kind === 'wrong') {
    assert.ok(state.expected.length > 0 && state.expected.length < 100);
    return;
  }
  const { wish } = state;
  const { profile } = clampToCeiling(CEILING, { entries: entriesOf(wish), network: wish.network, notes: [] });
  for (const place of PLACES) assert.ok(WEIGHT[accessOf(profile, place)] <= WEIGHT[accessOf(CEILING, place)], place);
  assert.equal(profile.network, 'none');
  assert.deepEqual(profile.limits, CEILING.limits);
}

const managed = (entries: string): string =>
  `{"permissionProfile":{"type":"managed","network":"enabled","file_system":{"type":"restricted","entries":[${entries}]}}}`;
const ROOT = '{"path":{"type":"special","value":{"kind":"root"}},"access":"write"}';

export const sandboxState: Target = {
  name: 'sandbox-state',
  seeds: [
    '{"sandboxPolicy":{"type":"workspace-write","writable_roots":["/w/a","/"],"network_access":true},"sandboxCwd":"/w"}',
    '{"sandboxPolicy":{"type":"danger-full-access"},"sandboxCwd":"file:///w/%20"}',
    managed(ROOT),
    managed(
      `${ROOT},{"path":{"type":"path","path":"/w/ro"},"access":"write"},{"path":{"type":"path","path":"/w"},"access":"none"}`,
    ),
    managed('{"path":{"type":"glob_pattern","pattern":"**/.env"},"access":"deny"}'),
  ].map((text) => Buffer.from(text)),
  run,
};
