/*
 * The seccomp filter of everything inside: exec is notified, what could undo the sandbox is refused with EPERM, and
 * calls in another ABI end the process. It compares registers only, never memory, so that nothing can change after.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#if defined __x86_64__
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define NATIVE_NAME "x64"
#elif defined __aarch64__
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define NATIVE_NAME "arm64"
#else
#error "no system call numbers for this machine"
#endif

/* Newer than the headers of some builders; the numbers are the same on every machine. */
enum {
  CALL_IO_URING_SETUP = 425,
  CALL_IO_URING_ENTER = 426,
  CALL_IO_URING_REGISTER = 427,
  CALL_OPEN_TREE = 428,
  CALL_MOVE_MOUNT = 429,
  CALL_FSOPEN = 430,
  CALL_FSCONFIG = 431,
  CALL_FSMOUNT = 432,
  CALL_FSPICK = 433,
  CALL_CLONE3 = 435,
  CALL_OPENAT2 = 437,
  CALL_PIDFD_GETFD = 438,
  CALL_PROCESS_MADVISE = 440,
  CALL_MOUNT_SETATTR = 442,
  CALL_FCHMODAT2 = 452,
  CALL_OPEN_TREE_ATTR = 467,
};

static const int REFUSED[] = {
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, CALL_PIDFD_GETFD, CALL_PROCESS_MADVISE,
    CALL_IO_URING_SETUP, CALL_IO_URING_ENTER, CALL_IO_URING_REGISTER,
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key,
    SYS_kexec_load, SYS_open_by_handle_at, SYS_fanotify_init,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, CALL_OPEN_TREE, CALL_MOVE_MOUNT, CALL_FSOPEN, CALL_FSCONFIG,
    CALL_FSMOUNT, CALL_FSPICK, CALL_MOUNT_SETATTR, CALL_OPEN_TREE_ATTR, SYS_setns,
    SYS_swapon, SYS_swapoff, SYS_reboot, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_acct,
    SYS_quotactl, SYS_syslog, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname,
    SYS_setdomainname, SYS_vhangup, SYS_nfsservctl, SYS_lookup_dcookie,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#else
    294,
#endif
#ifdef __x86_64__
    SYS_iopl, SYS_ioperm, SYS_create_module, SYS_get_kernel_syms, SYS_query_module, SYS_uselib, SYS__sysctl,
#endif
};

static const uint32_t HARMLESS_PERSONALITY[] = {0, 0x0008, 0x20000, 0x20008, 0x40000, 0xffffffff};

#define NEW_NAMESPACES                                                                                        \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define NEW_TIME 0x80u /* CLONE_NEWTIME; of clone() it is part of the exit signal */

struct program {
  struct sock_filter code[512];
  unsigned short length;
};

static void emit(struct program *program, uint16_t code, uint8_t yes, uint8_t no, uint32_t value) {
  if (program->length >= sizeof program->code / sizeof program->code[0]) fail("the filter is too long");
  program->code[program->length++] = (struct sock_filter){code, yes, no, value};
}

static void load(struct program *program, size_t offset) {
  emit(program, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static void give(struct program *program, uint32_t action) { emit(program, BPF_RET | BPF_K, 0, 0, action); }

static void give_if(struct program *program, uint32_t value, uint32_t action) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
  give(program, action);
}

/* The low half is what the kernel looks at: each of these arguments is an int or checked as one. */
static void load_argument(struct program *program, int index) {
  load(program, offsetof(struct seccomp_data, args) + 8 * (size_t)index);
}

static void load_number(struct program *program) { load(program, offsetof(struct seccomp_data, nr)); }

/* Starts a block that is entered only for one call; block_end ends it and gives the number back. */
static unsigned short block_start(struct program *program, int call) {
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)call);
  return program->length;
}

static void block_end(struct program *program, unsigned short start) {
  load_number(program);
  program->code[start - 1].jf = (uint8_t)(program->length - start);
}

#define REFUSE(code) (SECCOMP_RET_ERRNO | (code))

static void refuse_flags(struct program *program, int call, uint32_t flags) {
  unsigned short block = block_start(program, call);
  load_argument(program, 0);
  emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags);
  give(program, REFUSE(EPERM));
  block_end(program, block);
}

/* Nobody inside gains by such a program, but whoever else finds it on the machine would. */
static void refuse_set_id(struct program *program, int call, int mode_index) {
  unsigned short block = block_start(program, call);
  load_argument(program, mode_index);
  emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, S_ISUID | S_ISGID);
  give(program, REFUSE(EPERM));
  block_end(program, block);
}

/* The mode counts only where a file is made; else its register holds whatever was there. */
static void refuse_set_id_made(struct program *program, int call, int flags_index) {
  unsigned short block = block_start(program, call);
  load_argument(program, flags_index);
  emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 3, O_CREAT | (O_TMPFILE & ~O_DIRECTORY));
  load_argument(program, flags_index + 1);
  emit(program, BPF_JMP | BPF_JSET | BPF_K, 0, 1, S_ISUID | S_ISGID);
  give(program, REFUSE(EPERM));
  block_end(program, block);
}

static void refuse_devices(struct program *program, int call, int mode_index) {
  unsigned short block = block_start(program, call);
  load_argument(program, mode_index);
  emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, S_IFMT);
  give_if(program, S_IFCHR, REFUSE(EPERM));
  give_if(program, S_IFBLK, REFUSE(EPERM));
  block_end(program, block);
}

static void allow_personalities(struct program *program) {
  unsigned short block = block_start(program, SYS_personality);
  load_argument(program, 0);
  for (size_t i = 0; i < sizeof HARMLESS_PERSONALITY / sizeof HARMLESS_PERSONALITY[0]; i++)
    give_if(program, HARMLESS_PERSONALITY[i], SECCOMP_RET_ALLOW);
  give(program, REFUSE(EPERM));
  block_end(program, block);
}

/* Writing into the terminal's own input, which a person then executes. */
static void refuse_terminal_input(struct program *program) {
  unsigned short block = block_start(program, SYS_ioctl);
  load_argument(program, 1);
  give_if(program, 0x5412, REFUSE(EPERM)); /* TIOCSTI */
  give_if(program, 0x541c, REFUSE(EPERM)); /* TIOCLINUX */
  block_end(program, block);
}

/* Whoever opens a leased file waits for its holder, also outside; a notification tells of what others do. */
static void refuse_leases(struct program *program) {
  unsigned short block = block_start(program, SYS_fcntl);
  load_argument(program, 1);
  give_if(program, F_SETLEASE, REFUSE(EPERM));
  give_if(program, F_NOTIFY, REFUSE(EPERM));
  block_end(program, block);
}

static void allow_sockets(struct program *program, bool network) {
  unsigned short block = block_start(program, SYS_socket);
  load_argument(program, 0);
  give_if(program, AF_UNIX, SECCOMP_RET_ALLOW);
  if (network) {
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 2, 0, AF_INET);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_INET6);
    give(program, REFUSE(EPERM));
    load_argument(program, 1);
    emit(program, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SOCK_STREAM);
    give(program, REFUSE(EPERM));
    load_argument(program, 2);
    give_if(program, 0, SECCOMP_RET_ALLOW);
    give_if(program, 6, SECCOMP_RET_ALLOW); /* TCP; not MPTCP or SCTP, of which Landlock knows nothing */
  }
  give(program, REFUSE(EPERM));
  block_end(program, block);
}

static void build(struct program *program, bool network) {
  load(program, offsetof(struct seccomp_data, arch));
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, NATIVE_ARCH);
  give(program, SECCOMP_RET_KILL_PROCESS);
  load_number(program);
#ifdef __x86_64__
  /* x32 calls; -1 is what a tracer leaves behind and harmless. */
  emit(program, BPF_JMP | BPF_JGE | BPF_K, 0, 2, 0x40000000);
  emit(program, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0xffffffff);
  give(program, REFUSE(ENOSYS));
#endif
  give_if(program, SYS_execve, SECCOMP_RET_USER_NOTIF);
  give_if(program, SYS_execveat, SECCOMP_RET_USER_NOTIF);
  /* Its flags lie in memory; without it the C library uses clone, whose flags are a register. */
  give_if(program, CALL_CLONE3, REFUSE(ENOSYS));
  for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++)
    give_if(program, (uint32_t)REFUSED[i], REFUSE(EPERM));
  refuse_flags(program, SYS_clone, NEW_NAMESPACES);
  refuse_flags(program, SYS_unshare, NEW_NAMESPACES | NEW_TIME);
  refuse_devices(program, SYS_mknodat, 2);
  refuse_set_id(program, SYS_fchmod, 1);
  refuse_set_id(program, SYS_fchmodat, 2);
  refuse_set_id(program, CALL_FCHMODAT2, 2);
  refuse_set_id(program, SYS_mkdirat, 2);
  refuse_set_id(program, SYS_mknodat, 2);
  refuse_set_id_made(program, SYS_openat, 2);
  /* Its mode lies in memory; without it the C library uses openat. */
  give_if(program, CALL_OPENAT2, REFUSE(ENOSYS));
#ifdef __x86_64__
  refuse_devices(program, SYS_mknod, 1);
  refuse_set_id(program, SYS_mknod, 1);
  refuse_set_id(program, SYS_chmod, 1);
  refuse_set_id(program, SYS_creat, 1);
  refuse_set_id(program, SYS_mkdir, 1);
  refuse_set_id_made(program, SYS_open, 1);
#endif
  allow_personalities(program);
  refuse_terminal_input(program);
  refuse_leases(program);
  allow_sockets(program, network);
  give(program, SECCOMP_RET_ALLOW);
}

int install_filter(bool network) {
  struct program program = {.length = 0};
  build(&program, network);
  struct sock_fprog fprog = {.len = program.length, .filter = program.code};
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog);
}

int test_self(void) {
  uint32_t action = SECCOMP_RET_USER_NOTIF;
  bool notify = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
  unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  /* A kernel that knows the flags goes on to read the program, which is nowhere. */
  bool killable = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, NULL) < 0 && errno == EFAULT;
  printf("{\"abi\":\"%s\",\"userNotif\":%s,\"waitKillable\":%s,\"landlockAbi\":%d,\"version\":\"%s\"}\n", NATIVE_NAME,
         notify ? "true" : "false", killable ? "true" : "false", landlock_abi(), WARDEN_VERSION);
  return notify && killable ? 0 : EXIT_UNABLE;
}
