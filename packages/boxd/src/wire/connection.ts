/**
 * One client: handshake, requests in, answers out. Malformed bytes end this connection with a reason and touch no
 * other. What waits to be answered and what waits to be sent is bounded.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  AgentboxError,
  BOX_PROTOCOL_VERSION,
  type BoxEvent,
  type BoxRequest,
  boxHello,
  boxRequest,
  encodeFrame,
  type Frame,
  FrameError,
  FrameReader,
} from '@agentbox/protocol';

export interface Answer {
  readonly header: unknown;
  readonly body?: Uint8Array;
}

export interface ConnectionParts {
  readonly key: string;
  readonly version: string;
  /** sessions of which something runs */
  readonly living: () => number;
  /** performs one request; expected refusals are AgentboxErrors */
  perform(request: BoxRequest, body: Uint8Array, signal: AbortSignal): Promise<Answer>;
  /** begins to call `listener` with each state that changed after `from`; gives back the end of it */
  watch(from: number, outlet: EventOutlet): { readonly next: number; close(): void };
  onClose(connection: Connection): void;
}

/** Where events go: a reader that is behind is asked again when it caught up, and then hears the latest only. */
export interface EventOutlet {
  readonly ready: () => boolean;
  readonly send: (event: BoxEvent) => void;
}

const HANDSHAKE_MS = 5000;
/** requests of one client that may be unanswered at once */
const UNANSWERED = 4096;
/** bytes that may wait for a slow reader before its requests wait too */
const WAITING_BYTES = 32 * 1024 * 1024;
/** above this a watcher hears nothing until it caught up */
const EVENT_WAITING_BYTES = 1024 * 1024;

export class Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #frames = new FrameReader();
  readonly #unanswered = new Map<number, AbortController>();
  readonly #handshakeTimer: NodeJS.Timeout;
  #greeted = false;
  #watch: { close(): void } | null = null;

  constructor(socket: Socket, parts: ConnectionParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#handshakeTimer = setTimeout(() => this.#refuse('no handshake in time'), HANDSHAKE_MS);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => void socket.resume());
    socket.on('close', () => this.#closed());
  }

  close(): void {
    this.#socket.destroySoon();
  }

  #closed(): void {
    clearTimeout(this.#handshakeTimer);
    this.#watch?.close();
    for (const controller of this.#unanswered.values()) controller.abort();
    this.#parts.onClose(this);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        if (this.#socket.destroyed) return;
        if (this.#greeted) this.#request(frame);
        else this.#greet(frame);
      }
    } catch (fault) {
      this.#refuse(fault instanceof FrameError ? fault.message : 'internal fault');
    }
  }

  #greet(frame: Frame): void {
    const hello = boxHello.safeParse(frame.header);
    if (!hello.success) throw new FrameError('the first frame is not a hello');
    const { protocol, key } = hello.data.hello;
    if (!sameText(key, this.#parts.key)) throw new FrameError('the key is wrong');
    if (protocol !== BOX_PROTOCOL_VERSION) {
      const { version, living } = this.#parts;
      const other = { protocol: BOX_PROTOCOL_VERSION, version, living: living() };
      this.#refuse(`protocol ${protocol} was asked for, this daemon speaks ${other.protocol}`, { other });
      return;
    }
    clearTimeout(this.#handshakeTimer);
    this.#greeted = true;
    this.#send({ header: { welcome: { protocol, pid: process.pid, version: this.#parts.version } } });
  }

  #request(frame: Frame): void {
    const parsed = boxRequest.safeParse(frame.header);
    if (!parsed.success) {
      const id = requestId(frame.header);
      if (id === undefined) throw new FrameError('a request has no id');
      const issue = parsed.error.issues[0];
      const message = `${issue?.path.join('.') ?? 'request'}: ${issue?.message ?? 'invalid'}`;
      this.#fail(id, new AgentboxError('BOX_PROTOCOL', message));
      return;
    }
    const request = parsed.data;
    if (this.#unanswered.size >= UNANSWERED) {
      this.#fail(request.id, new AgentboxError('OVERLOADED', `${UNANSWERED} requests are unanswered`));
      return;
    }
    void this.#perform(request, frame.body);
  }

  async #perform(request: BoxRequest, body: Uint8Array): Promise<void> {
    const controller = new AbortController();
    this.#unanswered.set(request.id, controller);
    try {
      const answer = this.#own(request) ?? (await this.#parts.perform(request, body, controller.signal));
      this.#send({ header: { id: request.id, ok: answer.header }, ...(answer.body && { body: answer.body }) });
    } catch (fault) {
      this.#fail(request.id, fault);
    } finally {
      this.#unanswered.delete(request.id);
    }
  }

  /** What concerns this connection alone. */
  #own(request: BoxRequest): Answer | undefined {
    if (request.op === 'cancel') {
      this.#unanswered.get(request.target)?.abort();
      return { header: {} };
    }
    if (request.op === 'unwatch' || request.op === 'watch') {
      this.#watch?.close();
      this.#watch = null;
      if (request.op === 'unwatch') return { header: {} };
      const watch = this.#parts.watch(request.from, {
        ready: () => this.#socket.writableLength < EVENT_WAITING_BYTES,
        send: (event) => this.#send({ header: { event } }),
      });
      this.#watch = watch;
      return { header: { next: watch.next } };
    }
    return undefined;
  }

  #fail(id: number, fault: unknown): void {
    const known = fault instanceof AgentboxError ? fault : new AgentboxError('INTERNAL', describe(fault));
    this.#send({ header: { id, error: { code: known.code, message: known.message, detail: known.detail } } });
  }

  #send(answer: Answer): void {
    if (this.#socket.destroyed) return;
    const parts = encodeFrame(answer.header, answer.body);
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
    // A client that asks without reading is not heard until it has read.
    if (this.#socket.writableLength > WAITING_BYTES) this.#socket.pause();
  }

  #refuse(reason: string, more: Readonly<Record<string, unknown>> = {}): void {
    this.#send({ header: { goodbye: reason, ...more } });
    this.#socket.destroySoon();
    this.#socket.removeAllListeners('data');
  }
}

function sameText(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

function requestId(header: unknown): number | undefined {
  if (typeof header !== 'object' || header === null || !('id' in header)) return undefined;
  return typeof header.id === 'number' ? header.id : undefined;
}

const describe = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
