/** Short ways to read and ask rules in tests. */
import assert from 'node:assert/strict';
import {
  type Evaluation,
  type ExecFacts,
  evaluate,
  loadRules,
  PLAIN_FACTS,
  type Policy,
  type RulesProblem,
} from '@agentbox/execpolicy';

export function policyOf(...texts: readonly string[]): Policy {
  const loaded = loadRules(texts.map((text, index) => ({ name: `${index}.rules`, layer: 'user', text })));
  assert.equal(loaded.kind, 'loaded', loaded.kind === 'refused' ? loaded.problem.message : '');
  return loaded.kind === 'loaded' ? loaded.policy : assert.fail();
}

export function problemOf(text: string): RulesProblem {
  const loaded = loadRules([{ name: 'a.rules', layer: 'user', text }]);
  return loaded.kind === 'refused' ? loaded.problem : assert.fail(`read: ${text.slice(0, 200)}`);
}

export function ask(policy: Policy, command: string, facts: Partial<ExecFacts> = {}): Evaluation {
  return evaluate(policy, command.split(' '), { ...PLAIN_FACTS, ...facts });
}
