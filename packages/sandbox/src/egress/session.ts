/** One connection of a sandboxed command: its socket, what it sent, and the connection that it was given. */
import type { Socket } from 'node:net';
import { ByteReader } from './byte-reader.ts';
import type { Asked, Gate, Opened } from './gate.ts';
import type { EgressLimits } from './limits.ts';
import { denied } from './refusal.ts';
import type { Tunnel } from './tunnel.ts';

/** For a client that sent all it has to say and may still read the answer. */
const ENDED_MS = 1_000;
/** For a client to read the last answer before unread bytes of its own would break the connection. */
const LINGER_MS = 1_000;

export class Session {
  readonly client: Socket;
  readonly reader: ByteReader;
  readonly gate: Gate;
  readonly limits: EgressLimits;
  readonly #gone = new AbortController();
  #upstream: Socket | null = null;

  constructor(client: Socket, gate: Gate, limits: EgressLimits) {
    this.client = client;
    this.gate = gate;
    this.limits = limits;
    // A client may end its half and still read the answer.
    client.allowHalfOpen = true;
    client.setNoDelay(true);
    client.on('error', () => {});
    client.on('timeout', () => client.destroy());
    client.once('close', () => {
      this.#gone.abort();
      if (client.readableEnded) this.#upstream?.destroySoon();
      else this.#upstream?.destroy();
    });
    this.reader = new ByteReader(client);
  }

  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** A client that ended its half while nobody has decided is soon taken for gone: a dead one looks just so. */
  async open(asked: Asked): Promise<Opened> {
    const asker = new AbortController();
    const leave = (): void => asker.abort();
    let timer: NodeJS.Timeout | undefined;
    const leaveSoon = (): void => {
      timer = setTimeout(leave, ENDED_MS);
    };
    if (this.reader.ended) leaveSoon();
    this.client.once('end', leaveSoon).once('close', leave);
    this.client.setTimeout(0);
    try {
      const opened = await this.gate.open(asked, { asker: asker.signal, gone: this.gone });
      if (opened.kind === 'open') this.#adopt(opened.socket);
      return opened;
    } finally {
      clearTimeout(timer);
      this.client.off('end', leaveSoon).off('close', leave);
    }
  }

  #adopt(upstream: Socket): void {
    this.#upstream = upstream;
    if (this.client.destroyed) upstream.destroy();
    this.client.setTimeout(this.limits.idleMs);
    upstream.setTimeout(this.limits.idleMs, () => {
      upstream.destroy();
      this.client.destroy();
    });
  }

  /** Says the last word and leaves the client a moment to read it. */
  hangUp(last: Uint8Array = Buffer.alloc(0)): void {
    const { client } = this;
    if (client.destroyed) return;
    const timer = setTimeout(() => client.destroy(), LINGER_MS);
    client.once('close', () => clearTimeout(timer));
    this.reader.discard();
    client.end(last);
  }

  tunnelTo(asked: Asked, { socket, host }: Opened & { readonly kind: 'open' }): Omit<Tunnel, 'mustBeTls'> {
    const { client, reader, gone, limits } = this;
    const onRefused = (reason: string): void => {
      this.gate.refuse({ ...asked, host: host.host }, denied(reason));
      this.hangUp(TLS_ACCESS_DENIED);
    };
    return { client, reader, upstream: socket, host, helloMs: limits.helloMs, gone, onRefused };
  }
}

/** RFC 8446 section 6: the fatal alert `access_denied`, in a record that every client reads. */
const TLS_ACCESS_DENIED = Uint8Array.of(21, 3, 1, 0, 2, 2, 49);
