/*
 * The warden's own process: starts the sandbox, passes what happens between kernel and daemon, and ends everything
 * when the daemon is gone. It takes no signal that a terminal or a group can send; only SIGKILL ends it, and with it
 * the sandbox.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct plan plan;
static pid_t sandbox;      /* bubblewrap, or process 1 itself without it */
static pid_t first_inside; /* process 1 */
static int control_fd = -1;
static int listener_fd = -1;
static int output_fd = -1; /* what bubblewrap says */
static struct buffer output;
static int landlock;
static bool exit_told, broken, sandbox_ended;
static int exit_code = EXIT_UNABLE;

static void ignore_signals(void) {
  struct sigaction old;
  if (sigaction(SIGHUP, NULL, &old) == 0) plan.ignore_hangup = old.sa_handler == SIG_IGN;
  for (int number = 1; number < 65; number++) {
    static const int KEPT[] = {SIGKILL, SIGSTOP, SIGCHLD, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
    bool kept = number >= 32 && number <= 34;
    for (size_t i = 0; i < sizeof KEPT / sizeof KEPT[0]; i++) kept = kept || number == KEPT[i];
    struct sigaction action = {.sa_handler = SIG_IGN};
    if (!kept) sigaction(number, &action, NULL);
  }
}

static int watch_children(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static void send_stdio(int control) {
  char byte = 0;
  int stdio[3] = {0, 1, 2};
  struct iovec body = {&byte, 1};
  char space[CMSG_SPACE(sizeof stdio)] = {0};
  struct msghdr header = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof stdio);
  memcpy(CMSG_DATA(rights), stdio, sizeof stdio);
  if (sendmsg(control, &header, MSG_NOSIGNAL) != 1) fail("cannot hand over the standard descriptors");
}

/* The sandbox is set up without the command's environment, arguments or descriptors. */
static void exec_bwrap(int self, int control, int memory) {
  char *none[] = {NULL};
  char program[64], control_text[16], memory_text[16];
  char *tail[] = {"--die-with-parent", "--as-pid-1", "--", program, "--inside", control_text, memory_text};
  size_t tail_count = sizeof tail / sizeof tail[0];
  snprintf(program, sizeof program, "/proc/self/fd/%d", self);
  snprintf(control_text, sizeof control_text, "%d", control);
  snprintf(memory_text, sizeof memory_text, "%d", memory);
  char **argv = allocate((plan.bwrap_count + tail_count + 1) * sizeof *argv);
  memcpy(argv, plan.bwrap, plan.bwrap_count * sizeof *argv);
  memcpy(argv + plan.bwrap_count, tail, sizeof tail);
  execve(argv[0], argv, none);
  fail("cannot run %.400s: %s", plan.bwrap[0], strerror(errno));
}

/* Beside 0, 1 and 2. */
static void keep_only(int fd) {
  if (fd > 3) syscall(SYS_close_range, 3, (unsigned)fd - 1, 0);
  syscall(SYS_close_range, (unsigned)fd + 1, ~0U, 0);
}

static void enter_sandbox(pid_t warden, int self, int control, int memory, int output_end, int null) {
  sigset_t none;
  sigemptyset(&none);
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (getppid() != warden) _exit(EXIT_UNABLE);
  sigprocmask(SIG_SETMASK, &none, NULL);
  dup2(null, 0);
  dup2(null, 1);
  dup2(output_end, 2);
  if (plan.bwrap != NULL) exec_bwrap(self, control, memory);
  keep_only(control);
  inside(&plan, control);
}

static void start_sandbox(char **argv) {
  int pair[2], output_pair[2], on = 1;
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int self = open("/proc/self/exe", O_PATH);
  int memory = plan_to_memory(&plan, argv);
  if (null < 0 || self < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0 || pipe2(output_pair, O_CLOEXEC) != 0)
    fail("cannot prepare the sandbox: %s", strerror(errno));
  fcntl(pair[0], F_SETFD, FD_CLOEXEC);
  setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  send_stdio(pair[0]);
  pid_t warden = getpid();
  sandbox = fork();
  if (sandbox < 0) fail("cannot start the sandbox: %s", strerror(errno));
  if (sandbox == 0) enter_sandbox(warden, self, pair[1], memory, output_pair[1], null);
  control_fd = pair[0];
  output_fd = output_pair[0];
  fcntl(output_fd, F_SETFL, O_NONBLOCK);
  close(pair[1]);
  close(output_pair[1]);
  close(self);
  close(memory);
  dup2(null, 0);
  dup2(null, 1);
  close(null);
}

static void say_text(const char *kind, const char *key, const char *text, size_t length) {
  struct buffer *out = link_begin();
  buffer_text(out, "{\"");
  buffer_text(out, kind);
  buffer_text(out, "\":{\"");
  buffer_text(out, key);
  buffer_text(out, "\":");
  json_string(out, text, length);
  buffer_text(out, "}}");
  link_end();
}

static void say_exit(int code, int signal) {
  exit_told = true;
  exit_code = signal == 0 ? code : 128 + signal;
  struct buffer *out = link_begin();
  buffer_text(out, "{\"exit\":{");
  json_number(out, "code", (uint64_t)exit_code);
  buffer_text(out, ",\"signal\":");
  if (signal == 0) buffer_text(out, "null");
  else buffer_number(out, (uint64_t)signal);
  buffer_text(out, "}}");
  link_end();
}

void announce(pid_t command) {
  struct buffer *out = link_begin();
  buffer_text(out, "{\"started\":{");
  json_number(out, "pid", (uint64_t)command);
  json_number(out, "landlock", (uint64_t)landlock);
  buffer_text(out, ",\"infrastructure\":[");
  buffer_number(out, (uint64_t)getpid());
  buffer_text(out, ",");
  buffer_number(out, (uint64_t)sandbox);
  if (first_inside != sandbox) {
    buffer_text(out, ",");
    buffer_number(out, (uint64_t)first_inside);
  }
  buffer_text(out, "]}}");
  link_end();
  /* From here on the terminal and the pipes belong to the command alone. */
  dup2(0, 2);
}

static void say_failed(const char *text, size_t length) {
  exit_told = true;
  say_text("failed", "reason", text, length);
  dprintf(2, "warden: %.*s\n", (int)length, text);
}

static void on_message(const struct inside_message *message, int fd, pid_t sender) {
  struct buffer *out;
  switch (message->kind) {
    case INSIDE_NOTIFY:
      first_inside = sender;
      landlock = message->code;
      listener_fd = fd;
      asks_start(&plan, fd);
      break;
    case INSIDE_LISTENER:
      out = link_begin();
      buffer_text(out, "{");
      json_number(out, "listener", (uint64_t)fd);
      buffer_text(out, "}");
      link_end();
      break;
    case INSIDE_EXIT:
      say_exit(message->code, message->signal);
      break;
    case INSIDE_FAILED:
      say_failed(message->text, strnlen(message->text, sizeof message->text));
      break;
  }
}

/* False at the end of what process 1 says. */
static bool receive_message(void) {
  struct inside_message message;
  struct iovec body = {&message, sizeof message};
  char space[256];
  struct msghdr header = {.msg_iov = &body, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  ssize_t got = recvmsg(control_fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (got != (ssize_t)sizeof message) {
    close(control_fd);
    control_fd = -1;
    return false;
  }
  int fd = -1;
  struct ucred sender = {0};
  for (struct cmsghdr *part = CMSG_FIRSTHDR(&header); part != NULL; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(part), sizeof fd);
    if (part->cmsg_type == SCM_CREDENTIALS) memcpy(&sender, CMSG_DATA(part), sizeof sender);
  }
  on_message(&message, fd, sender.pid);
  return true;
}

static void read_output(void) {
  char chunk[1024];
  ssize_t got = read(output_fd, chunk, sizeof chunk);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got > 0) {
    if (output.length < 4096) buffer_add(&output, chunk, (size_t)got);
    return;
  }
  close(output_fd);
  output_fd = -1;
}

/* Everything below the warden; what a killed parent leaves behind becomes its child and is killed in turn. */
static void kill_children(void) {
  char path[64], text[4096];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length < 0 ? 0 : length] = '\0';
  char *save = NULL;
  for (char *word = strtok_r(text, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
    kill((pid_t)strtol(word, NULL, 10), SIGKILL);
}

static void break_off(void) {
  broken = true;
  /* Its death is that of process 1, and so of all inside. */
  kill(sandbox, SIGKILL);
  asks_kill_outside();
}

static void reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
    if (asks_event(pid, status)) continue;
    if (pid == sandbox && !WIFSTOPPED(status)) sandbox_ended = true;
  }
}

static void on_answer(const struct answer *answer) { asks_answer(answer); }

/* -1 is never. */
static int sooner(int a, int b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

static void turn(int children) {
  bool take = listener_fd >= 0 && !link_is_full() && !asks_are_full() && !broken;
  struct pollfd polled[] = {
      {.fd = children, .events = POLLIN},
      {.fd = broken ? -1 : plan.link, .events = link_events()},
      {.fd = take ? listener_fd : -1, .events = POLLIN},
      {.fd = control_fd, .events = POLLIN},
      {.fd = output_fd, .events = POLLIN},
  };
  int wait = sooner(asks_timeout(), link_timeout());
  if (poll(polled, sizeof polled / sizeof polled[0], broken ? 50 : wait) < 0) return;
  if ((polled[3].revents) != 0)
    while (control_fd >= 0 && receive_message()) continue;
  if (polled[0].revents != 0) {
    struct signalfd_siginfo info[8];
    while (read(children, info, sizeof info) == (ssize_t)sizeof info) continue;
    reap();
  }
  if (!broken && polled[1].revents != 0 && !link_turn(polled[1].revents, on_answer)) break_off();
  if ((polled[2].revents & POLLIN) != 0) asks_receive();
  if (polled[4].revents != 0) read_output();
  asks_park_late();
  if (!broken) link_send_late();
  if (broken) kill_children();
}

static void finish(void) {
  while (control_fd >= 0 && receive_message()) continue;
  if (output_fd >= 0) read_output();
  asks_kill_outside();
  for (int tries = 0; tries < 100; tries++) {
    kill_children();
    reap();
    if (waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD) break;
    usleep(2000);
  }
  if (!exit_told && output.length > 0) say_failed(output.data, output.length);
  else if (!exit_told && first_inside > 0) say_exit(0, SIGKILL);
  else if (!exit_told) say_failed("the sandbox did not start", 25);
  if (!broken) link_flush_blocking();
}

static void supervise(char **argv) {
  int children = watch_children();
  link_open(plan.link);
  hash_seed();
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  start_sandbox(argv);
  while (!sandbox_ended) turn(children);
  finish();
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--self-test") == 0) return test_self();
  if (argc == 4 && strcmp(argv[1], "--inside") == 0) {
    int control = atoi(argv[2]);
    plan_from_memory(&plan, atoi(argv[3]));
    keep_only(control);
    inside(&plan, control);
  }
  plan_parse(&plan, argv + 1);
  plan.environment = environ;
  if (chdir("/") != 0) fail("cannot leave the working directory");
  keep_only(plan.link);
  ignore_signals();
  supervise(argv + 1);
  return exit_code;
}
