/**
 * The operator's view of what waits for a person, as the control socket carries it: whoever reaches the socket owns the
 * home and answers as the operator. Bounds: 1,000 questions looked through, 200 in one answer, 20 s in one wait.
 */

import { unreachable } from '@agentbox/base';
import type { Answered, Approvals, Principal } from '@agentbox/control-plane';
import {
  AgentboxError,
  MAX_NOTE_CHARS,
  parseQuestionId,
  QUESTION_ANSWERS,
  type Question,
  type QuestionAnswer,
  questionSchema,
} from '@agentbox/protocol';
import { z } from 'zod';

/** A question beside the name of who asked: ids mean nothing to a person. */
const inboxQuestion = questionSchema.extend({ askedByName: z.string() });
export type InboxQuestion = Question & { readonly askedByName: string };

const inboxView = z.object({
  /** grows with every change: what is passed to `next` */
  version: z.number(),
  /** ms since the epoch, as the server counts */
  now: z.number(),
  /** the file that an answer for always adds its rule to */
  amendFile: z.string().nullable(),
  /** newest first */
  questions: z.array(inboxQuestion).readonly(),
});
export interface InboxView extends Omit<z.output<typeof inboxView>, 'questions'> {
  readonly questions: readonly InboxQuestion[];
}

export const inboxRequests = [
  z.object({ op: z.literal('list-questions'), all: z.boolean() }),
  z.object({ op: z.literal('find-questions'), beginning: z.string().max(64) }),
  z.object({ op: z.literal('next-questions'), version: z.number() }),
  z.object({
    op: z.literal('answer-question'),
    id: z.string(),
    decision: z.enum(QUESTION_ANSWERS),
    note: z.string().max(MAX_NOTE_CHARS).nullable(),
  }),
] as const;
export type InboxRequest = z.output<(typeof inboxRequests)[number]>;

export interface Inbox {
  /** what is open, or all that is known */
  list(all: boolean): Promise<InboxView>;
  /** those whose id begins so, with or without `q_`, in any state */
  find(beginning: string): Promise<InboxView>;
  /** what is open, as soon as it is not what `version` showed; the same again after a while */
  next(version: number): Promise<InboxView>;
  /** throws AgentboxError QUESTION_NOT_FOUND, QUESTION_CLOSED, INVALID_ARGUMENTS; waits a moment for the box */
  answer(id: string, decision: QuestionAnswer, note: string | null): Promise<InboxQuestion>;
}

export interface InboxDeps {
  readonly approvals: Approvals;
  readonly operator: Principal;
  readonly nameOf: (id: Question['askedBy']) => Promise<string>;
  readonly amendFile: string | null;
  readonly clock: () => number;
}

const MAX_LOOKED = 1000;
const MAX_SHOWN = 200;
const WAIT_MS = 20_000;
/** how long an answer waits for word from the box */
const DELIVERY_MS = 1500;

export function createInbox(deps: InboxDeps): Inbox & Disposable {
  let version = 1;
  const { approvals } = deps;
  const unsubscribe = approvals.changed.subscribe(() => void (version += 1));
  const view = async (questions: readonly Question[]): Promise<InboxView> => {
    const seen = version;
    const named = await Promise.all(questions.map((question) => withName(deps, question)));
    return { version: seen, now: deps.clock(), amendFile: deps.amendFile, questions: named };
  };
  const open = (): Promise<readonly Question[]> => approvals.list({ state: 'open', askedBy: null, limit: MAX_SHOWN });
  return {
    list: async (all) =>
      view(all ? await approvals.list({ state: null, askedBy: null, limit: MAX_SHOWN }) : await open()),
    find: async (beginning) => {
      const known = await approvals.list({ state: null, askedBy: null, limit: MAX_LOOKED });
      const wanted = known.filter(({ id }) => id.startsWith(beginning) || id.startsWith(`q_${beginning}`));
      return view(wanted.slice(0, MAX_SHOWN));
    },
    next: async (seen) => {
      if (seen === version) await changedWithin(approvals, WAIT_MS);
      const at = version;
      // What changes while it is read is shown by the next one.
      return { ...(await view(await open())), version: at };
    },
    answer: (id, decision, note) => answer(deps, id, decision, note),
    [Symbol.dispose]: unsubscribe,
  };
}

async function withName({ nameOf }: InboxDeps, question: Question): Promise<InboxQuestion> {
  return { ...question, askedByName: await nameOf(question.askedBy) };
}

/** Settles at the first change that `when` accepts, or when the time is over. */
function changedWithin(
  approvals: Approvals,
  ms: number,
  when: (question: Question) => boolean = () => true,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const unsubscribe = approvals.changed.subscribe((question) => {
    if (when(question)) resolve();
  });
  return promise.finally(() => {
    clearTimeout(timer);
    unsubscribe();
  });
}

async function answer(
  deps: InboxDeps,
  text: string,
  decision: QuestionAnswer,
  note: string | null,
): Promise<InboxQuestion> {
  const { approvals, operator } = deps;
  const id = parseQuestionId(text);
  if (id === undefined) throw notFound(text);
  const isDelivered = ({ id: one, delivery }: Question): boolean =>
    one === id && (delivery === 'taken' || delivery === 'gone');
  const delivered = changedWithin(approvals, DELIVERY_MS, isDelivered);
  const accepted = questionIn(await approvals.answer(id, { decision, by: operator, face: 'cli', note }), text);
  await delivered;
  return withName(deps, (await approvals.get(id, null)) ?? accepted);
}

function questionIn(answered: Answered, id: string): Question {
  switch (answered.kind) {
    case 'accepted':
      return answered.question;
    case 'not-found':
      throw notFound(id);
    case 'forbidden':
      throw new AgentboxError('INVALID_ARGUMENTS', answered.reason, {});
    case 'closed':
      throw new AgentboxError('QUESTION_CLOSED', `${id} is ${closedText(answered)}`, {});
    default:
      return unreachable(answered);
  }
}

function closedText({ state, answer: given }: Extract<Answered, { kind: 'closed' }>): string {
  if (given === null) return `${state} already`;
  return `answered already: ${given.decision}, through the ${given.face}, by ${given.by}`;
}

const notFound = (id: string): AgentboxError =>
  new AgentboxError('QUESTION_NOT_FOUND', `there is no question ${id.slice(0, 64)}`, {});

export function performInbox(request: InboxRequest, inbox: Inbox): Promise<unknown> {
  switch (request.op) {
    case 'list-questions':
      return inbox.list(request.all);
    case 'find-questions':
      return inbox.find(request.beginning);
    case 'next-questions':
      return inbox.next(request.version);
    case 'answer-question':
      return inbox.answer(request.id, request.decision, request.note);
    default:
      return unreachable(request);
  }
}

/** The same, asked over a connection. */
export function remoteInbox(ask: (request: InboxRequest) => Promise<unknown>): Inbox {
  return {
    list: async (all) => inboxView.parse(await ask({ op: 'list-questions', all })),
    find: async (beginning) => inboxView.parse(await ask({ op: 'find-questions', beginning })),
    next: async (version) => inboxView.parse(await ask({ op: 'next-questions', version })),
    answer: async (id, decision, note) => inboxQuestion.parse(await ask({ op: 'answer-question', id, decision, note })),
  };
}
