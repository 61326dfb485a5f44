/** Ranges of a stream that are not on disk. Few are kept apart: what lies between the two newest is then given up. */
export interface Range {
  readonly from: number;
  /** offset after the last byte */
  readonly to: number;
}

const KEPT_APART = 64;

export class Gaps {
  #ranges: readonly Range[] = [];

  /** `range` begins at or after the end of every other. */
  add(range: Range): void {
    if (range.from >= range.to) return;
    const last = this.#ranges.at(-1);
    const joins = last !== undefined && (last.to >= range.from || this.#ranges.length >= KEPT_APART);
    this.#ranges = joins ? [...this.#ranges.slice(0, -1), { from: last.from, to: range.to }] : [...this.#ranges, range];
  }

  anyAfter(offset: number): boolean {
    return this.#ranges.some(({ to }) => to > offset);
  }

  /** The parts of `range` outside of the gaps, in order. */
  without(range: Range): readonly Range[] {
    let { from } = range;
    const parts: Range[] = [];
    for (const gap of this.#ranges) {
      if (gap.to <= from || gap.from >= range.to) continue;
      if (gap.from > from) parts.push({ from, to: gap.from });
      from = Math.min(gap.to, range.to);
    }
    if (from < range.to) parts.push({ from, to: range.to });
    return parts;
  }
}
