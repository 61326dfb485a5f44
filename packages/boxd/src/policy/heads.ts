/**
 * The names for which the guard must ask; a program none of whose names is among them always runs. They are whole last
 * parts of paths. The guard compares every name of the chain and of the interpreters, as written and as found.
 */
import { baseName, type Policy } from '@agentbox/execpolicy';
import { DANGEROUS_HEADS } from './dangerous.ts';
import type { Unmatched } from './verdict.ts';
import { GIT_NAMES, LOADER_NAMES, MULTI_CALL_NAMES } from './wrapper-names.ts';

export type Heads = readonly string[] | 'all';

const ALWAYS = [...DANGEROUS_HEADS, ...GIT_NAMES, ...LOADER_NAMES, ...MULTI_CALL_NAMES];

export function compileHeads(policy: Policy, unmatched: Unmatched): Heads {
  if (unmatched !== 'run' || policy.unreadable.length > 0) return 'all';
  const names = [...policy.byHead.keys(), ...policy.hostExecutables.keys()].map((head) => baseName(head));
  const known = names.filter((name) => name !== null);
  return [...new Set([...known, ...ALWAYS])].toSorted();
}
