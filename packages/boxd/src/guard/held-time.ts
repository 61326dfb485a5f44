/** How long a session stood still for a person: time during which at least one question was open. */
export class HeldTime {
  #open = 0;
  #since = 0;
  #totalMs = 0;

  begin(): void {
    if (this.#open === 0) this.#since = performance.now();
    this.#open += 1;
  }

  end(): void {
    this.#open -= 1;
    if (this.#open === 0) this.#totalMs += performance.now() - this.#since;
  }

  get ms(): number {
    return Math.round(this.#totalMs + (this.#open > 0 ? performance.now() - this.#since : 0));
  }
}
