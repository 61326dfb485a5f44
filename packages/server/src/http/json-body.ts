/**
 * Parses a JSON body. Pure. The nesting is measured on the bytes before anything is built from them, so that no later
 * recursion (validation, redaction, printing) meets a depth that it cannot climb.
 */
import { type Refusal, refuse } from './admission.ts';

export type ParsedJson = { readonly kind: 'json'; readonly value: unknown } | Refusal;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

export function parseJsonBody(bytes: Uint8Array, maxDepth: number): ParsedJson {
  if (depthExceeds(bytes, maxDepth)) {
    return refuse('MALFORMED_REQUEST', `The JSON nests deeper than ${maxDepth} levels.`);
  }
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes));
    return { kind: 'json', value };
  } catch (fault) {
    const what = fault instanceof TypeError ? 'The body is not UTF-8.' : 'The body is not JSON.';
    return refuse('MALFORMED_REQUEST', what);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Brackets outside strings. Text that is not JSON may be judged wrongly here, and is then refused by the parser. */
function depthExceeds(bytes: Uint8Array, maxDepth: number): boolean {
  if (bytes.length <= maxDepth) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) inString = !inString;
    else if (inString) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    if (depth > maxDepth) return true;
  }
  return false;
}
