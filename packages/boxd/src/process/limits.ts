/**
 * Bounds on the memory and the processes of a whole session, by the kernel's control groups: v2 in the group that
 * follows the session, v1 in groups of the memory and pids controllers that the session is born into. A controller
 * that cannot be had is named; the limits of single processes hold in every case.
 */
import { closeSync, constants, mkdirSync, openSync, readdirSync, rmdirSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { LaunchPlan } from '@agentbox/protocol';
import type { Cgroup } from './cgroup.ts';
import { ownCgroup } from './hierarchy.ts';

type Bounds = NonNullable<LaunchPlan['group']>;
type Setting = readonly [file: string, value: number];

/** The control file of each bound, and the one that keeps swap from going around it. */
const V1 = {
  memory: (bounds: Bounds): readonly Setting[] => [
    ['memory.limit_in_bytes', bounds.memoryBytes],
    ['memory.memsw.limit_in_bytes', bounds.memoryBytes],
  ],
  pids: (bounds: Bounds): readonly Setting[] => [['pids.max', bounds.processes]],
} as const;
const V2 = (bounds: Bounds): readonly Setting[] => [
  ['memory.max', bounds.memoryBytes],
  ['memory.swap.max', 0],
  ['pids.max', bounds.processes],
];
/** without these the bound does not hold; the others are what a kernel may lack */
const DEMANDED = new Set(['memory.limit_in_bytes', 'memory.max', 'pids.max']);

interface Place {
  readonly directory: string;
  /** joins the daemon's own group */
  readonly homeFd: number;
}

interface Home {
  readonly directory: string;
  /** open for as long as the daemon lives, so that leaving a group needs no right that could be lost */
  readonly fd: number;
}

/** `agentbox-TAG-SESSION`, as guarded sessions name theirs */
const GROUP_NAME = /^agentbox-\d+-s_[a-z0-9]+$/;
/** A group is made empty: a young one may be about to be used by another daemon. */
const ABANDONED_MS = 60_000;
const AGAIN_MS = 100;

type Controller = keyof typeof V1;

/** Where the daemon stands: looked up once, because nothing moves it while it lives. */
const homes = new Map<Controller, Home | null>();

function homeOf(controller: Controller): Home | null {
  const known = homes.get(controller);
  if (known !== undefined) return known;
  const home = findHome(controller);
  homes.set(controller, home);
  return home;
}

function findHome(controller: Controller): Home | null {
  const own = ownCgroup('cgroup1', controller);
  if ('missing' in own) return null;
  try {
    const home = { directory: own.directory, fd: openSync(path.join(own.directory, 'tasks'), constants.O_WRONLY) };
    removeAbandoned(own.directory);
    return home;
  } catch {
    return null;
  }
}

/** What a daemon that was killed left behind. The kernel refuses to remove a group in which something lives. */
function removeAbandoned(directory: string): void {
  const youngest = Date.now() - ABANDONED_MS;
  for (const name of readdirSync(directory).filter((one) => GROUP_NAME.test(one))) {
    const group = path.join(directory, name);
    if ((statSync(group, { throwIfNoEntry: false })?.mtimeMs ?? youngest) < youngest) remove(group);
  }
}

/** Whether it is gone. */
function remove(directory: string): boolean {
  try {
    rmdirSync(directory);
  } catch (fault) {
    // Something of the session still ends in it.
    return !(fault instanceof Error && 'code' in fault && fault.code === 'EBUSY');
  }
  return true;
}

/** Groups that this daemon has made. */
const standing = new Set<string>();
/** Those of sessions that have ended, and of which something may still be dying. */
const ending = new Set<string>();
let timer: NodeJS.Timeout | null = null;

function removeEnding(): void {
  for (const directory of ending) {
    if (!remove(directory)) continue;
    ending.delete(directory);
    standing.delete(directory);
  }
  timer = null;
  if (ending.size > 0) timer = setTimeout(removeEnding, AGAIN_MS).unref();
}

/** The daemon ends, and everything in it has: what is not removed by then is left to the next one. */
export function removeGroups(): void {
  if (timer !== null) clearTimeout(timer);
  for (const directory of standing) remove(directory);
}

export class BoundGroup {
  readonly missing: string[] = [];
  readonly #bounds: Bounds;
  readonly #places: readonly Place[];

  constructor(name: string, bounds: Bounds) {
    this.#bounds = bounds;
    this.#places = (['memory', 'pids'] as const).flatMap((controller) => {
      const home = homeOf(controller);
      if (home === null) return [];
      const directory = path.join(home.directory, name);
      if (!make(directory)) return [];
      standing.add(directory);
      this.missing.push(...setAll(directory, V1[controller](bounds)));
      return [{ directory, homeFd: home.fd }];
    });
  }

  /** Runs `body` as a member, so that a process born meanwhile never was anywhere else. */
  around<T>(body: () => T): T {
    for (const { directory } of this.#places)
      if (!write(path.join(directory, 'tasks'), 0)) this.missing.push(directory);
    try {
      return body();
    } finally {
      for (const { homeFd } of this.#places) {
        if (!writeTo(homeFd, 0)) this.missing.push('the way of the daemon out of the bounds');
      }
    }
  }

  /** What the session is followed by can bound it too, in v2. */
  born(tracked: Cgroup | null): void {
    if (this.#places.length === 2) return;
    if (tracked?.version === 'cgroup2') this.missing.push(...setAll(tracked.directory, V2(this.#bounds)));
    else this.missing.push('memory and processes together');
  }

  /** Removed as soon as nothing is in it. */
  release(): void {
    for (const { directory } of this.#places) ending.add(directory);
    if (timer === null) removeEnding();
  }
}

const setAll = (directory: string, values: readonly Setting[]): readonly string[] =>
  values
    .filter(([file, value]) => !write(path.join(directory, file), value) && DEMANDED.has(file))
    .map(([file]) => file);

function make(directory: string): boolean {
  try {
    mkdirSync(directory, { mode: 0o755 });
    return true;
  } catch {
    return false;
  }
}

function write(file: string, value: number): boolean {
  try {
    // A control file is never made: one that is missing is a kernel that lacks it.
    const fd = openSync(file, constants.O_WRONLY);
    try {
      return writeTo(fd, value);
    } finally {
      closeSync(fd);
    }
  } catch {
    return false;
  }
}

function writeTo(fd: number, value: number): boolean {
  try {
    writeSync(fd, String(value));
    return true;
  } catch {
    return false;
  }
}
