/** Tells the caller what a command prints while it waits: at most one message a second, each bounded, only so many. */
import type { SessionId } from '@agentbox/protocol';
import type { Turn } from './machine.ts';
import { cleanOutput, decodeUtf8 } from './output/index.ts';

const INTERVAL_MS = 1000;
/** the newest part of what was printed since the last message */
const MAX_MESSAGE_BYTES = 4096;
const MAX_MESSAGES = 300;

export class ProgressFeed implements Disposable {
  readonly #turn: Turn;
  readonly #session: SessionId;
  #timer: NodeJS.Timeout | undefined;
  #at: number;
  #sent = 0;
  #reading = false;

  constructor(turn: Turn, session: SessionId, from: number) {
    this.#turn = turn;
    this.#session = session;
    this.#at = from;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#tell(), INTERVAL_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#sent = MAX_MESSAGES;
  }

  async #tell(): Promise<void> {
    if (this.#reading || this.#sent >= MAX_MESSAGES) return;
    this.#reading = true;
    try {
      const bytes = await this.#newest();
      // The call may have been answered meanwhile: progress after the answer breaks the protocol.
      if (bytes.length === 0 || this.#sent >= MAX_MESSAGES) return;
      this.#sent += 1;
      const message = cleanOutput(decodeUtf8(bytes).text).text;
      this.#turn.context.progress({ progress: this.#at, total: null, message });
    } catch (fault) {
      this.#turn.machine.reportFault('progress could not be read', { session: this.#session }, fault);
    } finally {
      this.#reading = false;
    }
  }

  async #newest(): Promise<Uint8Array> {
    const { machine, owner } = this.#turn;
    const ask = { session: this.#session, stream: 'output', max: MAX_MESSAGE_BYTES } as const;
    const first = await machine.box.read(owner, { ...ask, from: this.#at });
    const behind = first.next < first.written;
    const reply = behind ? await machine.box.read(owner, { ...ask, from: first.written - MAX_MESSAGE_BYTES }) : first;
    this.#at = reply.next;
    return reply.bytes;
  }
}
