/**
 * The lines of a terminal as a log: everything is kept in order, and the last rows can still be edited by a cursor that
 * moves up. Holds at most 2 x EDITABLE_ROWS rows that can change; older ones are finished text.
 */
import { TextLine } from './text-line.ts';

/** how far up a program can go back to redraw */
const EDITABLE_ROWS = 256;
/** the widest column that a cursor movement reaches on a shorter line */
const MAX_COLUMN = 200;

/** the cursor stands behind the last character: plain growth needs no cells */
const AT_END = -1;

export class LineWindow {
  readonly #finished: string[] = [];
  #rows: TextLine[] = [new TextLine()];
  #row = 0;
  #column = AT_END;
  /** how far the cursor went up over the first row: so far it comes down before it reaches the rows again */
  #above = 0;

  write(run: string): void {
    const line = this.#line();
    this.#above = 0;
    if (this.#column === AT_END) line.append(run);
    else this.#column = line.overwrite(this.#column, run);
  }

  newLine(): void {
    this.#above = 0;
    this.#row += 1;
    if (this.#row === this.#rows.length) this.#rows.push(new TextLine());
    this.#column = this.#line().isEmpty ? AT_END : 0;
    if (this.#rows.length >= 2 * EDITABLE_ROWS) this.#finish(this.#rows.length - EDITABLE_ROWS);
  }

  toColumn(column: number): void {
    this.#column = column === 0 && this.#line().isEmpty ? AT_END : clamp(column, 0, MAX_COLUMN);
  }

  moveColumns(by: number): void {
    const from = this.#settledColumn();
    this.#column = clamp(from + by, 0, Math.max(from, MAX_COLUMN));
  }

  backspace(): void {
    this.moveColumns(-1);
  }

  moveRows(by: number): void {
    const column = this.#settledColumn();
    const target = this.#row - this.#above + by;
    if (target >= this.#rows.length) {
      this.#row = this.#rows.length - 1;
      this.newLine();
    } else this.#row = Math.max(target, 0);
    this.#above = Math.max(-target, 0);
    this.#column = column;
  }

  /** What is drawn at an absolute place of a screen becomes a line of its own. */
  freshLine(): void {
    this.#row = this.#rows.length - 1;
    if (this.#line().isEmpty) this.#column = AT_END;
    else this.newLine();
  }

  /** A cleared screen: what stood on it stays in the log. */
  finishAll(): void {
    this.freshLine();
    this.#finish(this.#rows.length - 1);
  }

  eraseLine(mode: number): void {
    const line = this.#line();
    if (mode === 0) {
      if (this.#column !== AT_END) line.truncate(this.#column);
      return;
    }
    const column = this.#settledColumn();
    if (mode === 1) line.blank(0, column + 1);
    else if (mode === 2) line.truncate(0);
    this.#column = column;
  }

  eraseBelow(): void {
    this.eraseLine(0);
    this.#rows.length = this.#row + 1;
  }

  removeCells(count: number): void {
    this.#line().remove(this.#settledColumn(), count);
  }

  insertCells(count: number): void {
    this.#line().insertBlanks(this.#settledColumn(), Math.min(count, MAX_COLUMN));
  }

  blankCells(count: number): void {
    this.#line().blank(this.#settledColumn(), count);
  }

  /** The place of the cursor, to come back to. */
  save(): { readonly line: TextLine; readonly column: number } {
    return { line: this.#line(), column: this.#settledColumn() };
  }

  restore(place: { readonly line: TextLine; readonly column: number }): void {
    const row = this.#rows.lastIndexOf(place.line);
    if (row < 0) return;
    this.#row = row;
    this.#column = place.line.isEmpty && place.column === 0 ? AT_END : place.column;
  }

  toString(): string {
    const rows = this.#rows.map(String);
    while (rows.length - 1 > this.#row && rows.at(-1) === '') rows.pop();
    return [...this.#finished, rows.join('\n')].join('\n');
  }

  #line(): TextLine {
    const line = this.#rows[this.#row];
    if (line !== undefined) return line;
    const fresh = new TextLine();
    this.#rows[this.#row] = fresh;
    return fresh;
  }

  #settledColumn(): number {
    if (this.#column === AT_END) this.#column = this.#line().columns;
    return this.#column;
  }

  #finish(count: number): void {
    const finished = Math.min(count, this.#row);
    if (finished <= 0) return;
    this.#finished.push(this.#rows.slice(0, finished).map(String).join('\n'));
    this.#rows = this.#rows.slice(finished);
    this.#row -= finished;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
