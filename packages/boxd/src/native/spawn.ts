/**
 * Starts one process by posix_spawn: leader of its own session, signals as a fresh login has them, descriptors 0, 1
 * and 2 and nothing else, but for a guard, which has its line to the daemon as 3. A terminal named as a descriptor becomes the controlling one, because the leader opens it.
 * Only the hangup may be ignored from the start: whoever ends a terminal's leader hangs up on all that it started.
 */
import { constants } from 'node:fs';
import { constants as system } from 'node:os';
import { errnoName, type Libc } from './libc.ts';

/** A descriptor of ours to hand over, or the path of a terminal to open. */
export type ChildDescriptor = number | { readonly terminal: string };

export interface Launch {
  /** absolute path */
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly descriptors: readonly [ChildDescriptor, ChildDescriptor, ChildDescriptor];
  /** becomes descriptor 3: the guard's line to the daemon */
  readonly line?: number;
  /** SIGHUP ends nothing of it, as below nohup */
  readonly ignoresHangup?: boolean;
}

type Spawned = { readonly pid: number } | { readonly error: string };

export type Spawner = (launch: Launch) => Spawned;

/** where a guard finds its line to the daemon */
const LINE_FD = 3;
const SPAWN_SETSIGDEF = 0x04;
const SPAWN_SETSIGMASK = 0x08;
const SPAWN_SETSID = 0x80;

/** Also 32 and 33, which the C library would otherwise leave ignored in the child. */
const EVERY_SIGNAL = Buffer.concat([Buffer.alloc(8, 0xff), Buffer.alloc(120)]);
const ALL_BUT_HANGUP = Buffer.from(EVERY_SIGNAL).fill(0xfe, 0, 1);

export function createSpawner(libc: Libc): Spawner {
  // Larger than any C library's own types, so that no size is guessed too small.
  const actions = Buffer.alloc(512);
  const attributes = Buffer.alloc(1024);
  libc.attributesInit(attributes);
  libc.setFlags(attributes, SPAWN_SETSID | SPAWN_SETSIGMASK | SPAWN_SETSIGDEF);
  libc.setSignalMask(attributes, Buffer.alloc(128));
  return (launch) => {
    libc.actionsInit(actions);
    try {
      libc.addChdir(actions, launch.cwd);
      for (const [target, source] of launch.descriptors.entries()) {
        if (typeof source === 'number') libc.addDup2(actions, source, target);
        else libc.addOpen(actions, target, source.terminal, constants.O_RDWR, 0);
      }
      if (launch.line !== undefined) libc.addDup2(actions, launch.line, LINE_FD);
      libc.addCloseFrom?.(actions, launch.line === undefined ? LINE_FD : LINE_FD + 1);
      const pid = [0];
      const environment = Object.entries(launch.environment).map(([name, value]) => `${name}=${value}`);
      const argv = [...launch.argv, null];
      const start = (): number => libc.posixSpawn(pid, launch.path, actions, attributes, argv, [...environment, null]);
      libc.setSignalDefault(attributes, launch.ignoresHangup === true ? ALL_BUT_HANGUP : EVERY_SIGNAL);
      const failure = launch.ignoresHangup === true ? whileIgnoring(libc, system.signals.SIGHUP, start) : start();
      return failure === 0 ? { pid: pid[0] ?? 0 } : { error: errnoName(failure) };
    } finally {
      libc.actionsDestroy(actions);
    }
  };
}

/** larger than the `struct sigaction` of any C library; the handler comes first in all of them */
const ACTION_BYTES = 256;
const SIG_IGN = 1n;

/** A child is born ignoring what its parent ignores. */
function whileIgnoring(libc: Libc, signal: number, start: () => number): number {
  const ignore = Buffer.alloc(ACTION_BYTES);
  ignore.writeBigUInt64LE(SIG_IGN);
  const previous = Buffer.alloc(ACTION_BYTES);
  libc.sigaction(signal, ignore, previous);
  try {
    return start();
  } finally {
    libc.sigaction(signal, previous, null);
  }
}
