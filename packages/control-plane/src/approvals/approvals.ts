/**
 * The inbox: what waits for a person, who may answer it, and what came of it. A question is durable before a face sees
 * it, the first answer wins by one conditional update, and an answer is in the record before the box hears of it.
 * Whatever goes wrong on the way is a refusal. Bounds: open questions of a session and in all.
 */
import { Emitter, type Signal } from '@agentbox/base';
import {
  type ExecQuestion,
  MAX_NOTE_CHARS,
  type PrincipalId,
  type Question,
  type QuestionId,
  type QuestionReply,
  type QuestionState,
  type SessionId,
} from '@agentbox/protocol';
import type { AuditLog, QuestionFilter, QuestionStore } from '../ports.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';
import { type Answer, permissionFor } from './permission.ts';
import { openedEntry } from './records.ts';
import { APPROVAL_SETTINGS, type ApprovalSettings } from './settings.ts';

export interface ApprovalsOptions extends Omit<OutboxOptions, 'moved'> {
  readonly settings?: Partial<ApprovalSettings>;
}

/** What became of a question that the box told. */
export type Opened =
  | { readonly kind: 'open'; readonly question: Question }
  /** known, and over already */
  | { readonly kind: 'closed'; readonly question: Question }
  /** it may not wait here: the box was told to refuse the program */
  | { readonly kind: 'refused'; readonly reason: string };

export type Answered =
  | { readonly kind: 'accepted'; readonly question: Question }
  /** over already, with the answer that counted */
  | { readonly kind: 'closed'; readonly state: QuestionState; readonly answer: QuestionReply | null }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'forbidden'; readonly reason: string };

export interface Approvals extends AsyncDisposable {
  /** may be told again and again: the same content is the same question */
  opened(question: ExecQuestion): Promise<Opened>;
  /** every question of a session that is open in the box: new ones are opened, others withdrawn */
  told(session: SessionId, open: readonly ExecQuestion[]): Promise<void>;
  /** who asked has ended */
  withdrawn(ids: readonly QuestionId[]): Promise<void>;
  /** rejects when the answer cannot be kept or recorded: then the box is told nothing */
  answer(id: QuestionId, answer: Answer): Promise<Answered>;
  /** undefined also for a question of somebody else than `askedBy`; null sees all */
  get(id: QuestionId, askedBy: PrincipalId | null): Promise<Question | undefined>;
  /** newest first */
  list(filter: QuestionFilter): Promise<readonly Question[]>;
  /** aborted as soon as the question is not open */
  whileOpen(id: QuestionId): AbortSignal;
  /** the box answers again: what it is owed is told at once */
  boxIsBack(): void;
  readonly changed: Signal<Question>;
}

interface Open {
  readonly question: Question;
  readonly controller: AbortController;
}

/** a timer cannot wait longer */
const MAX_TIMER_MS = 2 ** 31 - 1;
const MAX_STANDING = 1000;
/** what could not be ended, for example on a full disk, is tried again after this time */
const RETRY_MS = 2000;
/** by which the box may find a time over that is not yet over here */
const CLOCKS_APART_MS = 100;

/** Finds again what was open and what the box is owed. */
export async function createApprovals(options: ApprovalsOptions): Promise<Approvals> {
  const { store } = options;
  const standing = await store.list({ state: 'open', askedBy: null, limit: MAX_STANDING });
  const owed = await store.undelivered(MAX_STANDING);
  const inbox = new StoredApprovals(options);
  await inbox.resume(standing, owed);
  return inbox;
}

class StoredApprovals implements Approvals {
  readonly changed: Emitter<Question>;
  readonly #options: ApprovalsOptions;
  readonly #settings: ApprovalSettings;
  readonly #store: QuestionStore;
  readonly #audit: AuditLog;
  readonly #outbox: Outbox;
  readonly #open = new Map<QuestionId, Open>();
  /** those who tell the same question meanwhile share its opening */
  readonly #opening = new Map<QuestionId, { readonly bindsTo: string; readonly settled: Promise<Opened> }>();
  /** on their way to the store: they count as open already */
  readonly #admitted = new Map<QuestionId, Question>();
  readonly #told = new Map<SessionId, Promise<void>>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: ApprovalsOptions) {
    this.#options = options;
    this.#settings = { ...APPROVAL_SETTINGS, ...options.settings };
    this.#store = options.store;
    this.#audit = options.audit;
    this.changed = new Emitter((fault) => options.reportFault('a listener of questions threw', {}, fault));
    this.#outbox = new Outbox({ ...options, moved: (question) => this.changed.emit(question) });
  }

  async resume(open: readonly Question[], owed: readonly Question[]): Promise<void> {
    for (const question of open) this.#open.set(question.id, { question, controller: new AbortController() });
    this.#outbox.resume(owed);
    await this.#expire();
  }

  async opened(asked: ExecQuestion): Promise<Opened> {
    const question = questionOf(asked);
    let running = this.#opening.get(question.id);
    while (running !== undefined) {
      if (running.bindsTo === question.bindsTo) return running.settled;
      await running.settled;
      running = this.#opening.get(question.id);
    }
    const settled = this.#admit(question);
    this.#opening.set(question.id, { bindsTo: question.bindsTo, settled });
    try {
      return await settled;
    } finally {
      this.#opening.delete(question.id);
    }
  }

  /** One after the other: what is told first may still be on its way to the store. */
  async told(session: SessionId, open: readonly ExecQuestion[]): Promise<void> {
    const before = this.#told.get(session) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => this.#tell(session, open));
    this.#told.set(session, turn);
    try {
      await turn;
    } finally {
      if (this.#told.get(session) === turn) this.#told.delete(session);
    }
  }

  async #tell(session: SessionId, open: readonly ExecQuestion[]): Promise<void> {
    const standing = new Set(open.map(({ id }) => id));
    await Promise.allSettled(Array.from(this.#opening.values(), ({ settled }) => settled));
    const gone = Array.from(this.#open.values(), ({ question }) => question).filter(
      (question) => question.session === session && !standing.has(question.id),
    );
    // The box looks at the time as well, and may be the first to say that it is over.
    const latest = this.#options.clock() + CLOCKS_APART_MS;
    await Promise.all(gone.map(({ id, expiresAt }) => this.#end(id, expiresAt <= latest ? 'expired' : 'withdrawn')));
    await Promise.all(open.map((question) => this.opened(question)));
  }

  async withdrawn(ids: readonly QuestionId[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#end(id, 'withdrawn')));
  }

  async answer(id: QuestionId, answer: Answer): Promise<Answered> {
    const known = this.#open.get(id)?.question ?? (await this.#store.get(id));
    if (known === undefined) return { kind: 'not-found' };
    const permission = permissionFor(known, answer, this.#settings);
    if (permission.kind !== 'granted') return permission;
    const reply = replyOf(answer, this.#options.clock());
    if (known.state !== 'open' || !(await this.#store.answer(id, reply))) return this.#closedBy(id);
    const answered: Question = { ...known, state: 'answered', answer: reply, delivery: 'unrecorded' };
    this.#leave(answered);
    await this.#outbox.take(answered);
    return { kind: 'accepted', question: answered };
  }

  async get(id: QuestionId, askedBy: PrincipalId | null): Promise<Question | undefined> {
    const found = this.#open.get(id)?.question ?? (await this.#store.get(id));
    return askedBy === null || found?.askedBy === askedBy ? found : undefined;
  }

  list(filter: QuestionFilter): Promise<readonly Question[]> {
    return this.#store.list(filter);
  }

  whileOpen(id: QuestionId): AbortSignal {
    return this.#open.get(id)?.controller.signal ?? AbortSignal.abort('answered');
  }

  boxIsBack(): void {
    this.#outbox.send();
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#outbox.end();
    return Promise.resolve();
  }

  async #admit(question: Question): Promise<Opened> {
    try {
      const known = this.#open.get(question.id)?.question ?? (await this.#store.get(question.id));
      if (known !== undefined) return await this.#again(known, question);
      const full = this.#boundReached(question);
      if (full === null) this.#admitted.set(question.id, question);
      await this.#audit.append(openedEntry(question, this.#options.clock(), full));
      if (full !== null) return await this.#refuse(question, full);
      if (!(await this.#store.add(question))) return await this.#refuse(question, 'its id is taken');
      this.#open.set(question.id, { question, controller: new AbortController() });
    } catch (fault) {
      this.#options.reportFault('a question could not be kept', { question: question.id }, fault);
      return this.#refuse(question, 'the question could not be kept');
    } finally {
      this.#admitted.delete(question.id);
    }
    this.changed.emit(question);
    await this.#expire();
    if (this.#open.has(question.id)) return { kind: 'open', question };
    return { kind: 'closed', question: (await this.#store.get(question.id)) ?? question };
  }

  /** A yes covers one content: under the id of another one nothing may wait. */
  async #again(known: Question, question: Question): Promise<Opened> {
    if (known.bindsTo === question.bindsTo)
      return { kind: known.state === 'open' ? 'open' : 'closed', question: known };
    await this.#end(known.id, 'withdrawn');
    return this.#refuse(question, 'its id belongs to another content');
  }

  #boundReached({ session }: Question): string | null {
    const others = [...Array.from(this.#open.values(), ({ question }) => question), ...this.#admitted.values()];
    const { maxOpen, maxOpenPerSession } = this.#settings;
    if (others.length >= maxOpen) return `${maxOpen} questions are open already`;
    const own = others.filter((question) => question.session === session).length;
    return own >= maxOpenPerSession ? `${maxOpenPerSession} questions of this session are open already` : null;
  }

  /** Not kept: the box refuses by itself when the time is over. */
  async #refuse({ id, bindsTo }: Question, reason: string): Promise<Opened> {
    try {
      await this.#options.deliver({ question: id, bindsTo, decision: 'deny', note: reason });
    } catch (fault) {
      this.#options.reportFault('the box could not be told of a refusal', { question: id }, fault);
    }
    return { kind: 'refused', reason };
  }

  async #end(id: QuestionId, state: 'expired' | 'withdrawn'): Promise<void> {
    const known = this.#open.get(id)?.question;
    if (known === undefined) return;
    try {
      if (!(await this.#store.end(id, state))) return;
      const ended: Question = { ...known, state, delivery: 'unrecorded' };
      this.#leave(ended);
      await this.#outbox.take(ended);
    } catch (fault) {
      this.#options.reportFault(`a question could not be closed as ${state}`, { question: id }, fault);
    }
  }

  #leave(question: Question): void {
    const open = this.#open.get(question.id);
    this.#open.delete(question.id);
    open?.controller.abort('answered');
    this.changed.emit(question);
  }

  async #closedBy(id: QuestionId): Promise<Answered> {
    const now = await this.#store.get(id);
    if (now === undefined) return { kind: 'not-found' };
    // Open and refused by the update: its time is over, and the timer is about to say so.
    const { state } = now.state === 'open' ? { state: 'expired' as const } : now;
    return { kind: 'closed', state, answer: now.answer };
  }

  /** Ends what is over, and sets the timer to what is over next. */
  async #expire(): Promise<void> {
    const now = this.#options.clock();
    const over = [...this.#open.values()].filter(({ question }) => question.expiresAt <= now);
    await Promise.all(over.map(({ question }) => this.#end(question.id, 'expired')));
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const next = Math.min(...[...this.#open.values()].map(({ question }) => question.expiresAt));
    if (!Number.isFinite(next)) return;
    const leftMs = next - this.#options.clock();
    const waitMs = leftMs > 0 ? Math.min(leftMs, MAX_TIMER_MS) : RETRY_MS;
    this.#timer = setTimeout(() => void this.#expire(), waitMs).unref();
  }
}

function questionOf(asked: ExecQuestion): Question {
  const { id, session, owner, askedAt, expiresAt, facts, bindsTo, proposal } = asked;
  const content = { facts, bindsTo, proposal } as const;
  const open = { state: 'open', answer: null, delivery: 'none' } as const;
  return { id, kind: 'exec', session, askedBy: owner, askedAt, expiresAt, ...content, ...open };
}

function replyOf({ decision, by, face, note }: Answer, at: number): QuestionReply {
  const said = note?.trim().slice(0, MAX_NOTE_CHARS).toWellFormed() ?? '';
  return { decision, by: by.id, at, face, note: said === '' ? null : said };
}
