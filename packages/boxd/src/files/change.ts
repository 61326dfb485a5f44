/** One name that a patch gives other content, or takes away, and what went wrong with it. */
export interface Change {
  readonly path: string;
  /** null removes the name */
  readonly content: Uint8Array | null;
  /** the file whose mode and owner the content takes */
  readonly modeFrom: string | null;
}

/** A system error at one change: caught where the patch is rolled back. */
export class ChangeError extends Error {
  override readonly name = 'ChangeError';
  readonly errno: string;
  readonly change: Change;

  constructor(change: Change, errno: string, cause: unknown) {
    super(`${errno} at ${change.path}`, { cause });
    this.errno = errno;
    this.change = change;
  }
}
