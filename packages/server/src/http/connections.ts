/**
 * Every open connection: how many there are, in all and from one address, and what each is in the middle of. Decides
 * which ones a shutdown or a time-out may end at once.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

interface Connection {
  readonly address: string;
  readonly answering: Set<ServerResponse>;
  /** a refusal was written to the bare socket */
  refused: boolean;
}

export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #open = new Map<Socket, Connection>();
  readonly #perAddress = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  /** False when there are too many: the caller then refuses the socket, which is not counted. */
  add(socket: Socket): boolean {
    const address = socket.remoteAddress ?? 'unknown';
    const same = this.#perAddress.get(address) ?? 0;
    if (this.#open.size >= this.#limits.maxConnections || same >= this.#limits.maxConnectionsPerAddress) return false;
    this.#open.set(socket, { address, answering: new Set(), refused: false });
    this.#perAddress.set(address, same + 1);
    socket.on('close', () => this.#remove(socket, address));
    return true;
  }

  #remove(socket: Socket, address: string): void {
    this.#open.delete(socket);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  began(socket: Socket, outgoing: ServerResponse): void {
    const answering = this.#open.get(socket)?.answering;
    answering?.add(outgoing);
    outgoing.on('close', () => answering?.delete(outgoing));
  }

  isIdle(socket: Socket): boolean {
    return (this.#open.get(socket)?.answering.size ?? 0) === 0;
  }

  /** True once for a socket on which no answer has begun: only then may a bare refusal be written. */
  mayRefuse(socket: Socket): boolean {
    const connection = this.#open.get(socket);
    if (connection === undefined || connection.refused) return false;
    connection.refused = true;
    return ![...connection.answering].some((outgoing) => outgoing.headersSent);
  }

  wasRefused(socket: Socket): boolean {
    return this.#open.get(socket)?.refused ?? false;
  }

  destroyIdle(): void {
    for (const [socket, { answering }] of this.#open) if (answering.size === 0) socket.destroy();
  }
}
