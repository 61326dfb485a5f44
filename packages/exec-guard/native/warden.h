/*
 * The warden supervises one sandboxed session: it starts the sandbox, is told of every exec inside by the kernel
 * (seccomp user notification), asks its daemon over one descriptor, and holds each program to what was approved.
 * It has no policy of its own. docs/exec-guard.md describes the line protocol and the order of events.
 */
#ifndef WARDEN_H
#define WARDEN_H

#include <limits.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <time.h>

#define WARDEN_VERSION "1"

/* Exit status when nothing was started; below it, the command's own. */
#define EXIT_UNABLE 125

#define MAX_NAMES 48
#define MAX_INTERPRETERS 4
#define MAX_PATHS 512
#define MAX_RLIMITS 8

struct rlimit_option {
  int resource;
  rlim_t value;
};

/* What the command line says, for both sides of the sandbox. */
struct plan {
  int link;
  const char *read[MAX_PATHS];
  size_t reads;
  const char *write[MAX_PATHS];
  size_t writes;
  struct rlimit_option rlimits[MAX_RLIMITS];
  size_t rlimit_count;
  int listen_port; /* 0: no network at all */
  bool no_exec_from_writable;
  char **bwrap; /* program and arguments; NULL: no namespaces */
  size_t bwrap_count;
  bool own_network; /* the sandbox has a network namespace of its own */
  bool enters_folder; /* bubblewrap sets the working directory */
  bool ignore_hangup;
  char **command; /* path, then argv from argv[0] on */
  char **environment;
  char *cwd; /* of the command, as seen inside */
};

/* ---- plan.c ---- */

void plan_parse(struct plan *plan, char **argv);
int plan_to_memory(const struct plan *plan, char **argv);
void plan_from_memory(struct plan *plan, int fd);

/* ---- bytes.c: growing buffers, JSON, hashing ---- */

struct buffer {
  char *data;
  size_t length;
  size_t capacity;
};

void buffer_add(struct buffer *buffer, const void *data, size_t length);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_number(struct buffer *buffer, uint64_t number);
void buffer_drop(struct buffer *buffer, size_t length);
void buffer_free(struct buffer *buffer);
/* A JSON string; a byte that is not part of valid UTF-8 becomes \udcXX, which no valid text contains. */
void json_string(struct buffer *buffer, const char *text, size_t length);
void json_number(struct buffer *buffer, const char *key, uint64_t number);
void json_text(struct buffer *buffer, const char *key, const char *text);

struct hash {
  uint64_t v[4];
  uint64_t tail;
  uint64_t length;
};

void hash_seed(void);
void hash_start(struct hash *hash);
void hash_add(struct hash *hash, const void *data, size_t length);
uint64_t hash_end(struct hash *hash);
uint64_t hash_of(const void *data, size_t length);

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *allocate(size_t size);
/* As open(2); the C library's own takes a second call to close the descriptor on exec. */
int open_file(const char *path, int flags);

/* ---- inside.c: process 1 of the sandbox ---- */

void inside(const struct plan *plan, int control) __attribute__((noreturn));

/* Messages of process 1: a kind and up to two numbers, sometimes with a descriptor. */
enum inside_kind { INSIDE_NOTIFY = 1, INSIDE_LISTENER, INSIDE_EXIT, INSIDE_FAILED };
struct inside_message {
  int kind;
  int code;
  int signal;
  char text[500];
};

/* ---- mounts.c ---- */

/* NULL, or the place where something else is mounted than bubblewrap was told. */
const char *mounts_differ(const struct plan *plan);

int landlock_abi(void);
void apply_landlock(const struct plan *plan);
int install_filter(bool network);
int test_self(void);

/* ---- names.c: which file a path means inside, and under which names ---- */

struct name {
  char *path;
  bool writable;
};

struct image {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec changed;
  enum { IMAGE_FILE, IMAGE_MEMFD, IMAGE_DELETED } kind;
  bool writable; /* its own mount, not the directory */
};

void names_root(const struct plan *plan, pid_t tid);
/*
 * Opens what `path` means to the process when it starts from `folder` (-1: from its own), and adds the names, the
 * file's own last. Returns a descriptor, or the negative errno of the exec. `settled` is cleared when something
 * inside could make it another file.
 */
int open_names(pid_t tid, int folder, const char *path, struct name *names, size_t *count, bool *settled);
/* Whether the path, followed anew, is that very file, and unchanged. */
bool still_leads_to(const char *path, const struct image *image);
char *path_of(int fd);
/* Whether the sandbox may write what the descriptor stands for. */
bool is_writable(int fd);
/* Whether it can write the folder in which the open file has its name. */
bool folder_is_writable(const char *canonical);

/* ---- executable.c: what the kernel loads for a path ---- */

/* Of a script, or of an interpreter that is a script itself. */
struct interpreter {
  struct name names[MAX_NAMES]; /* as for a program: the file itself last */
  size_t name_count;
  char *written;  /* as the first line spells it */
  char *argument; /* all that follows on that line, which the kernel passes as one word, or NULL */
  struct image image;
};

struct executable {
  unsigned users;
  char *asked; /* the path under which it is kept, or NULL */
  struct name names[MAX_NAMES];
  size_t name_count;
  struct interpreter interpreters[MAX_INTERPRETERS];
  size_t interpreter_count;
  struct image image;  /* of the file that is named */
  struct image loaded; /* of what the kernel maps: the last interpreter of a script */
  bool any_writable;   /* an image of the chain is on a writable mount, or has no name */
  bool foreign_format; /* neither ELF nor script: the kernel may put another interpreter before it */
};

/* 0, or the errno with which the exec fails. An empty path is the open `folder` itself. */
int executable_open(pid_t tid, int folder, const char *path, struct executable **found);
void executable_release(struct executable *program);
const char *executable_file(const struct executable *program);
const char *base_of(const char *path);
bool is_loader(const char *path);

/* ---- facts.c: what is about to run ---- */

struct facts {
  pid_t tid;
  const char *file;
  struct executable *program;
  struct buffer argv; /* each argument with its NUL */
  size_t argc;
  char *cwd;
  uint64_t argv_hash; /* as /proc/PID/cmdline will show it */
  uint64_t hash;      /* of everything that is approved */
};

/* 0, or the errno with which the exec fails without being judged. */
int facts_read(struct facts *facts, const struct seccomp_notif *request, const struct plan *plan);
void facts_free(struct facts *facts);
void facts_json_short(struct buffer *buffer, const struct facts *facts, size_t argv_limit);
void facts_json(struct buffer *buffer, const struct facts *facts, size_t argv_limit);
bool facts_match_loaded(const struct facts *facts, pid_t pid);
/* NULL when the file may run outside, else the reason why not. */
const char *facts_refuse_outside(const struct facts *facts);

/* ---- link.c: the line to the daemon ---- */

struct answer {
  enum { ANSWER_RUN, ANSWER_DENY, ANSWER_ESCALATE } verb;
  uint64_t id;
  const char *payload;
  size_t length;
};

void link_open(int fd);
struct buffer *link_begin(void);
void link_end(void);
/* For what nobody waits for. */
void link_end_later(void);
/* In how many ms link_send_late has something to do; -1: nothing. */
int link_timeout(void);
void link_send_late(void);
short link_events(void);
bool link_is_full(void);
/* False when the daemon is gone or says what is not in the protocol. */
bool link_turn(short events, void (*on_answer)(const struct answer *));
void link_flush_blocking(void);
bool link_is_interesting(const struct facts *facts);

/* ---- asks.c: every exec between its notification and its end ---- */

void asks_start(const struct plan *plan, int listener);
void asks_receive(void);
void asks_answer(const struct answer *answer);
/* True when the pid belongs to an exec or an escalated program. */
bool asks_event(pid_t pid, int status);
int asks_timeout(void);
void asks_park_late(void);
void asks_kill_outside(void);
/* A copy of a descriptor of the process, or -1. */
int descriptor_of(pid_t tid, int number);
bool asks_are_full(void);
/* In main.c: called once, with the command's own pid. */
void announce(pid_t command);

/* ---- outside.c: programs that are approved to run without the sandbox ---- */

pid_t outside_start(const struct facts *facts, const char *environment, size_t length, const char **reason);

#endif
