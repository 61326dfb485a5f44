/** Reads one regular file for a caller across the wire. */
import { AgentboxError, type ErrorCode } from '@agentbox/protocol';
import { readWhole } from './observe.ts';
import { Paths } from './resolve.ts';
import { expectErrno, systemText } from './system-error.ts';

const CODES: Readonly<Record<string, ErrorCode>> = { ENOENT: 'FILE_NOT_FOUND', ENOTDIR: 'FILE_NOT_FOUND' };

/** Links are followed; a folder, a device or a pipe is refused, and so is a file of more than `maxBytes`. */
export async function readRegularFile(path: string, maxBytes: number): Promise<Uint8Array> {
  const { target, display } = new Paths().resolve('/', path);
  try {
    const read = await readWhole(target, maxBytes);
    if ('bytes' in read) return read.bytes;
    const code = read.refused.startsWith('the file has') ? 'BODY_TOO_LARGE' : 'FILE_NOT_FOUND';
    throw new AgentboxError(code, `${display}: ${read.refused}`, { path: display, limit: maxBytes });
  } catch (fault) {
    const errno = expectErrno(fault);
    throw new AgentboxError(
      CODES[errno] ?? 'PATH_FORBIDDEN',
      `${display}: ${systemText(errno)}`,
      { path: display },
      { cause: fault },
    );
  }
}
