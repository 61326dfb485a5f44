/** The last bytes of a stream in memory, as a ring that grows only as far as it is used. */
const FIRST_BYTES = 4096;

export class Tail {
  readonly #capacity: number;
  #buffer: Buffer = Buffer.alloc(0);
  #written: number;
  #length = 0;

  /** `written`: bytes that came before and are not held */
  constructor(capacity: number, written: number) {
    this.#capacity = capacity;
    this.#written = written;
  }

  get written(): number {
    return this.#written;
  }

  /** offset of the oldest byte held */
  get from(): number {
    return this.#written - this.#length;
  }

  append(bytes: Uint8Array): void {
    const kept = bytes.length > this.#capacity ? bytes.subarray(bytes.length - this.#capacity) : bytes;
    this.#reserve(Math.min(this.#capacity, this.#length + kept.length));
    this.#written += bytes.length;
    const size = this.#buffer.length;
    const start = (this.#written - kept.length) % size;
    const first = Math.min(kept.length, size - start);
    this.#buffer.set(kept.subarray(0, first), start);
    this.#buffer.set(kept.subarray(first), 0);
    this.#length = Math.min(size, this.#length + bytes.length);
  }

  /** A copy of [from, to), which must be held. */
  copy(from: number, to: number): Uint8Array {
    const copy = Buffer.allocUnsafe(Math.max(0, to - from));
    if (copy.length === 0) return copy;
    const size = this.#buffer.length;
    const start = from % size;
    const first = Math.min(copy.length, size - start);
    copy.set(this.#buffer.subarray(start, start + first), 0);
    copy.set(this.#buffer.subarray(0, copy.length - first), first);
    return copy;
  }

  /** Gives the memory back; everything held is forgotten. */
  clear(): void {
    this.#buffer = Buffer.alloc(0);
    this.#length = 0;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    let size = Math.max(FIRST_BYTES, this.#buffer.length);
    while (size < bytes) size *= 2;
    const held = this.copy(this.from, this.#written);
    this.#buffer = Buffer.alloc(Math.min(size, this.#capacity));
    const start = (this.#written - held.length) % this.#buffer.length;
    const first = Math.min(held.length, this.#buffer.length - start);
    this.#buffer.set(held.subarray(0, first), start);
    this.#buffer.set(held.subarray(first), 0);
  }
}
