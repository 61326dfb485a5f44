/*
 * Starts a program outside the sandbox in place of one inside: same arguments, same standard descriptors, same
 * directory by its path, but the daemon's environment and a session of its own. It dies with the warden.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A program of many names does what argv[0] says. It keeps the one it was given only when that is a name under which
 * it was judged, and one that the sandbox could not have made.
 */
static const char *first_argument(const struct facts *facts) {
  const char *given = facts->argc > 0 ? facts->argv.data : "";
  for (size_t i = 0; i < facts->program->name_count; i++)
    if (!facts->program->names[i].writable && strcmp(base_of(facts->program->names[i].path), base_of(given)) == 0) return given;
  return facts->file;
}

static char **argument_list(const struct facts *facts) {
  char **list = allocate((facts->argc + 2) * sizeof *list);
  char *word = facts->argv.data;
  for (size_t i = 0; i < facts->argc; i++, word += strlen(word) + 1) list[i] = word;
  list[0] = (char *)(uintptr_t)first_argument(facts);
  return list;
}

/* Lines of NAME=VALUE, each with its NUL. */
static char **environment_list(char *text, size_t length) {
  size_t count = 0;
  for (size_t i = 0; i < length; i++) count += text[i] == '\0';
  char **list = allocate((count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++, text += strlen(text) + 1) list[i] = text;
  return list;
}

static void run_outside(const struct facts *facts, int file, int folder, const int stdio[3], char **argv,
                        char **environment) {
  for (int number = 1; number < 65; number++) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    if (number != SIGKILL && number != SIGSTOP && (number < 32 || number > 34)) sigaction(number, &action, NULL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (fchdir(folder) != 0) _exit(126);
  for (int fd = 0; fd < 3; fd++)
    if (dup2(stdio[fd], fd) != fd) _exit(126);
  /* A script is opened again by its interpreter, by its path; nothing inside can put another file there. */
  if (facts->program->interpreter_count > 0) {
    syscall(SYS_close_range, 3, ~0U, 0);
    execve(facts->file, argv, environment);
  } else syscall(SYS_execveat, file, "", argv, environment, AT_EMPTY_PATH);
  dprintf(2, "warden: cannot run %.1000s: %s\n", facts->file, strerror(errno));
  _exit(errno == ENOENT ? 127 : 126);
}

static int open_judged(const struct facts *facts) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  struct stat status;
  int file = (int)syscall(SYS_openat2, AT_FDCWD, facts->file, &how, sizeof how);
  if (file < 0 || fstat(file, &status) != 0) return -1;
  if (status.st_dev == facts->program->image.device && status.st_ino == facts->program->image.inode) return file;
  close(file);
  return -1;
}

/* By its path, and the very directory in which the process stands: what is there later does not matter any more. */
static int open_folder(const struct facts *facts) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  struct stat own, asked;
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/cwd", facts->tid);
  int folder = (int)syscall(SYS_openat2, AT_FDCWD, facts->cwd, &how, sizeof how);
  if (folder < 0) return -1;
  if (fstat(folder, &own) == 0 && stat(path, &asked) == 0 && own.st_dev == asked.st_dev && own.st_ino == asked.st_ino)
    return folder;
  close(folder);
  return -1;
}

pid_t outside_start(const struct facts *facts, const char *environment, size_t length, const char **reason) {
  int file = open_judged(facts);
  if (file < 0) {
    *reason = "the path is another file outside";
    return -1;
  }
  int folder = open_folder(facts);
  if (folder < 0) {
    *reason = "the working directory is another one outside";
    close(file);
    return -1;
  }
  int stdio[3];
  for (int fd = 0; fd < 3; fd++) {
    int got = descriptor_of(facts->tid, fd);
    int own = got < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : got;
    /* Above 2, so that putting one in its place does not close another. */
    stdio[fd] = fcntl(own, F_DUPFD_CLOEXEC, 10);
    close(own);
  }
  char *text = allocate(length + 1);
  memcpy(text, environment, length);
  char **names = environment_list(text, length);
  char **argv = argument_list(facts);
  pid_t warden = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != warden) _exit(126);
    run_outside(facts, file, folder, stdio, argv, names);
  }
  if (pid < 0) *reason = strerror(errno);
  for (int fd = 0; fd < 3; fd++) close(stdio[fd]);
  close(file);
  close(folder);
  free(text);
  free(names);
  free(argv);
  return pid;
}
