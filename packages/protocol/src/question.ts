/**
 * A question as every face shows it: one durable record of what waits for a person, what a yes is about, and what came
 * of it. The facts are the host's; `bindsTo` is the exact content that an answer covers.
 */
import { z } from 'zod';
import { type ExecQuestion, QUESTION_ANSWERS, type QuestionAnswer } from './guard.ts';
import { execQuestion } from './guard-wire.ts';
import { type PrincipalId, parsePrincipalId } from './ids.ts';

/** What can wait for a person. A new kind needs its own facts. */
const QUESTION_KINDS = ['exec'] as const;
type QuestionKind = (typeof QUESTION_KINDS)[number];

const QUESTION_STATES = ['open', 'answered', 'expired', 'withdrawn'] as const;
export type QuestionState = (typeof QUESTION_STATES)[number];

/** Through what a person answered: the client that asked, the command line, the console. */
const QUESTION_FACES = ['client', 'cli', 'console'] as const;
export type QuestionFace = (typeof QUESTION_FACES)[number];

/**
 * How far an outcome has come on its way to the box: `none` there is none to tell, `unrecorded` durable but not in the
 * record yet, `owed` recorded and not told yet, `taken` the box acts on it, `gone` who asked had ended.
 */
const QUESTION_DELIVERIES = ['none', 'unrecorded', 'owed', 'taken', 'gone'] as const;
export type QuestionDelivery = (typeof QUESTION_DELIVERIES)[number];

/** characters that a person may say beside an answer */
export const MAX_NOTE_CHARS = 1000;

export interface QuestionReply {
  readonly decision: QuestionAnswer;
  readonly by: PrincipalId;
  /** ms since the epoch */
  readonly at: number;
  readonly face: QuestionFace;
  readonly note: string | null;
}

export interface Question {
  readonly id: ExecQuestion['id'];
  readonly kind: QuestionKind;
  /** the session whose program waits */
  readonly session: ExecQuestion['session'];
  readonly askedBy: PrincipalId;
  /** ms since the epoch */
  readonly askedAt: number;
  readonly expiresAt: number;
  readonly facts: ExecQuestion['facts'];
  readonly bindsTo: string;
  readonly proposal: readonly string[] | null;
  readonly state: QuestionState;
  readonly answer: QuestionReply | null;
  readonly delivery: QuestionDelivery;
}

const principal = z.custom<PrincipalId>((value) => typeof value === 'string' && parsePrincipalId(value) !== undefined);
const { id, session, askedAt, expiresAt, facts, bindsTo, proposal } = execQuestion.shape;

export const questionSchema = z.object({
  id,
  kind: z.enum(QUESTION_KINDS),
  session,
  askedBy: principal,
  askedAt,
  expiresAt,
  facts,
  bindsTo,
  proposal,
  state: z.enum(QUESTION_STATES),
  answer: z
    .object({
      decision: z.enum(QUESTION_ANSWERS),
      by: principal,
      at: z.number(),
      face: z.enum(QUESTION_FACES),
      note: z.string().nullable(),
    })
    .nullable(),
  delivery: z.enum(QUESTION_DELIVERIES),
});

/** The line that `always` writes. A JSON string is a string of the rules language too. */
export function ruleLineOf(prefix: readonly string[]): string {
  return `prefix_rule(pattern=[${prefix.map((word) => JSON.stringify(word)).join(', ')}], decision="allow")`;
}
