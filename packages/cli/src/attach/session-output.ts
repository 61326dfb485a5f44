/** Follows the output of one session: the end of what is there, then what comes, until the session ends. */
import type { BoxConnection } from '@agentbox/boxd-client';
import type { SessionInfo, SessionState } from '@agentbox/protocol';

/** how much of what was printed before is shown again */
const BACKLOG_BYTES = 64 * 1024;
const READ_BYTES = 256 * 1024;

export class SessionOutput {
  readonly #box: BoxConnection;
  readonly #session: SessionInfo;
  readonly #show: (bytes: Uint8Array) => void;
  #isStopped = false;
  /** resolved when there may be more to read */
  #wake: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(box: BoxConnection, session: SessionInfo, show: (bytes: Uint8Array) => void) {
    this.#box = box;
    this.#session = session;
    this.#show = show;
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake.resolve();
  }

  async run(): Promise<SessionState> {
    const { session } = this.#session;
    let from = await this.#start();
    const watch = await this.#box.watch(0, (event) => {
      if ('session' in event && event.session === session) this.#wake.resolve();
    });
    try {
      for (;;) {
        this.#wake = Promise.withResolvers();
        const { state } = await this.#box.info(this.#session.owner, session);
        from = await this.#showFrom(from);
        if (this.#isStopped || state.kind !== 'running') return state;
        await this.#wake.promise;
      }
    } finally {
      watch.close();
    }
  }

  /** A screen program is shown from where it began to draw, everything else from a line's start near the end. */
  async #start(): Promise<number> {
    const request = { session: this.#session.session, stream: 'output', from: 0 } as const;
    const now = await this.#box.collect(this.#session.owner, {
      ...request,
      headBytes: 0,
      tailBytes: 0,
      waitMs: 0,
      untilInput: false,
    });
    if (now.screenFrom !== null) return now.screenFrom;
    const earliest = Math.max(0, now.next - BACKLOG_BYTES);
    if (earliest === 0) return 0;
    const { bytes, from } = await this.#box.read(this.#session.owner, { ...request, from: earliest, max: 4096 });
    return from + bytes.indexOf(0x0a) + 1;
  }

  async #showFrom(start: number): Promise<number> {
    let from = start;
    for (;;) {
      const request = { session: this.#session.session, stream: 'output', from, max: READ_BYTES } as const;
      const { bytes, next } = await this.#box.read(this.#session.owner, request);
      if (bytes.length === 0 || this.#isStopped) return from;
      this.#show(bytes);
      from = next;
    }
  }
}
