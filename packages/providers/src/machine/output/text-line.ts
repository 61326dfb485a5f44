/**
 * One line of output that a program may edit: plain text while it only grows, cells once something is overwritten.
 * Cells are columns (a wide character takes two; tabs and combining marks one). Only the last MAX_LINE_CELLS of a line
 * can be edited, which bounds the cost of each edit; what lies before them stays as it was.
 */

const MAX_LINE_CELLS = 4096;
const INITIAL_CELLS = 128;
const SPACE = 0x20;
/** the second half of a wide character */
const WIDE_TAIL = 0xffff_ffff;

export class TextLine {
  #frozen = '';
  #text = '';
  #cells: Uint32Array | null = null;
  #length = 0;

  get isEmpty(): boolean {
    return this.#length === 0 && this.#text === '' && this.#frozen === '';
  }

  /** cells in use; makes the line editable */
  get columns(): number {
    this.#edit();
    return this.#length;
  }

  append(run: string): void {
    if (this.#cells === null) this.#text += run;
    else this.overwrite(this.#length, run);
  }

  /** Writes `run` from `column` on, blanks before it where the line is shorter. Gives the column after it. */
  overwrite(column: number, run: string): number {
    this.#edit();
    let at = column;
    for (const character of run) {
      const point = character.codePointAt(0) ?? SPACE;
      const wide = isWide(point);
      at = this.#reserve(at, wide ? 2 : 1);
      this.#unpair(at);
      this.#put(at, point);
      at += 1;
      if (!wide) continue;
      this.#unpair(at);
      this.#put(at, WIDE_TAIL);
      at += 1;
    }
    return at;
  }

  truncate(column: number): void {
    if (column === 0) this.#clear();
    else if (column < this.columns) {
      this.#split(column);
      this.#length = column;
    }
  }

  /** Blanks `count` cells from `column` on; the line keeps its length. */
  blank(column: number, count: number): void {
    const end = Math.min(column + count, this.columns);
    if (column >= end) return;
    this.#split(column);
    this.#split(end);
    this.#edit().fill(SPACE, column, end);
  }

  remove(column: number, count: number): void {
    const end = Math.min(column + count, this.columns);
    if (column >= end) return;
    this.#split(column);
    this.#split(end);
    this.#edit().copyWithin(column, end, this.#length);
    this.#length -= end - column;
  }

  insertBlanks(column: number, count: number): void {
    const room = Math.min(count, MAX_LINE_CELLS - this.columns);
    if (column >= this.#length || room <= 0) return;
    const length = this.#length;
    this.#split(column);
    this.#reserve(length, room);
    const cells = this.#edit();
    cells.copyWithin(column + room, column, length);
    cells.fill(SPACE, column, column + room);
    this.#length = length + room;
  }

  /** Blanks that overwriting left at the end are cut; an unedited line is given as it came. */
  toString(): string {
    if (this.#cells === null) return this.#frozen + this.#text;
    let end = this.#length;
    while (end > 0 && this.#cells[end - 1] === SPACE) end -= 1;
    return this.#frozen + textOf(this.#cells, end);
  }

  #clear(): void {
    this.#frozen = '';
    this.#text = '';
    this.#length = 0;
  }

  #edit(): Uint32Array {
    if (this.#cells !== null) return this.#cells;
    const { head, tail } = splitAt(this.#text, this.#text.length - MAX_LINE_CELLS / 4);
    this.#frozen = head;
    this.#text = '';
    this.#cells = new Uint32Array(Math.max(INITIAL_CELLS, tail.length * 2));
    this.overwrite(0, tail);
    return this.#cells;
  }

  /** Makes room for `width` cells at `at`. Gives `at`, moved back when the beginning of a long line was frozen. */
  #reserve(at: number, width: number): number {
    let cells = this.#edit();
    let from = at;
    if (from + width > MAX_LINE_CELLS && this.#length > 0) {
      const cut = Math.min(this.#length, MAX_LINE_CELLS / 2);
      this.#frozen += textOf(cells, cut);
      cells.copyWithin(0, cut, this.#length);
      this.#length -= cut;
      from -= cut;
    }
    if (from + width > cells.length) {
      const grown = new Uint32Array(Math.min(MAX_LINE_CELLS + 2, Math.max(from + width, cells.length * 2)));
      grown.set(cells.subarray(0, this.#length));
      this.#cells = grown;
      cells = grown;
    }
    if (from > this.#length) cells.fill(SPACE, this.#length, from);
    return from;
  }

  #put(at: number, value: number): void {
    if (this.#cells === null) return;
    this.#cells[at] = value;
    if (at >= this.#length) this.#length = at + 1;
  }

  /** A wide character that an edit begins or ends inside of is blanked. */
  #split(at: number): void {
    const cells = this.#cells;
    if (cells === null || at === 0 || at >= this.#length || cells[at] !== WIDE_TAIL) return;
    cells[at - 1] = SPACE;
    cells[at] = SPACE;
  }

  /** Overwriting one half of a wide character blanks the other half. */
  #unpair(at: number): void {
    const cells = this.#cells;
    if (cells === null || at >= this.#length) return;
    if (cells[at] === WIDE_TAIL && at > 0) {
      cells[at - 1] = SPACE;
      cells[at] = SPACE;
    } else if (at + 1 < this.#length && cells[at + 1] === WIDE_TAIL) cells[at + 1] = SPACE;
  }
}

function textOf(cells: Uint32Array, end: number): string {
  const units: number[] = [];
  for (let index = 0; index < end; index += 1) {
    const point = cells[index] ?? SPACE;
    if (point === WIDE_TAIL) continue;
    if (point <= 0xffff) units.push(point);
    else units.push(0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
  }
  return String.fromCharCode(...units);
}

function splitAt(text: string, index: number): { readonly head: string; readonly tail: string } {
  if (index <= 0) return { head: '', tail: text };
  const inPair = (text.charCodeAt(index) & 0xfc00) === 0xdc00;
  const at = inPair ? index - 1 : index;
  return { head: text.slice(0, at), tail: text.slice(at) };
}

const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

function isWide(point: number): boolean {
  return point >= 0x1100 && WIDE.some(([low, high]) => point >= low && point <= high);
}
