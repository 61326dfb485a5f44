/** One value from outside the file, and what to call it in an error. */
export interface Override {
  readonly path: readonly [section: string, key: string];
  readonly value: unknown;
  readonly origin: string;
}
