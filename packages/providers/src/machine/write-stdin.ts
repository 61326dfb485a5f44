/** write_stdin: types into a session, presses keys, interrupts, or only waits; then answers as exec_command does. */
import { unreachable } from '@agentbox/base';
import type { ToolCall, ToolOutcome } from '@agentbox/control-plane';
import type { SessionId, WriteStdinInput } from '@agentbox/protocol';
import { isAborted } from './abort.ts';
import { collectAnswer, lostOutcome } from './collect.ts';
import { type AnswerPlan, settleAnswer } from './exec-plan.ts';
import { inputBytes, signalOf } from './input-bytes.ts';
import type { Turn } from './machine.ts';
import { type Failed, fail, failedWith } from './outcome.ts';
import { takeAnswers } from './questions.ts';
import { findSession, viewOf } from './session-lookup.ts';
import type { SessionView } from './session-views.ts';
import { clamp } from './settings.ts';

interface Typed {
  readonly chars: string;
  readonly keys: NonNullable<WriteStdinInput['keys']>;
  readonly paste: boolean;
  readonly eof: boolean;
}

export async function writeStdin(
  turn: Turn,
  input: WriteStdinInput,
  answers: ToolCall['answers'],
): Promise<ToolOutcome> {
  const session = findSession(input.session_id);
  if (typeof session !== 'string') return session;
  const view = await viewOf(turn, session);
  const resumed = await takeAnswers(turn, answers);
  if (resumed !== null && 'kind' in resumed) return resumed;
  const typed: Typed = {
    chars: input.chars ?? '',
    keys: input.keys ?? [],
    paste: input.paste === true,
    eof: input.eof === true || (view.io.kind === 'pipe' && input.keys?.at(-1) === 'ctrl-d'),
  };
  // What this call typed was typed when it came first.
  const writes = resumed === null && (typed.chars !== '' || typed.keys.length > 0 || typed.eof);
  const refused = writes ? await write(turn, session, view, typed) : undefined;
  if (refused !== undefined) return refused;
  const plan = settlePlan(turn, input, view, writes, typed);
  const outcome = await collectAnswer(turn, {
    session,
    view,
    plan,
    since: input.since ?? null,
    beyondPrompt: !writes && view.promptTold && input.since === undefined,
    knownQuestions: resumed?.asked ?? view.questionsTold,
    rounds: resumed?.rounds ?? 0,
    ready: Promise.resolve(),
  });
  if (!isAborted(outcome)) return outcome;
  return fail('CANCELLED', `the wait was ${outcome.why}; session ${session} is as it was`, {
    session,
    why: outcome.why,
  });
}

function settlePlan(turn: Turn, input: WriteStdinInput, view: SessionView, writes: boolean, typed: Typed): AnswerPlan {
  const { settings } = turn.machine;
  const waitMs = clamp(input.yield_time_ms, writes ? settings.writeYieldMs : settings.pollYieldMs);
  const warnings =
    typed.paste && view.io.kind !== 'tty' ? ['paste=true changes nothing: the session has no terminal'] : [];
  return settleAnswer({ ...input, format: input.format ?? view.format }, waitMs, settings, warnings);
}

async function write(
  turn: Turn,
  session: SessionId,
  view: SessionView,
  typed: Typed,
): Promise<ToolOutcome | undefined> {
  const { box } = turn.machine;
  const tty = view.io.kind === 'tty';
  const signal = tty || typed.eof ? null : signalOf(typed);
  try {
    if (signal !== null) {
      await box.interrupt(turn.owner, session, `SIG${signal}`);
      return undefined;
    }
    if (view.io.kind === 'pipe' && !view.io.stdin) return await refuseClosed(turn, session, view);
    await box.write(turn.owner, { session, at: null, bytes: inputBytes(typed, tty), eof: typed.eof });
    return undefined;
  } catch (fault) {
    const failed = failedWith(fault);
    if (failed?.code === 'STDIN_CLOSED') return refuseClosed(turn, session, view);
    if (failed === undefined) throw fault;
    return failed;
  }
}

/** Whoever types into a session that has ended wants to know how it ended. */
async function refuseClosed(turn: Turn, session: SessionId, view: SessionView): Promise<ToolOutcome | undefined> {
  const info = await turn.machine.box.info(turn.owner, session);
  switch (info.state.kind) {
    case 'running':
      return closedInput(session);
    case 'lost':
      return lostOutcome(turn, { session, view }, info.state.cause);
    case 'exited':
      return undefined;
    default:
      return unreachable(info.state);
  }
}

function closedInput(session: SessionId): Failed {
  return fail(
    'STDIN_CLOSED',
    'stdin is closed for this session; rerun exec_command with tty=true to keep stdin open, or with stdin=true for a pipe',
    { session },
  );
}

/** `chars` and `keys` when they answer a prompt that does not echo, or when that cannot be known. */
export async function secretInput(turn: Turn, input: WriteStdinInput): Promise<readonly string[]> {
  const session = findSession(input.session_id);
  if (typeof session !== 'string' || ((input.chars ?? '') === '' && input.keys === undefined)) return [];
  const reply = await turn.machine.box.collect(turn.owner, {
    session,
    from: Number.MAX_SAFE_INTEGER,
    headBytes: 0,
    tailBytes: 0,
    waitMs: 0,
    stream: 'output',
    untilInput: false,
  });
  return reply.silentInput || reply.awaitingInput?.echo === false ? ['chars', 'keys'] : [];
}
