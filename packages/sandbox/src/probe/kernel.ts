/** Asks the kernel itself what it can do, by calls that change nothing: each is refused or answered at once. */
import { readFileSync } from 'node:fs';

export interface KernelFacts {
  /** 0: none, or switched off */
  readonly landlockAbi: number;
  readonly userNotify: boolean;
  /** a program that waits for its verdict can be killed: without it, one that waits cannot be ended */
  readonly waitKillable: boolean;
  /** 0 where Yama is not there */
  readonly yama: number;
}

const LANDLOCK_CREATE_RULESET = 444;
const LANDLOCK_CREATE_RULESET_VERSION = 1;
const SECCOMP = { x64: 317, arm64: 277 } as const;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_GET_ACTION_AVAIL = 2;
const RET_USER_NOTIF = 0x7fc0_0000;
const NEW_LISTENER = 1 << 3;
const WAIT_KILLABLE_RECV = 1 << 5;

export async function probeKernel(): Promise<KernelFacts> {
  const yama = Number(readLine('/proc/sys/kernel/yama/ptrace_scope') ?? 0);
  const none = { landlockAbi: 0, userNotify: false, waitKillable: false, yama };
  const seccomp = process.arch === 'x64' || process.arch === 'arm64' ? SECCOMP[process.arch] : null;
  if (seccomp === null) return none;
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const landlock: (number: number, attributes: null, size: number, flags: number) => number = libc.func(
    'long syscall(long number, void *attributes, long size, long flags)',
  );
  const filter: (number: number, operation: number, flags: number, argument: Buffer | null) => number = libc.func(
    'long syscall(long number, long operation, long flags, void *argument)',
  );
  const action = Buffer.alloc(4);
  action.writeUInt32LE(RET_USER_NOTIF);
  const userNotify = filter(seccomp, SECCOMP_GET_ACTION_AVAIL, 0, action) === 0;
  // Flags are judged before the filter is read: known ones lead to a bad address, unknown ones are invalid.
  filter(seccomp, SECCOMP_SET_MODE_FILTER, NEW_LISTENER | WAIT_KILLABLE_RECV, null);
  const waitKillable = userNotify && koffi.errno() === koffi.os.errno['EFAULT'];
  const landlockAbi = landlock(LANDLOCK_CREATE_RULESET, null, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return { landlockAbi: Math.max(landlockAbi, 0), userNotify, waitKillable, yama };
}

export function readLine(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
