/**
 * Those who wait for a session to end, to ask for input, or for their time to pass. The look for a prompt slows down
 * while nothing is printed, so that many waiting calls cost little.
 */
interface Waiter {
  readonly release: () => void;
  /** output came: a prompt may follow soon */
  readonly touched: () => void;
  /** what is waited for may be there: look at once */
  readonly look: () => void;
}

const FIRST_LOOK_MS = 95;
const SLOWEST_LOOK_MS = 380;

export class Waiters {
  readonly #waiting = new Set<Waiter>();

  /** Releases everyone: the session has ended. */
  release(): void {
    for (const waiter of this.#waiting) waiter.release();
  }

  touched(): void {
    for (const waiter of this.#waiting) waiter.touched();
  }

  look(): void {
    for (const waiter of this.#waiting) waiter.look();
  }

  async wait(waitMs: number, signal: AbortSignal, due: (() => boolean) | null): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const look = due === null ? null : startLooking(due, () => waiter.release());
      const timer = setTimeout(() => waiter.release(), waitMs);
      const waiter: Waiter = {
        touched: () => look?.soon(),
        look: () => {
          if (due?.() === true) waiter.release();
        },
        release: () => {
          if (!this.#waiting.delete(waiter)) return;
          clearTimeout(timer);
          look?.stop();
          signal.removeEventListener('abort', waiter.release);
          resolve();
        },
      };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', waiter.release);
    });
  }
}

function startLooking(due: () => boolean, found: () => void): { soon(): void; stop(): void } {
  let delay = FIRST_LOOK_MS;
  let timer: NodeJS.Timeout;
  const look = (): void => {
    if (due()) {
      found();
      return;
    }
    delay = Math.min(SLOWEST_LOOK_MS, Math.ceil(delay * 1.3));
    timer = setTimeout(look, delay);
  };
  timer = setTimeout(look, delay);
  return {
    soon: () => {
      if (delay === FIRST_LOOK_MS) return;
      delay = FIRST_LOOK_MS;
      clearTimeout(timer);
      timer = setTimeout(look, delay);
    },
    stop: () => clearTimeout(timer),
  };
}
