/**
 * What the rules say about one command. Pure: the same policy, words and facts give the same answer. The strictest of
 * all rules that match decides; the order of the files and the length of the patterns do not.
 */
import { absolutePath, baseName, NOWHERE, type Place } from './paths.ts';
import type { Policy } from './policy.ts';
import { type Decision, type PrefixRule, STRICTNESS } from './rule.ts';

export interface ExecFacts extends Place {
  /** a path may be matched by the rules for its last part, as host_executable() permits */
  readonly resolveHostExecutables: boolean;
  /** rules that ask or forbid also hold for every path that ends in their first word, whatever host_executable() says */
  readonly restrictByBasename: boolean;
}

export interface RuleMatch {
  readonly rule: PrefixRule;
  readonly matchedPrefix: readonly string[];
  /** the path that stood for the first word of the rule */
  readonly resolvedProgram: string | null;
}

export interface Evaluation {
  /** null when no rule matches */
  readonly decision: Decision | null;
  /** the first of the strictest matches */
  readonly decidedBy: RuleMatch | null;
  /** in the order of the files */
  readonly matches: readonly RuleMatch[];
  /** files that could not be read and had never been: everything is forbidden until they can */
  readonly unreadable: Policy['unreadable'];
}

export const PLAIN_FACTS: ExecFacts = { ...NOWHERE, resolveHostExecutables: false, restrictByBasename: false };

type Rules = Pick<Policy, 'byHead' | 'hostExecutables'>;

export function evaluate(policy: Policy, argv: readonly string[], facts: ExecFacts): Evaluation {
  const matches = matchesOf(policy, argv, facts);
  const decidedBy = strictest(matches);
  const decision = policy.unreadable.length > 0 ? 'forbidden' : (decidedBy?.rule.decision ?? null);
  return { decision, decidedBy, matches, unreadable: policy.unreadable };
}

export function matchesOf(rules: Rules, argv: readonly string[], facts: ExecFacts): readonly RuleMatch[] {
  const exact = matchHead(rules, argv, argv[0], null);
  const resolved = exact.length === 0 && facts.resolveHostExecutables ? matchBaseName(rules, argv, facts) : [];
  const matches = [...exact, ...resolved];
  if (!facts.restrictByBasename) return matches;
  const known = new Set(matches.map(({ rule }) => rule));
  return [...matches, ...matchRestrictive(rules, argv, facts).filter(({ rule }) => !known.has(rule))];
}

function strictest(matches: readonly RuleMatch[]): RuleMatch | null {
  return matches.reduce<RuleMatch | null>(
    (best, match) => (best === null || STRICTNESS[match.rule.decision] > STRICTNESS[best.rule.decision] ? match : best),
    null,
  );
}

/** How many words of the pattern fit; all of them when the rule matches. */
export function fittingWords(rule: PrefixRule, argv: readonly string[]): number {
  const misfit = rule.rest.findIndex((words, index) => {
    const word = argv[index + 1];
    return word === undefined || !words.includes(word);
  });
  return 1 + (misfit === -1 ? rule.rest.length : misfit);
}

function matchHead(
  rules: Rules,
  argv: readonly string[],
  head: string | undefined,
  resolvedProgram: string | null,
): readonly RuleMatch[] {
  if (head === undefined) return [];
  return (rules.byHead.get(head) ?? [])
    .filter((rule) => fittingWords(rule, argv) === rule.rest.length + 1)
    .map((rule) => ({ rule, matchedPrefix: [head, ...argv.slice(1, rule.rest.length + 1)], resolvedProgram }));
}

function matchBaseName(rules: Rules, argv: readonly string[], place: Place): readonly RuleMatch[] {
  const program = absolutePath(argv[0] ?? '', place);
  const name = baseName(argv[0] ?? '');
  if (program === null || name === null) return [];
  const permitted = rules.hostExecutables.get(name);
  if (permitted !== undefined && !permitted.includes(program)) return [];
  return matchHead(rules, argv, name, program);
}

function matchRestrictive(rules: Rules, argv: readonly string[], place: Place): readonly RuleMatch[] {
  const name = baseName(argv[0] ?? '');
  if (name === null) return [];
  return matchHead(rules, argv, name, absolutePath(argv[0] ?? '', place)).filter(
    ({ rule }) => rule.decision !== 'allow',
  );
}
