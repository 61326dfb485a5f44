/** A private line to a child process, and the way to take over a descriptor that a child holds. */
import { AgentboxError } from '@agentbox/protocol';
import type { Libc } from './libc.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;

/** Two ends of one line, close-on-exec: the child is given its end by number. */
export function openLine(libc: Libc): { readonly ownFd: number; readonly childFd: number } {
  const ends = [-1, -1];
  if (libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) !== 0) {
    throw new AgentboxError('SPAWN_FAILED', `no line to the guard could be opened: ${libc.lastError()}`);
  }
  return { ownFd: ends[0] ?? -1, childFd: ends[1] ?? -1 };
}

/** The numbers are the same on x64 and arm64. */
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;

/** A copy of descriptor `fd` of process `pid`, close-on-exec; the name of the errno when it cannot be had. */
export function fetchDescriptor(
  libc: Libc,
  pid: number,
  fd: number,
): { readonly fd: number } | { readonly error: string } {
  const pidfd = libc.syscall(PIDFD_OPEN, pid, 0, 0);
  if (pidfd < 0) return { error: libc.lastError() };
  const copy = libc.syscall(PIDFD_GETFD, pidfd, fd, 0);
  const error = copy < 0 ? libc.lastError() : '';
  libc.close(pidfd);
  return copy < 0 ? { error } : { fd: copy };
}
