/**
 * A question as an MCP form, and what the form says when it comes back. Pure. The message holds facts that the host
 * collected; hostile text in them is quoted, and no character of it can leave its line or its code span.
 */
import { quoted, unreachable, visible } from '@agentbox/base';
import { MAX_NOTE_CHARS, type Question, type QuestionAnswer, ruleLineOf } from '@agentbox/protocol';

/** characters of the command and of one fact in a dialog; the command line shows the whole */
const MAX_COMMAND_CHARS = 2000;
const MAX_FACT_CHARS = 400;
const MAX_LISTED = 6;

/** An entry of `requests` in the outcome `needs-input`. */
export interface Elicitation {
  readonly method: 'elicitation/create';
  readonly params: Readonly<Record<string, unknown>>;
}

export interface ElicitedAnswer {
  readonly decision: QuestionAnswer;
  readonly note: string | null;
}

const LABELS: Readonly<Record<'once' | 'session' | 'always', string>> = {
  once: 'Once: this program, this time',
  session: 'For this session: the same program with the same arguments',
  always: 'Always: write a rule',
};

export function elicitationOf(question: Question): Elicitation {
  const choices =
    question.proposal === null ? (['once', 'session'] as const) : (['once', 'session', 'always'] as const);
  return {
    method: 'elicitation/create',
    params: {
      mode: 'form',
      message: messageOf(question),
      requestedSchema: {
        type: 'object',
        title: 'Execution Permission Request',
        properties: {
          decision: {
            type: 'string',
            title: 'Allow',
            description: 'How far a yes goes; once when nothing is chosen.',
            enum: choices,
            enumNames: choices.map((choice) => LABELS[choice]),
            default: 'once',
          },
          reason: { type: 'string', description: 'Optional reason for allowing or denying execution' },
        },
      },
    },
  };
}

/** A client that ignores the fields and accepts means once; what cannot be read is a refusal. */
export function readElicitation(response: unknown, question: Question): ElicitedAnswer {
  if (!isRecord(response)) return { decision: 'deny', note: 'the answer of the client could not be read' };
  const { action, content } = response;
  const fields = isRecord(content) ? content : {};
  const said = typeof fields['reason'] === 'string' ? fields['reason'].trim().slice(0, MAX_NOTE_CHARS) : '';
  const note = said === '' ? null : said;
  if (action === 'decline') return { decision: 'deny', note: note ?? 'User declined execution' };
  if (action === 'cancel') return { decision: 'deny', note: note ?? 'User cancelled execution' };
  const decision = action === 'accept' ? decisionIn(fields['decision'], question) : undefined;
  return decision === undefined
    ? { decision: 'deny', note: 'the answer of the client could not be read' }
    : { decision, note };
}

function decisionIn(chosen: unknown, { proposal }: Question): QuestionAnswer | undefined {
  if (chosen === undefined || chosen === null || chosen === '' || chosen === 'once') return 'once';
  if (chosen === 'session' || chosen === 'deny') return chosen;
  return chosen === 'always' && proposal !== null ? chosen : undefined;
}

function messageOf(question: Question): string {
  const { facts, proposal, id, expiresAt } = question;
  const command = [word(facts.file), ...(facts.argv.length > 1 ? [words(facts.argv.slice(1))] : [])].join(' ');
  const lines = [
    `Allow agent to run \`${shortened(command, MAX_COMMAND_CHARS)}\` in \`${fact(word(facts.cwd))}\`?`,
    '',
    runsLine(question),
    `File: ${fact(word(facts.file))}, sha256 ${facts.sha256}`,
    ...(facts.interpreters.length === 0 ? [] : [`Interpreter: ${listed(facts.interpreters)}`]),
    `Asked because: ${causeOf(question)}`,
    `May write: ${facts.mayWrite.length === 0 ? 'nothing' : listed(facts.mayWrite)}`,
    `Network: ${networkLine(facts.network)}`,
    ...(proposal === null
      ? []
      : [`Always writes: ${fact(literal(ruleLineOf(proposal)))} (from then on it runs OUTSIDE the sandbox, unasked)`]),
    `Question ${id}, open until ${new Date(expiresAt).toISOString()}`,
  ];
  return lines.join('\n');
}

/** No backtick: it would end the code span that the text stands in. */
const words = (argv: readonly string[]): string => quoted(argv, ['`']);
const word = (text: string): string => words([text]);
const literal = (text: string): string => visible(text).replaceAll('`', String.raw`\u{60}`);
const fact = (text: string): string => shortened(text, MAX_FACT_CHARS);

function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor(most / 4);
  const left = text.length - most;
  return `${text.slice(0, most - end)} [... ${left} characters are not shown here ...] ${text.slice(-end)}`.toWellFormed();
}

function runsLine({ facts: { runs, profile } }: Question): string {
  switch (runs) {
    case 'sandbox':
      return `A yes lets it go on INSIDE the sandbox (profile ${literal(profile)}).`;
    case 'outside':
      return 'A yes runs it OUTSIDE the sandbox, with the rights of the user who runs agentbox.';
    default:
      return unreachable(runs);
  }
}

function causeOf({ facts: { rule, reason } }: Question): string {
  if (rule === null) return fact(literal(reason));
  const place = rule.line === null ? rule.source : `${rule.source}:${rule.line}`;
  return `${fact(literal(place))}: ${fact(literal(reason))}`;
}

function listed(paths: readonly string[]): string {
  const more = paths.length > MAX_LISTED ? ` and ${paths.length - MAX_LISTED} more` : '';
  return `${paths
    .slice(0, MAX_LISTED)
    .map((path) => fact(word(path)))
    .join(', ')}${more}`;
}

function networkLine(network: Question['facts']['network']): string {
  switch (network) {
    case 'none':
      return 'none';
    case 'rules':
      return 'only what the rules allow';
    case 'all':
      return 'everything';
    default:
      return unreachable(network);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
