/**
 * What goes to a session's standard input. Offsets count accepted bytes, so a repeated write is harmless. A line that
 * the terminal would cut is refused whole; a slow reader holds the answer back, never loses bytes.
 */
import type { Socket } from 'node:net';
import { AgentboxError, type WriteReply, type WriteRequest } from '@agentbox/protocol';
import type { Terminal } from '../native/terminal.ts';

/** Linux's canonical line buffer holds 4096 bytes with the line end. */
const CANONICAL_LINE_BYTES = 4095;
/** input that may wait in memory for a slow reader before an answer waits too */
const WAITING_BYTES = 1024 * 1024;
const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const END_OF_INPUT = 4;

export class SessionInput {
  readonly #socket: Socket;
  readonly #terminal: Terminal | null;
  #accepted = 0;
  /** bytes of the canonical line that is being typed */
  #unfinished = 0;
  #ended = false;

  /** `terminal: null` is a pipe. */
  constructor(socket: Socket, terminal: Terminal | null) {
    this.#socket = socket;
    this.#terminal = terminal;
    socket.on('error', () => void (this.#ended = true));
  }

  /** false once the reader is gone or the input was closed */
  get open(): boolean {
    return !this.#ended && this.#socket.writable;
  }

  async write(request: Pick<WriteRequest, 'at' | 'bytes' | 'eof'>): Promise<WriteReply> {
    const skipped = this.#alreadyAccepted(request);
    const bytes = request.bytes.subarray(skipped);
    if (bytes.length > 0) {
      if (!this.open) throw closedInput();
      this.#checkLine(bytes);
      this.#accepted += bytes.length;
      await this.#send(bytes);
    }
    if (request.eof) this.#finish();
    return { accepted: this.#accepted };
  }

  #alreadyAccepted({ at, bytes }: Pick<WriteRequest, 'at' | 'bytes'>): number {
    if (at === null) return 0;
    if (at > this.#accepted) {
      throw new AgentboxError(
        'INVALID_ARGUMENTS',
        `input offset ${at} is beyond the ${this.#accepted} bytes accepted`,
        {
          accepted: this.#accepted,
        },
      );
    }
    return Math.min(bytes.length, this.#accepted - at);
  }

  #checkLine(bytes: Uint8Array): void {
    if (this.#terminal === null) return;
    if (!this.#terminal.modes().canonical) {
      this.#unfinished = 0;
      return;
    }
    let line = this.#unfinished;
    for (const byte of bytes) {
      line = byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === END_OF_INPUT ? 0 : line + 1;
      if (line > CANONICAL_LINE_BYTES) {
        throw new AgentboxError('LINE_TOO_LONG', `a line of the input is longer than ${CANONICAL_LINE_BYTES} bytes`, {
          limit: CANONICAL_LINE_BYTES,
        });
      }
    }
    this.#unfinished = line;
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket.write(Buffer.from(bytes)) || socket.writableLength <= WAITING_BYTES) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  #finish(): void {
    if (this.#ended) return;
    if (this.#terminal === null) {
      this.#ended = true;
      this.#socket.end();
      return;
    }
    // The first end-of-input character only ends an unfinished line.
    this.#socket.write(Buffer.alloc(this.#unfinished > 0 ? 2 : 1, END_OF_INPUT));
    this.#unfinished = 0;
  }
}

export const closedInput = (): AgentboxError =>
  new AgentboxError('STDIN_CLOSED', 'the standard input of this session is closed');
