/**
 * Lets the event loop breathe between many short synchronous file calls. One such call costs a few microseconds where
 * its asynchronous form costs a hundred, but a thousand of them in a row would keep every terminal of the box waiting.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { SLICE_MS } from './limits.ts';

export class Pace {
  #since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.#since > SLICE_MS;
  }

  async rest(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }
}
