/** exec_command: starts a command and answers with its end, its prompt or its session, whichever comes first. */
import type { ToolCall, ToolOutcome } from '@agentbox/control-plane';
import { type ExecCommandInput, newSessionId } from '@agentbox/protocol';
import { abortedBy, isAborted } from './abort.ts';
import { beginSession } from './begin-session.ts';
import { collectAnswer } from './collect.ts';
import { type AnswerPlan, settleExec } from './exec-plan.ts';
import { letGo, notStarted } from './let-go.ts';
import type { Turn } from './machine.ts';
import { interceptPatch } from './patch-command.ts';
import { placementOf, withNarrowed } from './placement.ts';
import { type Resumed, takeAnswers } from './questions.ts';
import { viewOf } from './session-lookup.ts';
import { newView } from './session-views.ts';

export async function execCommand(
  turn: Turn,
  input: ExecCommandInput,
  answers: ToolCall['answers'],
): Promise<ToolOutcome> {
  const { machine, context } = turn;
  const plan = settleExec(input, (await machine.facts()).home, machine.settings);
  if (plan.kind === 'failed') return plan;
  const resumed = await takeAnswers(turn, answers);
  if (resumed !== null) return 'kind' in resumed ? resumed : goOn(turn, plan.answer, resumed);
  if (context.signal.aborted) return notStarted(abortedBy(context.signal));
  const patched = await interceptPatch(turn, input, plan);
  if (patched !== null) return patched;
  const placement = placementOf(turn);
  const session = newSessionId();
  const view = newView({ cwd: plan.spawn.cwd, io: plan.spawn.io }, plan.answer.format);
  machine.views.put(turn.owner, session, view);
  const ready = beginSession(turn, session, 'exec_command', plan, placement.profile);
  const outcome = await collectAnswer(turn, {
    session,
    view,
    plan: withNarrowed(plan.answer, placement),
    since: null,
    beyondPrompt: false,
    knownQuestions: [],
    rounds: 0,
    ready,
  });
  return isAborted(outcome) ? letGo(turn, session, outcome) : outcome;
}

/** The same call, after its client was asked: the command runs already. */
async function goOn(turn: Turn, plan: AnswerPlan, { session, asked, rounds }: Resumed): Promise<ToolOutcome> {
  const outcome = await collectAnswer(turn, {
    session,
    view: await viewOf(turn, session),
    plan,
    since: null,
    beyondPrompt: false,
    knownQuestions: asked,
    rounds,
    ready: Promise.resolve(),
  });
  return isAborted(outcome) ? letGo(turn, session, outcome) : outcome;
}
