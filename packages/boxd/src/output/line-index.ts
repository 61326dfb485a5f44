/**
 * Counts line ends by offset: a running total at a stride that doubles so that the index stays small, and the exact
 * totals at offsets that were handed out lately. What lies between a mark and an offset is counted by reading it.
 */
const FIRST_STRIDE_BYTES = 64 * 1024;
const MARKS = 2048;
const EXACT_MARKS = 64;
const LINE_FEED = 10;

export class LineIndex {
  #stride = FIRST_STRIDE_BYTES;
  /** marks[k]: line ends before offset k * stride */
  #marks: number[] = [0];
  readonly #exact = new Map<number, number>();
  #written = 0;
  #total = 0;

  get total(): number {
    return this.#total;
  }

  append(bytes: Uint8Array): void {
    let start = 0;
    while (start < bytes.length) {
      const end = Math.min(bytes.length, start + this.#stride - (this.#written % this.#stride));
      this.#total += countLineEnds(bytes, start, end);
      this.#written += end - start;
      start = end;
      if (this.#written % this.#stride === 0) this.#mark();
    }
  }

  /** The nearest offset at or before `offset` whose total is known. */
  before(offset: number): { readonly offset: number; readonly total: number } {
    const exact = this.#exact.get(offset);
    if (exact !== undefined) return { offset, total: exact };
    if (offset >= this.#written) return { offset, total: this.#total };
    const index = Math.min(this.#marks.length - 1, Math.floor(offset / this.#stride));
    return { offset: index * this.#stride, total: this.#marks[index] ?? 0 };
  }

  /** The nearest offset at or after `offset` whose total is known. */
  after(offset: number): { readonly offset: number; readonly total: number } {
    const index = Math.ceil(offset / this.#stride);
    const total = this.#marks[index];
    return total === undefined
      ? { offset: this.#written, total: this.#total }
      : { offset: index * this.#stride, total };
  }

  /** The last offset of a mark before line end number `lineEnd`, which lies at most one stride behind it. */
  markBefore(lineEnd: number): { readonly offset: number; readonly total: number } {
    let low = 0;
    for (let high = this.#marks.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#marks[middle] ?? 0) < lineEnd) low = middle;
      else high = middle;
    }
    return { offset: low * this.#stride, total: this.#marks[low] ?? 0 };
  }

  /** Remembers the total here: the next question usually begins where the last answer ended. */
  remember(): void {
    this.#exact.set(this.#written, this.#total);
    const oldest = this.#exact.keys().next();
    if (this.#exact.size > EXACT_MARKS && oldest.done !== true) this.#exact.delete(oldest.value);
  }

  #mark(): void {
    this.#marks.push(this.#total);
    if (this.#marks.length <= MARKS) return;
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0);
    this.#stride *= 2;
  }
}

export function countLineEnds(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let found = 0;
  for (let index = start; index < end; index += 1) if (bytes[index] === LINE_FEED) found += 1;
  return found;
}
