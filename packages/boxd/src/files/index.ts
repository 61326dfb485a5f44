/** File operations of a box: patches applied all or none, and regular files read. */
export { applyPatch } from './apply.ts';
export { PathLocks } from './locks.ts';
export { readRegularFile } from './read.ts';
