/*
 * Process 1 of the sandbox. Gives up what is left of its rights, installs Landlock and the filter, starts the command,
 * reports how it ends, and stays until nothing is left to wait for. Nothing inside can look into it or signal it.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef LANDLOCK_SCOPE_SIGNAL
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define LANDLOCK_SCOPE_SIGNAL (1ULL << 1)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define RULE_NET_PORT 2

/* Newer than some headers; the kernel reads as many bytes as it is told of. */
struct ruleset {
  uint64_t fs;
  uint64_t net;
  uint64_t scoped;
};
struct port_rule {
  uint64_t allowed;
  uint64_t port;
};

static int control_fd = -1;

static void tell(const struct inside_message *message, const int *fds, size_t count) {
  struct iovec body = {(void *)(uintptr_t)message, sizeof *message};
  char control[CMSG_SPACE(2 * sizeof(int))] = {0};
  struct msghdr header = {.msg_iov = &body, .msg_iovlen = 1};
  if (count > 0) {
    header.msg_control = control;
    header.msg_controllen = (socklen_t)CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = (socklen_t)CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(rights), fds, count * sizeof(int));
  }
  while (sendmsg(control_fd, &header, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) _exit(EXIT_UNABLE);
}

static void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
static void give_up(const char *format, ...) {
  struct inside_message message = {.kind = INSIDE_FAILED};
  va_list args;
  va_start(args, format);
  vsnprintf(message.text, sizeof message.text, format, args);
  va_end(args);
  tell(&message, NULL, 0);
  _exit(EXIT_UNABLE);
}

int landlock_abi(void) {
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi < 0 ? 0 : (int)abi;
}

#define FS_READ (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_OF_FILE \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
   LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_IOCTL_DEV)

static uint64_t fs_of_abi(int abi) {
  if (abi >= 5) return (1ULL << 16) - 1;
  if (abi >= 3) return (1ULL << 15) - 1;
  return abi == 2 ? (1ULL << 14) - 1 : (1ULL << 13) - 1;
}

static void allow_path(int ruleset, const char *path, uint64_t access) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  /* A plan names paths that only some machines have. */
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return;
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) give_up("Landlock: cannot open %.400s: %s", path, strerror(errno));
  if (!S_ISDIR(status.st_mode)) access &= FS_OF_FILE;
  struct landlock_path_beneath_attr rule = {.allowed_access = access, .parent_fd = fd};
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    give_up("Landlock refuses the rule for %.400s: %s", path, strerror(errno));
  close(fd);
}

static bool under_dev(const char *path) { return strncmp(path, "/dev", 4) == 0 && (path[4] == 0 || path[4] == '/'); }

void apply_landlock(const struct plan *plan) {
  int abi = landlock_abi();
  if (abi == 0 && plan->bwrap != NULL) return;
  if (abi == 0) give_up("the kernel has no Landlock, and there is no other sandbox");
  bool paths = plan->reads + plan->writes > 0;
  if (!paths && plan->bwrap == NULL) give_up("no --read and no --write: nothing would hold");
  uint64_t all = fs_of_abi(abi);
  struct ruleset attributes = {.fs = paths ? all : 0};
  if (abi >= 4 && !plan->own_network) attributes.net = NET_BIND_TCP | NET_CONNECT_TCP;
  if (abi >= 6) attributes.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
  if (attributes.fs == 0 && attributes.net == 0 && attributes.scoped == 0) return;
  size_t size = abi >= 6 ? sizeof attributes : abi >= 4 ? 16 : 8;
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  if (ruleset < 0) give_up("Landlock: %s", strerror(errno));
  for (size_t i = 0; i < plan->reads; i++) {
    uint64_t device = under_dev(plan->read[i]) ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0;
    allow_path(ruleset, plan->read[i], (FS_READ | device) & all);
  }
  for (size_t i = 0; i < plan->writes; i++) allow_path(ruleset, plan->write[i], all);
  if (attributes.net != 0 && plan->listen_port != 0) {
    struct port_rule rule = {NET_CONNECT_TCP, (uint64_t)plan->listen_port};
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
      give_up("Landlock refuses the rule for the proxy: %s", strerror(errno));
  }
  if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) give_up("Landlock: %s", strerror(errno));
  close(ruleset);
}

static void drop_capabilities(void) {
  for (int capability = 0; capability < 64; capability++) prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  if (syscall(SYS_capset, &header, none) != 0) give_up("cannot drop capabilities: %s", strerror(errno));
}

static int listen_on(const struct sockaddr *address, socklen_t length) {
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, address, length) == 0 && listen(fd, 512) == 0) return fd;
  close(fd);
  return -1;
}

static void hand_out_listener(int port) {
  struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = listen_on((struct sockaddr *)&four, sizeof four);
  if (fd < 0) give_up("no listener on 127.0.0.1:%d inside the sandbox: %s", port, strerror(errno));
  struct inside_message message = {.kind = INSIDE_LISTENER};
  tell(&message, &fd, 1);
  close(fd);
}

static void receive_stdio(int stdio[3]) {
  char byte;
  struct iovec body = {&byte, 1};
  char control[CMSG_SPACE(3 * sizeof(int))];
  struct msghdr header = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(control_fd, &header, MSG_CMSG_CLOEXEC);
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  if (got != 1 || rights == NULL || rights->cmsg_len != CMSG_LEN(3 * sizeof(int))) give_up("no stdio came");
  memcpy(stdio, CMSG_DATA(rights), 3 * sizeof(int));
}

static void reset_signals(bool ignore_hangup) {
  for (int number = 1; number < 65; number++) {
    if (number == SIGKILL || number == SIGSTOP || (number >= 32 && number <= 34)) continue;
    struct sigaction action = {.sa_handler = number == SIGHUP && ignore_hangup ? SIG_IGN : SIG_DFL};
    sigaction(number, &action, NULL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_command(const struct plan *plan, const int stdio[3]) {
  /* Descriptors come with numbers above 2, because 0, 1 and 2 are taken until here. */
  for (int fd = 0; fd < 3; fd++)
    if (dup2(stdio[fd], fd) != fd) _exit(EXIT_UNABLE);
  syscall(SYS_close_range, 3, ~0U, 0);
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  for (size_t i = 0; i < plan->rlimit_count; i++) {
    struct rlimit limit = {plan->rlimits[i].value, plan->rlimits[i].value};
    if (setrlimit(plan->rlimits[i].resource, &limit) == 0) continue;
    dprintf(2, "warden: cannot set a limit: %s\n", strerror(errno));
    _exit(EXIT_UNABLE);
  }
  /* The warden reads the arguments of this exec from here; the new image is dumpable anyway. */
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  reset_signals(plan->ignore_hangup);
  execve(plan->command[0], plan->command + 1, plan->environment);
  int code = errno == ENOENT ? 127 : 126;
  dprintf(2, "warden: cannot run %.1000s: %s\n", plan->command[0], strerror(errno));
  _exit(code);
}

static void reap(pid_t command) __attribute__((noreturn));
static void reap(pid_t command) {
  struct inside_message message = {.kind = INSIDE_EXIT};
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    if (pid != command) continue;
    message.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    message.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    tell(&message, NULL, 0);
  }
  _exit(0);
}

void inside(const struct plan *plan, int control) {
  int stdio[3];
  control_fd = control;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  prctl(PR_SET_NAME, "agentbox-init", 0, 0, 0);
  if (plan->bwrap == NULL) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  receive_stdio(stdio);
  const char *place = mounts_differ(plan);
  if (place != NULL) give_up("%.400s was exchanged while the sandbox was set up: nothing was started", place);
  if (plan->listen_port != 0) hand_out_listener(plan->listen_port);
  if (!plan->enters_folder && chdir(plan->cwd) != 0)
    give_up("the working directory %.400s is not inside the sandbox", plan->cwd);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up("no_new_privs: %s", strerror(errno));
  drop_capabilities();
  apply_landlock(plan);
  int listener = install_filter(plan->listen_port != 0);
  if (listener < 0) give_up("the kernel cannot notify of exec (5.19 or newer is needed): %s", strerror(errno));
  struct inside_message message = {.kind = INSIDE_NOTIFY, .code = landlock_abi()};
  tell(&message, &listener, 1);
  close(listener);
  pid_t command = fork();
  if (command < 0) give_up("cannot start the command: %s", strerror(errno));
  if (command == 0) become_command(plan, stdio);
  for (int fd = 0; fd < 3; fd++) {
    close(stdio[fd]);
    close(fd);
  }
  reap(command);
}
