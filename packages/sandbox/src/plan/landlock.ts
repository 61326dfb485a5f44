/**
 * The second layer: which directories Landlock lets be read and written. Inside namespaces it repeats what the mounts
 * say. Without them it holds alone: whatever lies beside something hidden is listed by name, because Landlock can
 * only add. Pure.
 */
import { isBelow, isInside, outermost } from '../paths.ts';
import type { PathFacts } from './facts.ts';
import type { Mount } from './mounts.ts';

export interface LandlockLists {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'pts'].map((name) => `/dev/${name}`);

/**
 * All that is in the root may be read: it was put there one by one, and `/` itself must be listed. Root's own files of
 * /proc change the whole machine; an ordinary user's are those of its own processes.
 */
export function landlockInside(mounts: readonly Mount[], uid: number): LandlockLists {
  const written = mounts.flatMap((mount) => (mount.kind === 'write' ? [mount.path] : []));
  return {
    read: ['/'],
    write: outermost([...written, '/dev/shm', '/dev/console', ...DEVICES, ...(uid === 0 ? [] : ['/proc'])]),
  };
}

export function landlockAlone(paths: PathFacts): LandlockLists {
  const given = (roots: PathFacts['readable']): readonly string[] => roots.flatMap(({ canonical }) => canonical ?? []);
  const own = given([paths.tmp, paths.home]);
  const write = given(paths.writable);
  const read = [
    ...paths.system.roots.flatMap(({ path, link }) => (link === null ? [path] : [])),
    ...paths.tools.map((tool) => tool.source),
    ...given(paths.readable),
  ];
  const hidden = [...paths.hidden.map((mask) => mask.path), ...paths.own];
  const masked = [...hidden, ...paths.system.masked.map((mask) => mask.path)];
  return {
    read: ['/proc', '/sys/devices/system/cpu', ...outermost(read.flatMap((root) => around(root, masked, paths)))],
    // The private directories lie in agentbox's own, which is hidden but for them.
    write: [...own, ...outermost(write.flatMap((root) => around(root, hidden, paths))), ...DEVICES],
  };
}

/** `root` without what is hidden in it: itself, or its entries when something in it is. */
function around(root: string, hidden: readonly string[], paths: PathFacts): readonly string[] {
  if (hidden.some((one) => isInside(one, root))) return [];
  if (!hidden.some((one) => isBelow(root, one))) return [root];
  return (paths.entries.get(root) ?? []).flatMap((entry) => around(entry, hidden, paths));
}
