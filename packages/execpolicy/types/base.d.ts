/** What this pure room uses of `base`, which as a whole names TextEncoder; the project's own compilation checks the real one. */
export function nearest(word: string, known: Iterable<string>): string | undefined;
export function unreachable(value: never): never;
export function assertInvariant(condition: boolean, what: string): asserts condition;
