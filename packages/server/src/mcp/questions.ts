/**
 * One question, every era: returned for a retry (2026-07-28), pushed to a session that declared it (2025-*), or said to
 * be waiting. Decides only how a question travels; the provider decides what to ask and what an answer means.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { ClientCapabilities, InputRequests, ToolCall } from '@agentbox/control-plane';
import { MissingRequiredClientCapabilityError, type Result } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { canonicalJson, isRecord, type JsonObject } from './json.ts';
import type { DoorLimits } from './limits.ts';
import { invalidParams } from './params.ts';
import type { QuestionBinding, SealedStates } from './sealed-state.ts';
import type { Turn } from './turn.ts';

export type Answers = ToolCall['answers'];

/** The outcome of a tool or prompt that needs an answer. */
export interface Asked {
  readonly kind: 'needs-input';
  readonly requests: InputRequests;
  readonly state: string;
  /** aborted when the answer came another way */
  readonly answeredElsewhere?: AbortSignal;
  readonly outlivesServer?: boolean;
}

/** What came of a call: its value, a question to carry back, or why there is neither. */
export type Settled<T> =
  | { readonly kind: 'settled'; readonly value: T }
  | { readonly kind: 'asked'; readonly result: Result }
  | { readonly kind: 'unanswerable'; readonly waiting: readonly string[] }
  | { readonly kind: 'declined' };

/** Whatever a client answers: the provider parses it by what it asked for. */
const ANSWER = z.record(z.string(), z.unknown());

export function bindingOf(turn: Turn, name: string, args: unknown): QuestionBinding {
  return {
    principal: turn.caller.principal.id,
    method: turn.context.mcpReq.method,
    name,
    digest: createHash('sha256').update(canonicalJson(args)).digest('hex'),
  };
}

/** The answers that a modern retry carries. Answers to no question count only where the tool takes them unasked. */
export function readAnswers(
  turn: Turn,
  bind: () => QuestionBinding,
  states: SealedStates,
  mayComeUnasked: boolean,
): Answers {
  const { inputResponses, requestState } = turn.context.mcpReq;
  const sealed: unknown = requestState();
  if (sealed === undefined) {
    return inputResponses !== undefined && mayComeUnasked ? { responses: inputResponses, state: '' } : null;
  }
  const state = typeof sealed === 'string' ? states.open(sealed, bind()) : undefined;
  if (state === undefined) {
    throw invalidParams(
      'Invalid, used or expired requestState. What the first call began may go on: look before you call again without it.',
      { reason: 'invalid_request_state' },
    );
  }
  return { responses: inputResponses ?? {}, state };
}

/** A call that may ask, run again with each round of answers. */
export interface Rounds<T> {
  readonly turn: Turn;
  readonly answers: Answers;
  /** made only when something is sealed or opened: it hashes the arguments */
  readonly bind: () => QuestionBinding;
  run(answers: Answers): Promise<T | Asked>;
  isAsked(outcome: T | Asked): outcome is Asked;
}

export async function settleQuestions<T>(
  rounds: Rounds<T>,
  states: SealedStates,
  limits: DoorLimits,
): Promise<Settled<T>> {
  const { turn } = rounds;
  let { answers } = rounds;
  for (let round = 0; round <= limits.questionRounds; round += 1) {
    const outcome = await rounds.run(answers);
    if (!rounds.isAsked(outcome)) return { kind: 'settled', value: outcome };
    if (isAskedAgain(outcome.requests, answers)) return { kind: 'declined' };
    if (answers?.isLast === true) return { kind: 'unanswerable', waiting: ['the client did not answer in time'] };
    const waiting = unanswerable(outcome.requests, turn.client);
    if (waiting.length > 0) return { kind: 'unanswerable', waiting };
    if (turn.era === 'modern') {
      assertDeclared(outcome.requests, turn.client);
      return { kind: 'asked', result: inputRequired(outcome, states, rounds.bind()) };
    }
    const { responses, isLast } = await push(outcome, turn, limits);
    answers = { responses, state: outcome.state, ...(isLast ? { isLast } : {}) };
  }
  return { kind: 'unanswerable', waiting: [`the call asked more than ${String(limits.questionRounds)} times`] };
}

function inputRequired(asked: Asked, states: SealedStates, binding: QuestionBinding): Result {
  const requestState = states.seal(asked.state, binding, asked.outlivesServer === true);
  const requests = Object.keys(asked.requests).length === 0 ? {} : { inputRequests: asked.requests };
  return { resultType: 'input_required', ...requests, requestState };
}

/** The provider hears a decline or a cancel once and may not ask the same again. */
export function isAskedAgain(requests: InputRequests, answers: Answers): boolean {
  return Object.keys(requests).some((key) => {
    const response = answers?.responses[key];
    return isRecord(response) && (response['action'] === 'decline' || response['action'] === 'cancel');
  });
}

/** What a person behind this client cannot be asked, in words. */
export function unanswerable(requests: InputRequests, client: ClientCapabilities): readonly string[] {
  const waiting: string[] = [];
  for (const request of Object.values(requests)) {
    if (request['method'] !== 'elicitation/create') continue;
    const params: JsonObject = isRecord(request['params']) ? request['params'] : {};
    const can = params['mode'] === 'url' ? client.elicitation.url : client.elicitation.form;
    if (!can) waiting.push(typeof params['message'] === 'string' ? params['message'] : 'an answer of the user');
  }
  return waiting;
}

/** Nobody can stand in for a client's own model or files: what it did not declare is an error, not something to wait for. */
function assertDeclared(requests: InputRequests, client: ClientCapabilities): void {
  for (const { method } of Object.values(requests)) {
    if (method === 'sampling/createMessage' && !client.sampling) throw missing({ sampling: {} });
    if (method === 'roots/list' && !client.roots) throw missing({ roots: {} });
  }
}

export function missing(
  requiredCapabilities: Record<string, Record<string, unknown>>,
): MissingRequiredClientCapabilityError {
  return new MissingRequiredClientCapabilityError({ requiredCapabilities });
}

interface Pushed {
  readonly responses: Readonly<Record<string, unknown>>;
  /** the client refused a request itself, let the time pass, or is gone: it is asked nothing more */
  readonly isLast: boolean;
}

/** What was answered another way is taken back, and the call goes on with what this client has answered until then. */
async function push({ requests, answeredElsewhere }: Asked, turn: Turn, limits: DoorLimits): Promise<Pushed> {
  const { signal: whole, send } = turn.context.mcpReq;
  const signal = answeredElsewhere === undefined ? whole : AbortSignal.any([whole, answeredElsewhere]);
  const options = { timeout: limits.questionTtlMs, signal, resetTimeoutOnProgress: true };
  const entries = Object.entries(requests).map(async ([key, request]) => {
    const params: JsonObject = isRecord(request['params']) ? request['params'] : {};
    const id = params['mode'] === 'url' && params['elicitationId'] === undefined ? { elicitationId: randomUUID() } : {};
    const asked = { method: String(request['method']), params: { ...params, ...id } };
    return [key, await send(asked, ANSWER, options)] as const;
  });
  const settled = await Promise.allSettled(entries);
  const answered = settled.flatMap((entry) => (entry.status === 'fulfilled' ? [entry.value] : []));
  const isTakenBack = answeredElsewhere?.aborted === true && !whole.aborted;
  const isLast = answered.length < settled.length && !isTakenBack;
  return { responses: Object.fromEntries(answered), isLast };
}
