/**
 * The few calls of the C library that Node lacks, bound once per daemon. Each returns what C returns; callers turn
 * failures into codes. Nothing here keeps state.
 */
import koffi from 'koffi';

export interface Libc {
  readonly posixSpawn: (
    pid: number[],
    path: string,
    actions: Buffer,
    attributes: Buffer,
    argv: readonly (string | null)[],
    environment: readonly (string | null)[],
  ) => number;
  readonly actionsInit: (actions: Buffer) => number;
  readonly actionsDestroy: (actions: Buffer) => number;
  readonly addDup2: (actions: Buffer, from: number, to: number) => number;
  readonly addOpen: (actions: Buffer, fd: number, path: string, flags: number, mode: number) => number;
  readonly addChdir: (actions: Buffer, path: string) => number;
  /** absent in C libraries that are not glibc; every descriptor of boxd is close-on-exec anyway */
  readonly addCloseFrom: ((actions: Buffer, from: number) => number) | null;
  readonly attributesInit: (attributes: Buffer) => number;
  readonly setFlags: (attributes: Buffer, flags: number) => number;
  readonly setSignalMask: (attributes: Buffer, set: Buffer) => number;
  readonly setSignalDefault: (attributes: Buffer, set: Buffer) => number;
  readonly pipe2: (descriptors: number[], flags: number) => number;
  readonly socketpair: (domain: number, type: number, protocol: number, descriptors: number[]) => number;
  /** a call by its number, for those that the C library does not wrap */
  readonly syscall: (number: number, a: number, b: number, c: number) => number;
  readonly close: (fd: number) => number;
  readonly waitpid: (pid: number, status: number[], options: number) => number;
  readonly ioctl: (fd: number, request: number, argument: Buffer) => number;
  readonly fcntl: (fd: number, command: number, argument: number) => number;
  readonly flock: (fd: number, operation: number) => number;
  readonly sigaction: (signal: number, action: Buffer, previous: Buffer | null) => number;
  readonly prctl: (option: number, a: number, b: number, c: number, d: number) => number;
  readonly getrlimit: (resource: number, limit: Buffer) => number;
  readonly setrlimit: (resource: number, limit: Buffer) => number;
  /** the name of the errno that the last failing call left */
  readonly lastError: () => string;
}

const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(koffi.os.errno).map(([name, value]) => [value, name]),
);

export const errnoName = (value: number): string => ERRNO_NAMES.get(value) ?? `errno ${value}`;

export function loadLibc(): Libc {
  const lib = koffi.load(null);
  const optional = (declaration: string): ((actions: Buffer, from: number) => number) | null => {
    try {
      return lib.func(declaration);
    } catch {
      return null;
    }
  };
  return {
    posixSpawn: lib.func(
      'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attr, const char **argv, const char **env)',
    ),
    actionsInit: lib.func('int posix_spawn_file_actions_init(void *actions)'),
    actionsDestroy: lib.func('int posix_spawn_file_actions_destroy(void *actions)'),
    addDup2: lib.func('int posix_spawn_file_actions_adddup2(void *actions, int from, int to)'),
    addOpen: lib.func(
      'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, int mode)',
    ),
    addChdir: lib.func('int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)'),
    addCloseFrom: optional('int posix_spawn_file_actions_addclosefrom_np(void *actions, int from)'),
    attributesInit: lib.func('int posix_spawnattr_init(void *attr)'),
    setFlags: lib.func('int posix_spawnattr_setflags(void *attr, short flags)'),
    setSignalMask: lib.func('int posix_spawnattr_setsigmask(void *attr, void *set)'),
    setSignalDefault: lib.func('int posix_spawnattr_setsigdefault(void *attr, void *set)'),
    pipe2: lib.func('int pipe2(_Out_ int *descriptors, int flags)'),
    socketpair: lib.func('int socketpair(int domain, int type, int protocol, _Out_ int *descriptors)'),
    syscall: lib.func('long syscall(long number, long a, long b, long c)'),
    close: lib.func('int close(int fd)'),
    waitpid: lib.func('int waitpid(int pid, _Out_ int *status, int options)'),
    ioctl: lib.func('int ioctl(int fd, unsigned long request, void *argument)'),
    fcntl: lib.func('int fcntl(int fd, int command, long argument)'),
    flock: lib.func('int flock(int fd, int operation)'),
    sigaction: lib.func('int sigaction(int signal, void *action, void *previous)'),
    prctl: lib.func('int prctl(int option, long a, long b, long c, long d)'),
    getrlimit: lib.func('int getrlimit(int resource, void *limit)'),
    setrlimit: lib.func('int setrlimit(int resource, void *limit)'),
    lastError: () => errnoName(koffi.errno()),
  };
}

const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** What a careless parent left open must not reach the box's children. */
export function closeOnExec(libc: Libc, descriptors: readonly number[]): void {
  for (const fd of descriptors) if (fd > 2) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
}

const O_CLOEXEC = 0o2000000;

/** A pipe whose ends are close-on-exec from birth. */
export function openPipe(
  libc: Libc,
): { readonly readFd: number; readonly writeFd: number } | { readonly error: string } {
  const ends = [-1, -1];
  if (libc.pipe2(ends, O_CLOEXEC) !== 0) return { error: libc.lastError() };
  return { readFd: ends[0] ?? -1, writeFd: ends[1] ?? -1 };
}

const PR_SET_CHILD_SUBREAPER = 36;

/** Orphans of every session become children of this process, so that none leaves a zombie or escapes. */
export function becomeSubreaper(libc: Libc): boolean {
  return libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) === 0;
}
