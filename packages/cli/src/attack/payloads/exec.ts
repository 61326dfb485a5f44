/** Ways to start a program that no shell sees: each mode is one call, with the program's path as the next argument. */

export const EXEC_PY = `
import ctypes, os, subprocess, sys, threading
mode, file, args = sys.argv[1], sys.argv[2], sys.argv[2:]
libc = ctypes.CDLL(None, use_errno=True)
def memfd(seal=0):
  made = os.memfd_create('attack', seal)
  with open(file, 'rb') as source: os.write(made, source.read())
  return made
def vector(): return (ctypes.c_char_p * (len(args) + 1))(*[a.encode() for a in args], None)
def thread_exec():
  worker = threading.Thread(target=lambda: os.execv(file, args))
  worker.start()
  worker.join()
def fork_exec():
  if os.fork() == 0: os.execv(file, args)
  os.wait()
def double_fork():
  if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: os.execv(file, args)
    os.wait()
    os._exit(0)
  os.wait()
def swap():
  # In each child one thread flips the path between a harmless and the forbidden program while the other starts it.
  import random, time
  path = ctypes.create_string_buffer(b'/bin/true' + b'\\0' * 60)
  def flip():
    while True:
      path.value = file.encode()
      path.value = b'/bin/true'
  sys.setswitchinterval(1e-5)
  end = time.monotonic() + 3
  for _ in range(600):
    if time.monotonic() > end: break
    pid = os.fork()
    if pid == 0:
      threading.Thread(target=flip, daemon=True).start()
      time.sleep(random.random() / 500)
      libc.execv(path, vector())
      os._exit(0)
    os.waitpid(pid, 0)
def link_swap():
  import time
  stop = []
  def flip():
    n = 0
    while not stop:
      n += 1
      for target in ('/bin/true', file):
        os.symlink(target, 'swap.%d' % n)
        os.rename('swap.%d' % n, 'swapped')
  os.symlink('/bin/true', 'swapped')
  worker = threading.Thread(target=flip, daemon=True)
  worker.start()
  end = time.monotonic() + 3
  for _ in range(300):
    if time.monotonic() > end: break
    subprocess.run(['./swapped'] + args[1:])
  stop.append(1)
  worker.join()
  os.unlink('swapped')
MODES = {
  'execv': lambda: os.execv(file, args),
  'execve-empty': lambda: os.execve(file, args, {}),
  'argv0': lambda: os.execv(file, ['true'] + args[1:]),
  'argv0-empty': lambda: libc.execv(file.encode(), (ctypes.c_char_p * 3)(b'', args[1].encode(), None)),
  'spawn': lambda: os.waitpid(os.posix_spawn(file, args, {}), 0),
  'subprocess': lambda: subprocess.run(args),
  'fork': fork_exec,
  'vfork': lambda: subprocess.run(args, close_fds=False),
  'thread': thread_exec,
  'double-fork': double_fork,
  'pty': lambda: __import__('pty').spawn(args),
  'fexecve': lambda: os.execve(os.open(file, os.O_RDONLY), args, {}),
  'opath': lambda: os.execve(os.open(file, os.O_PATH), args, {}),
  'proc-fd': lambda: os.execv('/proc/self/fd/%d' % os.open(file, os.O_RDONLY), args),
  'dev-fd': lambda: (lambda fd: (os.set_inheritable(fd, True), os.execv('/dev/fd/%d' % fd, args)))(os.open(file, os.O_RDONLY)),
  'execveat': lambda: libc.syscall(322 if os.uname().machine == 'x86_64' else 281, os.open(os.path.dirname(file), os.O_RDONLY), os.path.basename(file).encode(), vector(), None, 0),
  'execveat-empty': lambda: libc.syscall(322 if os.uname().machine == 'x86_64' else 281, os.open(file, os.O_PATH), b'', vector(), None, 0x1000),
  'chdir': lambda: (os.chdir(os.path.dirname(file)), os.execv(os.path.basename(file), args)),
  'dotdot': lambda: os.execv('/usr/lib/../../' + file, args),
  'memfd': lambda: os.execve(memfd(), args, {}),
  'memfd-path': lambda: os.execv('/proc/self/fd/%d' % memfd(), args),
  'swap': swap,
  'link-swap': link_swap,
  'clone-untraced': lambda: (lambda pid: os.execv(file, args) if pid == 0 else os.waitpid(pid, 0))(libc.syscall(56, 0x00800000 | 17, 0, 0, 0, 0) if os.uname().machine == 'x86_64' else libc.syscall(220, 0x00800000 | 17, 0, 0, 0, 0)),
}
MODES[mode]()
`;

export const EXEC_PERL = `
my ($mode, @argv) = @ARGV;
if ($mode eq 'exec') { exec { $argv[0] } @argv; }
if ($mode eq 'lie') { my $file = $argv[0]; $argv[0] = 'true'; exec { $file } @argv; }
if ($mode eq 'system') { system { $argv[0] } @argv; }
if ($mode eq 'backtick') { print \`@argv\`; }
if ($mode eq 'open') { open my $from, '-|', @argv; print <$from>; }
if ($mode eq 'syscall') { my $v = pack('p*', @argv) . pack('J', 0); syscall(59, $argv[0], $v, pack('J', 0)); }
`;

export const EXEC_NODE = `
const { execFileSync, execSync, spawnSync } = require('node:child_process');
const [mode, ...argv] = process.argv.slice(2);
const how = { stdio: 'inherit' };
if (mode === 'execFile') execFileSync(argv[0], argv.slice(1), how);
if (mode === 'exec') execSync(argv.join(' '), how);
if (mode === 'spawn') spawnSync(argv[0], argv.slice(1), { ...how, argv0: 'true' });
if (mode === 'detached') spawnSync(argv[0], argv.slice(1), { ...how, detached: true });
`;

/** Needs no C library at run time when it is built with -static -nostdlib. */
export const EXEC_C = `
#include <sys/syscall.h>
static long call(long n, long a, long b, long c) {
#if defined(__x86_64__)
  long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory"); return r;
#else
  register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory"); return x0;
#endif
}
void _start(void) {
  static char *argv[] = {FILE_TO_RUN, "2147483646", 0};
  static char *env[] = {0};
  call(SYS_execve, (long)FILE_TO_RUN, (long)argv, (long)env);
  call(SYS_exit, 1, 0, 0);
}
`;

export const PRELOAD_C = `
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void began(void) {
  int made = open(MARK, O_CREAT | O_WRONLY, 0644);
  if (made >= 0) close(made);
}
`;
