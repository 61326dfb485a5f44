/** Questions. What a person answers is one update whose condition is the question itself: the first answer wins. */
import type { QuestionFilter, QuestionStore } from '@agentbox/control-plane';
import type { Question, QuestionDelivery, QuestionId, QuestionReply } from '@agentbox/protocol';
import type { Kysely, Selectable } from 'kysely';
import { questionColumn } from './columns.ts';
import type { Tables } from './tables.ts';

const MAX_LISTED = 1000;
const UNDELIVERED: readonly QuestionDelivery[] = ['unrecorded', 'owed'];

export function createQuestionStore(db: Kysely<Tables>): QuestionStore {
  return new SqlQuestionStore(db);
}

function toQuestion(row: Selectable<Tables['questions']>): Question {
  const { decision, answered_by: by, answered_at: at, face, note } = row;
  return questionColumn({
    id: row.id,
    kind: row.kind,
    session: row.session,
    askedBy: row.asked_by,
    askedAt: row.asked_at,
    expiresAt: row.expires_at,
    facts: row.facts,
    bindsTo: row.binds_to,
    proposal: row.proposal,
    state: row.state,
    answer: decision === null ? null : { decision, by, at, face, note },
    delivery: row.delivery,
  });
}

function fromQuestion(question: Question): Tables['questions'] {
  const { answer } = question;
  return {
    id: question.id,
    kind: question.kind,
    session: question.session,
    asked_by: question.askedBy,
    asked_at: question.askedAt,
    expires_at: question.expiresAt,
    facts: JSON.stringify(question.facts),
    binds_to: question.bindsTo,
    proposal: question.proposal === null ? null : JSON.stringify(question.proposal),
    state: question.state,
    decision: answer?.decision ?? null,
    answered_by: answer?.by ?? null,
    answered_at: answer?.at ?? null,
    face: answer?.face ?? null,
    note: answer?.note ?? null,
    delivery: question.delivery,
  };
}

class SqlQuestionStore implements QuestionStore {
  readonly #db: Kysely<Tables>;

  constructor(db: Kysely<Tables>) {
    this.#db = db;
  }

  async add(question: Question): Promise<boolean> {
    const result = await this.#db
      .insertInto('questions')
      .values(fromQuestion(question))
      .onConflict((conflict) => conflict.column('id').doNothing())
      .executeTakeFirst();
    return Number(result.numInsertedOrUpdatedRows) === 1;
  }

  async get(id: QuestionId): Promise<Question | undefined> {
    const row = await this.#db.selectFrom('questions').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : toQuestion(row);
  }

  async list({ state, askedBy, limit }: QuestionFilter): Promise<readonly Question[]> {
    let query = this.#db.selectFrom('questions').selectAll();
    if (state !== null) query = query.where('state', '=', state);
    if (askedBy !== null) query = query.where('asked_by', '=', askedBy);
    const rows = await query
      .orderBy('asked_at', 'desc')
      .orderBy('id', 'desc')
      .limit(Math.min(limit, MAX_LISTED))
      .execute();
    return rows.map((row) => toQuestion(row));
  }

  async answer(id: QuestionId, { decision, by, at, face, note }: QuestionReply): Promise<boolean> {
    const result = await this.#db
      .updateTable('questions')
      .set({ state: 'answered', decision, answered_by: by, answered_at: at, face, note, delivery: 'unrecorded' })
      .where('id', '=', id)
      .where('state', '=', 'open')
      .where('expires_at', '>', at)
      .executeTakeFirst();
    return Number(result.numUpdatedRows) === 1;
  }

  async end(id: QuestionId, state: 'expired' | 'withdrawn'): Promise<boolean> {
    const result = await this.#db
      .updateTable('questions')
      .set({ state, delivery: 'unrecorded' })
      .where('id', '=', id)
      .where('state', '=', 'open')
      .executeTakeFirst();
    return Number(result.numUpdatedRows) === 1;
  }

  async deliver(id: QuestionId, from: QuestionDelivery, to: QuestionDelivery): Promise<boolean> {
    const result = await this.#db
      .updateTable('questions')
      .set({ delivery: to })
      .where('id', '=', id)
      .where('delivery', '=', from)
      .executeTakeFirst();
    return Number(result.numUpdatedRows) === 1;
  }

  async undelivered(limit: number): Promise<readonly Question[]> {
    const rows = await this.#db
      .selectFrom('questions')
      .selectAll()
      .where('delivery', 'in', UNDELIVERED)
      .orderBy('asked_at')
      .orderBy('id')
      .limit(Math.min(limit, MAX_LISTED))
      .execute();
    return rows.map((row) => toQuestion(row));
  }
}
