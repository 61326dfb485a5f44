/**
 * Chooses how the processes of a session are kept together: the cgroup v1 freezer, cgroup v2, or /proc alone. A way
 * counts as there when a trial group could be made, entered, left and removed. A cgroup that fails later is given up
 * for good and said so; tags and ancestry are followed in every case.
 */
import { closeSync, constants, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BoxFacts } from '@agentbox/protocol';
import { Cgroup } from './cgroup.ts';
import { type CgroupVersion, ownCgroup } from './hierarchy.ts';

export type TrackingKind = BoxFacts['tracking'];

export interface Born<T> {
  readonly value: T;
  /** null where /proc alone must do */
  readonly group: Cgroup | null;
  /** what the session's reader should know */
  readonly note: string | null;
}

/** The files by which a process joins: all of it in v2, in v1 the writing thread, which is the one that spawns. */
const JOIN = { cgroup2: 'cgroup.procs', cgroup1: 'tasks' } as const;

export interface Leftover {
  readonly version: CgroupVersion;
  /** holds the groups of all sessions of a daemon */
  readonly directory: string;
}

interface Place extends Leftover {
  /** joins the daemon's own group; open from the start, so that leaving needs no right that could be lost */
  readonly homeFd: number;
}

export class Tracking {
  readonly notes: string[] = [];
  readonly #place: Place | null;
  /** given up by their sessions and not removed yet */
  readonly #left = new Set<Cgroup>();
  #failed = false;
  /** the daemon could not leave the group of a session */
  #stuck = false;

  /** `groupName` names this daemon's groups among all of the machine. */
  static open(wanted: TrackingKind | 'auto', groupName: string): Tracking | { readonly missing: string } {
    const reasons: string[] = [];
    // The kernel takes a thread into a v1 group at once; for v2 it waits milliseconds until no process starts or ends.
    for (const version of ['cgroup1', 'cgroup2'] as const) {
      if (wanted !== 'auto' && wanted !== version) continue;
      const place = tryPlace(version, groupName);
      if (!('missing' in place)) return new Tracking(place);
      reasons.push(place.missing);
    }
    return wanted === 'auto' || wanted === 'procfs' ? new Tracking(null) : { missing: reasons.join('; ') };
  }

  private constructor(place: Place | null) {
    this.#place = place;
  }

  get kind(): TrackingKind {
    return this.#place === null || this.#failed ? 'procfs' : this.#place.version;
  }

  /** The group of all groups. Null without one, and when the daemon is in it: killing it would then end the daemon. */
  get all(): Cgroup | null {
    return this.#place === null || this.#stuck ? null : new Cgroup(this.#place.directory, this.#place.version);
  }

  /** Where the groups of this daemon are, for whoever outlives it. */
  get leftover(): Leftover | null {
    return this.#place === null ? null : { version: this.#place.version, directory: this.#place.directory };
  }

  /** Runs `body` as a member of a new group, so that a process born meanwhile never was anywhere else. */
  born<T>(name: string, body: () => T): Born<T> {
    if (this.#place === null || this.#failed) return { value: body(), group: null, note: this.notes[0] ?? null };
    const entered = enter(this.#place, name);
    if ('error' in entered) {
      this.#giveUp(entered.error);
      return { value: body(), group: null, note: this.notes[0] ?? null };
    }
    let stuck: string | null = null;
    let value: T;
    try {
      value = body();
    } finally {
      stuck = goHome(this.#place);
    }
    if (stuck === null) return { value, group: entered, note: null };
    this.#stuck = true;
    this.#giveUp(stuck);
    return { value, group: null, note: this.notes[0] ?? null };
  }

  /** The session needs its group no more: it is removed as soon as nothing is in it. */
  retire(group: Cgroup | null): void {
    if (group !== null && !group.remove()) this.#left.add(group);
  }

  /** Tries again to remove what was busy. */
  sweep(): void {
    for (const group of this.#left) if (group.remove()) this.#left.delete(group);
  }

  close(): void {
    if (this.#place === null) return;
    this.all?.remove();
    closeSync(this.#place.homeFd);
  }

  #giveUp(why: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.notes.push(`cgroups failed (${why}): the processes of new sessions are followed by /proc alone`);
  }
}

function tryPlace(version: CgroupVersion, groupName: string): Place | { readonly missing: string } {
  const own = ownCgroup(version);
  if ('missing' in own) return own;
  const directory = path.join(own.directory, groupName);
  const opened: number[] = [];
  try {
    opened.push(openSync(path.join(own.directory, JOIN[version]), constants.O_WRONLY));
    mkdirSync(directory, { mode: 0o755 });
    const place = { version, directory, homeFd: opened[0] ?? -1 };
    const trial = enter(place, 'trial');
    const stuck = goHome(place);
    const why = 'error' in trial ? trial.error : stuck;
    if (why === null && !('error' in trial) && trial.remove()) return place;
    throw new CgroupRefused(why ?? 'a group cannot be removed');
  } catch (fault) {
    new Cgroup(directory, version).remove();
    for (const fd of opened) closeSync(fd);
    return { missing: `${own.directory} cannot be used: ${describe(fault)}` };
  }
}

class CgroupRefused extends Error {
  override readonly name = 'CgroupRefused';
}

function enter({ directory, version }: Place, name: string): Cgroup | { readonly error: string } {
  const group = new Cgroup(path.join(directory, name), version);
  try {
    mkdirSync(group.directory, { mode: 0o755 });
    writeFileSync(path.join(group.directory, JOIN[version]), '0');
    return group;
  } catch (fault) {
    group.remove();
    return { error: describe(fault) };
  }
}

/** null when this process is back in its own group. */
function goHome({ homeFd }: Place): string | null {
  try {
    writeSync(homeFd, '0');
    return null;
  } catch (fault) {
    return `the daemon could not return to its own group: ${describe(fault)}`;
  }
}

const describe = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));

const LEFTOVER_LIMIT_MS = 2000;
const LEFTOVER_STEP_MS = 10;

/** Ends what a dead daemon left in its groups, and the groups. The name proves that the directory was made by one. */
export async function endLeftover({ version, directory }: Leftover, groupName: string): Promise<void> {
  if (path.basename(directory) !== groupName || !existsSync(path.join(directory, 'cgroup.procs'))) return;
  const group = new Cgroup(directory, version);
  const deadline = Date.now() + LEFTOVER_LIMIT_MS;
  for (; !group.remove() && Date.now() < deadline; await sleep(LEFTOVER_STEP_MS)) await group.kill();
}
