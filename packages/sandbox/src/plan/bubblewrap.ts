/**
 * Writes mounts and namespaces as arguments of bubblewrap. No `--new-session`: job control needs the terminal's
 * session, and the guard's filter keeps the ioctls shut that would type into it. Pure.
 */
import { unreachable } from '@agentbox/base';
import type { BubblewrapFacts } from './facts.ts';
import type { Mount } from './mounts.ts';

export interface BubblewrapOptions {
  readonly bubblewrap: BubblewrapFacts;
  readonly mounts: readonly Mount[];
  readonly cwd: string;
  /** runs as the machine's root: the kernel then takes writes to /proc/sys for root's own */
  readonly root: boolean;
  /** largest content of /dev/shm, in `bytes` */
  readonly sharedMemoryBytes: number;
}

/** The oldest that is tried: it must know `--perms`. */
export const OLDEST_BUBBLEWRAP = [0, 5, 0] as const;
/** Its owner could make a mask writable again: what is written there is nobody's, and little. */
const MASK_BYTES = 4096;
const KNOWS_SIZE = [0, 7, 0] as const;
const KNOWS_DISABLE_USERNS = [0, 8, 0] as const;

const NAMESPACES = [
  '--unshare-user',
  '--unshare-pid',
  '--unshare-ipc',
  '--unshare-uts',
  '--unshare-cgroup-try',
  '--unshare-net',
  '--die-with-parent',
  '--as-pid-1',
  '--cap-drop',
  'ALL',
  '--hostname',
  'agentbox',
] as const;

const SHARED_MEMORY = ['--perms', '1777', '--tmpfs', '/dev/shm'] as const;

type Version = readonly [number, number, number];

export function isAtLeast(version: Version, wanted: Version): boolean {
  const [major, minor, patch] = version;
  if (major !== wanted[0]) return major > wanted[0];
  return minor === wanted[1] ? patch >= wanted[2] : minor > wanted[1];
}

export const forbidsUserNamespaces = (version: Version): boolean => isAtLeast(version, KNOWS_DISABLE_USERNS);

export function bubblewrapArguments(options: BubblewrapOptions): readonly string[] {
  const { version } = options.bubblewrap;
  const sized = (bytes: number): readonly string[] => (isAtLeast(version, KNOWS_SIZE) ? ['--size', String(bytes)] : []);
  // Each remount makes bubblewrap read the whole table of mounts: what Landlock keeps from being written needs none.
  const sealed = options.root ? ['/', '/proc'] : ['/'];
  return [
    ...NAMESPACES,
    ...(forbidsUserNamespaces(version) ? ['--disable-userns'] : []),
    ...options.mounts.flatMap((mount) => mountArguments(mount, sized(MASK_BYTES))),
    ...sized(options.sharedMemoryBytes),
    ...SHARED_MEMORY,
    ...sealed.flatMap((path) => ['--remount-ro', path]),
    '--chdir',
    options.cwd,
  ];
}

function mountArguments(mount: Mount, size: readonly string[]): readonly string[] {
  switch (mount.kind) {
    case 'link':
      return ['--symlink', mount.target, mount.path];
    case 'directory':
      return ['--dir', mount.path];
    case 'read':
      return ['--ro-bind', mount.source, mount.path];
    case 'write':
      return ['--bind', mount.source, mount.path];
    case 'mask-directory':
      return [...size, '--perms', '0555', '--tmpfs', mount.path];
    case 'mask-file':
      return ['--ro-bind', '/dev/null', mount.path];
    case 'proc':
      return ['--proc', mount.path];
    case 'dev':
      return ['--dev', mount.path];
    default:
      return unreachable(mount);
  }
}
