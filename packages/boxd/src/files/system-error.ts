/** System errors as facts: their code, and the words in which the C library puts them. */

import { getSystemErrorMap } from 'node:util';
import { AgentboxError } from '@agentbox/protocol';

const WORDS: Readonly<Record<string, readonly [number, string]>> = {
  EPERM: [1, 'Operation not permitted'],
  ENOENT: [2, 'No such file or directory'],
  EIO: [5, 'Input/output error'],
  EACCES: [13, 'Permission denied'],
  ENOTDIR: [20, 'Not a directory'],
  EISDIR: [21, 'Is a directory'],
  EFBIG: [27, 'File too large'],
  ENOSPC: [28, 'No space left on device'],
  EROFS: [30, 'Read-only file system'],
  ENAMETOOLONG: [36, 'File name too long'],
  ELOOP: [40, 'Too many levels of symbolic links'],
  EDQUOT: [122, 'Disk quota exceeded'],
};

export function errnoOf(fault: unknown): string | null {
  if (!(fault instanceof Error) || fault instanceof AgentboxError || !('code' in fault)) return null;
  return typeof fault.code === 'string' ? fault.code : null;
}

/** As in `No such file or directory (os error 2)`. */
export function systemText(code: string): string {
  const known = WORDS[code];
  if (known !== undefined) return `${known[1]} (os error ${known[0]})`;
  for (const [number, [name, text]] of getSystemErrorMap()) if (name === code) return `${text} (os error ${-number})`;
  return code;
}

/** The code of a system error; anything else is a bug and goes on. */
export function expectErrno(fault: unknown): string {
  const code = errnoOf(fault);
  if (code === null) throw fault;
  return code;
}
