/** What a process has cost so far, read from /proc: the same figures for any program. */
import { readFileSync } from 'node:fs';

/** Clock ticks a second: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** user and system time of the process and its threads, in ms */
export function cpuMs(pid: number): number {
  return statMs(pid, 11) + statMs(pid, 12);
}

/** the same of its children that have ended, with all that they had waited for themselves */
export function endedChildrenCpuMs(pid: number): number {
  return statMs(pid, 13) + statMs(pid, 14);
}

function statMs(pid: number, field: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[field]) / TICKS_PER_SECOND) * 1000;
}

/** resident memory in MB; `peak` is the largest it ever was */
export function memoryMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** proportional memory in MB of the process and everything below it */
export function treeMemoryMb(pid: number): number {
  return [pid, ...descendants(pid)].reduce((sum, each) => sum + proportionalMb(each), 0);
}

function proportionalMb(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
  } catch {
    return 0; // ended between the listing and the look
  }
}

export function childrenOf(pid: number): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(' ').map(Number);
  } catch {
    return [];
  }
}

function descendants(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}
