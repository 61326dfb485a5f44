/**
 * Brings outcomes to the record and then to the box, in that order, until the box has taken them: what is durable is told
 * after a restart and after an absence of the box. Nothing is told that the record does not hold.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerReply, AnswerRequest, Question, QuestionId } from '@agentbox/protocol';
import type { Clock, ReportFault } from '../clock.ts';
import type { AuditLog, QuestionStore } from '../ports.ts';
import { endedEntry, ruleEntry } from './records.ts';

export interface OutboxOptions {
  readonly store: QuestionStore;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly reportFault: ReportFault;
  /** tells the box; rejects while it is away */
  readonly deliver: (answer: AnswerRequest) => Promise<AnswerReply>;
  /** told of each step */
  readonly moved: (question: Question) => void;
}

const FIRST_RETRY_MS = 250;
const SLOWEST_RETRY_MS = 30_000;

interface Parcel {
  question: Question;
  recording: Promise<void> | null;
}

/** What the box is told: a yes only for what a person answered. */
function answerRequestOf({ id, bindsTo, state, answer }: Question): AnswerRequest {
  if (state === 'answered' && answer !== null) {
    return { question: id, bindsTo, decision: answer.decision, note: answer.note };
  }
  return { question: id, bindsTo, decision: 'deny', note: state === 'expired' ? 'nobody answered in time' : null };
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #parcels = new Map<QuestionId, Parcel>();
  #isEnded = false;
  /** aborted to try everything at once */
  #wake = new AbortController();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Settles when the record holds it; rejects when it cannot, and then it is tried again later. */
  async take(question: Question): Promise<void> {
    const parcel = this.#add(question);
    try {
      await this.#record(parcel);
    } finally {
      void this.#bring(parcel);
    }
  }

  /** for what was durable before a restart */
  resume(questions: readonly Question[]): void {
    for (const question of questions) void this.#bring(this.#add(question));
  }

  /** The box is there again. */
  send(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** What is under way is not waited for: it is durable, and told after the next start. */
  end(): void {
    this.#isEnded = true;
    this.#wake.abort();
  }

  #add(question: Question): Parcel {
    const parcel: Parcel = { question, recording: null };
    this.#parcels.set(question.id, parcel);
    return parcel;
  }

  async #bring(parcel: Parcel): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !this.#isEnded; waitMs = Math.min(waitMs * 2, SLOWEST_RETRY_MS)) {
      const { signal } = this.#wake;
      if (await this.#attempt(parcel)) break;
      // Woken while it tried: the attempt may have begun before the box was back.
      await sleep(waitMs, undefined, { signal, ref: false }).catch(() => (waitMs = FIRST_RETRY_MS));
    }
    this.#parcels.delete(parcel.question.id);
  }

  async #attempt(parcel: Parcel): Promise<boolean> {
    try {
      await this.#record(parcel);
      const { state, rule } = await this.#options.deliver(answerRequestOf(parcel.question));
      if (rule !== null) await this.#recordRule(parcel.question, rule);
      await this.#step(parcel, state);
      return true;
    } catch (fault) {
      if (!this.#isEnded) {
        this.#options.reportFault('an answer waits for the box', { question: parcel.question.id }, fault);
      }
      return false;
    }
  }

  /** The box has written it already: a record that is full must not make it hear the answer again. */
  async #recordRule({ id, answer }: Question, rule: NonNullable<AnswerReply['rule']>): Promise<void> {
    const { audit, clock, reportFault } = this.#options;
    try {
      await audit.append(ruleEntry(id, answer?.by ?? null, rule, clock()));
    } catch (fault) {
      reportFault('a rule that was written is not in the record', { question: id, ...rule }, fault);
    }
  }

  /** Whoever comes while it is written shares the one write. */
  #record(parcel: Parcel): Promise<void> {
    if (parcel.question.delivery !== 'unrecorded') return Promise.resolve();
    parcel.recording ??= this.#write(parcel).finally(() => void (parcel.recording = null));
    return parcel.recording;
  }

  async #write(parcel: Parcel): Promise<void> {
    const { audit, clock } = this.#options;
    await audit.append(endedEntry(parcel.question, parcel.question.answer?.at ?? clock()));
    await this.#step(parcel, 'owed');
  }

  async #step(parcel: Parcel, to: 'owed' | 'taken' | 'gone'): Promise<void> {
    const { store, moved } = this.#options;
    await store.deliver(parcel.question.id, parcel.question.delivery, to);
    parcel.question = { ...parcel.question, delivery: to };
    moved(parcel.question);
  }
}
