/**
 * Whose unfinished patch something is. The name says the process that works on it, so that what a killed process left
 * can be told from what a living one still needs.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { FOREIGN_AGE_MS } from './limits.ts';
import { expectErrno } from './system-error.ts';

const NAME = /^(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{12}$/u;

function textOf(read: () => string): string | null {
  try {
    return read();
  } catch (fault) {
    expectErrno(fault);
    return null;
  }
}

/** When the process was started, in ticks since the machine was; null when there is no such process. */
function startOf(pid: string): string | null {
  const stat = textOf(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the program's name, which may hold anything; the 20th after it is the start.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

/** Process ids mean the same only within one boot and one PID namespace. */
function placeOf(): string {
  const boot = textOf(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8')) ?? '';
  const namespace = textOf(() => readlinkSync('/proc/self/ns/pid')) ?? '';
  return createHash('sha256').update(`${boot}\n${namespace}`).digest('hex').slice(0, 8);
}

/** Names for what this process begins; no two are equal. */
export function ownerNames(): () => string {
  const prefix = `${process.pid}-${startOf('self') ?? '0'}-${placeOf()}`;
  return () => `${prefix}-${randomBytes(6).toString('hex')}`;
}

/**
 * Whether nobody works any more on what carries this name. Of a process on another machine or in another container,
 * which cannot be looked up, only the age tells.
 */
export function isAbandoned(name: string, ageMs: number): boolean {
  const [, pid, start, place] = NAME.exec(name) ?? [];
  if (pid === undefined) return false;
  if (place !== placeOf() || start === '0') return ageMs > FOREIGN_AGE_MS;
  return startOf(pid) !== start;
}
