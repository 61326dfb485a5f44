/**
 * Plays a terminal's text into lines: colours and titles are dropped, redrawn lines keep their last state, and what a
 * full-screen program drew on the alternate screen is left out (renderScreen shows that). One pass, linear time.
 */
import { readEscape } from './escape-sequence.ts';
import { LineWindow } from './line-window.ts';

/** `addressed`: the cursor was sent to absolute places of the normal screen. `alternate`: that screen is on at the end. */
export type ScreenUse = 'none' | 'addressed' | 'alternate';

export interface FoldedText {
  readonly text: string;
  /** characters at the end that belong to an escape sequence which is not whole yet */
  readonly heldChars: number;
  readonly screen: ScreenUse;
  /** how often an alternate screen was left, with everything that was on it */
  readonly closedScreens: number;
}

export interface FoldOptions {
  /** no more text comes: an unfinished sequence is dropped instead of held */
  readonly atEnd?: boolean;
  /** the alternate screen is on where the text begins */
  readonly startsOnAlternateScreen?: boolean;
}

const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const HAS_CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/;
const ALTERNATE_MODES = new Set(['?47', '?1047', '?1049']);
const MAX_COUNT = 9999;

export function foldTerminal(text: string, options: FoldOptions = {}): FoldedText {
  if (options.startsOnAlternateScreen !== true && !HAS_CONTROL.test(text)) {
    return { text, heldChars: 0, screen: 'none', closedScreens: 0 };
  }
  const folding = new Folding(options.startsOnAlternateScreen === true);
  const heldChars = play(text, folding, options.atEnd === true);
  return { text: folding.text(), heldChars, screen: folding.screen(), closedScreens: folding.closedScreens };
}

/** Gives the number of characters that were not played. */
function play(text: string, folding: Folding, atEnd: boolean): number {
  const control = new RegExp(CONTROL);
  let at = 0;
  while (at < text.length) {
    control.lastIndex = at;
    const next = control.exec(text)?.index ?? text.length;
    if (next > at) folding.write(text.slice(at, next));
    if (next === text.length) return 0;
    if (text.charCodeAt(next) !== 0x1b) {
      folding.control(text.charCodeAt(next));
      at = next + 1;
      continue;
    }
    const sequence = readEscape(text, next, atEnd);
    if (sequence.kind === 'incomplete') return text.length - next;
    if (sequence.kind === 'csi') folding.csi(sequence.final, sequence.params);
    else if (sequence.kind === 'escape') folding.escape(sequence.final);
    at = sequence.end;
  }
  return 0;
}

type Place = ReturnType<LineWindow['save']>;

class Folding {
  readonly #normal = new LineWindow();
  #alternate: LineWindow | null;
  /** a line that a program keeps at a fixed place (apt's progress): only its last state is told */
  #status: LineWindow | null = null;
  #drawingStatus = false;
  #saved: Place | null = null;
  #addressed = false;
  closedScreens = 0;

  constructor(alternate: boolean) {
    this.#alternate = alternate ? new LineWindow() : null;
  }

  screen(): ScreenUse {
    if (this.#alternate !== null) return 'alternate';
    return this.#addressed ? 'addressed' : 'none';
  }

  text(): string {
    const text = this.#normal.toString();
    const status = this.#status?.toString().trim() ?? '';
    if (status === '') return text;
    return text === '' || text.endsWith('\n') ? `${text}${status}\n` : `${text}\n${status}`;
  }

  write(run: string): void {
    this.#target().write(run);
  }

  control(code: number): void {
    const target = this.#target();
    if (code === 0x0a || code === 0x0b || code === 0x0c) target.newLine();
    else if (code === 0x0d) target.toColumn(0);
    else if (code === 0x08) target.backspace();
  }

  escape(final: string): void {
    const target = this.#target();
    if (final === '7') this.#save();
    else if (final === '8') this.#restore();
    else if (final === 'M') target.moveRows(-1);
    else if (final === 'D') target.moveRows(1);
    else if (final === 'E') target.newLine();
    else if (final === 'c') target.finishAll();
  }

  csi(final: string, params: string): void {
    if (final === 'm') return;
    if (final === 'h' || final === 'l') this.#mode(params, final === 'h');
    else if (final === 's' && params === '') this.#save();
    else if (final === 'u' && params === '') this.#restore();
    else if (final === 'H' || final === 'f' || final === 'd') this.#address();
    else if (final === 'J') this.#eraseScreen(countOf(params, 0));
    else if (/^[\d;]*$/.test(params)) moveOrEdit(this.#target(), final, params);
  }

  #target(): LineWindow {
    if (this.#drawingStatus && this.#status !== null) return this.#status;
    return this.#alternate ?? this.#normal;
  }

  #mode(params: string, on: boolean): void {
    if (!params.split(';').some((mode, index) => ALTERNATE_MODES.has(index === 0 ? mode : `?${mode}`))) return;
    this.#drawingStatus = false;
    if (on) this.#alternate ??= new LineWindow();
    else if (this.#alternate !== null) {
      this.#alternate = null;
      this.closedScreens += 1;
    }
  }

  #save(): void {
    if (!this.#drawingStatus) this.#saved = this.#target().save();
  }

  #restore(): void {
    this.#drawingStatus = false;
    if (this.#saved !== null) this.#target().restore(this.#saved);
    this.#saved = null;
  }

  /** Between save and restore an absolute place is a status line; elsewhere a program draws a screen. */
  #address(): void {
    if (this.#saved !== null) {
      this.#status = new LineWindow();
      this.#drawingStatus = true;
      return;
    }
    if (this.#alternate === null) this.#addressed = true;
    this.#target().freshLine();
  }

  /** A status line stands below everything else. */
  #eraseBelow(): void {
    this.#target().eraseBelow();
    if (!this.#drawingStatus) this.#status = null;
  }

  #eraseScreen(mode: number): void {
    if (mode === 0) this.#eraseBelow();
    else if (mode === 2) this.#target().finishAll();
  }
}

function moveOrEdit(target: LineWindow, final: string, params: string): void {
  const count = countOf(params, 1);
  switch (final) {
    case 'A':
      return target.moveRows(-count);
    case 'B':
      return target.moveRows(count);
    case 'C':
      return target.moveColumns(count);
    case 'D':
      return target.moveColumns(-count);
    case 'E':
    case 'F':
      target.moveRows(final === 'E' ? count : -count);
      return target.toColumn(0);
    case 'G':
    case '`':
      return target.toColumn(count - 1);
    case 'K':
      return target.eraseLine(countOf(params, 0));
    case 'P':
      return target.removeCells(count);
    case '@':
      return target.insertCells(count);
    case 'X':
      return target.blankCells(count);
    // what is left scrolls, reports or styles: it changes no text
    default:
      return undefined;
  }
}

/** The first parameter; a zero or a missing one counts as `fallback`. */
function countOf(params: string, fallback: number): number {
  const value = Number.parseInt(params, 10);
  return Number.isNaN(value) || value < fallback ? fallback : Math.min(value, MAX_COUNT);
}
