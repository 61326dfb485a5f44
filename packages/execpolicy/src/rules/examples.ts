/** The examples of a rule, which must hold for the rules of its own call alone. */
import { matchesOf } from './evaluate.ts';
import { NOWHERE, type Place } from './paths.ts';
import { groupByHead } from './policy.ts';
import type { Claim, Example } from './rule.ts';

export interface ExampleResult {
  readonly claim: Claim;
  readonly example: Example;
  readonly holds: boolean;
}

export function tryExamples(
  claim: Claim,
  hostExecutables: ReadonlyMap<string, readonly string[]>,
  place: Place = NOWHERE,
): readonly ExampleResult[] {
  const facts = { ...place, resolveHostExecutables: true, restrictByBasename: false };
  const rules = { byHead: groupByHead(claim.rules), hostExecutables };
  return claim.examples.map((example) => ({
    claim,
    example,
    holds: matchesOf(rules, example.argv, facts).length > 0 === example.isWanted,
  }));
}
