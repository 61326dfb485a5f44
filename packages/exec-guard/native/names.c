/*
 * Finds the file that a path means to a process inside, and every name on the way to it. A name is writable when the
 * sandbox could have made it, or could put another file there.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROC_SUPER_MAGIC 0x9fa0
#define MAX_LINKS 40

/* Nothing inside can change its root: chroot and namespaces are refused by the filter. */
static int root_fd = -1;
static const struct plan *the_plan;

void names_root(const struct plan *plan, pid_t tid) {
  char path[64];
  if (root_fd >= 0) return;
  the_plan = plan;
  snprintf(path, sizeof path, "/proc/%d/root", tid);
  root_fd = open_file(path, O_PATH | O_DIRECTORY);
  if (root_fd < 0) fail("cannot look into the sandbox");
}

char *path_of(int fd) {
  char link[64], path[PATH_MAX + 64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) length = 0;
  path[length] = '\0';
  char *copy = strdup(path);
  if (copy == NULL) fail("out of memory");
  return copy;
}

static bool is_beneath(const char *path, const char *folder) {
  size_t length = strlen(folder);
  while (length > 1 && folder[length - 1] == '/') length--;
  if (length == 1) return true;
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

bool is_writable(int fd) {
  struct statvfs status;
  if (the_plan->bwrap != NULL) return fstatvfs(fd, &status) != 0 || (status.f_flag & ST_RDONLY) == 0;
  char *path = path_of(fd);
  bool writable = false;
  for (size_t i = 0; i < the_plan->writes && !writable; i++) writable = is_beneath(path, the_plan->write[i]);
  free(path);
  return writable;
}

/*
 * Where a walk stands: a folder, whether a link on the way is one that the sandbox could have made, and whether
 * nothing inside can make the walk lead elsewhere another time.
 */
struct walk {
  pid_t tid;
  int at;
  int links;
  bool tainted;
  bool settled;
  struct name *names;
  size_t *count;
};

static void add_name(struct walk *walk, char *path, bool writable) {
  if (*walk->count == MAX_NAMES) {
    free(path);
    return;
  }
  walk->names[(*walk->count)++] = (struct name){path, writable};
}

/* Leaves out `.` and doubled slashes, which change nothing; `..` may, behind a link. */
static void tidy(char *path) {
  char *out = path;
  for (const char *at = path; *at != '\0';) {
    if (at[0] == '/' && at[1] == '/') at++;
    else if (at[0] == '/' && at[1] == '.' && (at[2] == '/' || at[2] == '\0')) at += 2;
    else *out++ = *at++;
  }
  if (out == path) *out++ = '/';
  *out = '\0';
}

static char *joined(int folder, const char *rest) {
  char *base = path_of(folder);
  size_t size = strlen(base) + strlen(rest) + 2;
  char *path = allocate(size);
  snprintf(path, size, "%s/%s", strcmp(base, "/") == 0 ? "" : base, rest);
  free(base);
  return path;
}

/* The last of the numbers in a line of /proc/PID/status: the process as its own namespace counts it. */
static long inner_number(pid_t tid, const char *key) {
  char path[64], text[8192];
  snprintf(path, sizeof path, "/proc/%d/status", tid);
  int fd = open_file(path, O_RDONLY);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length < 0 ? 0 : length] = '\0';
  char *line = strstr(text, key);
  if (line == NULL) return 0;
  line++;
  char *end = strchr(line, '\n');
  if (end != NULL) *end = '\0';
  char *last = strrchr(line, '\t');
  return last == NULL ? 0 : strtol(last, NULL, 10);
}

static bool is_proc(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) == 0 && status.f_type == PROC_SUPER_MAGIC;
}

/* `self` means whoever asks; here that is the process inside, not the warden. */
static bool read_link(struct walk *walk, bool proc, const char *name, int link, char *target, size_t size) {
  if (proc && strcmp(name, "self") == 0)
    return snprintf(target, size, "%ld", inner_number(walk->tid, "\nNStgid:")) > 0;
  if (proc && strcmp(name, "thread-self") == 0)
    return snprintf(target, size, "%ld/task/%ld", inner_number(walk->tid, "\nNStgid:"),
                    inner_number(walk->tid, "\nNSpid:")) > 0;
  ssize_t length = readlinkat(link, "", target, size - 1);
  if (length < 0) return false;
  target[length] = '\0';
  return true;
}

/* Links of /proc/PID lead to what is open, not to what their text says. */
static bool is_magic(bool proc, const char *name) {
  return proc && strcmp(name, "self") != 0 && strcmp(name, "thread-self") != 0 &&
         strcmp(name, "mounts") != 0 && strcmp(name, "net") != 0;
}

static void move_to(struct walk *walk, int fd) {
  close(walk->at);
  walk->at = fd;
}

/* Puts `target` before what is left of the path. */
static int put_before(char *rest, const char *target) {
  size_t target_length = strlen(target), rest_length = strlen(rest);
  size_t slash = rest_length > 0 ? 1 : 0;
  if (target_length + slash + rest_length >= 2 * PATH_MAX) return ENAMETOOLONG;
  memmove(rest + target_length + slash, rest, rest_length + 1);
  if (slash > 0) rest[target_length] = '/';
  memcpy(rest, target, target_length);
  return 0;
}

/* Takes one name and moves there; the text of a link is put before the rest. */
static int step(struct walk *walk, const char *name, char *rest) {
  char target[PATH_MAX];
  struct stat status;
  walk->settled = walk->settled && !is_writable(walk->at) && !is_proc(walk->at);
  int fd = openat(walk->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return errno;
  if (fstat(fd, &status) != 0 || !S_ISLNK(status.st_mode)) {
    move_to(walk, fd);
    return 0;
  }
  if (++walk->links > MAX_LINKS) {
    close(fd);
    return ELOOP;
  }
  walk->tainted = walk->tainted || is_writable(walk->at);
  if (*rest == '\0') add_name(walk, joined(walk->at, name), walk->tainted);
  bool proc = is_proc(walk->at);
  if (is_magic(proc, name)) {
    close(fd);
    fd = openat(walk->at, name, O_PATH | O_CLOEXEC);
    if (fd < 0) return errno;
    move_to(walk, fd);
    return 0;
  }
  bool read = read_link(walk, proc, name, fd, target, sizeof target);
  close(fd);
  return read ? put_before(rest, target) : EACCES;
}

/* Walks from walk->at, where in the end the file itself is, or the errno comes back. */
static int walk_path(struct walk *walk, const char *path) {
  char rest[2 * PATH_MAX];
  char name[NAME_MAX + 1];
  memcpy(rest, path, strlen(path) + 1);
  /* An absolute path begins where its walk does. */
  bool first = true;
  for (;; first = false) {
    if (rest[0] == '/' && !first) {
      int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
      if (fd < 0) return errno;
      move_to(walk, fd);
    }
    size_t start = strspn(rest, "/");
    size_t length = strcspn(rest + start, "/");
    if (length == 0) return 0;
    if (length > NAME_MAX) return ENAMETOOLONG;
    memcpy(name, rest + start, length);
    name[length] = '\0';
    size_t taken = start + length;
    size_t slashes = strspn(rest + taken, "/");
    /* A slash at the end asks for a folder. */
    if (slashes > 0 && rest[taken + slashes] == '\0') strcpy(rest, ".");
    else memmove(rest, rest + taken + slashes, strlen(rest + taken + slashes) + 1);
    int error = step(walk, name, rest);
    if (error != 0) return error;
  }
}

static int open_in_root(const char *path, uint64_t flags, uint64_t resolve) {
  struct open_how how = {.flags = flags | O_PATH | O_CLOEXEC, .resolve = resolve | RESOLVE_IN_ROOT};
  return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how);
}

bool folder_is_writable(const char *canonical) {
  const char *slash = strrchr(canonical, '/');
  if (slash == NULL) return true;
  char folder[PATH_MAX];
  size_t length = slash == canonical ? 1 : (size_t)(slash - canonical);
  if (length >= sizeof folder) return true;
  memcpy(folder, canonical, length);
  folder[length] = '\0';
  int fd = open_in_root(folder, O_DIRECTORY, 0);
  if (fd < 0) return true;
  bool writable = is_writable(fd);
  close(fd);
  return writable;
}

bool still_leads_to(const char *path, const struct image *image) {
  struct stat status;
  int fd = open_in_root(path, 0, RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return false;
  bool same = fstat(fd, &status) == 0 && status.st_dev == image->device && status.st_ino == image->inode &&
              status.st_ctim.tv_sec == image->changed.tv_sec && status.st_ctim.tv_nsec == image->changed.tv_nsec;
  close(fd);
  return same;
}

/* Whether nothing inside can put another folder in the place of one above the file. */
static bool folders_are_settled(const char *canonical) {
  char folder[PATH_MAX];
  for (size_t at = 0; canonical[at] != '\0'; at++) {
    if (canonical[at] != '/') continue;
    if (at >= sizeof folder - 1) return false;
    memcpy(folder, canonical, at + 1);
    folder[at + 1] = '\0';
    int fd = open_in_root(folder, O_DIRECTORY, 0);
    bool settled = fd >= 0 && !is_writable(fd) && !is_proc(fd);
    if (fd >= 0) close(fd);
    if (!settled) return false;
  }
  return true;
}

/* Where an absolute path begins, and any other. */
static int start_of(pid_t tid, int folder, const char *path) {
  char cwd[64];
  if (path[0] == '/') return fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
  if (folder >= 0) return fcntl(folder, F_DUPFD_CLOEXEC, 3);
  snprintf(cwd, sizeof cwd, "/proc/%d/cwd", tid);
  return open_file(cwd, O_PATH);
}

/* The path as it was asked for stands first, before the links that it led to. */
static void add_asked_first(struct walk *walk, char *asked, bool writable) {
  size_t links = *walk->count;
  add_name(walk, asked, writable);
  if (*walk->count == links) return;
  struct name own = walk->names[links];
  memmove(walk->names + 1, walk->names, links * sizeof own);
  walk->names[0] = own;
}

int open_names(pid_t tid, int folder, const char *path, struct name *names, size_t *count, bool *settled) {
  struct walk walk = {.tid = tid, .names = names, .count = count, .settled = path[0] == '/'};
  if (path[0] == '\0') return -ENOENT;
  if (strlen(path) >= PATH_MAX) return -ENAMETOOLONG;
  /* Most of what is not there needs no walk to know it. */
  int fd = path[0] == '/' ? open_in_root(path, 0, RESOLVE_NO_SYMLINKS) : -1;
  if (fd < 0 && path[0] == '/' && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return -errno;
  bool direct = fd >= 0;
  walk.at = direct ? fd : start_of(tid, folder, path);
  if (walk.at < 0) return -errno;
  char *asked = path[0] == '/' ? strdup(path) : joined(walk.at, path);
  if (asked == NULL) fail("out of memory");
  tidy(asked);
  int error = direct ? 0 : walk_path(&walk, path);
  if (error != 0) {
    close(walk.at);
    free(asked);
    return -error;
  }
  char *canonical = path_of(walk.at);
  bool writable = folder_is_writable(canonical) || is_writable(walk.at);
  if (strcmp(asked, canonical) == 0 || (*count > 0 && strcmp(names[0].path, asked) == 0)) free(asked);
  else add_asked_first(&walk, asked, walk.tainted || writable);
  add_name(&walk, canonical, writable);
  *settled = *settled && !writable && walk.settled && (!direct || folders_are_settled(canonical));
  return walk.at;
}
