/** How many calls run at once: of one principal and of all. A call beyond the bound is refused, never queued. */
import type { PrincipalId } from '@agentbox/protocol';
import type { CallLimits } from './limits.ts';

export class Admission {
  readonly #limits: CallLimits;
  readonly #running = new Map<PrincipalId, number>();
  #total = 0;

  constructor(limits: CallLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#total;
  }

  /** the function that ends the admission, or what is full */
  enter(principal: PrincipalId): (() => void) | { readonly full: string } {
    const { calls, callsPerPrincipal } = this.#limits;
    const mine = this.#running.get(principal) ?? 0;
    if (mine >= callsPerPrincipal) return { full: `${callsPerPrincipal} calls of ${principal} run already` };
    if (this.#total >= calls) return { full: `${calls} calls run already` };
    this.#running.set(principal, mine + 1);
    this.#total += 1;
    return () => this.#leave(principal);
  }

  #leave(principal: PrincipalId): void {
    this.#total -= 1;
    const left = (this.#running.get(principal) ?? 1) - 1;
    if (left === 0) this.#running.delete(principal);
    else this.#running.set(principal, left);
  }
}
