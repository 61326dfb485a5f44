/** `agentbox approvals`: what waits for a person, with the facts, and the answers. */
import { AgentboxError, MAX_NOTE_CHARS, type QuestionAnswer } from '@agentbox/protocol';
import { connectInbox, type Inbox, type InboxQuestion } from '@agentbox/server';
import { cardLines, commandOf, factsOf, leftOf, outcomeOf } from '../approvals/card.ts';
import { watch } from '../approvals/watch.ts';
import { type Command, HOME, JSON_OUT, type Parsed, UsageError } from '../command.ts';
import { EXIT, type ExitCode, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { showFailure } from '../terminal/failure.ts';
import { ago } from '../terminal/format.ts';
import { plain, type Screen, screenOn } from '../terminal/screen.ts';

export const approvals: Command = {
  name: 'approvals',
  summary: 'See what waits for a person, and answer it.',
  synopsis: 'list|watch|show ID|allow ID|deny ID [--session|--always] [--note TEXT] [--all] [--json] [--home DIR]',
  about:
    'A question may be named by the beginning of its id. `watch` answers by single keys; in a pipe it prints a line\n' +
    'for each change. Exit codes: 4 there is no such question, 5 it was over already or its program had ended.',
  options: {
    once: { type: 'boolean', help: 'allow: this program, this time (the default)' },
    session: { type: 'boolean', help: 'allow: also the same program with the same arguments later' },
    always: { type: 'boolean', help: 'allow: write the rule that `show` shows' },
    note: { type: 'string', value: 'TEXT', help: 'a word with the answer; a refused program is told it' },
    all: { type: 'boolean', short: 'a', help: 'list: also what is over' },
    json: JSON_OUT,
    home: HOME,
  },
  examples: [
    ['agentbox approvals', 'what waits now'],
    ['agentbox approvals watch', 'stay and answer'],
    ['agentbox approvals show q_7k', 'every fact of one question'],
    ['agentbox approvals allow q_7k --session', 'yes, and not again for the same'],
    ['agentbox approvals deny q_7k --note "use a branch"', 'no, and why'],
  ],
  run: runApprovals,
};

async function runApprovals(args: Parsed, io: Io): Promise<ExitCode> {
  const [action = 'list', id, ...rest] = args.positionals;
  if (rest.length > 0) throw new UsageError(`unexpected \`${rest.join(' ')}\``);
  const decision = decisionOf(action, args);
  const path = pathsOf(args, io).control;
  if (action === 'watch' && id === undefined) return watch({ path, isJson: args.flag('json') }, io);
  if (action === 'list' && id === undefined) return list(path, args, io);
  if (action === 'list' || action === 'watch') throw new UsageError(`\`${action}\` takes no id`);
  if (id === undefined) throw new UsageError('name a question; `agentbox approvals` shows them');
  try {
    await using inbox = await connectInbox(path);
    return await (decision === null ? show(inbox, id, args, io) : answer(inbox, id, decision, args, io));
  } catch (fault) {
    if (!(fault instanceof AgentboxError)) throw fault;
    const code = showFailure(fault, io, null);
    if (fault.code === 'QUESTION_NOT_FOUND') return EXIT.noQuestion;
    return fault.code === 'QUESTION_CLOSED' ? EXIT.questionOver : code;
  }
}

/** null for what is no answer */
function decisionOf(action: string, args: Parsed): QuestionAnswer | null {
  const [decision = 'once', ...more] = (['once', 'session', 'always'] as const).filter((name) => args.flag(name));
  if (more.length > 0) throw new UsageError('say one of --once, --session and --always');
  const isWide = decision !== 'once' || args.flag('once');
  if (isWide && action !== 'allow') throw new UsageError('--once, --session and --always are for `allow`');
  const note = args.text('note');
  if (note !== undefined && action !== 'allow' && action !== 'deny') throw new UsageError('--note is for an answer');
  if (note !== undefined && note.length > MAX_NOTE_CHARS)
    throw new UsageError(`--note takes ${MAX_NOTE_CHARS} characters`);
  if (action === 'allow') return decision;
  if (action === 'deny') return 'deny';
  if (action === 'list' || action === 'watch' || action === 'show') return null;
  throw new UsageError(`say list, watch, show, allow or deny, not \`${action}\``);
}

async function list(path: string, args: Parsed, io: Io): Promise<ExitCode> {
  await using inbox = await connectInbox(path);
  const { questions, now } = await inbox.list(args.flag('all'));
  if (args.flag('json')) {
    io.stdout.write(`${JSON.stringify(questions)}\n`);
    return EXIT.done;
  }
  const screen = screenOn(io.stdout, io.env);
  if (questions.length === 0) {
    screen.line(args.flag('all') ? 'Nothing was asked yet.' : 'Nothing waits.');
    return EXIT.done;
  }
  screen.table(
    ['QUESTION', 'STATE', 'ASKED', 'LEFT', 'BY', 'RUNS', 'COMMAND'],
    questions
      .toReversed()
      .map((one) => [
        one.id,
        stateWord(one, screen),
        ago(one.askedAt, now),
        one.state === 'open' ? leftOf(one, now) : '',
        plain(one.askedByName),
        one.facts.runs === 'outside' ? screen.paint('bad', 'outside') : 'sandbox',
        commandOf(one),
      ]),
  );
  return EXIT.done;
}

function stateWord(question: InboxQuestion, { paint }: Screen): string {
  if (question.state === 'open') return paint('doubt', 'waits');
  const isYes = question.answer !== null && question.answer.decision !== 'deny';
  return paint(isYes ? 'good' : 'quiet', outcomeOf(question));
}

interface Found {
  readonly question: InboxQuestion;
  readonly amendFile: string | null;
  readonly now: number;
}

/** What waits is meant before what is over. */
async function found(inbox: Inbox, beginning: string): Promise<Found> {
  const { questions, amendFile, now } = await inbox.find(beginning);
  const open = questions.filter(({ state }) => state === 'open');
  const [question, ...others] = open.length > 0 ? open : questions;
  if (question === undefined) throw new AgentboxError('QUESTION_NOT_FOUND', `there is no question ${plain(beginning)}`);
  if (others.length > 0)
    throw new UsageError(`\`${plain(beginning)}\` begins the ids of ${others.length + 1} questions`);
  return { question, amendFile, now };
}

async function show(inbox: Inbox, id: string, args: Parsed, io: Io): Promise<ExitCode> {
  const { question, amendFile, now } = await found(inbox, id);
  if (args.flag('json')) {
    io.stdout.write(`${JSON.stringify({ ...question, amendFile })}\n`);
    return EXIT.done;
  }
  const screen = screenOn(io.stdout, io.env);
  const { paint } = screen;
  screen.line(
    `${paint('strong', question.id)}  ${stateWord(question, screen)}  ${paint('quiet', `asked ${ago(question.askedAt, now)} ago`)}`,
  );
  screen.line();
  for (const line of cardLines(factsOf(question, amendFile, now), screen.columns, paint)) screen.line(line);
  if (question.state !== 'open' || !screen.isTerminal) return EXIT.done;
  screen.line();
  for (const way of ['allow', 'deny ']) screen.line(`  ${paint('link', `agentbox approvals ${way} ${question.id}`)}`);
  return EXIT.done;
}

async function answer(inbox: Inbox, id: string, decision: QuestionAnswer, args: Parsed, io: Io): Promise<ExitCode> {
  const { question } = await found(inbox, id);
  const answered = await inbox.answer(question.id, decision, args.text('note') ?? null);
  if (args.flag('json')) io.stdout.write(`${JSON.stringify(answered)}\n`);
  else sayAnswer(answered, decision, screenOn(io.stdout, io.env));
  return answered.delivery === 'gone' ? EXIT.questionOver : EXIT.done;
}

function sayAnswer(question: InboxQuestion, decision: QuestionAnswer, screen: Screen): void {
  const { paint } = screen;
  const word = decision === 'deny' ? paint('doubt', 'denied') : paint('good', `allowed (${decision})`);
  screen.line(`${word}  ${question.id}  ${commandOf(question)}`);
  if (question.delivery === 'gone') screen.line(paint('doubt', '  Too late: who asked has ended.'));
  else if (question.delivery !== 'taken') screen.line(paint('quiet', '  The box is away; it is told when it is back.'));
}
