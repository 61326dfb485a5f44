/**
 * Tries whether a session can have a control group that bounds its memory and its processes: makes one, looks for the
 * controls, removes it. Version 2 where the group of this process was delegated, else the memory and pids hierarchies
 * of version 1.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import path from 'node:path';

export type GroupMode =
  | { readonly kind: 'cgroup2'; readonly directory: string }
  | { readonly kind: 'cgroup1'; readonly memory: string | null; readonly processes: string | null }
  | { readonly kind: 'none'; readonly why: string };

/** Directories in which groups of sessions may be made. */
export function probeControlGroups(): GroupMode {
  const mounts = readText('/proc/self/mountinfo');
  const members = readText('/proc/self/cgroup');
  const unified = ownDirectory(mounts, members, null);
  if (unified !== null && holds(unified, ['memory.max', 'pids.max'])) return { kind: 'cgroup2', directory: unified };
  const bounded = (controller: string, control: string): string | null => {
    const own = ownDirectory(mounts, members, controller);
    return own !== null && holds(own, [control]) ? own : null;
  };
  const memory = bounded('memory', 'memory.limit_in_bytes');
  const processes = bounded('pids', 'pids.max');
  if (memory !== null || processes !== null) return { kind: 'cgroup1', memory, processes };
  return { kind: 'none', why: 'no control group with memory and pids may be made here' };
}

/** The group of this process in the hierarchy of one controller; null names version 2. */
function ownDirectory(mountinfo: string, members: string, controller: string | null): string | null {
  const mount = mountinfo
    .split('\n')
    .map(parseMount)
    .find((one) => one !== null && carries(one, controller));
  const own = members
    .split('\n')
    .map(parseMember)
    .find((one) => one !== null && belongs(one, controller));
  if (mount === undefined || mount === null || own === undefined || own === null) return null;
  const inside = path.posix.relative(mount.root, own.path);
  // A container may see a hierarchy of which its own group is no part.
  return inside.startsWith('..') ? null : path.join(mount.point, inside);
}

interface Mount {
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** A line of mountinfo: id parent device root point options ... - type source superOptions */
function parseMount(line: string): Mount | null {
  const [before = '', after = ''] = line.split(' - ');
  const [, , , root, point] = before.split(' ');
  const [type, , options = ''] = after.split(' ');
  if (root === undefined || point === undefined || type === undefined) return null;
  return { root: unescape(root), point: unescape(point), type, options: options.split(',') };
}

const carries = (mount: Mount, controller: string | null): boolean =>
  controller === null ? mount.type === 'cgroup2' : mount.type === 'cgroup' && mount.options.includes(controller);

interface Member {
  readonly id: string;
  readonly controllers: readonly string[];
  readonly path: string;
}

function parseMember(line: string): Member | null {
  const [, id, controllers, own] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
  if (id === undefined || controllers === undefined || own === undefined) return null;
  return { id, controllers: controllers.split(','), path: own };
}

const belongs = (member: Member, controller: string | null): boolean =>
  controller === null ? member.id === '0' : member.controllers.includes(controller);

function holds(directory: string, controls: readonly string[]): boolean {
  const trial = path.join(directory, `agentbox-probe-${process.pid}`);
  try {
    mkdirSync(trial, { mode: 0o755 });
  } catch {
    return false;
  }
  try {
    return controls.every((control) => existsSync(path.join(trial, control)));
  } finally {
    rmdirSync(trial);
  }
}

const readText = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

const unescape = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
