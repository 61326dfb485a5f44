/** The key that seals what a client carries between two requests: kept in the home, so that it outlives the server. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { KEY_BYTES } from '../mcp/sealed-state.ts';

const PRIVATE = 0o600;

/** Whoever holds the lock of the home calls it. A file that is no key is replaced: what it sealed is void then. */
export function readStateKey(file: string): Buffer {
  const known = existsSync(file) ? readFileSync(file) : undefined;
  if (known?.length === KEY_BYTES) return known;
  const key = randomBytes(KEY_BYTES);
  writeFileSync(`${file}.new`, key, { mode: PRIVATE });
  renameSync(`${file}.new`, file);
  return key;
}
