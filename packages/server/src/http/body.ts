/**
 * Reads request bodies within bounds: one body, all bodies together, and the time they take. What is too large is refused
 * as early as its declared length, and never held.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Refusal, refuse } from './admission.ts';

export interface BodyLimits {
  readonly maxBodyBytes: number;
  readonly maxBufferedBytes: number;
  readonly bodyTimeoutMs: number;
}

export type BodyOutcome =
  | { readonly kind: 'body'; readonly bytes: Buffer }
  | Refusal
  /** the client went away in the middle */
  | { readonly kind: 'gone' };

export class BodyReader {
  readonly #limits: BodyLimits;
  #bufferedBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  async read(incoming: IncomingMessage, outgoing: ServerResponse): Promise<BodyOutcome> {
    const declared = Number(incoming.headers['content-length'] ?? 0);
    if (declared > this.#limits.maxBodyBytes) return this.#tooLarge();
    if (this.#bufferedBytes + declared > this.#limits.maxBufferedBytes) return overloaded();
    if (incoming.headers.expect?.toLowerCase() === '100-continue') outgoing.writeContinue();
    if (incoming.complete && !incoming.destroyed) return this.#readReceived(incoming);
    const chunks: Buffer[] = [];
    const before = this.#bufferedBytes;
    let bytes = 0;
    const outcome = await receive(incoming, this.#limits.bodyTimeoutMs, (chunk) => {
      bytes += chunk.length;
      this.#bufferedBytes += chunk.length;
      if (bytes > this.#limits.maxBodyBytes) return this.#tooLarge();
      if (this.#bufferedBytes > this.#limits.maxBufferedBytes && before > 0) return overloaded();
      chunks.push(chunk);
      return null;
    });
    this.#bufferedBytes -= bytes;
    if (outcome !== 'complete') return outcome;
    return { kind: 'body', bytes: chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks) };
  }

  /** A small body came in one piece with its headers: it needs no waiting. */
  #readReceived(incoming: IncomingMessage): BodyOutcome {
    const chunk: unknown = incoming.read();
    const bytes = chunk instanceof Buffer ? chunk : Buffer.alloc(0);
    return bytes.length > this.#limits.maxBodyBytes ? this.#tooLarge() : { kind: 'body', bytes };
  }

  #tooLarge(): Refusal {
    return refuse('BODY_TOO_LARGE', `The body is larger than ${this.#limits.maxBodyBytes} bytes.`);
  }
}

const overloaded = (): Refusal => refuse('OVERLOADED', 'Too many large bodies are being read at once.');

type Received = 'complete' | Refusal | { readonly kind: 'gone' };

/** Feeds every chunk to `take` until the end, a refusal, the time-out or the loss of the client. */
function receive(
  incoming: IncomingMessage,
  timeoutMs: number,
  take: (chunk: Buffer) => Refusal | null,
): Promise<Received> {
  const { promise, resolve } = Promise.withResolvers<Received>();
  const finish = (outcome: Received): void => {
    clearTimeout(timer);
    incoming.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone);
    // A destroyed request still reports its fault; nobody else listens.
    incoming.on('error', () => undefined).pause();
    resolve(outcome);
  };
  const onData = (chunk: Buffer): void => {
    const refusal = take(chunk);
    if (refusal !== null) finish(refusal);
  };
  const onEnd = (): void => finish('complete');
  const onGone = (): void => finish({ kind: 'gone' });
  const timer = setTimeout(() => finish(refuse('REQUEST_TIMEOUT', 'The body took too long.')), timeoutMs);
  incoming.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone);
  return promise;
}

/** How much of a refused body is read and thrown away, and for how long, so that the client gets to read the refusal. */
const LINGER_BYTES = 64 * 1024 * 1024;
const LINGER_MS = 1_000;
/** a small remainder is read by the parser itself, and the connection goes on */
const SMALL_REMAINDER_BYTES = 64 * 1024;

export function hasLargeRemainder(incoming: IncomingMessage): boolean {
  if (incoming.complete) return false;
  const declared = incoming.headers['content-length'];
  return declared === undefined
    ? incoming.headers['transfer-encoding'] !== undefined
    : Number(declared) > SMALL_REMAINDER_BYTES;
}

/**
 * Discards what still comes. Closing with unread bytes would reset the connection and destroy the refusal on its way;
 * a client that waits for 100 Continue sends nothing and is not waited for.
 */
export async function discardRemainder(incoming: IncomingMessage): Promise<void> {
  if (incoming.headers.expect !== undefined) return;
  let bytes = 0;
  await receive(incoming.resume(), LINGER_MS, (chunk) => {
    bytes += chunk.length;
    return bytes > LINGER_BYTES ? refuse('BODY_TOO_LARGE', 'enough was discarded') : null;
  });
}
