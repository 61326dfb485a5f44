/*
 * Every exec between its notification and its end. A program that may run is traced only from the answer until the
 * kernel has loaded it: image and arguments are compared with what was judged before its first instruction. A program
 * that waits longer than a moment is parked in ppoll, where signals still reach it.
 */
#include "warden.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif

/* An ask that is answered sooner costs no parking. */
#define PARK_AFTER_MS 15
#define ARGV_IN_LOG 4096
/* Larger argument lists cannot be shown to anybody, so they are refused. */
#define ARGV_IN_ASK (4 * 1024 * 1024)
#define DENY_TEXT_BOUND 2000
/* At this many asks without an answer no further notification is taken from the kernel. */
#define MAX_WAITING 1024

#ifdef __x86_64__
typedef struct user_regs_struct registers;
#define SYSCALL_BYTES 2
#else
typedef struct {
  uint64_t regs[31], sp, pc, pstate;
} registers;
#define SYSCALL_BYTES 4
#endif

enum state {
  ASKED,     /* the kernel waits for our answer, untraced */
  STOPPING,  /* answered with an error and interrupted; at the stop it is parked or ended */
  PARKED,    /* waits in ppoll, traced */
  REPEATING, /* may run: its exec is issued again, and recognized */
  RUNNING,   /* told to go on; the next stop is the loaded image or a failed exec */
};
enum wish { WISH_NONE, WISH_PARK, WISH_RUN, WISH_END };

struct ask {
  struct ask *next;
  uint64_t id;
  uint64_t notification;
  struct seccomp_data call;
  struct facts facts;
  registers saved; /* as the exec left them, its call number put back */
  enum state state;
  enum wish wish;
  bool traced;
  bool saved_once;
  bool listening; /* in a group stop */
  bool asked;     /* the daemon waits to be told when it ends */
  int code;       /* for WISH_END */
  pid_t outside;  /* the escalated program, while it runs */
  struct timespec since;
};

/* A program that runs outside; it may outlive the process that waits for it by a moment. */
struct outside {
  struct outside *next;
  pid_t pid;
  uint64_t id;
  struct timespec since;
};

static const struct plan *the_plan;
static int listener_fd = -1;
static struct ask *asks;
static struct ask *spare; /* one that was freed, because most programs wait alone */
static struct outside *outsides;
static size_t waiting;
static uint64_t last_id;
static bool announced;
static struct seccomp_notif *request;
static size_t request_size, response_size;

void asks_start(const struct plan *plan, int listener) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) fail("no notification sizes");
  request_size = sizes.seccomp_notif > sizeof *request ? sizes.seccomp_notif : sizeof *request;
  response_size = sizes.seccomp_notif_resp;
  if (response_size > 256) fail("the kernel's answers are too large");
  request = allocate(request_size);
  the_plan = plan;
  listener_fd = listener;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, 1UL);
}

static struct ask *find_tid(pid_t tid) {
  for (struct ask *ask = asks; ask != NULL; ask = ask->next)
    if (ask->facts.tid == tid) return ask;
  return NULL;
}

static void set_asked(struct ask *ask, bool asked) {
  if (asked && !ask->asked) waiting++;
  if (!asked && ask->asked) waiting--;
  ask->asked = asked;
}

static void forget(struct ask *ask) {
  struct ask **at = &asks;
  while (*at != ask) at = &(*at)->next;
  *at = ask->next;
  if (ask->asked) {
    struct buffer *out = link_begin();
    buffer_text(out, "{");
    json_number(out, "gone", ask->id);
    buffer_text(out, "}");
    link_end();
    set_asked(ask, false);
  }
  if (ask->outside > 0) kill(-ask->outside, SIGKILL);
  facts_free(&ask->facts);
  if (spare == NULL) spare = ask;
  else free(ask);
}

static struct ask *new_ask(void) {
  if (spare == NULL) return allocate(sizeof(struct ask));
  struct ask *ask = spare;
  spare = NULL;
  memset(ask, 0, sizeof *ask);
  return ask;
}

static bool answer_kernel(const struct ask *ask, int error, uint32_t flags) {
  char space[256] = {0};
  struct seccomp_notif_resp *response = (struct seccomp_notif_resp *)(void *)space;
  response->id = ask->notification;
  response->error = -error;
  response->flags = flags;
  return ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_SEND, response) == 0;
}

static bool trace(struct ask *ask) {
  if (!ask->traced) {
    long options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (ptrace(PTRACE_SEIZE, ask->facts.tid, NULL, (void *)options) != 0) return false;
    ask->traced = true;
  }
  return ptrace(PTRACE_INTERRUPT, ask->facts.tid, NULL, NULL) == 0;
}

static void detach(struct ask *ask, int signal) {
  ptrace(PTRACE_DETACH, ask->facts.tid, NULL, (void *)(long)signal);
  ask->traced = false;
  forget(ask);
}

static bool get_registers(const struct ask *ask, registers *into) {
  struct iovec area = {into, sizeof *into};
  return ptrace(PTRACE_GETREGSET, ask->facts.tid, (void *)(long)NT_PRSTATUS, &area) == 0;
}

static bool set_registers(const struct ask *ask, registers *from) {
  struct iovec area = {from, sizeof *from};
  return ptrace(PTRACE_SETREGSET, ask->facts.tid, (void *)(long)NT_PRSTATUS, &area) == 0;
}

static uint64_t call_address(const struct ask *ask) { return ask->call.instruction_pointer - SYSCALL_BYTES; }

/* The next thing that the process does is the call `number`; -1 for the exec that it made itself. */
static bool set_call(const struct ask *ask, long number, uint64_t first) {
  registers next = ask->saved;
#ifdef __x86_64__
  next.rip = call_address(ask);
  next.orig_rax = (unsigned long)-1;
  if (number >= 0) {
    next.rax = (unsigned long)number;
    next.rdi = first;
    next.rsi = next.rdx = next.r10 = next.r8 = 0;
  }
#else
  next.pc = call_address(ask);
  if (number >= 0) {
    next.regs[8] = (uint64_t)number;
    next.regs[0] = first;
    next.regs[1] = next.regs[2] = next.regs[3] = next.regs[4] = 0;
  }
#endif
  return set_registers(ask, &next);
}

/* Where the exec's own registers are kept, made ready to issue it once more. */
static bool save_registers(struct ask *ask) {
  if (!get_registers(ask, &ask->saved)) return false;
#ifdef __x86_64__
  ask->saved.rax = (unsigned long)ask->call.nr;
#else
  ask->saved.regs[8] = (uint64_t)ask->call.nr;
  ask->saved.regs[0] = ask->call.args[0];
#endif
  return true;
}

static void say_killed(const struct ask *ask, const char *reason) {
  struct buffer *out = link_begin();
  buffer_text(out, "{\"killed\":{");
  facts_json(out, &ask->facts, ARGV_IN_LOG);
  json_text(out, "reason", reason);
  buffer_text(out, "}}");
  link_end();
}

static void kill_ask(struct ask *ask, const char *reason) {
  say_killed(ask, reason);
  syscall(SYS_tkill, ask->facts.tid, SIGKILL);
  detach(ask, SIGKILL);
}

/* ---- the text of a denial ---- */

int descriptor_of(pid_t tid, int number) {
  char path[64];
  int fd = (int)syscall(SYS_pidfd_open, tid, 0);
  if (fd < 0) {
    /* Not the first thread: its process has the same descriptors. */
    struct stat status;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", tid, number);
    if (stat(path, &status) != 0) return -1;
    char text[4096];
    snprintf(path, sizeof path, "/proc/%d/status", tid);
    int file = open_file(path, O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    if (length <= 0) return -1;
    text[length] = '\0';
    char *line = strstr(text, "\nTgid:");
    if (line == NULL) return -1;
    fd = (int)syscall(SYS_pidfd_open, (pid_t)strtol(line + 6, NULL, 10), 0);
    if (fd < 0) return -1;
  }
  int got = (int)syscall(SYS_pidfd_getfd, fd, number, 0);
  close(fd);
  return got;
}

/* Never waits: a full pipe or a stopped terminal loses the text, and the daemon knows of the denial anyway. */
static void write_without_waiting(int fd, const char *text, size_t length) {
  struct stat status;
  if (fstat(fd, &status) != 0) return;
  if (S_ISSOCK(status.st_mode)) {
    (void)!send(fd, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return;
  }
  if (S_ISFIFO(status.st_mode)) {
    struct iovec part = {(void *)(uintptr_t)text, length};
    syscall(SYS_pwritev2, fd, &part, 1, -1L, 0L, 8 /* RWF_NOWAIT */);
    return;
  }
  if (S_ISREG(status.st_mode)) {
    (void)!write(fd, text, length);
    return;
  }
  /* Opened anew, a terminal can be told not to wait without telling the process's own descriptor. */
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0) return;
  (void)!write(own, text, length);
  close(own);
}

static void write_denial(pid_t tid, const char *reason, size_t length) {
  char text[DENY_TEXT_BOUND + 64];
  int fd = descriptor_of(tid, 2);
  if (fd < 0) return;
  if (length > DENY_TEXT_BOUND) length = DENY_TEXT_BOUND;
  int size = snprintf(text, sizeof text, "Execution denied: %.*s\n", (int)length, reason);
  write_without_waiting(fd, text, (size_t)size);
  close(fd);
}

/* ---- decisions ---- */

static void stop(struct ask *ask, enum wish wish) {
  ask->wish = wish;
  if (ask->state == PARKED) {
    /* In a group stop it goes on when the group does. */
    if (!ask->listening) ptrace(PTRACE_INTERRUPT, ask->facts.tid, NULL, NULL);
    return;
  }
  /* On its way to a stop already, where the latest wish counts. */
  if (ask->state == STOPPING) return;
  ask->state = STOPPING;
  if (!trace(ask)) {
    answer_kernel(ask, EACCES, 0);
    forget(ask);
    return;
  }
  if (answer_kernel(ask, ENOSYS, 0)) return;
  /* It died while it waited; its end is still to be reported to us. */
  ask->wish = WISH_NONE;
}

static void end(struct ask *ask, int code) {
  ask->code = code;
  stop(ask, WISH_END);
}

static void deny(struct ask *ask, const char *reason, size_t length) {
  set_asked(ask, false);
  write_denial(ask->facts.tid, reason, length);
  end(ask, 1);
}

static void run(struct ask *ask) {
  set_asked(ask, false);
  if (ask->state == PARKED || ask->state == STOPPING) {
    if (ask->state == PARKED) stop(ask, WISH_RUN);
    else ask->wish = WISH_RUN;
    return;
  }
  if (!trace(ask)) {
    answer_kernel(ask, EACCES, 0);
    forget(ask);
    return;
  }
  ask->state = RUNNING;
  answer_kernel(ask, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static void say(const struct ask *ask, const char *kind, size_t argv_limit, const char *reason) {
  struct buffer *out = link_begin();
  buffer_text(out, "{\"");
  buffer_text(out, kind);
  buffer_text(out, "\":{");
  if (ask->id != 0) json_number(out, "id", ask->id);
  facts_json(out, &ask->facts, argv_limit);
  if (reason != NULL) json_text(out, "reason", reason);
  buffer_text(out, "}}");
  link_end();
}

static void say_ran(const struct ask *ask) {
  struct buffer *out = link_begin();
  buffer_text(out, "{\"ran\":{");
  facts_json_short(out, &ask->facts, ARGV_IN_LOG);
  buffer_text(out, "}}");
  link_end_later();
}

static void refuse_here(struct ask *ask, const char *reason) {
  say(ask, "refused", ARGV_IN_LOG, reason);
  deny(ask, reason, strlen(reason));
}

static void judge(struct ask *ask) {
  if (the_plan->no_exec_from_writable && ask->facts.program->any_writable) {
    refuse_here(ask, "this sandbox runs no programs from where it can write");
    return;
  }
  if (!link_is_interesting(&ask->facts)) {
    say_ran(ask);
    run(ask);
    return;
  }
  if (ask->facts.argv.length > ARGV_IN_ASK) {
    refuse_here(ask, "its arguments are too long to be judged");
    return;
  }
  ask->id = ++last_id;
  set_asked(ask, true);
  clock_gettime(CLOCK_MONOTONIC, &ask->since);
  say(ask, "exec", ARGV_IN_ASK, NULL);
}

/* The exec fails by itself; a process that is still traced is let go at its next stop. */
static void give_error(struct ask *ask, int error) {
  if (ask->traced) {
    ask->state = RUNNING;
    ptrace(PTRACE_INTERRUPT, ask->facts.tid, NULL, NULL);
  }
  answer_kernel(ask, error, 0);
  if (!ask->traced) forget(ask);
}

static void receive_ask(void) {
  pid_t tid = (pid_t)request->pid;
  struct ask *old = find_tid(tid);
  struct ask *ask = new_ask();
  ask->notification = request->id;
  ask->call = request->data;
  int error = facts_read(&ask->facts, request, the_plan);
  bool approved = false;
  if (old != NULL) {
    approved = old->state == REPEATING && error == 0 && old->facts.hash == ask->facts.hash;
    ask->traced = old->traced;
    forget(old);
  }
  ask->next = asks;
  asks = ask;
  if (error != 0) give_error(ask, error);
  else if (approved) run(ask);
  else judge(ask);
}

void asks_receive(void) {
  memset(request, 0, request_size);
  if (ioctl(listener_fd, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) return;
  if (!announced) announce((pid_t)request->pid);
  announced = true;
  receive_ask();
}

bool asks_are_full(void) { return waiting >= MAX_WAITING; }

static int64_t ms_since(const struct timespec *since) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)(now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

int asks_timeout(void) {
  int64_t least = -1;
  for (const struct ask *ask = asks; ask != NULL; ask = ask->next) {
    if (ask->state != ASKED || !ask->asked) continue;
    int64_t left = PARK_AFTER_MS - ms_since(&ask->since);
    if (left < 0) left = 0;
    if (least < 0 || left < least) least = left;
  }
  return (int)least;
}

void asks_park_late(void) {
  for (struct ask *ask = asks, *next; ask != NULL; ask = next) {
    next = ask->next;
    if (ask->state == ASKED && ask->asked && ms_since(&ask->since) >= PARK_AFTER_MS) stop(ask, WISH_PARK);
  }
}

/* ---- programs outside ---- */

static void refuse_outside(struct ask *ask, const char *reason) {
  char text[200];
  int length = snprintf(text, sizeof text, "it cannot run outside the sandbox: %s", reason);
  say(ask, "refused", ARGV_IN_LOG, text);
  deny(ask, text, (size_t)length);
}

static void escalate(struct ask *ask, const char *environment, size_t length) {
  set_asked(ask, false);
  const char *reason = facts_refuse_outside(&ask->facts);
  pid_t pid = reason == NULL ? outside_start(&ask->facts, environment, length, &reason) : -1;
  if (pid < 0) {
    refuse_outside(ask, reason);
    return;
  }
  struct outside *outside = allocate(sizeof *outside);
  *outside = (struct outside){.next = outsides, .pid = pid, .id = ask->id};
  clock_gettime(CLOCK_MONOTONIC, &outside->since);
  outsides = outside;
  ask->outside = pid;
  struct buffer *out = link_begin();
  buffer_text(out, "{\"escalated\":{");
  json_number(out, "id", ask->id);
  json_number(out, "pid", (uint64_t)pid);
  buffer_text(out, "}}");
  link_end();
  if (ask->state == ASKED) stop(ask, WISH_PARK);
}

static bool outside_ended(pid_t pid, int status) {
  struct outside **at = &outsides;
  while (*at != NULL && (*at)->pid != pid) at = &(*at)->next;
  if (*at == NULL) return false;
  struct outside *outside = *at;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  struct buffer *out = link_begin();
  buffer_text(out, "{\"escalatedEnd\":{");
  json_number(out, "id", outside->id);
  json_number(out, "pid", (uint64_t)pid);
  json_number(out, "code", (uint64_t)code);
  json_number(out, "ms", (uint64_t)ms_since(&outside->since));
  buffer_text(out, "}}");
  link_end();
  *at = outside->next;
  free(outside);
  for (struct ask *ask = asks; ask != NULL; ask = ask->next) {
    if (ask->outside != pid) continue;
    ask->outside = 0;
    end(ask, code);
    break;
  }
  return true;
}

void asks_kill_outside(void) {
  for (const struct outside *outside = outsides; outside != NULL; outside = outside->next)
    kill(-outside->pid, SIGKILL);
}

void asks_answer(const struct answer *answer) {
  struct ask *ask = asks;
  while (ask != NULL && !(ask->asked && ask->id == answer->id)) ask = ask->next;
  /* Answered after its end: the daemon has been told, or is about to be. */
  if (ask == NULL) return;
  if (answer->verb == ANSWER_RUN) run(ask);
  else if (answer->verb == ANSWER_DENY) deny(ask, answer->payload, answer->length);
  else escalate(ask, answer->payload, answer->length);
}

/* ---- stops ---- */

static void resume(const struct ask *ask, int signal) {
  ptrace(PTRACE_CONT, ask->facts.tid, NULL, (void *)(long)signal);
}

static void end_now(struct ask *ask) {
  if (!set_call(ask, SYS_exit_group, (uint64_t)ask->code)) kill_ask(ask, "it could not be ended");
  else detach(ask, 0);
}

static void fulfil(struct ask *ask) {
  enum wish wish = ask->wish;
  ask->wish = WISH_NONE;
  if (wish == WISH_PARK && set_call(ask, SYS_ppoll, 0)) ask->state = PARKED;
  if (wish == WISH_RUN && set_call(ask, -1, 0)) ask->state = REPEATING;
}

static bool catches(pid_t tid, int signal) {
  char path[64], text[8192];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  int fd = open_file(path, O_RDONLY);
  ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  const char *line = strstr(text, "\nSigCgt:");
  return line != NULL && ((strtoull(line + 9, NULL, 16) >> (signal - 1)) & 1) != 0;
}

static bool stops(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A signal for a parked process. With a program outside it means that program. */
static void parked_signal(struct ask *ask, int signal) {
  if (ask->outside > 0) {
    bool ours = stops(signal) || signal == SIGCONT;
    if (!ours && signal != SIGCHLD) kill(-ask->outside, signal);
    resume(ask, ours ? signal : 0);
  } else if (catches(ask->facts.tid, signal)) {
    /* The handler runs as if the exec had not begun; then the exec is issued and judged again. */
    set_call(ask, -1, 0);
    detach(ask, signal);
  } else resume(ask, signal);
}

/* The process is stopped with its group, and stays so until the group goes on. */
static void group_stopped(struct ask *ask) {
  ask->listening = true;
  if (ask->outside > 0) kill(-ask->outside, SIGSTOP);
  ptrace(PTRACE_LISTEN, ask->facts.tid, NULL, NULL);
}

static void stopped(struct ask *ask, int event, int signal) {
  bool trap = event == PTRACE_EVENT_STOP;
  if (ask->state == RUNNING) {
    /* The exec failed, and its error is already in place. */
    detach(ask, trap ? 0 : signal);
    return;
  }
  bool fresh = ask->state == STOPPING && !ask->saved_once;
  if (fresh && !save_registers(ask)) {
    kill_ask(ask, "its registers could not be read");
    return;
  }
  ask->saved_once = true;
  if (trap && stops(signal)) {
    group_stopped(ask);
    return;
  }
  if (trap && ask->listening) {
    ask->listening = false;
    if (ask->outside > 0) kill(-ask->outside, SIGCONT);
  }
  /* What is at its end ends, whatever else was sent to it: nothing is judged or run twice. */
  if (ask->wish == WISH_END) {
    end_now(ask);
    return;
  }
  if (trap || ask->state == STOPPING) fulfil(ask);
  if (!trap && ask->state == PARKED) parked_signal(ask, signal);
  else resume(ask, trap ? 0 : signal);
}

/* A thread that execs takes the number of its process; whoever had it before is gone. */
static void loaded(pid_t pid) {
  unsigned long former = 0;
  ptrace(PTRACE_GETEVENTMSG, pid, NULL, &former);
  struct ask *ask = find_tid((pid_t)former);
  struct ask *replaced = (pid_t)former == pid ? NULL : find_tid(pid);
  if (replaced != NULL) forget(replaced);
  if (ask == NULL) {
    kill(pid, SIGKILL);
    return;
  }
  ask->facts.tid = pid;
  if (ask->state != RUNNING) kill_ask(ask, "it was loaded without an answer");
  else if (!facts_match_loaded(&ask->facts, pid)) kill_ask(ask, "what was loaded is not what was judged");
  else detach(ask, 0);
}

bool asks_event(pid_t pid, int status) {
  if (WIFSTOPPED(status)) {
    int event = status >> 16;
    if (event == PTRACE_EVENT_EXEC) {
      loaded(pid);
      return true;
    }
    struct ask *ask = find_tid(pid);
    if (ask != NULL) stopped(ask, event, WSTOPSIG(status));
    else ptrace(PTRACE_DETACH, pid, NULL, (void *)(long)(event == 0 ? WSTOPSIG(status) : 0));
    return true;
  }
  if (outside_ended(pid, status)) return true;
  struct ask *ask = find_tid(pid);
  if (ask == NULL) return false;
  forget(ask);
  return true;
}
