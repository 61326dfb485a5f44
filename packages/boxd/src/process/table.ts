/**
 * What /proc says about the processes of this machine. Every answer may be stale when it is read: a process that is
 * gone reads as undefined, never as an error.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tagIn } from '../native/tag.ts';

export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** R, S, D, T, Z, X, ... */
  readonly state: string;
  /** clock ticks since boot: with the pid it names one process for good */
  readonly startedTicks: string;
  /** clock ticks that it has had of a processor */
  readonly cpuTicks: number;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

export function readProcess(pid: number): ProcessFacts | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The command may hold spaces and parentheses: fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    pid,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    state: fields[0] ?? 'X',
    startedTicks: fields[19] ?? '0',
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
}

export const isAlive = (facts: ProcessFacts): boolean => facts.state !== 'Z' && facts.state !== 'X';

export function listPids(): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => name.charCodeAt(0) >= 48 && name.charCodeAt(0) <= 57)
    .map(Number);
}

export function readTag(pid: number): string | undefined {
  const limits = readText(`/proc/${pid}/limits`);
  return limits === undefined ? undefined : tagIn(limits);
}

/** The value of a variable in the environment that the process was started with. */
export function readVariable(pid: number, name: string): string | undefined {
  const found = readText(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((entry) => entry.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

/** The arguments that a process was started with; none when it is gone. */
export function readArguments(pid: number): readonly string[] {
  return readText(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1) ?? [];
}

/** The pid that was given out last: nothing is younger than a process that has it. */
export function lastPid(): number {
  const text = readText('/proc/loadavg');
  return Number(text?.trimEnd().split(' ').at(-1));
}

export function readCommand(pid: number): string {
  const text = readText(`/proc/${pid}/cmdline`);
  if (text !== undefined && text.length > 0) {
    return Buffer.from(text.replace(/\0+$/, '').replaceAll('\0', ' '), 'latin1').toString('utf8').slice(0, 4096);
  }
  return readText(`/proc/${pid}/comm`)?.trimEnd() ?? '';
}

/** Where the descriptor leads, as /proc names it. */
export function readDescriptor(pid: number, fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return undefined;
  }
}

export function readSocketInodes(pid: number): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const target = readDescriptor(pid, Number(name));
    const inode = target === undefined ? null : /^socket:\[(\d+)\]$/.exec(target);
    return inode?.[1] === undefined ? [] : [inode[1]];
  });
}

/** inode of a listening socket -> port */
export function readListeners(): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const path of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of (readText(path) ?? '').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      const port = fields[1]?.split(':')[1];
      const inode = fields[9];
      if (fields[3] === '0A' && port !== undefined && inode !== undefined) ports.set(inode, Number.parseInt(port, 16));
    }
  }
  return ports;
}

/** The system call that blocks the process: its number and first argument. */
export function readSyscall(pid: number): { readonly number: number; readonly argument: number } | undefined {
  const fields = readText(`/proc/${pid}/syscall`)?.split(' ');
  if (fields?.[0] === undefined || fields[0].startsWith('running') || fields[1] === undefined) return undefined;
  return { number: Number(fields[0]), argument: Number(fields[1]) };
}
