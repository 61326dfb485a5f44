/**
 * What waits for a person in this box. A question ends by the first answer, by its time, or with the process that
 * asked; each of the last two is a refusal. Bounded: beyond the bound a program is refused, not queued.
 */
import {
  type AnswerReply,
  type AnswerRequest,
  type ExecQuestion,
  newQuestionId,
  type PrincipalId,
  type QuestionAnswer,
  type SessionId,
} from '@agentbox/protocol';

const OPEN_IN_SESSION = 32;
/** One caller with many sessions leaves room for the others. */
const OPEN_OF_OWNER = 64;
const OPEN_IN_BOX = 512;
/** grants of one caller that are remembered; the oldest gives way */
const GRANTS = 1000;

export type Draft = Omit<ExecQuestion, 'id' | 'askedAt' | 'expiresAt'>;

export type Answered =
  | {
      readonly kind: 'answered';
      readonly question: ExecQuestion | null;
      readonly decision: QuestionAnswer;
      readonly note: string | null;
    }
  | { readonly kind: 'expired'; readonly question: ExecQuestion }
  | { readonly kind: 'gone'; readonly question: ExecQuestion }
  | { readonly kind: 'crowded' };

interface Open {
  readonly question: ExecQuestion;
  settle(answer: Answered): void;
}

export interface QuestionsParts {
  readonly waitMs: () => number;
  /** the open questions of a session are others than before */
  readonly onChange: (session: SessionId) => void;
  /** writes the rule that an answer for always stands for; null when there is none to write */
  readonly amend: (prefix: readonly string[]) => Promise<AnswerReply['rule']>;
}

export class Questions {
  readonly #parts: QuestionsParts;
  readonly #open = new Map<string, Open>();
  readonly #grants = new Map<PrincipalId, Set<string>>();

  constructor(parts: QuestionsParts) {
    this.#parts = parts;
  }

  openOf(session: SessionId): readonly ExecQuestion[] {
    return [...this.#open.values()].map(({ question }) => question).filter((one) => one.session === session);
  }

  /** Asks, unless the same caller was given a yes for the same program and arguments. */
  ask(draft: Draft, signal: AbortSignal): Promise<Answered> {
    if (this.#grants.get(draft.owner)?.has(draft.bindsTo) === true) {
      return Promise.resolve({ kind: 'answered', question: null, decision: 'session', note: null });
    }
    if (this.#isCrowded(draft)) return Promise.resolve({ kind: 'crowded' });
    const askedAt = Date.now();
    const question = { ...draft, id: newQuestionId(), askedAt, expiresAt: askedAt + this.#parts.waitMs() };
    return this.#hold(question, signal);
  }

  #isCrowded({ session, owner }: Draft): boolean {
    const ofOwner = [...this.#open.values()].filter(({ question }) => question.owner === owner).length;
    const ofSession = this.openOf(session).length;
    return this.#open.size >= OPEN_IN_BOX || ofOwner >= OPEN_OF_OWNER || ofSession >= OPEN_IN_SESSION;
  }

  #hold(question: ExecQuestion, signal: AbortSignal): Promise<Answered> {
    const { promise, resolve } = Promise.withResolvers<Answered>();
    const gone = (): void => settle({ kind: 'gone', question });
    const timer = setTimeout(() => settle({ kind: 'expired', question }), this.#parts.waitMs());
    const settle = (answer: Answered): void => {
      if (!this.#open.delete(question.id)) return;
      clearTimeout(timer);
      signal.removeEventListener('abort', gone);
      resolve(answer);
      this.#parts.onChange(question.session);
    };
    this.#open.set(question.id, { question, settle });
    signal.addEventListener('abort', gone);
    if (signal.aborted) gone();
    else this.#parts.onChange(question.session);
    return promise;
  }

  /** The rule is in force before the program goes on: whatever it starts is judged by it. */
  async answer({ question: id, bindsTo, decision, note }: AnswerRequest): Promise<AnswerReply> {
    const open = this.#open.get(id);
    if (open === undefined || open.question.bindsTo !== bindsTo) return { state: 'gone', rule: null };
    const { question } = open;
    const rule =
      decision === 'always' && question.proposal !== null ? await this.#parts.amend(question.proposal) : null;
    if (!this.#open.has(id)) return { state: 'gone', rule };
    if (decision === 'session' || decision === 'always') this.#grant(question);
    open.settle({ kind: 'answered', question, decision, note });
    if (decision === 'session' || decision === 'always') this.#settleAlike(question);
    return { state: 'taken', rule };
  }

  /** What the same caller asked meanwhile is answered by the same word. */
  #settleAlike({ owner, bindsTo }: ExecQuestion): void {
    for (const other of this.#open.values()) {
      if (other.question.owner !== owner || other.question.bindsTo !== bindsTo) continue;
      other.settle({ kind: 'answered', question: other.question, decision: 'session', note: null });
    }
  }

  #grant({ owner, bindsTo }: ExecQuestion): void {
    const granted = this.#grants.get(owner) ?? new Set();
    granted.add(bindsTo);
    const [oldest] = granted;
    if (granted.size > GRANTS && oldest !== undefined) granted.delete(oldest);
    this.#grants.set(owner, granted);
  }

  /** The box ends: everything that waits is refused. */
  close(): void {
    for (const open of this.#open.values()) open.settle({ kind: 'gone', question: open.question });
  }
}
