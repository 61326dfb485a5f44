/** A list of listeners that outlives no scope: every subscription gives back the function that ends it. */
export interface Signal<T> {
  subscribe(listener: (value: T) => void): () => void;
}

/** The owner's side of a Signal. A throwing listener never stops the others; `onFault` hears of it. */
export class Emitter<T> implements Signal<T> {
  readonly #listeners = new Set<(value: T) => void>();
  readonly #onFault: (fault: unknown) => void;

  constructor(onFault: (fault: unknown) => void = () => undefined) {
    this.#onFault = onFault;
  }

  get size(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  emit(value: T): void {
    for (const listener of Array.from(this.#listeners)) {
      try {
        listener(value);
      } catch (fault) {
        this.#onFault(fault);
      }
    }
  }
}
