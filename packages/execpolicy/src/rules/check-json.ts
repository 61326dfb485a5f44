/** The answer of `codex execpolicy check`, byte for byte. */
import type { Evaluation } from './evaluate.ts';

export function checkJson(evaluation: Evaluation, isPretty: boolean): string {
  const matchedRules = evaluation.matches.map(({ rule, matchedPrefix, resolvedProgram }) => ({
    prefixRuleMatch: {
      matchedPrefix,
      decision: rule.decision,
      ...(resolvedProgram === null ? {} : { resolvedProgram }),
      ...(rule.justification === null ? {} : { justification: rule.justification }),
    },
  }));
  const { decision } = evaluation;
  const answer = decision === null ? { matchedRules } : { matchedRules, decision };
  return isPretty ? JSON.stringify(answer, null, 2) : JSON.stringify(answer);
}
