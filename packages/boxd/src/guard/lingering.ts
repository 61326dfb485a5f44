/**
 * Puts off what ends with a session for a moment, because the next session of the same place would begin with making
 * it anew. Nothing is put off beyond the daemon's end.
 */

/** a client that works gives its next command within this time */
const LINGER_MS = 1000;

export class Lingering {
  readonly #waiting = new Map<() => void, NodeJS.Timeout>();

  later(act: () => void): void {
    const timer = setTimeout(() => this.#now(act), LINGER_MS);
    timer.unref();
    this.#waiting.set(act, timer);
  }

  #now(act: () => void): void {
    this.#waiting.delete(act);
    act();
  }

  close(): void {
    for (const [act, timer] of this.#waiting) {
      clearTimeout(timer);
      this.#now(act);
    }
  }
}
