/**
 * A group of processes that the kernel keeps: whatever a member starts is a member, whatever it does to itself short
 * of moving itself as root. One directory of a cgroup hierarchy, v2 or the v1 freezer; groups that members make inside
 * count as part of it.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CgroupVersion } from './hierarchy.ts';

/** nested groups looked at for one group */
const NESTED_LIMIT = 10_000;
const FREEZE_STEP_MS = 2;
/** a process in an uninterruptible call freezes late: the signal is then sent to the running group */
const FREEZE_LIMIT_MS = 100;

export class Cgroup {
  readonly directory: string;
  readonly version: CgroupVersion;

  constructor(directory: string, version: CgroupVersion) {
    this.directory = directory;
    this.version = version;
  }

  /** Every process in the group; also one that ends while the list is made. */
  pids(): readonly number[] {
    return this.#directories().flatMap(readPids);
  }

  /** SIGKILL to all members with none born meanwhile, where the kernel can do that. */
  async kill(): Promise<void> {
    // Kernels before 5.14 lack cgroup.kill: then each member is signalled, and the caller comes again.
    if (this.version === 'cgroup2' && tryWrite(path.join(this.directory, 'cgroup.kill'), '1')) return;
    if (this.version === 'cgroup2') {
      for (const pid of this.pids()) signalKill(pid);
      return;
    }
    const state = path.join(this.directory, 'freezer.state');
    try {
      tryWrite(state, 'FROZEN');
      const deadline = Date.now() + FREEZE_LIMIT_MS;
      while (readText(state)?.trim() === 'FREEZING' && Date.now() < deadline) await sleep(FREEZE_STEP_MS);
      for (const pid of this.pids()) signalKill(pid);
    } finally {
      tryWrite(state, 'THAWED');
    }
  }

  /** true when the group is no more; a group with members stays. */
  remove(): boolean {
    if (this.pids().length > 0) return false;
    for (const directory of this.#directories().toReversed()) {
      try {
        rmdirSync(directory);
      } catch {
        // Busy for as long as the kernel still counts a process that just ended: the caller comes again.
      }
    }
    return readNames(this.directory) === undefined;
  }

  /** The group's directory and those inside it, parents first. */
  #directories(): readonly string[] {
    const found = [this.directory];
    for (let index = 0; index < found.length && found.length < NESTED_LIMIT; index += 1) {
      const parent = found[index] ?? this.directory;
      for (const name of readNames(parent) ?? []) found.push(path.join(parent, name));
    }
    return found;
  }
}

/** Directories in a directory; undefined when it is gone. */
function readNames(directory: string): readonly string[] | undefined {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [entry.name] : [],
    );
  } catch {
    return undefined;
  }
}

/** Members of other pid namespaces read as 0: they must never be signalled by that number. */
const readPids = (directory: string): readonly number[] =>
  (readText(path.join(directory, 'cgroup.procs')) ?? '')
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid);

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}

/** false when the group is gone, or its control is: whoever asked looks at the processes themselves. */
function tryWrite(file: string, text: string): boolean {
  try {
    // A control file is never made: one that is missing is a kernel that lacks it.
    const fd = openSync(file, constants.O_WRONLY);
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
    return true;
  } catch {
    return false;
  }
}

function signalKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}
