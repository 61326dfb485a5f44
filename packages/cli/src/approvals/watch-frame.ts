/** One picture of `approvals watch`: the list, the selected question, the keys. Pure; fits any terminal. */
import { visible } from '@agentbox/base';
import { clip, type Paint } from '../terminal/screen.ts';
import { cardLines, commandOf, factsOf, leftOf } from './card.ts';
import { selectedQuestion, shownQuestions, type WatchState } from './watch-state.ts';

export interface Frame {
  readonly lines: readonly string[];
  /** with what the reader saw of it */
  readonly state: WatchState;
  readonly pageLines: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const MAX_LIST_ROWS = 6;
/** narrower than this the card alone says who asked */
const ROOMY = 70;
/** header, blank, blank, status, keys */
const FRAME_ROWS = 5;

export function frameOf(state: WatchState, size: Size, now: number, paint: Paint): Frame {
  const { columns } = size;
  const shown = shownQuestions(state);
  const count = shown.length === 0 ? 'nothing waits' : `${shown.length} ${shown.length === 1 ? 'waits' : 'wait'}`;
  const header = `${paint('strong', 'approvals')}  ${paint(shown.length === 0 ? 'quiet' : 'doubt', count)}`;
  const listRows = Math.min(shown.length, MAX_LIST_ROWS, Math.max(1, Math.floor(size.rows / 4)));
  const list = listLines(state, listRows, columns, now, paint);
  const room = Math.max(1, size.rows - FRAME_ROWS - list.length);
  const question = selectedQuestion(state);
  const card = question === undefined ? [] : cardLines(factsOf(question, state.view.amendFile, now), columns, paint);
  const pageLines = card.length > room ? Math.max(1, room - 1) : room;
  const scroll = Math.min(state.scroll, Math.max(0, card.length - pageLines));
  const below = card.length - scroll - pageLines;
  const more = card.length > room ? [paint('doubt', below > 0 ? `  ↓ ${below} more: space` : '  ↑ back: b')] : [];
  const status = paint('quiet', clip(visible(state.status), columns));
  const lines = [header, ...list, '', ...card.slice(scroll, scroll + pageLines), ...more];
  const filled = [...lines, ...Array.from({ length: Math.max(0, size.rows - 2 - lines.length) }, () => '')];
  return {
    lines: [...filled.slice(0, Math.max(0, size.rows - 2)), status, keysLine(columns, paint)],
    state: { ...state, scroll, isRead: state.isRead || (question !== undefined && below <= 0) },
    pageLines,
  };
}

function listLines(state: WatchState, rows: number, columns: number, now: number, paint: Paint): readonly string[] {
  const shown = shownQuestions(state);
  const at = shown.findIndex(({ id }) => id === state.selected);
  const first = Math.min(Math.max(0, at - rows + 1), Math.max(0, shown.length - rows));
  return shown.slice(first, first + rows).map((question) => {
    const isSelected = question.id === state.selected;
    const start = `${isSelected ? '›' : ' '} ${leftOf(question, now).padStart(7)}  `;
    const name = columns < ROOMY ? '' : `${visible(question.askedByName)}  `;
    const text = clip(`${name}${commandOf(question)}`, Math.max(8, columns - start.length));
    return paint(isSelected ? 'link' : 'plain', `${start}${text}`);
  });
}

const KEYS: readonly (readonly [key: string, long: string])[] = [
  ['a', 'once'],
  ['s', 'session'],
  ['A', 'always'],
  ['d', 'deny'],
  ['j k', 'move'],
  ['q', 'quit'],
];

function keysLine(columns: number, paint: Paint): string {
  const whole = KEYS.map(([key, word]) => `${key} ${word}`).join('   ');
  if (whole.length > columns) return clip(KEYS.map(([key, word]) => `${key}:${word.slice(0, 4)}`).join(' '), columns);
  return KEYS.map(([key, word]) => `${paint('strong', key)} ${paint('quiet', word)}`).join('   ');
}
