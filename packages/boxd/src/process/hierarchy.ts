/**
 * Where this process stands in the machine's cgroup hierarchies: the directory under which it may make groups of its
 * own. Reads /proc, decides nothing, writes nothing.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export type CgroupVersion = 'cgroup2' | 'cgroup1';

interface Mount {
  /** the part of the hierarchy that is mounted */
  readonly root: string;
  readonly point: string;
}

/** The directory of this process's own group, or why there is none. `controller` counts in v1 alone. */
export function ownCgroup(
  version: CgroupVersion,
  controller = 'freezer',
): { readonly directory: string } | { readonly missing: string } {
  const mount = findMount(readFileSync('/proc/self/mountinfo', 'utf8'), version, controller);
  const own = findMembership(readFileSync('/proc/self/cgroup', 'utf8'), version, controller);
  const what = version === 'cgroup2' ? 'cgroup v2' : `cgroup v1 ${controller}`;
  if (mount === undefined || own === undefined) return { missing: `no ${what} hierarchy is mounted` };
  const inside = path.posix.relative(mount.root, own);
  // A container may see a hierarchy of which its own group is no part.
  if (inside.startsWith('..') || own.includes('/..')) {
    return { missing: `the ${what} hierarchy does not show this process` };
  }
  return { directory: path.join(mount.point, inside) };
}

/** A line of mountinfo: id parent device root point options ... - type source superOptions */
function findMount(mountinfo: string, version: CgroupVersion, controller: string): Mount | undefined {
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [type, , options = ''] = after.split(' ');
    const fits = version === 'cgroup2' ? type === 'cgroup2' : type === 'cgroup' && has(options, controller);
    const [, , , root, point] = before.split(' ');
    if (fits && root !== undefined && point !== undefined) return { root: unescape(root), point: unescape(point) };
  }
  return undefined;
}

/** A line of /proc/self/cgroup: id:controllers:path, where v2 has no controllers. */
function findMembership(text: string, version: CgroupVersion, controller: string): string | undefined {
  for (const line of text.split('\n')) {
    const [, id, controllers = '', own] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    const fits = version === 'cgroup2' ? id === '0' && controllers === '' : has(controllers, controller);
    if (fits) return own;
  }
  return undefined;
}

const has = (list: string, name: string): boolean => list.split(',').includes(name);

const unescape = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
