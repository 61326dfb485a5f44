/** Small parts without domain words that every room may use. */
export { nearest } from './nearest.ts';
export { compileRedactor, type NamedSecret, type Redactor } from './redact.ts';
export { Emitter, type Signal } from './signal.ts';
export { assertInvariant, InvariantError, unreachable } from './unreachable.ts';
export { quoted, visible } from './visible.ts';
