/** Looks at one name without following it. A name that cannot be looked at is told apart from one that is not there. */
import { lstatSync, type Stats, statSync } from 'node:fs';

/** undefined: not there; `blocked`: there may be something, and who asks may not know. */
export function lookAt(at: string): Stats | undefined | 'blocked' {
  try {
    return lstatSync(at, { throwIfNoEntry: false });
  } catch (fault) {
    return isNotADirectory(fault) ? undefined : 'blocked';
  }
}

/** ms since the epoch; 0 where nothing can be seen. */
export function changeTime(at: string): number {
  try {
    return statSync(at, { throwIfNoEntry: false })?.ctimeMs ?? 0;
  } catch {
    return 0;
  }
}

const isNotADirectory = (fault: unknown): boolean =>
  fault instanceof Error && 'code' in fault && fault.code === 'ENOTDIR';
