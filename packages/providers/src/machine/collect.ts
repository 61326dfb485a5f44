/** Waits for a session and makes the answer that exec_command and write_stdin give: text, facts and what comes next. */
import { randomBytes } from 'node:crypto';
import type { ToolOutcome } from '@agentbox/control-plane';
import {
  type CollectReply,
  type CollectRequest,
  type ExecOutput,
  type QuestionId,
  type SessionId,
  writeBookmark,
} from '@agentbox/protocol';
import { type Aborted, isAborted, orAborted } from './abort.ts';
import { answerText, omittedMarker, withMarker } from './answer-text.ts';
import type { AnswerPlan } from './exec-plan.ts';
import { fitOutput, joined } from './fit-output.ts';
import type { Turn } from './machine.ts';
import { fail, oneLine, result } from './outcome.ts';
import { CODEX_HALF_BYTES, cleanOutput, codexSource, codexText, decodeUtf8, tokensOf } from './output/index.ts';
import { ProgressFeed } from './progress-feed.ts';
import { askClient, waitingOf } from './questions.ts';
import { describeScreen, type ScreenAnswer } from './screen-answer.ts';
import type { SessionView } from './session-views.ts';

export interface Asked {
  readonly session: SessionId;
  readonly view: SessionView;
  readonly plan: AnswerPlan;
  /** first byte wanted, when not where the last answer ended */
  readonly since: number | null;
  /** the caller knows the prompt at which the session waits, and waits for what comes after it */
  readonly beyondPrompt: boolean;
  /** programs that wait for a person and that the caller knows of; null: whatever waits is no reason to answer */
  readonly knownQuestions?: readonly QuestionId[] | null;
  /** how often this call has asked its client */
  readonly rounds: number;
  /** the session is there and on the record: asked for at the same time, awaited before anything is said of it */
  readonly ready: Promise<void>;
}

/** Cleaning shrinks output: more is fetched than fits, so that a long progress bar does not hide what is around it. */
const TEXT_HALF_BYTES = 128 * 1024;
const MAX_BACKGROUND = 20;
const MAX_PROMPT_CHARS = 1000;
const MAX_DENIED = 20;
const MAX_DENIED_WORDS = 64;

export async function collectAnswer(turn: Turn, asked: Asked): Promise<ToolOutcome | Aborted> {
  const waiting = waitFor(turn, asked);
  // What never began has no answer: its own failure is told.
  waiting.catch(() => undefined);
  await asked.ready;
  const reply = await waiting;
  if (isAborted(reply)) return reply;
  if (reply.state.kind === 'lost') return lostOutcome(turn, asked, reply.state.cause);
  const isNew = reply.questions.some(({ id }) => asked.knownQuestions?.includes(id) !== true);
  const question = isNew ? await askClient(turn, asked.session, reply.questions, asked.rounds) : null;
  if (question !== null) return question;
  const stderr = await collectStderr(turn, asked);
  const answer = await makeAnswer(turn, asked, reply, stderr);
  settleView(turn, asked, reply, answer);
  const made = result(answerText(answer, asked.plan.format), answer);
  return reply.state.kind === 'running'
    ? { kind: 'running', session: asked.session, partial: made }
    : { kind: 'done', result: made };
}

async function waitFor(turn: Turn, asked: Asked): Promise<CollectReply | Aborted> {
  const { plan, view, session } = asked;
  const from = asked.since ?? view.cursor;
  using feed = new ProgressFeed(turn, session, from);
  feed.start();
  const request = collectRequest(asked, 'output', from, plan.waitMs);
  // Awaited here, so that the feed ends after the wait and not with its beginning.
  return await orAborted(turn.machine.box.collect(turn.owner, request, turn.context.signal), turn.context.signal);
}

export function collectRequest(
  { session, plan, beyondPrompt, knownQuestions = null }: Asked,
  stream: 'output' | 'stderr',
  from: number,
  waitMs: number,
): CollectRequest {
  const half = plan.format === 'codex' ? CODEX_HALF_BYTES : Math.max(TEXT_HALF_BYTES, plan.maxTokens * 2);
  // Codex waits its time out whatever the command does.
  const untilInput = plan.format !== 'codex';
  const size = { headBytes: half, tailBytes: half };
  return { session, stream, from, waitMs, ...size, untilInput, untilOutput: beyondPrompt, knownQuestions };
}

async function collectStderr(turn: Turn, asked: Asked): Promise<CollectReply | null> {
  const { io, stderrCursor } = asked.view;
  if (io.kind !== 'pipe' || io.stderr !== 'separate') return null;
  return turn.machine.box.collect(turn.owner, collectRequest(asked, 'stderr', stderrCursor, 0));
}

interface Shown {
  readonly text: string;
  readonly heldBytes: number;
  readonly binary: boolean;
  readonly originalTokens: number;
  readonly omitted: { readonly from: number; readonly bytes: number } | null;
  readonly screen: 'none' | 'addressed' | 'alternate';
}

export async function makeAnswer(
  turn: Turn,
  asked: Asked,
  reply: CollectReply,
  stderr: CollectReply | null,
): Promise<ExecOutput> {
  const { plan, session, view } = asked;
  const budget = stderr === null ? plan.maxTokens : Math.ceil(plan.maxTokens / 2);
  const shown = show(turn, asked, reply, budget, 'output');
  const shownStderr = stderr === null ? null : show(turn, asked, stderr, Math.floor(plan.maxTokens / 2), 'stderr');
  const draws = plan.format === 'text' && !plan.raw && reply.state.kind === 'running';
  const screen = draws ? await describeScreen(turn, session, reply, shown.screen) : null;
  const denials = freshDenials(asked, reply);
  const ended = reply.state.kind === 'exited' ? reply.state : null;
  return {
    chunk_id: randomBytes(3).toString('hex'),
    wall_time_seconds: Math.round((performance.now() - turn.startedAt) * 10) / 10_000,
    ...(ended === null ? {} : { exit_code: ended.exit.code }),
    ...(ended !== null && plan.format === 'codex' ? {} : { session_id: session }),
    original_token_count: shown.originalTokens,
    output: screen === null ? shown.text : withScreen(shown, screen),
    running: ended === null,
    ...(ended?.exit.signal == null ? {} : { signal: ended.exit.signal }),
    cwd: view.cwd,
    cursor: reply.next - shown.heldBytes,
    ...(shown.omitted === null ? {} : { omitted: shown.omitted }),
    background: backgroundOf(ended?.background ?? []),
    ...(reply.awaitingInput === null
      ? {}
      : { awaiting_input: promptOf(reply.awaitingInput, screen?.cursorLine ?? null) }),
    binary: shown.binary || shownStderr?.binary === true,
    ...(screen === null ? {} : { screen: screen.facts }),
    ...(stderr === null || shownStderr === null
      ? {}
      : { stderr: shownStderr.text, stderr_cursor: stderr.next - shownStderr.heldBytes }),
    warnings: [
      ...plan.warnings,
      ...replyWarnings(reply, stderr, ended?.background.length ?? 0),
      ...(denials.length > MAX_DENIED ? [`${denials.length - MAX_DENIED} more programs were refused`] : []),
      // Whoever was killed may have been ended by the loss of its guard.
      ...(ended?.exit.signal == null ? [] : (await turn.machine.box.info(turn.owner, session)).notes),
    ],
    denied: denials.slice(0, MAX_DENIED),
    ...(reply.questions.length === 0 ? {} : { waiting: waitingOf(reply.questions) }),
  };
}

/** What was printed on the normal screen stands on the screen already, unless it scrolled away. */
function withScreen(shown: Shown, screen: ScreenAnswer): string {
  const onScreen = shown.screen === 'addressed' && shown.text.trimEnd().split('\n').length <= screen.facts.rows;
  return shown.text === '' || onScreen ? screen.text : `${shown.text.trimEnd()}\n${screen.text}`;
}

function show(turn: Turn, asked: Asked, reply: CollectReply, maxTokens: number, stream: 'output' | 'stderr'): Shown {
  return asked.plan.format === 'codex'
    ? showAsCodex(reply, maxTokens)
    : showForModel(turn, asked, reply, maxTokens, stream);
}

function showAsCodex(reply: CollectReply, maxTokens: number): Shown {
  const ended = reply.state.kind !== 'running';
  const last = decodeUtf8(reply.tail.length > 0 ? reply.tail : reply.head, { atEnd: ended });
  const kept = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - last.heldBytes);
  const whole = reply.omitted === 0 ? kept(joined(reply.head, reply.tail)) : null;
  const source =
    whole === null
      ? {
          head: decodeUtf8(reply.head, { atEnd: true }).text,
          tail: decodeUtf8(kept(reply.tail), { atEnd: true }).text,
          omittedBytes: reply.omitted,
          originalBytes: reply.next - reply.from - last.heldBytes,
        }
      : codexSource(whole);
  const { text, originalTokenCount } = codexText(source, maxTokens);
  return {
    text,
    heldBytes: last.heldBytes,
    binary: last.binary,
    originalTokens: originalTokenCount,
    omitted: reply.omitted === 0 ? null : { from: reply.from + reply.head.length, bytes: reply.omitted },
    screen: 'none',
  };
}

function showForModel(
  turn: Turn,
  { session, plan }: Asked,
  reply: CollectReply,
  maxTokens: number,
  stream: 'output' | 'stderr',
): Shown {
  const printed = {
    from: reply.from,
    head: reply.head,
    tail: reply.tail,
    between: reply.omitted,
    newlines: reply.newlines,
  };
  const fitted = fitOutput(printed, {
    maxTokens,
    raw: plan.raw,
    ended: reply.state.kind !== 'running',
    startsOnAlternateScreen: reply.screenFrom !== null && reply.screenFrom < reply.from,
  });
  const { omitted, heldBytes, binary } = fitted;
  // A screen that was left again shows nothing any more.
  const screen = fitted.screen === 'addressed' && fitted.closedScreens > 0 ? 'none' : fitted.screen;
  const facts = { heldBytes, binary, screen, originalTokens: tokensOf(reply.next - reply.from - heldBytes) };
  if (omitted === null) return { ...facts, text: fitted.head, omitted: null };
  const how = `${turn.machine.settings.prefix}read_output session_id=${session}${stream === 'stderr' ? ' stream=stderr' : ''}`;
  return {
    ...facts,
    text: withMarker(fitted.head, omittedMarker(omitted, how), fitted.tail),
    omitted: { from: omitted.from, bytes: omitted.bytes },
  };
}

/** Refused since the last answer. */
function freshDenials({ view }: Asked, { denied }: CollectReply): ExecOutput['denied'] {
  return denied.slice(view.deniedTold).map(({ file, argv, rule, reason }) => ({
    file,
    argv: argv.slice(0, MAX_DENIED_WORDS),
    rule,
    reason,
  }));
}

function backgroundOf(processes: readonly { pid: number; command: string; ports: readonly number[] }[]) {
  return processes
    .slice(0, MAX_BACKGROUND)
    .map(({ pid, command, ports }) => ({ pid, command: oneLine(command, 300), ports: ports.slice(0, 20) }));
}

function promptOf(prompt: { readonly text: string; readonly echo: boolean }, cursorLine: string | null) {
  const text = cursorLine ?? cleanOutput(prompt.text, { atEnd: true }).text;
  return { text: text.slice(-MAX_PROMPT_CHARS).toWellFormed(), echo: prompt.echo };
}

function replyWarnings(reply: CollectReply, stderr: CollectReply | null, background: number): readonly string[] {
  const dropped = reply.dropped + (stderr?.dropped ?? 0);
  return [
    ...(dropped > 0 ? [`${dropped} bytes were dropped by the quota of the log and cannot be read`] : []),
    ...(background > MAX_BACKGROUND ? [`${background - MAX_BACKGROUND} more processes run in the background`] : []),
  ];
}

/** The caller has what was answered; the store hears once that the command ended. */
export function settleView(turn: Turn, asked: Asked, reply: CollectReply, answer: ExecOutput): void {
  const { machine, owner } = turn;
  machine.views.advance(owner, asked.session, {
    cursor: answer.cursor,
    stderrCursor: answer.stderr_cursor ?? 0,
    promptTold: answer.awaiting_input !== undefined,
    questionsTold: reply.questions.map(({ id }) => id),
    deniedTold: reply.denied.length,
  });
  // One answer that told all of it needs no place to go on from.
  if (reply.state.kind === 'running' || asked.view.cursor > 0) leaveBookmark(turn, asked.session);
  if (reply.state.kind === 'exited') closeRecord(turn, asked.session, reply.state.exit);
}

/** By then an answer has left the server: one that a crash took with it is told again, never skipped. */
const BOOKMARK_DELAY_MS = 250;

function leaveBookmark({ machine, owner }: Turn, session: SessionId): void {
  const view = machine.views.get(owner, session);
  if (view === undefined) return;
  setTimeout(() => {
    // A bookmark that is not there costs a repetition, and the box may be gone for good by now.
    machine.box.bookmark(owner, session, writeBookmark(view)).catch(() => undefined);
  }, BOOKMARK_DELAY_MS).unref();
}

export function closeRecord(
  { machine, owner }: Turn,
  session: SessionId,
  exit: { readonly at: number; readonly code: number | null },
): void {
  const view = machine.views.get(owner, session);
  if (view?.closed === true) return;
  if (view !== undefined) machine.views.put(owner, session, { ...view, closed: true });
  machine.sessions.close(session, exit.at, exit.code).catch((fault: unknown) => {
    machine.reportFault('the end of a session was not recorded', { session }, fault);
  });
}

export function lostOutcome(turn: Turn, asked: Pick<Asked, 'session' | 'view'>, cause: string): ToolOutcome {
  const { session, view } = asked;
  closeRecord(turn, session, { at: turn.machine.clock(), code: null });
  return fail(
    'SESSION_LOST',
    `session ${session} was lost: ${cause}; what it printed can be read: ${turn.machine.settings.prefix}read_output session_id=${session} from=${view.cursor}`,
    { session, cause },
  );
}
