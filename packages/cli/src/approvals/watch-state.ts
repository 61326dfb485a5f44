/**
 * What `approvals watch` shows and what a key does to it. Pure. A yes counts only for a question that was read to its
 * end and stood still under the cursor; the selection belongs to a question, not to a line.
 */
import type { QuestionAnswer } from '@agentbox/protocol';
import type { InboxQuestion, InboxView } from '@agentbox/server';

export interface WatchState {
  readonly view: InboxView;
  readonly selected: InboxQuestion['id'] | null;
  /** first line of the card that is shown */
  readonly scroll: number;
  /** the last line of the selected card was on the screen */
  readonly isRead: boolean;
  /** ms since the epoch: before it a yes is taken for a slip */
  readonly armedAt: number;
  readonly status: string;
}

type Effect =
  | { readonly kind: 'none' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'answer'; readonly id: InboxQuestion['id']; readonly decision: QuestionAnswer };

export interface Pressed {
  readonly state: WatchState;
  readonly effect: Effect;
}

/** A question that slides under the cursor is not answered by the key that was meant for the one before. */
const ARMING_MS = 700;
const NONE: Effect = { kind: 'none' };

const ANSWER_KEYS: Readonly<Record<string, QuestionAnswer>> = { a: 'once', s: 'session', A: 'always', d: 'deny' };

export const EMPTY: WatchState = {
  view: { version: 0, now: 0, amendFile: null, questions: [] },
  selected: null,
  scroll: 0,
  isRead: false,
  armedAt: 0,
  status: '',
};

/** Oldest first: who has waited longest has the least time left. */
export function shownQuestions({ view }: WatchState): readonly InboxQuestion[] {
  return view.questions.toReversed();
}

export function selectedQuestion(state: WatchState): InboxQuestion | undefined {
  return state.view.questions.find(({ id }) => id === state.selected);
}

export function withView(state: WatchState, view: InboxView, now: number): WatchState {
  const before = shownQuestions(state).findIndex(({ id }) => id === state.selected);
  const next = { ...state, view };
  if (selectedQuestion(next) !== undefined) return next;
  const shown = shownQuestions(next);
  const at = Math.min(Math.max(before, 0), shown.length - 1);
  return { ...next, selected: shown[at]?.id ?? null, scroll: 0, isRead: false, armedAt: now + ARMING_MS };
}

export function pressed(state: WatchState, key: string, now: number, pageLines: number): Pressed {
  const decision = ANSWER_KEYS[key];
  if (decision !== undefined) return answered(state, decision, now);
  switch (key) {
    case 'q':
    case '\u0003':
    case '\u0004':
      return { state, effect: { kind: 'quit' } };
    case 'j':
    case '\u001B[B':
      return { state: moved(state, 1), effect: NONE };
    case 'k':
    case '\u001B[A':
      return { state: moved(state, -1), effect: NONE };
    case ' ':
      return { state: { ...state, scroll: state.scroll + pageLines, status: '' }, effect: NONE };
    case 'b':
      return { state: { ...state, scroll: Math.max(0, state.scroll - pageLines), status: '' }, effect: NONE };
    default:
      return { state, effect: NONE };
  }
}

function moved(state: WatchState, by: number): WatchState {
  const shown = shownQuestions(state);
  const at = shown.findIndex(({ id }) => id === state.selected);
  const next = shown[Math.min(Math.max(at + by, 0), shown.length - 1)];
  if (next === undefined || next.id === state.selected) return state;
  return { ...state, selected: next.id, scroll: 0, isRead: false, armedAt: 0, status: '' };
}

function answered(state: WatchState, decision: QuestionAnswer, now: number): Pressed {
  const question = selectedQuestion(state);
  const stay = (status: string): Pressed => ({ state: { ...state, status }, effect: NONE });
  if (question === undefined) return stay('');
  if (now < state.armedAt) return stay('Another question moved up: look first.');
  if (decision === 'always' && question.proposal === null) return stay('No rule may be written for this program.');
  if (decision !== 'deny' && !state.isRead) return stay('There is more to read: press space first.');
  return { state: { ...state, status: '' }, effect: { kind: 'answer', id: question.id, decision } };
}
