/** The `.rules` language: text to rules, rules and a command to a decision with the rule that made it. Pure. */

export { BOUNDS } from './bounds.ts';
export { problemText, type RulesProblem } from './problem.ts';
export { type Amendment, amendNetwork, amendPrefix, bannedReason, type NetworkAmendment } from './rules/amend.ts';
export { checkJson } from './rules/check-json.ts';
export { type Evaluation, type ExecFacts, evaluate, PLAIN_FACTS, type RuleMatch } from './rules/evaluate.ts';
export { type ExampleResult, tryExamples } from './rules/examples.ts';
export { explain, originText, patternText } from './rules/explain.ts';
export { type LayeredSource, type LoadResult, loadRules, type Reloaded, reloadRules } from './rules/load.ts';
export { baseName, NOWHERE, normalPath, type Place } from './rules/paths.ts';
export { type NetworkDomains, networkDomains, type Policy } from './rules/policy.ts';
export { type ReadResult, type RuleSource, readRules } from './rules/read.ts';
export {
  type Claim,
  type Decision,
  type Example,
  type HostExecutable,
  LAYERS,
  type Layer,
  type NetworkRule,
  type Origin,
  type PrefixRule,
  type Protocol,
  type RuleFile,
  STRICTNESS,
} from './rules/rule.ts';
export { joinWords, splitWords } from './rules/shell-words.ts';
