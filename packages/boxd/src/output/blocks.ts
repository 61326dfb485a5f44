/**
 * Bytes on their way to the disk, in blocks that are used again: a flood then makes no garbage. A few bytes alone get a
 * buffer of their size, so that a thousand quiet sessions hold no block.
 */
export interface BlockPool {
  take(): Buffer;
  give(block: Buffer): void;
}

/** the most that is written at once */
export const BLOCK_BYTES = 256 * 1024;
/** free blocks kept for the next flood */
const FREE_BLOCKS = 16;
const SMALL_BYTES = 4096;

export function createBlockPool(): BlockPool {
  const free: Buffer[] = [];
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES),
    give: (block) => void (free.length < FREE_BLOCKS && free.push(block)),
  };
}

interface Piece {
  readonly buffer: Buffer;
  readonly pooled: boolean;
  length: number;
}

/** First in, first out. A piece that was taken is not added to any more. */
export class WriteQueue {
  readonly #pool: BlockPool;
  #pieces: Piece[] = [];

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get empty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Copies `bytes`. */
  push(bytes: Uint8Array): void {
    if (this.empty && bytes.length <= SMALL_BYTES) {
      this.#pieces.push({ buffer: Buffer.from(bytes), pooled: false, length: bytes.length });
      return;
    }
    for (let rest = bytes; rest.length > 0; ) {
      const piece = this.#roomy();
      const part = rest.subarray(0, piece.buffer.length - piece.length);
      piece.buffer.set(part, piece.length);
      piece.length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Hands the oldest bytes to `write` and takes their block back afterwards. */
  async consume(write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const piece = this.#pieces.shift();
    if (piece === undefined) return;
    try {
      await write(piece.buffer.subarray(0, piece.length));
    } finally {
      if (piece.pooled) this.#pool.give(piece.buffer);
    }
  }

  clear(): void {
    for (const piece of this.#pieces) if (piece.pooled) this.#pool.give(piece.buffer);
    this.#pieces = [];
  }

  #roomy(): Piece {
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.length < last.buffer.length) return last;
    const piece = { buffer: this.#pool.take(), pooled: true, length: 0 };
    this.#pieces.push(piece);
    return piece;
  }
}
