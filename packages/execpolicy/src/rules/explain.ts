/** Why a command is decided as it is, in sentences: the rule that decides, the others, and those that nearly match. */
import type { Evaluation, ExecFacts } from './evaluate.ts';
import { fittingWords } from './evaluate.ts';
import { absolutePath, baseName } from './paths.ts';
import type { Policy } from './policy.ts';
import { type Origin, type PrefixRule, STRICTNESS } from './rule.ts';
import { joinWords } from './shell-words.ts';

const MOST = 20;

const VERDICT = { allow: 'allowed', prompt: 'put to a person', forbidden: 'forbidden' } as const;

export const originText = ({ file, line, column }: Origin): string => `${file}:${line}:${column}`;

export function patternText(rule: PrefixRule): string {
  const words = rule.rest.map((options) =>
    options.length === 1 ? joinWords(options) : `{${options.map((one) => joinWords([one])).join('|')}}`,
  );
  return [joinWords([rule.head]), ...words].join(' ');
}

export function explain(
  policy: Policy,
  argv: readonly string[],
  facts: ExecFacts,
  evaluation: Evaluation,
): readonly string[] {
  const shown = joinWords(argv);
  return [
    ...evaluation.unreadable.map(({ name }) => `${name} could not be read, so everything is forbidden until it can.`),
    ...(evaluation.decidedBy === null ? undecided(policy, shown) : decided(shown, evaluation)),
    ...nearMisses(policy, argv, evaluation),
    ...pathNotes(policy, argv, facts, evaluation),
  ];
}

function undecided(policy: Policy, shown: string): readonly string[] {
  const rules = [...policy.byHead.values()].reduce((sum, same) => sum + same.length, 0);
  return [`No rule decides \`${shown}\`: none of the ${rules} rules in ${policy.files.length} files matches it.`];
}

function decided(shown: string, { decidedBy, matches }: Evaluation): readonly string[] {
  if (decidedBy === null) return [];
  const { rule, resolvedProgram } = decidedBy;
  const through = resolvedProgram === null ? '' : `, with ${resolvedProgram} standing for ${rule.head}`;
  const others = matches.filter((match) => match !== decidedBy);
  return [
    `\`${shown}\` is ${VERDICT[rule.decision]} by ${originText(rule.origin)}: ${patternText(rule)}${through}.`,
    ...(rule.justification === null ? [] : [`Its reason: ${rule.justification}`]),
    ...clip(
      others.map(({ rule: other }) => {
        const why =
          STRICTNESS[other.decision] < STRICTNESS[rule.decision]
            ? `says ${other.decision}, which is less strict`
            : `says ${other.decision} as well, and stands later`;
        return `${originText(other.origin)} also matches (${patternText(other)}), but ${why}.`;
      }),
    ),
  ];
}

/** Rules for the same program that do not match, and the word at which they stop. */
function nearMisses(policy: Policy, argv: readonly string[], { matches }: Evaluation): readonly string[] {
  const matched = new Set(matches.map(({ rule }) => rule));
  const heads = new Set([argv[0] ?? '', baseName(argv[0] ?? '') ?? '']);
  const near = [...heads].flatMap((head) => policy.byHead.get(head) ?? []).filter((rule) => !matched.has(rule));
  return clip(
    near
      .filter((rule) => fittingWords(rule, argv) <= rule.rest.length)
      .map((rule) => {
        const place = fittingWords(rule, argv);
        const wanted = (rule.rest[place - 1] ?? []).map((word) => joinWords([word])).join(' or ');
        const word = argv[place];
        const found = word === undefined ? 'the command ends there' : `the command has ${joinWords([word])}`;
        return `${originText(rule.origin)} does not match: word ${place + 1} must be ${wanted}, and ${found}.`;
      }),
  );
}

/** Why rules for the bare name do or do not hold for a path. */
function pathNotes(
  policy: Policy,
  argv: readonly string[],
  facts: ExecFacts,
  { matches }: Evaluation,
): readonly string[] {
  const program = absolutePath(argv[0] ?? '', facts);
  const name = baseName(argv[0] ?? '');
  if (program === null || name === null || matches.length > 0 || argv[0] === name || !policy.byHead.has(name))
    return [];
  if (!facts.resolveHostExecutables)
    return [`There are rules for ${name}, but paths are not resolved: ask with --resolve-host-executables.`];
  const permitted = policy.hostExecutables.get(name);
  if (permitted === undefined || permitted.includes(program)) return [];
  const places = permitted.length === 0 ? 'no path at all' : permitted.join(', ');
  return [`host_executable() permits ${places} for ${name}, so the rules for ${name} do not hold for ${program}.`];
}

function clip(lines: readonly string[]): readonly string[] {
  return lines.length <= MOST ? lines : [...lines.slice(0, MOST), `… and ${lines.length - MOST} more.`];
}
