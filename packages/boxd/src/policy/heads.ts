/**
 * The names for which the guard must ask; a program none of whose names is among them always runs. Names are last
 * parts of paths; one that ends in a star stands for all that begin so. The guard compares every name of the chain and
 * of the interpreters, as written and as found.
 */
import { baseName, type Policy } from '@agentbox/execpolicy';
import { DANGEROUS_HEADS } from './dangerous.ts';
import { WRAPPER_HEADS } from './unwrap.ts';
import type { Unmatched } from './verdict.ts';

export type Heads = readonly string[] | 'all';

export function compileHeads(policy: Policy, unmatched: Unmatched): Heads {
  if (unmatched !== 'run' || policy.unreadable.length > 0) return 'all';
  const names = [...policy.byHead.keys(), ...policy.hostExecutables.keys()].map((head) => baseName(head));
  const known = names.filter((name) => name !== null);
  return [...new Set([...known, ...DANGEROUS_HEADS, ...WRAPPER_HEADS])].toSorted();
}
