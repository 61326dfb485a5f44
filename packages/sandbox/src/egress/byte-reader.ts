/**
 * Bytes that a client sent and nobody took yet. The socket is paused while much is held, so a client that sends faster
 * than the far end takes is slowed by its own connection.
 */
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

const HELD_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class ByteReader {
  readonly #socket: Socket;
  #held: Buffer = NOTHING;
  #ended = false;
  #discards = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      if (this.#discards) return;
      this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
      if (this.#held.length >= HELD_BYTES) socket.pause();
      this.#wake();
    });
    for (const event of ['end', 'close'] as const) socket.on(event, () => this.#end());
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whatever comes from here on is read and dropped. */
  discard(): void {
    this.#discards = true;
    this.#held = NOTHING;
    this.#socket.resume();
  }

  get held(): Buffer {
    return this.#held;
  }

  /** False when no more will come. */
  async more(): Promise<boolean> {
    if (this.#ended) return false;
    const before = this.#held.length;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    return this.#held.length > before;
  }

  take(count = this.#held.length): Buffer {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    if (this.#held.length < HELD_BYTES && this.#socket.isPaused()) this.#socket.resume();
    return taken;
  }

  /** Undefined when the end comes first. */
  async atLeast(count: number): Promise<Buffer | undefined> {
    while (this.#held.length < count) if (!(await this.more())) return undefined;
    return this.#held;
  }
}

/** Waits while the reader of `to` is slow. False when it is gone. */
export async function written(to: Writable, bytes: Uint8Array | string): Promise<boolean> {
  if (to.destroyed || to.writableEnded) return false;
  if (to.write(bytes)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const drained = (): void => resolve(true);
  const closed = (): void => resolve(false);
  to.once('drain', drained).once('close', closed);
  try {
    return await promise;
  } finally {
    to.off('drain', drained).off('close', closed);
  }
}
