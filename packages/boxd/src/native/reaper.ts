/**
 * Collects the status of every child exactly once, also of orphans that this subreaper adopted. Nothing else in the
 * daemon may wait for children, so no status is ever lost and no zombie stays.
 */
import { constants } from 'node:os';
import type { ExitStatus } from '@agentbox/protocol';
import type { Libc } from './libc.ts';

export interface Reaper {
  /** calls `listener` once with the end of `pid`; must be asked in the turn that started it */
  onExit(pid: number, listener: (exit: ExitStatus) => void): void;
  stop(): void;
}

const WNOHANG = 1;

const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, value]) => [value, name]),
);

function decodeStatus(status: number, at: number): ExitStatus {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff, signal: null, at };
  return { code: 128 + signal, signal: SIGNAL_NAMES.get(signal) ?? `SIG${signal}`, at };
}

export function startReaper(libc: Libc): Reaper {
  const listeners = new Map<number, (exit: ExitStatus) => void>();
  const reap = (): void => {
    const status = [0];
    for (let pid = libc.waitpid(-1, status, WNOHANG); pid > 0; pid = libc.waitpid(-1, status, WNOHANG)) {
      const listener = listeners.get(pid);
      listeners.delete(pid);
      listener?.(decodeStatus(status[0] ?? 0, Date.now()));
    }
  };
  process.on('SIGCHLD', reap);
  return {
    onExit: (pid, listener) => void listeners.set(pid, listener),
    stop: () => void process.off('SIGCHLD', reap),
  };
}
