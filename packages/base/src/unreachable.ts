/** Thrown for a state that the types say cannot be. Never for an expected refusal. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** The end of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable: ${JSON.stringify(value)}`);
}

/** Throws when `condition` is false: for what only a bug can break. */
export function assertInvariant(condition: boolean, what: string): asserts condition {
  if (!condition) throw new InvariantError(what);
}
