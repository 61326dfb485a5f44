/** A store of questions in memory. It passes the suite of the real one. */
import type { QuestionStore } from '@agentbox/control-plane';
import type { Question, QuestionId } from '@agentbox/protocol';

export function memoryQuestions(): QuestionStore {
  const rows = new Map<QuestionId, Question>();
  const change = (
    id: QuestionId,
    when: (row: Question) => boolean,
    to: (row: Question) => Question,
  ): Promise<boolean> => {
    const row = rows.get(id);
    if (row === undefined || !when(row)) return Promise.resolve(false);
    rows.set(id, to(row));
    return Promise.resolve(true);
  };
  const newestFirst = (): readonly Question[] =>
    [...rows.values()].toSorted((a, b) => b.askedAt - a.askedAt || (a.id < b.id ? 1 : -1));
  return {
    add: (question) => {
      if (rows.has(question.id)) return Promise.resolve(false);
      rows.set(question.id, structuredClone(question));
      return Promise.resolve(true);
    },
    get: (id) => Promise.resolve(rows.get(id)),
    list: ({ state, askedBy, limit }) =>
      Promise.resolve(
        newestFirst()
          .filter((row) => (state === null || row.state === state) && (askedBy === null || row.askedBy === askedBy))
          .slice(0, limit),
      ),
    answer: (id, reply) =>
      change(
        id,
        (row) => row.state === 'open' && row.expiresAt > reply.at,
        (row) => ({ ...row, state: 'answered', answer: reply, delivery: 'unrecorded' }),
      ),
    end: (id, state) =>
      change(
        id,
        (row) => row.state === 'open',
        (row) => ({ ...row, state, delivery: 'unrecorded' }),
      ),
    deliver: (id, from, to) =>
      change(
        id,
        (row) => row.delivery === from,
        (row) => ({ ...row, delivery: to }),
      ),
    undelivered: (limit) =>
      Promise.resolve(
        newestFirst()
          .filter(({ delivery }) => delivery === 'unrecorded' || delivery === 'owed')
          .toReversed()
          .slice(0, limit),
      ),
  };
}
