/**
 * A question as a person reads it: facts under each other, whole, and what each answer would do. Pure. Text of others is
 * quoted, and whatever could paint, move or turn the terminal stands there as an escape.
 */
import { basename } from 'node:path';
import { quoted, unreachable, visible } from '@agentbox/base';
import { type Question, ruleLineOf } from '@agentbox/protocol';
import type { InboxQuestion } from '@agentbox/server';
import type { Paint, Tone } from '../terminal/screen.ts';

export interface Fact {
  readonly label: string;
  readonly tone: Tone;
  readonly text: string;
}

const NETWORK: Readonly<Record<Question['facts']['network'], string>> = {
  none: 'nothing',
  rules: 'what the rules allow, through the proxy',
  all: 'everything',
};

const fact = (label: string, text: string, tone: Tone = 'plain'): Fact => ({ label, text, tone });

export function factsOf(question: InboxQuestion, amendFile: string | null, now: number): readonly Fact[] {
  const { facts } = question;
  const [called = '', ...args] = facts.argv;
  return [
    fact('Program', quoted([facts.file]), 'strong'),
    fact('Arguments', args.length === 0 ? '(none)' : quoted(args), args.length === 0 ? 'quiet' : 'strong'),
    ...(called === facts.file || called === basename(facts.file) ? [] : [fact('Called as', quoted([called]), 'doubt')]),
    ...facts.interpreters.map((path) => fact('Interpreter', quoted([path]))),
    fact('Directory', quoted([facts.cwd])),
    fact('SHA-256', facts.sha256, 'quiet'),
    fact('Asked by', `${visible(question.askedByName)}, session ${question.session}`),
    ...causeOf(question),
    meaningOf(question),
    fact('May write', facts.mayWrite.length === 0 ? 'nothing' : quoted(facts.mayWrite)),
    fact('May reach', NETWORK[facts.network]),
    ...alwaysOf(question, amendFile),
    endOf(question, now),
  ];
}

function causeOf({ facts: { rule, reason } }: Question): readonly Fact[] {
  if (rule === null) return [fact('Because', visible(reason))];
  const place = fact('Because', visible(rule.line === null ? rule.source : `${rule.source}:${rule.line}`));
  return [place, fact('', visible(rule.justification ?? reason))];
}

function meaningOf({ facts: { runs, profile } }: Question): Fact {
  switch (runs) {
    case 'sandbox':
      return fact('A yes', `lets it go on inside the sandbox (${visible(profile)})`, 'good');
    case 'outside':
      return fact('A yes', 'runs it OUTSIDE the sandbox', 'bad');
    default:
      return unreachable(runs);
  }
}

function alwaysOf({ proposal }: Question, amendFile: string | null): readonly Fact[] {
  if (proposal === null) return [fact('Always', 'is not offered for this program', 'quiet')];
  const file = amendFile === null ? 'the rules' : quoted([amendFile]);
  const outside = fact('', 'from then on it runs OUTSIDE the sandbox, unasked', 'doubt');
  return [fact('Always', `adds to ${file}`), fact('', visible(ruleLineOf(proposal))), outside];
}

function endOf(question: InboxQuestion, now: number): Fact {
  const { state, answer } = question;
  switch (state) {
    case 'open':
      return fact('Time left', leftOf(question, now), question.expiresAt - now < 60_000 ? 'doubt' : 'plain');
    case 'answered': {
      const note = answer === null || answer.note === null ? '' : `: ${visible(answer.note)}`;
      return fact('Answered', `${outcomeOf(question)}, through the ${answer?.face ?? 'client'}${note}`);
    }
    case 'expired':
      return fact('Ended', 'nobody answered in time: refused');
    case 'withdrawn':
      return fact('Ended', 'who asked has gone');
    default:
      return unreachable(state);
  }
}

/** One word or two for the list. */
export function outcomeOf({ state, answer, delivery }: Question): string {
  if (state !== 'answered' || answer === null) return state;
  const late = delivery === 'gone' ? ', too late' : '';
  return `${answer.decision}${late}`;
}

/** In minutes and seconds: a person hurries by them. */
export function leftOf({ expiresAt }: Question, now: number): string {
  const seconds = Math.max(0, Math.ceil((expiresAt - now) / 1000));
  const minutes = Math.floor(seconds / 60);
  return minutes === 0 ? `${seconds}s` : `${minutes}m ${String(seconds % 60).padStart(2, '0')}s`;
}

/** The program and its arguments on one line. */
export function commandOf({ facts }: Question): string {
  return quoted([facts.file, ...facts.argv.slice(1)]);
}

const LABEL_WIDTH = 11;
const INDENT = 2 + LABEL_WIDTH + 1;
/** narrower than this the values go below their labels */
const NARROW = 50;

/** Lines of at most `columns` cells; nothing is left out. */
export function cardLines(facts: readonly Fact[], columns: number, paint: Paint): readonly string[] {
  const indent = columns < NARROW ? 4 : INDENT;
  const room = Number.isFinite(columns) ? Math.max(16, columns - indent) : Number.POSITIVE_INFINITY;
  return facts.flatMap(({ label, text, tone }) => {
    const pieces = broken(text, room).map((piece) => paint(tone, piece));
    const name = `  ${paint('quiet', label.padEnd(LABEL_WIDTH))}`;
    if (columns < NARROW) {
      return [...(label === '' ? [] : [name.trimEnd()]), ...pieces.map((piece) => ' '.repeat(indent) + piece)];
    }
    return pieces.map((piece, at) => (at === 0 ? `${name} ${piece}` : ' '.repeat(indent) + piece));
  });
}

/** Letters that take two cells, marks that take none. */
const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u;
const MARK = /\p{M}/u;
const cellsOf = (letter: string): number => (MARK.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1);

/** Breaks at cells, not at words: a blank at a line end would hide where an argument ends. */
function broken(text: string, room: number): readonly string[] {
  if (text.length <= room && /^[\u0020-\u007E]*$/.test(text)) return [text];
  const lines: string[] = [];
  let line = '';
  let used = 0;
  for (const letter of text) {
    const cells = cellsOf(letter);
    if (used + cells > room) {
      lines.push(line);
      line = '';
      used = 0;
    }
    line += letter;
    used += cells;
  }
  return [...lines, line];
}
