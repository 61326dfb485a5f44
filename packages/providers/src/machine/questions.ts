/**
 * A program of a session waits for a person: the client is asked where it can be, and the same call comes again with
 * the answer. Elsewhere the answer tells what waits and who decides it. The session itself is held by the box.
 */
import { quoted } from '@agentbox/base';
import { elicitationOf, readElicitation, type ToolCall, type ToolOutcome } from '@agentbox/control-plane';
import {
  type ExecOutput,
  type ExecQuestion,
  parseQuestionId,
  parseSessionId,
  type QuestionId,
  type SessionId,
} from '@agentbox/protocol';
import { z } from 'zod';
import type { Turn } from './machine.ts';
import { type Failed, fail, oneLine } from './outcome.ts';

/** A call that comes again after its client was asked. */
export interface Resumed {
  readonly session: SessionId;
  /** what the client has answered: of this the call tells nothing more */
  readonly asked: readonly QuestionId[];
  /** how often the client was asked by this call */
  readonly rounds: number;
}

/** Clients give a call up that asks more often, and then nobody knows of its session. */
const MAX_ROUNDS = 8;

const State = z.object({
  session: z.custom<SessionId>((value) => typeof value === 'string' && parseSessionId(value) !== undefined),
  asked: z.array(z.custom<QuestionId>((value) => typeof value === 'string' && parseQuestionId(value) !== undefined)),
  round: z.int().positive(),
});

type NeedsInput = Extract<ToolOutcome, { readonly kind: 'needs-input' }>;

/** Null where this client cannot or must not be asked, was asked often enough, or nothing is open any more. */
export async function askClient(
  turn: Turn,
  session: SessionId,
  questions: readonly ExecQuestion[],
  rounds: number,
): Promise<NeedsInput | null> {
  const { approvals, settings } = turn.machine;
  if (rounds >= MAX_ROUNDS) return null;
  if (approvals === null || !settings.clientMayAnswer || !turn.context.client.elicitation.form) return null;
  // Durable before anybody sees it.
  const opened = await Promise.all(questions.map((question) => approvals.opened(question)));
  const open = opened.flatMap((one) => (one.kind === 'open' ? [one.question] : []));
  if (open.length === 0) return null;
  const asked = open.map(({ id }) => id);
  return {
    kind: 'needs-input',
    requests: Object.fromEntries(open.map((question) => [question.id, { ...elicitationOf(question) }])),
    state: JSON.stringify({ session, asked, round: rounds + 1 }),
    // The first answer to a question counts, and no answer starts anything.
    outlivesServer: true,
    answeredElsewhere: AbortSignal.any(asked.map((id) => approvals.whileOpen(id))),
  };
}

/** Brings what the client answered to the inbox. Null for a call that is not the repetition of one. */
export async function takeAnswers(turn: Turn, answers: ToolCall['answers']): Promise<Resumed | Failed | null> {
  if (answers === null) return null;
  const state = State.safeParse(parseJson(answers.state));
  const { approvals } = turn.machine;
  if (!state.success || approvals === null) return fail('INVALID_ARGUMENTS', 'the answers belong to no call');
  const { session, round } = state.data;
  const asked: QuestionId[] = [];
  for (const id of state.data.asked) {
    const question = await approvals.get(id, turn.owner);
    const response = answers.responses[id];
    // What came back without an answer and is open still is asked again.
    if (response !== undefined || question?.state !== 'open') asked.push(id);
    if (response === undefined || question === undefined) continue;
    const { decision, note } = readElicitation(response, question);
    await approvals.answer(id, { decision, note, by: turn.context.principal, face: 'client' });
  }
  return { session, asked, rounds: answers.isLast === true ? MAX_ROUNDS : round };
}

const MAX_WAITING = 20;
const MAX_COMMAND_CHARS = 400;

/** What an answer tells of programs that wait. */
export function waitingOf(questions: readonly ExecQuestion[]): NonNullable<ExecOutput['waiting']> {
  return questions.slice(0, MAX_WAITING).map(({ id, facts, expiresAt }) => ({
    question: id,
    file: facts.file,
    command: oneLine(quoted(facts.argv), MAX_COMMAND_CHARS),
    reason: facts.reason,
    runs: facts.runs,
    expires_at: expiresAt,
    answer_with: `agentbox approvals allow ${id}`,
  }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
