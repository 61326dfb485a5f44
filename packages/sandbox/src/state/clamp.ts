/**
 * Holds a client's wish to the operator's ceiling: at each place, whatever is less. Both are constant between the
 * places that they name, so that it is enough to decide at those. Pure: all paths are canonical, and patterns have
 * been looked up.
 */
import type { SandboxProfile } from '@agentbox/protocol';
import { type Access, accessOf, weaker } from '../access.ts';
import { depthOf, isBelow, isInside } from '../paths.ts';

export interface ResolvedEntry {
  readonly path: string;
  readonly access: Access;
}

/** A wish with each place a canonical path. */
export interface ResolvedWish {
  /** null: as the ceiling */
  readonly entries: readonly ResolvedEntry[] | null;
  /** null: as the ceiling */
  readonly network: boolean | null;
  /** what could not be understood or granted, a sentence each */
  readonly notes: readonly string[];
}

export interface Clamped {
  readonly profile: SandboxProfile;
  /** what the client asked for and does not get, a sentence each */
  readonly narrowed: readonly string[];
}

export function clampToCeiling(ceiling: SandboxProfile, wish: ResolvedWish): Clamped {
  const network = wish.network === false ? 'none' : ceiling.network;
  const narrowed = [...wish.notes, ...networkNote(ceiling, wish)];
  if (wish.entries === null) return { profile: { ...ceiling, network }, narrowed };
  const { entries } = wish;
  const named = [...ceiling.readable, ...ceiling.writable, ...entries.map((entry) => entry.path)];
  const places = [...new Set(named)].toSorted((a, b) => depthOf(a) - depthOf(b));
  const granted = places.map((path) => ({ path, access: weaker(accessOf(ceiling, path), wishedAt(entries, path)) }));
  const settled = granted.filter((rule, index) => !isSaidAbove(granted.slice(0, index), rule));
  const of = (access: Access): readonly string[] =>
    settled.filter((rule) => rule.access === access).map((rule) => rule.path);
  const profile: SandboxProfile = {
    ...ceiling,
    name: of('write').length === 0 ? 'read-only' : ceiling.name,
    readable: of('read'),
    writable: of('write'),
    hidden: [...new Set([...ceiling.hidden, ...of('none')])],
    network,
  };
  return { profile, narrowed: [...narrowed, ...refusedWrites(ceiling, entries)] };
}

const STRICTER: Readonly<Record<Access, number>> = { read: 0, write: 1, none: 2 };

/** The most specific entry counts; of several for one place none wins over write, and write over read. */
export function wishedAt(entries: readonly ResolvedEntry[], path: string): Access {
  let found: ResolvedEntry | undefined;
  for (const entry of entries) if (isInside(entry.path, path) && counts(entry, found)) found = entry;
  return found?.access ?? 'none';
}

function counts(entry: ResolvedEntry, than: ResolvedEntry | undefined): boolean {
  if (than === undefined) return true;
  const deeper = depthOf(entry.path) - depthOf(than.path);
  return deeper > 0 || (deeper === 0 && STRICTER[entry.access] > STRICTER[than.access]);
}

/** What the innermost place above says already, or nothing where nothing above is granted. */
function isSaidAbove(above: readonly ResolvedEntry[], rule: ResolvedEntry): boolean {
  const parent = above.filter((one) => isBelow(one.path, rule.path)).at(-1);
  return (parent?.access ?? 'none') === rule.access;
}

function networkNote(ceiling: SandboxProfile, wish: ResolvedWish): readonly string[] {
  return wish.network === true && ceiling.network === 'none'
    ? ['the network stays shut: the operator allows none']
    : [];
}

function refusedWrites(ceiling: SandboxProfile, entries: readonly ResolvedEntry[]): readonly string[] {
  const beyond = entries.filter(
    ({ path, access }) =>
      access === 'write' &&
      accessOf(ceiling, path) !== 'write' &&
      !ceiling.writable.some((root) => isBelow(path, root)) &&
      !isInside('/tmp', path),
  );
  return beyond.map(({ path }) => `${path} cannot be written: the operator does not allow it`);
}
