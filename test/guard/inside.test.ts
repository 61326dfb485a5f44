/** What a command may do to the kernel, the network and the files of its sandbox, tried by a compiled program. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadLibc } from '../../packages/boxd/src/native/libc.ts';
import { fetchDescriptor } from '../../packages/boxd/src/native/link.ts';
import { verifies } from '../requirements/verifies.ts';
import { ENGINES, launch, noNamespaces, runGuarded } from './launch.ts';

/** One line a call: its name, and the errno with which it fails; 0 when it does not. */
const CALLS = `
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void say(const char *name, long result) { printf("%s %d\\n", name, result < 0 ? errno : 0); fflush(stdout); }
#define CALL(name, ...) errno = 0, say(name, syscall(__VA_ARGS__))
int main(void) {
  char space[256] = {0};
  CALL("ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
  CALL("process_vm_readv", SYS_process_vm_readv, getppid(), 0, 0, 0, 0, 0);
  CALL("process_vm_writev", SYS_process_vm_writev, getppid(), 0, 0, 0, 0, 0);
  CALL("pidfd_getfd", 438, 0, 0, 0);
  CALL("io_uring_setup", 425, 1, space);
  CALL("io_uring_enter", 426, 0, 0, 0, 0, 0, 0);
  CALL("io_uring_register", 427, 0, 0, 0, 0);
  CALL("bpf", SYS_bpf, 0, space, 64);
  CALL("perf_event_open", SYS_perf_event_open, space, 0, -1, -1, 0);
  CALL("userfaultfd", SYS_userfaultfd, 1);
  CALL("keyctl", SYS_keyctl, 0, -3, 0);
  CALL("add_key", SYS_add_key, "user", "a", "b", 1, -3);
  CALL("request_key", SYS_request_key, "user", "a", 0, 0);
  CALL("kexec_load", SYS_kexec_load, 0, 0, 0, 0);
  CALL("open_by_handle_at", SYS_open_by_handle_at, AT_FDCWD, space, 0);
  CALL("mount", SYS_mount, "none", "/tmp", "tmpfs", 0, 0);
  CALL("umount2", SYS_umount2, "/tmp", 0);
  CALL("pivot_root", SYS_pivot_root, "/", "/");
  CALL("chroot", SYS_chroot, "/");
  CALL("open_tree", 428, AT_FDCWD, "/", 0);
  CALL("move_mount", 429, AT_FDCWD, "/", AT_FDCWD, "/tmp", 0);
  CALL("fsopen", 430, "tmpfs", 0);
  CALL("mount_setattr", 442, AT_FDCWD, "/", 0, space, 32);
  CALL("setns", SYS_setns, 0, 0);
  CALL("unshare user", SYS_unshare, CLONE_NEWUSER);
  CALL("unshare time", SYS_unshare, 0x80);
  CALL("clone user", SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0);
  CALL("mknod device", SYS_mknodat, AT_FDCWD, "dev", S_IFBLK | 0600, 2049);
  CALL("reboot", SYS_reboot, 0, 0, 0, 0);
  CALL("swapon", SYS_swapon, "x", 0);
  CALL("init_module", SYS_init_module, 0, 0, 0);
  CALL("finit_module", SYS_finit_module, 0, 0, 0);
  CALL("delete_module", SYS_delete_module, "x", 0);
  CALL("TIOCSTI", SYS_ioctl, 0, 0x5412, "x");
  CALL("TIOCSTI high", SYS_ioctl, 0, 0x100005412UL, "x");
  CALL("TIOCLINUX", SYS_ioctl, 0, 0x541c, "x");
  CALL("personality exec", SYS_personality, 0x0400000);
  CALL("netlink", SYS_socket, 16, 3, 0);
  CALL("packet", SYS_socket, 17, 3, 0);
  CALL("vsock", SYS_socket, 40, 1, 0);
  CALL("alg", SYS_socket, 38, 5, 0);
  CALL("inet dgram", SYS_socket, AF_INET, SOCK_DGRAM, 0);
  CALL("inet raw", SYS_socket, AF_INET, SOCK_RAW, 1);
  CALL("inet6 dgram", SYS_socket, AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CALL("mptcp", SYS_socket, AF_INET, SOCK_STREAM, 262);
  int own = open("own", O_CREAT | O_RDWR, 0600);
  CALL("fchmod set-user-id", SYS_fchmod, own, 04755);
  CALL("fchmodat set-group-id", SYS_fchmodat, AT_FDCWD, "own", 02755);
  CALL("fchmodat2 set-user-id", 452, AT_FDCWD, "own", 06755, 0);
  CALL("openat set-user-id", SYS_openat, AT_FDCWD, "made", O_CREAT | O_WRONLY, 04755);
  CALL("openat O_TMPFILE set-user-id", SYS_openat, AT_FDCWD, ".", O_TMPFILE | O_WRONLY, 04755);
  CALL("mkdirat set-group-id", SYS_mkdirat, AT_FDCWD, "madedir", 02755);
  CALL("mknodat set-user-id", SYS_mknodat, AT_FDCWD, "madenod", S_IFREG | 04755, 0);
#ifdef __x86_64__
  CALL("chmod set-user-id", SYS_chmod, "own", 04755);
  CALL("open set-user-id", SYS_open, "made", O_CREAT | O_WRONLY, 04755);
  CALL("creat set-user-id", SYS_creat, "made", 04755);
  CALL("mkdir set-group-id", SYS_mkdir, "madedir", 02755);
  CALL("mknod set-user-id", SYS_mknod, "madenod", S_IFREG | 04755, 0);
#endif
  CALL("F_SETLEASE", SYS_fcntl, own, F_SETLEASE, F_WRLCK);
  CALL("F_NOTIFY", SYS_fcntl, own, F_NOTIFY, 1);
  puts("--");
  CALL("clone3", 435, space, 64);
  CALL("openat2", 437, AT_FDCWD, "own", space, 24);
  puts("--");
  CALL("inet stream", SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CALL("inet6 stream", SYS_socket, AF_INET6, SOCK_STREAM, 6);
  puts("--");
  CALL("unix", SYS_socket, AF_UNIX, SOCK_STREAM, 0);
  CALL("socketpair", SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, space);
  CALL("personality", SYS_personality, 0xffffffff);
  CALL("fifo", SYS_mknodat, AT_FDCWD, "fifo", S_IFIFO | 0600, 0);
  CALL("unshare files", SYS_unshare, CLONE_FILES);
  CALL("open with a mode that counts for nothing", SYS_openat, AT_FDCWD, "own", O_RDONLY, 07777);
  CALL("fchmod", SYS_fchmod, own, 0755);
  CALL("sticky", SYS_mkdirat, AT_FDCWD, "sticky", 01777);
  CALL("F_DUPFD", SYS_fcntl, own, F_DUPFD, 0);
  puts("--");
  fflush(stdout);
#ifdef __x86_64__
  if (fork() == 0) { errno = 0; say("x32", syscall(0x40000000 | 39)); _exit(0); }
  wait(NULL);
  if (fork() == 0) { int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"(20)); puts("i386 ran"); _exit(0); }
  int status; wait(&status);
  printf("i386 ended by %d\\n", status & 127);
#endif
  return 0;
}
`;
const COMPILE = `cat > c.c <<'X'\n${CALLS}\nX\ngcc -o c c.c && ./c`;
const noCompiler = existsSync('/usr/bin/gcc') ? false : 'gcc is not installed here';
const EPERM = 1;
const ENOSYS = 38;

for (const engine of ENGINES) {
  for (const network of ['none', 'proxy'] as const) {
    if (engine === 'landlock' && network === 'proxy') continue;
    verifies(
      'guard.inside.calls',
      async () => {
        const run = await runGuarded(COMPILE, { engine, plan: { network } });
        const [refused = '', absent, tcp, allowed, other] = run.stdout.split('--\n');
        for (const line of refused.trim().split('\n')) assert.match(line, new RegExp(` ${EPERM}$`));
        assert.equal(refused.trim().split('\n').length, process.arch === 'x64' ? 59 : 54);
        assert.equal(absent, `clone3 ${ENOSYS}\nopenat2 ${ENOSYS}\n`);
        const errno = network === 'proxy' ? 0 : EPERM;
        assert.equal(tcp, `inet stream ${errno}\ninet6 stream ${errno}\n`);
        assert.match(allowed ?? '', /^(?:[\w ]+ 0\n){9}$/);
        if (process.arch === 'x64') assert.equal(other, `x32 ${ENOSYS}\ni386 ended by 31\n`);
      },
      {
        cell: `${engine}, network ${network}`,
        skip: noCompiler === false ? engine === 'namespaces' && noNamespaces : noCompiler,
      },
    );
  }
}

const libc = loadLibc();

verifies(
  'guard.inside.network',
  async () => {
    const host = createServer((socket) => socket.end('from the host'));
    await new Promise<void>((resolve) => void host.listen(0, '127.0.0.1', resolve));
    const address = host.address();
    assert.ok(typeof address === 'object' && address !== null);
    try {
      const script = `for port in 3128 ${address.port}; do (exec 5<>/dev/tcp/127.0.0.1/$port && cat <&5); echo "port $port $?"; done; (exec 5<>/dev/tcp/192.0.2.1/80); echo "away $?"`;
      await using run = launch(`read go; ${script}`, { plan: { network: 'proxy' } });
      await run.until(() => run.said.listeners.length === 1 && run.command > 0, 'the listener is handed out');
      const fetched = fetchDescriptor(libc, run.infrastructure[0] ?? 0, run.said.listeners[0] ?? -1);
      assert.ok('fd' in fetched, JSON.stringify(fetched));
      const proxy = new Server((socket) => socket.end('from the proxy\n'));
      await new Promise<void>((resolve) => void proxy.listen({ fd: fetched.fd }, resolve));
      run.write('go\n');
      await run.sees(/away/);
      assert.match(run.stdout, /from the proxy\nport 3128 0/);
      assert.match(run.stdout, new RegExp(`port ${address.port} 1`));
      assert.match(run.stdout, /away 1/);
      proxy.close();
    } finally {
      host.close();
    }
    void connect;
  },
  { skip: noNamespaces },
);

verifies('guard.inside.files', async () => {
  const outside = realpathSync(mkdtempSync(join(tmpdir(), 'guard-files-')));
  try {
    const script = `echo x > ${outside}/f; mkdir ${outside}/d; ln -s /etc l; echo x > l/f; mv /etc/hostname . ; touch ok && cat ok && echo fine; cat /etc/hostname >/dev/null && echo read; ls ${outside} | wc -l`;
    const run = await runGuarded(script, { engine: 'landlock' });
    assert.match(run.stdout, /^fine\nread\n0\n$/);
    assert.equal(run.stderr.match(/Permission denied/g)?.length, 4);
    const narrow = await runGuarded(`cat ${outside}/../*/nothing /etc/hostname; ls /etc`, {
      engine: 'landlock',
      plan: { landlock: { read: ['/usr', '/lib', '/lib64', '/bin', '/missing'], write: ['/dev/null'] } },
      cwd: '/usr',
    });
    assert.match(narrow.stderr, /\/etc\/hostname: Permission denied/);
    assert.match(narrow.stderr, /cannot open directory '\/etc': Permission denied/);
    const alone = await runGuarded(`kill -9 ${process.pid}; echo $?`, { engine: 'landlock' });
    assert.equal(alone.stdout, '1\n');
  } finally {
    rmSync(outside, { recursive: true });
  }
});
