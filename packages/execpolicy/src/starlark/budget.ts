/** What one file has left of its steps and cells. Asked before the work is done, never after. */
import { BOUNDS } from '../bounds.ts';
import { RulesFault } from '../problem.ts';

export class Budget {
  #steps: number = BOUNDS.steps;
  #cells: number = BOUNDS.cells;
  #depth = 0;

  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0)
      throw new RulesFault(
        `the file takes more than ${BOUNDS.steps} steps`,
        'a rule file lists rules: shorten its loops',
      );
  }

  /** `count` characters or elements of a new value */
  make(count: number | bigint): void {
    if (typeof count === 'bigint' ? count > BOUNDS.cells : count > this.#cells)
      throw new RulesFault(
        `the file makes more than ${BOUNDS.cells} characters and elements`,
        'a rule file lists rules: make smaller values',
      );
    this.#cells -= Number(count);
  }

  /** Runs `work` one level deeper in the evaluation. */
  deeper<T>(work: () => T): T {
    this.enter();
    const value = work();
    this.leave();
    return value;
  }

  enter(): void {
    this.#depth += 1;
    if (this.#depth > BOUNDS.evaluationDepth)
      throw new RulesFault(
        `more than ${BOUNDS.evaluationDepth} expressions and statements are evaluated at once`,
        'divide deep expressions, and do not recurse',
      );
  }

  leave(): void {
    this.#depth -= 1;
  }

  number(value: bigint): bigint {
    if (BigInt.asIntN(BOUNDS.numberBits, value) !== value)
      throw new RulesFault(`a number of more than ${BOUNDS.numberBits} bits`, 'use smaller numbers');
    return value;
  }
}
