/**
 * One connection to a daemon: handshake, numbered requests, their answers, events. It never reconnects; when it ends,
 * everything in flight is refused with the reason.
 */
import { connect, type Socket } from 'node:net';
import {
  AgentboxError,
  BOX_PROTOCOL_VERSION,
  type BoxEvent,
  type boxGoodbye,
  boxMessage,
  boxWelcome,
  encodeFrame,
  type Frame,
  FrameError,
  FrameReader,
  parseErrorCode,
} from '@agentbox/protocol';
import type { z } from 'zod';

export interface RawReply {
  readonly header: unknown;
  readonly body: Uint8Array;
}

interface Waiting {
  readonly resolve: (reply: RawReply) => void;
  readonly reject: (fault: AgentboxError) => void;
}

export interface LineOptions {
  readonly socketPath: string;
  readonly key: string;
  readonly timeoutMs: number;
  readonly onEvent: (event: BoxEvent) => void;
  readonly onClose: (reason: string) => void;
}

/** A request that does not fit the wire is the asker's fault; the line serves everybody else as before. */
function encodedFrame(header: unknown, body: Uint8Array | undefined): readonly Uint8Array[] {
  try {
    return encodeFrame(header, body);
  } catch (fault) {
    if (!(fault instanceof FrameError)) throw fault;
    throw new AgentboxError('COMMAND_TOO_LARGE', `the request does not fit the box wire: ${fault.message}`);
  }
}

/** What a daemon of another version says when it refuses; one that cannot count its sessions says so by silence. */
function otherVersion({ goodbye, other }: z.infer<typeof boxGoodbye>): AgentboxError | undefined {
  const spoken = other?.protocol ?? /this daemon speaks (\d+)$/.exec(goodbye)?.[1];
  if (spoken === undefined) return undefined;
  const sessions =
    other === undefined
      ? 'sessions may run'
      : `${other.living} ${other.living === 1 ? 'session runs' : 'sessions run'}`;
  const which = `${other?.version ?? 'older'} (wire ${spoken}, not ${BOX_PROTOCOL_VERSION})`;
  return new AgentboxError(
    'BOX_PROTOCOL',
    `the box daemon is of another version, ${which}, and ${sessions} in it: \`agentbox down\` ends it and them`,
    { protocol: Number(spoken), ...(other !== undefined && { living: other.living }) },
  );
}

export class Line {
  readonly #socket: Socket;
  readonly #options: LineOptions;
  readonly #frames = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #greeting: Waiting | null = null;
  #nextId = 1;
  #refusal: AgentboxError | null = null;
  #reason = 'the connection to the box daemon ended';
  #closed = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.#socket = connect(options.socketPath);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (fault) => void (this.#reason = `the box daemon cannot be reached: ${fault.message}`));
    this.#socket.on('close', () => this.#end());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Resolves with the pid of the daemon that answered. */
  async greet(): Promise<number> {
    const timer = setTimeout(() => {
      this.#reason = 'the box daemon did not answer in time';
      this.#socket.destroy();
    }, this.#options.timeoutMs);
    try {
      const { header } = await new Promise<RawReply>((resolve, reject) => {
        this.#greeting = { resolve, reject };
        this.#send({ hello: { protocol: BOX_PROTOCOL_VERSION, key: this.#options.key } });
      });
      return boxWelcome.parse(header).welcome.pid;
    } finally {
      clearTimeout(timer);
    }
  }

  async request(header: Readonly<Record<string, unknown>>, body?: Uint8Array, signal?: AbortSignal): Promise<RawReply> {
    if (this.#closed) throw new AgentboxError('BOX_UNAVAILABLE', this.#reason);
    if (signal?.aborted === true) throw new AgentboxError('CANCELLED', 'the request was cancelled');
    const id = this.#nextId;
    this.#nextId += 1;
    const cancel = (): void => this.#send({ id: this.#takeId(), op: 'cancel', target: id });
    signal?.addEventListener('abort', cancel);
    try {
      return await new Promise<RawReply>((resolve, reject) => {
        this.#waiting.set(id, { resolve, reject });
        this.#send({ ...header, id }, body);
      });
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener('abort', cancel);
    }
  }

  close(): void {
    this.#reason = 'the client of the box was closed';
    this.#socket.destroy();
  }

  #takeId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }

  #send(header: unknown, body?: Uint8Array): void {
    if (this.#closed) return;
    const parts = encodedFrame(header, body);
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#dispatch(frame);
    } catch (fault) {
      this.#reason = `the box daemon sent something else than frames: ${fault instanceof Error ? fault.message : ''}`;
      this.#socket.destroy();
    }
  }

  #dispatch(frame: Frame): void {
    if (this.#greeting !== null && boxWelcome.safeParse(frame.header).success) {
      const greeting = this.#greeting;
      this.#greeting = null;
      greeting.resolve({ header: frame.header, body: frame.body });
      return;
    }
    const message = boxMessage.parse(frame.header);
    if ('event' in message) this.#options.onEvent(message.event);
    else if ('goodbye' in message) {
      this.#reason = `the box daemon refused the connection: ${message.goodbye}`;
      this.#refusal = otherVersion(message) ?? null;
    } else if ('error' in message) {
      const { code, message: text, detail } = message.error;
      this.#waiting.get(message.id)?.reject(new AgentboxError(parseErrorCode(code) ?? 'INTERNAL', text, detail));
    } else this.#waiting.get(message.id)?.resolve({ header: message.ok, body: frame.body });
  }

  #end(): void {
    this.#closed = true;
    const refusal = this.#refusal ?? new AgentboxError('BOX_UNAVAILABLE', this.#reason);
    this.#greeting?.reject(refusal);
    for (const waiting of this.#waiting.values()) waiting.reject(refusal);
    this.#waiting.clear();
    this.#options.onClose(this.#reason);
  }
}
