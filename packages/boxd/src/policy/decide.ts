/**
 * Rules and the facts of one program to a verdict. Pure: no clock, no files. The strictest of all rules that match any
 * of its names decides. An allow leads out of the sandbox only by names and files that the sandbox cannot make itself.
 */
import {
  amendPrefix,
  baseName,
  type Evaluation,
  evaluate,
  normalPath,
  originText,
  type Policy,
  type PrefixRule,
  type RuleMatch,
  STRICTNESS,
} from '@agentbox/execpolicy';
import type { ExecFacts, RuleHit } from '@agentbox/protocol';
import { danger } from './dangerous.ts';
import { isLoader, isWrapper, unwrapped } from './unwrap.ts';
import type { Unmatched, Verdict } from './verdict.ts';

export interface RulesInForce {
  /** `unreadable` holds those files alone for want of which everything is forbidden */
  readonly policy: Policy;
  /** files that never could be read: until they can, nothing leaves the sandbox; null when there are none */
  readonly suspendedBy: string | null;
  readonly unmatched: Unmatched;
  readonly home: string | null;
}

export interface DecideContext {
  /** refuses programs that the sandbox could have written itself, and those without a file */
  readonly noExecFromWritable: boolean;
}

type Words = readonly string[];

interface Judged {
  readonly words: Words;
  /** which of the program's names stands in front; null: something that the program is as well */
  readonly name: number | null;
  readonly evaluation: Evaluation | null;
}

interface Hit {
  readonly match: RuleMatch;
  readonly name: number | null;
}

const FORBIDDEN = 'Execution forbidden by policy';
const SYSTEM_DIRECTORIES = /^\/(?:usr|bin|sbin|lib|lib32|lib64|opt|nix\/store)\//;

export function decide(rules: RulesInForce, facts: ExecFacts, context: DecideContext): Verdict {
  const [missing] = rules.policy.unreadable;
  if (missing !== undefined) {
    const rule = { source: missing.name, line: null, justification: null };
    return { kind: 'deny', by: 'rule', rule, text: `${missing.name} cannot be read, so everything is forbidden` };
  }
  const judged = judgements(rules, facts);
  const hits = judged.flatMap(({ evaluation, name }) => (evaluation?.matches ?? []).map((match) => ({ match, name })));
  const stopped = byRestriction(rules, facts, judged, hits) ?? byOrigin(facts, context);
  return stopped ?? byAllow(rules, facts, judged, hits);
}

/** A rule that forbids or asks. */
function byRestriction(
  rules: RulesInForce,
  facts: ExecFacts,
  judged: readonly Judged[],
  hits: readonly Hit[],
): Verdict | null {
  const worst = strictest(hits);
  if (worst === null || worst.match.rule.decision === 'allow') return null;
  const rule = hitOf(worst.match.rule);
  if (worst.match.rule.decision === 'forbidden')
    return { kind: 'deny', by: 'rule', rule, text: rule.justification ?? FORBIDDEN };
  const asking = hits.filter(({ match }) => match.rule.decision === 'prompt');
  const outside = rules.suspendedBy === null && asking.some(({ name }) => distrust(facts, judged, name) === null);
  const reason = rule.justification ?? `the rule ${originText(worst.match.rule.origin)} asks for it`;
  return { kind: 'ask', by: 'rule', rule, reason, runs: outside ? 'outside' : 'sandbox', proposal: null };
}

/** A program that the sandbox can have made, where such programs are refused. */
function byOrigin(facts: ExecFacts, context: DecideContext): Verdict | null {
  if (!context.noExecFromWritable) return null;
  const why = ownWork(facts) ?? loadedFromAnywhere(facts);
  return why === null ? null : { kind: 'deny', by: 'default', rule: null, text: why };
}

function byAllow(rules: RulesInForce, facts: ExecFacts, judged: readonly Judged[], hits: readonly Hit[]): Verdict {
  const trusted = hits.find(({ name }) => distrust(facts, judged, name) === null);
  if (trusted !== undefined) {
    const rule = hitOf(trusted.match.rule);
    if (rules.suspendedBy === null) return { kind: 'escalate', rule };
    return {
      kind: 'run',
      by: 'rule',
      rule,
      reason: `${rules.suspendedBy} cannot be read, so nothing leaves the sandbox`,
    };
  }
  const dangerous = judged.map(({ words }) => danger(words)).find((why) => why !== null);
  if (dangerous !== undefined) return askInside(rules, facts, 'heuristic', dangerous);
  return byNothing(rules, facts, judged, hits);
}

/** No rule decides; an allow that could not be trusted may still say what the person meant. */
function byNothing(rules: RulesInForce, facts: ExecFacts, judged: readonly Judged[], hits: readonly Hit[]): Verdict {
  const named = hits.find(({ match, name }) => name !== null && match.rule.head.startsWith('/'));
  if (named !== undefined && facts.image.kind === 'file') {
    const reason = distrust(facts, judged, named.name);
    return { kind: 'run', by: 'rule', rule: hitOf(named.match.rule), reason };
  }
  const hidden = loadedFromAnywhere(facts);
  if (hidden !== null) return askInside(rules, facts, 'heuristic', hidden);
  const [first] = hits;
  const reason = first === undefined ? ownWork(facts) : distrust(facts, judged, first.name);
  if (rules.unmatched === 'ask') return askInside(rules, facts, 'default', reason ?? 'no rule speaks of it');
  if (rules.unmatched === 'run') return { kind: 'run', by: 'default', rule: null, reason };
  return { kind: 'deny', by: 'default', rule: null, text: reason ?? 'no rule allows it' };
}

function askInside(rules: RulesInForce, facts: ExecFacts, by: 'heuristic' | 'default', reason: string): Verdict {
  return { kind: 'ask', by, rule: null, reason, runs: 'sandbox', proposal: proposal(rules, facts) };
}

/** The whole command, by the bare name it was asked for; it leads out of the sandbox, which the face must say. */
function proposal(rules: RulesInForce, facts: ExecFacts): Words | null {
  const name = baseName(facts.names[0]?.path ?? '');
  if (name === null || rules.suspendedBy !== null || distrust(facts, [], 0) !== null) return null;
  const all = [facts.file, ...facts.names.map(({ path }) => path)].map((path) => baseName(path) ?? '');
  if (all.some((one) => isWrapper(one)) && unwrapped(name, facts.argv).length > 0) return null;
  const words = [name, ...facts.argv.slice(1)];
  return amendPrefix('', words).kind === 'append' ? words : null;
}

function strictest(hits: readonly Hit[]): Hit | null {
  let worst: Hit | null = null;
  for (const hit of hits)
    if (worst === null || STRICTNESS[hit.match.rule.decision] > STRICTNESS[worst.match.rule.decision]) worst = hit;
  return worst;
}

const hitOf = ({ origin, justification }: PrefixRule): RuleHit => ({
  source: origin.file,
  line: origin.line,
  justification,
});

/** Why a rule that matched this name does not lead out of the sandbox; null when it does. */
function distrust(facts: ExecFacts, judged: readonly Judged[], name: number | null): string | null {
  if (name === null) return 'the rule speaks of what this program only passes on to, so it runs inside';
  const own = ownWork(facts);
  if (own !== null) return own;
  if (isLoader(baseName(facts.file) ?? '')) return 'a loader runs any other file, so it runs inside';
  const chain = facts.names.slice(name);
  if (chain.at(-1)?.path !== facts.file || chain.some(({ writable }) => writable))
    return 'the sandbox can have made this name itself, so it runs inside';
  const asked = [baseName(facts.names[name]?.path ?? '') ?? '', ...facts.argv.slice(1)];
  const other = judged.some(
    (one) => one.name === null && one.evaluation?.decision !== 'allow' && !isSame(one.words, asked),
  );
  return other && facts.interpreters.length === 0 ? 'it is another program under this name, so it runs inside' : null;
}

const isSame = (left: Words, right: Words): boolean =>
  left.length === right.length && left.every((word, at) => word === right[at]);

/** Why the names of an image say nothing about it; null when they do. */
function ownWork({ image, names, interpreters }: ExecFacts): string | null {
  if (image.kind === 'memfd') return 'the program is in memory only and has no name that a rule could speak of';
  if (image.kind === 'deleted') return 'the file of the program is deleted, so its name says nothing';
  if (names.at(-1)?.writable === true)
    return 'the sandbox can have written this program itself, so its name says nothing';
  if (interpreters.some(({ writable }) => writable))
    return 'the sandbox can have written the interpreter of this script itself';
  return null;
}

/** Every set of words under which the program is judged, each with what the rules say of it. */
function judgements(rules: RulesInForce, facts: ExecFacts): readonly Judged[] {
  const found: Judged[] = [];
  const seen = new Set<string>();
  const rest = facts.argv.slice(1);
  const judge = (words: Words, name: number | null): void => {
    found.push({ words, name, evaluation: evaluated(rules, words, facts.cwd) });
  };
  const wrapped = (path: string, argv: Words): void => {
    const name = baseName(path) ?? '';
    if (isWrapper(name)) for (const words of unwrapped(name, argv)) judge(words, null);
  };
  const last = facts.names.length - 1;
  for (let at = last; at >= 0; at -= 1) {
    const path = facts.names[at]?.path ?? '';
    if (seen.has(path)) continue;
    seen.add(path);
    judge([path, ...rest], at);
    wrapped(path, facts.argv);
  }
  if (!seen.has(facts.file)) {
    judge([facts.file, ...rest], null);
    wrapped(facts.file, facts.argv);
  }
  for (const [path, argv] of interpreted(facts)) {
    judge([path, ...argv.slice(1)], null);
    wrapped(path, argv);
  }
  return found;
}

/** The interpreters of a script under each of their names, with the words that the kernel gives them. */
function interpreted(facts: ExecFacts): readonly (readonly [string, Words])[] {
  let argv: Words = [facts.names[0]?.path ?? facts.file, ...facts.argv.slice(1)];
  return facts.interpreters.flatMap(({ path, written = path, argument = null, names = [] }) => {
    argv = [written, ...(argument === null || argument === '' ? [] : [argument]), ...argv];
    const known = new Set([path, written, ...names.map((name) => name.path)]);
    return [...known].map((name) => [name, argv] as const);
  });
}

/** Null where no rule has the name of the program, which is the way of most. */
function evaluated({ policy, home }: RulesInForce, words: Words, cwd: string): Evaluation | null {
  const [program = ''] = words;
  if (!policy.byHead.has(program) && !policy.byHead.has(baseName(program) ?? '')) return null;
  return evaluate(policy, words, { cwd, home, resolveHostExecutables: true, restrictByBasename: true });
}

/** A loader hides behind which links its file was found; only the system's own directories have none of the sandbox's. */
function loadedFromAnywhere(facts: ExecFacts): string | null {
  const names = [facts.file, ...facts.names.map(({ path }) => path)];
  const starts = [...names.map((path): readonly [string, Words] => [path, facts.argv]), ...interpreted(facts)];
  for (const [path, argv] of starts) {
    const name = baseName(path) ?? '';
    for (const [file = ''] of isLoader(name) ? unwrapped(name, argv) : []) {
      const isOfSystem = SYSTEM_DIRECTORIES.test(file.startsWith('/') ? normalPath(file) : '');
      if (!isOfSystem) return `the loader runs ${file} under a name that cannot be checked`;
    }
  }
  return null;
}
