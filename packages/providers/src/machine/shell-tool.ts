/**
 * shell: one command to its end, within a time that is its own. What exec_command does with an answer at the end only:
 * at the timeout everything that the call started is ended, and what was printed until then is the answer.
 */
import type { ToolCall, ToolOutcome } from '@agentbox/control-plane';
import { type CollectReply, newSessionId, type ShellInput } from '@agentbox/protocol';
import { abortedBy, isAborted, orAborted } from './abort.ts';
import { beginSession } from './begin-session.ts';
import { type Asked, collectRequest, lostOutcome, makeAnswer, settleView } from './collect.ts';
import { endTree } from './end-tree.ts';
import { letGo, notStarted, staysAfter } from './let-go.ts';
import type { Turn } from './machine.ts';
import { placementOf, withNarrowed } from './placement.ts';
import { ProgressFeed } from './progress-feed.ts';
import { askClient, type Resumed, takeAnswers } from './questions.ts';
import { viewOf } from './session-lookup.ts';
import { newView } from './session-views.ts';
import { fitShell } from './shell-answer.ts';
import { type ShellPlan, settleShell } from './shell-plan.ts';
import { waitForEnd } from './wait-for-end.ts';

export async function shell(turn: Turn, input: ShellInput, answers: ToolCall['answers']): Promise<ToolOutcome> {
  const { machine, context, owner } = turn;
  const plan = settleShell(input, (await machine.facts()).home, machine.settings);
  if (plan.kind === 'failed') return plan;
  const resumed = await takeAnswers(turn, answers);
  if (resumed !== null) return 'kind' in resumed ? resumed : goOn(turn, plan, resumed);
  if (context.signal.aborted) return notStarted(abortedBy(context.signal));
  const session = newSessionId();
  const { spawn } = plan.exec;
  const placement = placementOf(turn);
  const answer = withNarrowed(plan.exec.answer, placement);
  const view = newView({ cwd: spawn.cwd, io: spawn.io }, answer.format);
  machine.views.put(owner, session, view);
  const ready = beginSession(turn, session, 'shell', plan.exec, placement.profile);
  const asked = { session, view, plan: answer, since: 0, beyondPrompt: false, knownQuestions: [], rounds: 0, ready };
  return follow(turn, asked, { timeoutMs: plan.timeoutMs, elapsedMs: 0 });
}

/** The same call, after its client was asked: the command runs already. */
async function goOn(turn: Turn, plan: ShellPlan, { session, asked, rounds }: Resumed): Promise<ToolOutcome> {
  const { machine, owner } = turn;
  const { startedAt } = await machine.box.info(owner, session);
  const placement = placementOf(turn);
  const again = {
    session,
    view: await viewOf(turn, session),
    plan: withNarrowed(plan.exec.answer, placement),
    since: 0,
    beyondPrompt: false,
    knownQuestions: asked,
    rounds,
    ready: Promise.resolve(),
  };
  return follow(turn, again, { timeoutMs: plan.timeoutMs, elapsedMs: Math.max(1, machine.clock() - startedAt) });
}

interface Time {
  readonly timeoutMs: number;
  readonly elapsedMs: number;
}

async function follow(turn: Turn, asked: Asked, time: Time): Promise<ToolOutcome> {
  const { machine, context } = turn;
  const { session } = asked;
  using feed = new ProgressFeed(turn, session, 0);
  feed.start();
  const whole = runToEnd(turn, asked, time);
  const outcome = await orAborted(whole, context.signal);
  if (!isAborted(outcome)) return outcome;
  await asked.ready;
  // A command that stays has its timeout still: the wait for it goes on without its caller.
  if (staysAfter(turn, outcome)) {
    whole.catch((fault: unknown) => machine.reportFault('a command lost its timeout', { session }, fault));
  }
  return letGo(turn, session, outcome);
}

/** for the record of an end that was just brought about, in ms */
const LAST_WAIT_MS = 1000;

async function runToEnd(turn: Turn, asked: Asked, time: Time): Promise<ToolOutcome> {
  const { machine, owner } = turn;
  const collect = (waitMs: number): Promise<CollectReply> =>
    machine.box.collect(owner, { ...collectRequest(asked, 'output', 0, waitMs), untilInput: false });
  const isHeld = ({ questions }: CollectReply): boolean =>
    questions.some(({ id }) => asked.knownQuestions?.includes(id) !== true);
  const waiting = waitForEnd({ collect, ...time, isHeld });
  // What never began has no answer: its own failure is told.
  waiting.catch(() => undefined);
  await asked.ready;
  const reply = await waiting;
  if (reply.state.kind !== 'running') return tell(turn, asked, reply, null);
  if (isHeld(reply)) {
    keepTime(turn, asked, time.timeoutMs);
    return askOrTell(turn, asked, reply);
  }
  const { alive } = await endTree(turn, asked.session);
  return tell(turn, asked, await collect(LAST_WAIT_MS), { alive });
}

/** The call ends with a question; the time of its command does not, whether or not the call comes again. */
function keepTime(turn: Turn, asked: Asked, timeoutMs: number): void {
  const { machine, owner } = turn;
  const { session } = asked;
  // What waits for a person is no reason to look again.
  const quiet = { ...asked, knownQuestions: null };
  const collect = (waitMs: number): Promise<CollectReply> =>
    machine.box.collect(owner, { ...collectRequest(quiet, 'output', 0, waitMs), untilInput: false });
  const wait = async (): Promise<void> => {
    const { startedAt } = await machine.box.info(owner, session);
    const elapsedMs = Math.max(1, machine.clock() - startedAt);
    const reply = await waitForEnd({ collect, timeoutMs, elapsedMs, isHeld: () => false });
    if (reply.state.kind === 'running') await endTree(turn, session);
  };
  wait().catch((fault: unknown) => machine.reportFault('a command lost its timeout', { session }, fault));
}

/** Whoever cannot be asked is told what waits: the command stays, and write_stdin waits for the answer. */
async function askOrTell(turn: Turn, asked: Asked, reply: CollectReply): Promise<ToolOutcome> {
  const question = await askClient(turn, asked.session, reply.questions, asked.rounds);
  return question ?? tell(turn, asked, reply, null);
}

/** `overdue`: the timeout ended it, and this many processes did not go. */
async function tell(
  turn: Turn,
  asked: Asked,
  reply: CollectReply,
  overdue: { readonly alive: number } | null,
): Promise<ToolOutcome> {
  if (reply.state.kind === 'lost') return lostOutcome(turn, asked, reply.state.cause);
  const { plan } = asked;
  const { outcome, answer } = await fitShell(
    plan.maxTokens,
    (maxTokens) => makeAnswer(turn, { ...asked, plan: { ...plan, maxTokens } }, reply, null),
    {
      wallMs: performance.now() - turn.startedAt,
      timedOut: overdue !== null,
      alive: overdue?.alive ?? 0,
      denied: reply.denied,
    },
  );
  settleView(turn, asked, reply, answer);
  return outcome;
}
