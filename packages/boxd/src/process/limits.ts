/**
 * Bounds on the memory and the processes of a whole session, by the kernel's control groups: v2 in the group that
 * follows the session, v1 in groups of the memory and pids controllers that the session is born into. A controller
 * that cannot be had is named; the limits of single processes hold in every case.
 */
import { closeSync, constants, mkdirSync, openSync, rmdirSync, writeSync } from 'node:fs';
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
    return { directory: own.directory, fd: openSync(path.join(own.directory, 'tasks'), constants.O_WRONLY) };
  } catch {
    return null;
  }
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
    if (tracked?.version === 'cgroup2') this.missing.push(...setAll(tracked.directory, V2(this.#bounds)));
    else if (this.#places.length < 2) this.missing.push('memory and processes together');
  }

  /** Removes what is empty by now. */
  release(): void {
    for (const { directory } of this.#places) {
      try {
        rmdirSync(directory);
      } catch {
        // Something of the session still ends in it.
      }
    }
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
