/*
 * Reads what a process is about to run: path, arguments and working directory from its memory and /proc, every name
 * on the way to the file, and the interpreters of a script. All of it can be changed by the process afterwards, so it
 * only predicts; asks.c holds the prediction against what the kernel loaded.
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
#include <sys/uio.h>
#include <unistd.h>

#define PROC_SUPER_MAGIC 0x9fa0
#define MAX_LINKS 40
#define HEAD_BYTES 256
/* What the kernel takes of one argument, and of all of them together. */
#define MAX_ARGUMENT (128 * 1024)
#define MAX_ARGUMENTS (6 * 1024 * 1024)

/* Nothing inside can change its root: chroot and namespaces are refused by the filter. */
static int root_fd = -1;
static const struct plan *the_plan;

static bool read_memory(pid_t pid, uint64_t address, void *into, size_t length) {
  struct iovec local = {into, length};
  struct iovec remote = {(void *)(uintptr_t)address, length};
  return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)length;
}

/* 0, or the errno of the exec. Reads to the end of a page at most, because the next one may not be there. */
static int read_string(pid_t pid, uint64_t address, size_t most, struct buffer *out) {
  char chunk[4096];
  size_t total = 0;
  for (;;) {
    size_t size = 4096 - (address & 4095);
    if (size > 256 && total == 0) size = size < 512 ? size : 256;
    if (!read_memory(pid, address, chunk, size)) return errno == EPERM ? EPERM : EFAULT;
    size_t length = strnlen(chunk, size);
    total += length;
    if (total >= most) return most == PATH_MAX ? ENAMETOOLONG : E2BIG;
    buffer_add(out, chunk, length < size ? length + 1 : size);
    if (length < size) return 0;
    address += size;
  }
}

static int read_argv(struct facts *facts, uint64_t address) {
  uint64_t pointers[256];
  if (address == 0) return 0;
  for (;;) {
    size_t count = (4096 - (address & 4095)) / 8;
    if (count > 256) count = 256;
    if (count > 16 && facts->argc == 0) count = 16;
    if (count == 0) return EFAULT;
    if (!read_memory(facts->tid, address, pointers, count * 8)) return EFAULT;
    for (size_t i = 0; i < count; i++) {
      if (pointers[i] == 0) return 0;
      int error = read_string(facts->tid, pointers[i], MAX_ARGUMENT, &facts->argv);
      if (error != 0) return error;
      if (facts->argv.length > MAX_ARGUMENTS) return E2BIG;
      facts->argc++;
    }
    address += count * 8;
  }
}

static char *path_of(int fd) {
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

/* Whether the sandbox may write what the descriptor stands for. */
static bool is_writable(int fd) {
  struct statvfs status;
  if (the_plan->bwrap != NULL) return fstatvfs(fd, &status) != 0 || (status.f_flag & ST_RDONLY) == 0;
  char *path = path_of(fd);
  bool writable = false;
  for (size_t i = 0; i < the_plan->writes && !writable; i++) writable = is_beneath(path, the_plan->write[i]);
  free(path);
  return writable;
}

/* Where a walk stands: a folder, and whether a link on the way is one that the sandbox could have made. */
struct walk {
  pid_t tid;
  int at;
  int links;
  bool tainted;
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
  snprintf(path, size, "%s%s%s", strcmp(base, "/") == 0 ? "" : base, "/", rest);
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

/* Whether the folder in which the open file has its name can be written. */
static bool folder_is_writable(const char *canonical) {
  const char *slash = strrchr(canonical, '/');
  if (slash == NULL) return true;
  char folder[PATH_MAX];
  size_t length = slash == canonical ? 1 : (size_t)(slash - canonical);
  if (length >= sizeof folder) return true;
  memcpy(folder, canonical, length);
  folder[length] = '\0';
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
  int fd = (int)syscall(SYS_openat2, root_fd, folder, &how, sizeof how);
  if (fd < 0) return true;
  bool writable = is_writable(fd);
  close(fd);
  return writable;
}

/*
 * Opens what `path` means to the process when it starts from `folder`, and adds its names, the file's own last.
 * Returns a descriptor, or the negative errno of the exec.
 */
static int open_program(pid_t tid, int folder, const char *path, struct name *names, size_t *count) {
  struct walk walk = {.tid = tid, .names = names, .count = count};
  size_t first = *count;
  if (strlen(path) >= PATH_MAX) return -ENAMETOOLONG;
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
  int fd = path[0] == '/' ? (int)syscall(SYS_openat2, root_fd, path, &how, sizeof how) : -1;
  if (fd < 0 && path[0] == '/' && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return -errno;
  char *asked = path[0] == '/' ? strdup(path) : joined(folder, path);
  if (asked == NULL) fail("out of memory");
  tidy(asked);
  if (fd < 0) {
    walk.at = fcntl(path[0] == '/' ? root_fd : folder, F_DUPFD_CLOEXEC, 3);
    int error = walk.at < 0 ? errno : path[0] == '\0' ? ENOENT : walk_path(&walk, path);
    if (error != 0) {
      close(walk.at);
      free(asked);
      return -error;
    }
    fd = walk.at;
  }
  char *canonical = path_of(fd);
  bool writable = folder_is_writable(canonical) || is_writable(fd);
  bool own_name_first = *count > first && strcmp(names[first].path, asked) == 0;
  if (!own_name_first && strcmp(asked, canonical) != 0) {
    add_name(&walk, asked, walk.tainted || writable);
    if (*count - first > 1) {
      /* The path as it was asked for stands first, before the links that it led to. */
      struct name own = names[*count - 1];
      memmove(names + first + 1, names + first, (*count - 1 - first) * sizeof *names);
      names[first] = own;
    }
  } else free(asked);
  add_name(&walk, canonical, writable);
  return fd;
}

static void read_image(int fd, struct image *image) {
  struct stat status;
  memset(image, 0, sizeof *image);
  if (fstat(fd, &status) != 0) return;
  image->device = status.st_dev;
  image->inode = status.st_ino;
  image->size = status.st_size;
  image->writable = is_writable(fd);
  if (status.st_nlink > 0) return;
  char *path = path_of(fd);
  image->kind = strncmp(path, "/memfd:", 7) == 0 ? IMAGE_MEMFD : IMAGE_DELETED;
  free(path);
}

/* The errno with which the kernel would refuse the file, as far as it shows from outside. */
static int check_file(int fd) {
  struct stat status;
  struct statvfs mount;
  if (fstat(fd, &status) != 0) return errno;
  if (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0) return EACCES;
  if (fstatvfs(fd, &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) return EACCES;
  return 0;
}

static ssize_t read_head(int fd, char head[HEAD_BYTES + 1]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int file = open_file(path, O_RDONLY);
  ssize_t length = file < 0 ? 0 : read(file, head, HEAD_BYTES);
  if (file >= 0) close(file);
  if (length < 0) length = 0;
  head[length] = '\0';
  return length;
}

/* As the kernel splits it: one word, and the rest of the line as one argument. False: not a script. */
static bool parse_shebang(char *head, ssize_t length, char **interpreter, char **argument) {
  if (length < 3 || head[0] != '#' || head[1] != '!') return false;
  char *line = head + 2;
  char *end = memchr(line, '\n', (size_t)(length - 2));
  if (end == NULL) end = head + strlen(head);
  while (end > line && (end[-1] == ' ' || end[-1] == '\t')) end--;
  *end = '\0';
  line += strspn(line, " \t");
  if (*line == '\0') return false;
  size_t word = strcspn(line, " \t");
  *interpreter = line;
  *argument = NULL;
  if (line[word] == '\0') return true;
  line[word] = '\0';
  line += word + 1;
  line += strspn(line, " \t");
  if (*line != '\0') *argument = line;
  return true;
}

static const char *base_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

/* Puts words in front of the predicted argument list; the first of the old ones has been replaced by the kernel. */
static void prepend(struct buffer *list, const char *interpreter, const char *argument) {
  struct buffer grown = {0};
  buffer_add(&grown, interpreter, strlen(interpreter) + 1);
  if (argument != NULL) buffer_add(&grown, argument, strlen(argument) + 1);
  buffer_add(&grown, list->data, list->length);
  buffer_free(list);
  *list = grown;
}

/* Follows `#!` from the file to what the kernel loads; `expected` becomes the argument list of that. */
static int follow_scripts(struct facts *facts, int file, const char *script, struct buffer *expected) {
  char head[HEAD_BYTES + 1];
  int fd = fcntl(file, F_DUPFD_CLOEXEC, 3);
  int error = 0;
  for (;;) {
    char *interpreter, *argument;
    ssize_t length = read_head(fd, head);
    read_image(fd, &facts->loaded);
    facts->any_writable |= facts->loaded.writable || facts->loaded.kind != IMAGE_FILE;
    if (!parse_shebang(head, length, &interpreter, &argument)) {
      facts->foreign_format = length < 4 || memcmp(head, "\177ELF", 4) != 0;
      break;
    }
    if (facts->interpreter_count == MAX_INTERPRETERS) {
      error = ELOOP;
      break;
    }
    if (facts->interpreter_count == 0) {
      /* The script's path takes the place of argv[0]. */
      struct buffer rest = {0};
      buffer_add(&rest, script, strlen(script) + 1);
      size_t skip = facts->argc == 0 ? 0 : strlen(facts->argv.data) + 1;
      if (facts->argc > 0) buffer_add(&rest, facts->argv.data + skip, facts->argv.length - skip);
      buffer_free(expected);
      *expected = rest;
    }
    prepend(expected, interpreter, argument);
    struct interpreter *one = &facts->interpreters[facts->interpreter_count];
    one->written = strdup(interpreter);
    one->argument = argument == NULL ? NULL : strdup(argument);
    char cwd[64];
    snprintf(cwd, sizeof cwd, "/proc/%d/cwd", facts->tid);
    int folder = open_file(cwd, O_PATH);
    int next = open_program(facts->tid, folder, interpreter, one->names, &one->name_count);
    close(folder);
    if (one->name_count > 0) facts->interpreter_count++;
    if (next < 0) {
      error = -next;
      break;
    }
    close(fd);
    fd = next;
    error = check_file(fd);
    if (error != 0) break;
  }
  close(fd);
  return error;
}

static bool is_loader(const char *path) {
  const char *base = base_of(path);
  return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld-musl", 7) == 0 || strncmp(base, "ld.so", 5) == 0 ||
         (strncmp(base, "ld-", 3) == 0 && strstr(base, ".so") != NULL);
}

/* `ld-linux.so [OPTION...] FILE`: the file is a name to judge too, before the loader's own. */
static void unwrap_loader(struct facts *facts, int folder) {
  static const char *const WITH_VALUE[] = {"--library-path", "--inhibit-rpath", "--audit", "--preload", "--argv0",
                                           "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};
  const char *word = facts->argv.data;
  const char *end = word + facts->argv.length;
  size_t index = 0;
  for (; word < end; word += strlen(word) + 1, index++) {
    if (index == 0) continue;
    if (strncmp(word, "--", 2) != 0) break;
    for (size_t i = 0; i < sizeof WITH_VALUE / sizeof WITH_VALUE[0]; i++)
      if (strcmp(word, WITH_VALUE[i]) == 0 && word + strlen(word) + 1 < end) word += strlen(word) + 1;
  }
  if (word >= end || index == 0) return;
  struct name names[MAX_NAMES];
  size_t count = 0;
  struct image image;
  int fd = open_program(facts->tid, folder, word, names, &count);
  if (fd < 0) {
    for (size_t i = 0; i < count; i++) free(names[i].path);
    /* Found by the loader in its own folders, perhaps: its name is judged all the same. */
    names[0] = (struct name){joined(folder, word), true};
    count = 1;
  } else {
    read_image(fd, &image);
    facts->any_writable |= image.writable || image.kind != IMAGE_FILE;
    close(fd);
  }
  size_t room = MAX_NAMES - facts->name_count;
  for (size_t i = room; i < count; i++) free(names[i].path);
  if (count > room) count = room;
  memmove(facts->names + count, facts->names, facts->name_count * sizeof facts->names[0]);
  memcpy(facts->names, names, count * sizeof names[0]);
  facts->name_count += count;
}

static uint64_t hash_of(const void *data, size_t length) {
  struct hash hash;
  hash_start(&hash);
  hash_add(&hash, data, length);
  return hash_end(&hash);
}

static void hash_text(struct hash *hash, const char *text) { hash_add(hash, text, strlen(text) + 1); }

static void hash_facts(struct facts *facts) {
  struct hash hash;
  hash_start(&hash);
  for (size_t i = 0; i < facts->name_count; i++) hash_text(&hash, facts->names[i].path);
  hash_text(&hash, facts->cwd);
  hash_add(&hash, &facts->argv_hash, sizeof facts->argv_hash);
  hash_add(&hash, facts->argv.data, facts->argv.length);
  hash_add(&hash, &facts->image.device, sizeof facts->image.device);
  hash_add(&hash, &facts->image.inode, sizeof facts->image.inode);
  hash_add(&hash, &facts->loaded.device, sizeof facts->loaded.device);
  hash_add(&hash, &facts->loaded.inode, sizeof facts->loaded.inode);
  facts->hash = hash_end(&hash);
}

static int start_folder(const struct seccomp_notif *request, pid_t tid, bool at) {
  char path[64];
  int fd = at ? (int)request->data.args[0] : AT_FDCWD;
  if (fd == AT_FDCWD) snprintf(path, sizeof path, "/proc/%d/cwd", tid);
  else snprintf(path, sizeof path, "/proc/%d/fd/%d", tid, fd);
  int folder = open_file(path, O_PATH);
  return folder < 0 ? -(fd == AT_FDCWD ? errno : EBADF) : folder;
}

/* What the kernel calls the file when it was given as a descriptor: an interpreter finds it under this name. */
static void script_name(const struct seccomp_notif *request, bool at, const char *path, char *out, size_t size) {
  int fd = at ? (int)request->data.args[0] : AT_FDCWD;
  if (path[0] == '/' || fd == AT_FDCWD) snprintf(out, size, "%s", path);
  else if (path[0] == '\0') snprintf(out, size, "/dev/fd/%d", fd);
  else snprintf(out, size, "/dev/fd/%d/%s", fd, path);
}

static int read_program(struct facts *facts, const struct seccomp_notif *request, bool at, int folder,
                        const char *path) {
  int flags = at ? (int)request->data.args[4] : 0;
  int file;
  if (path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0) {
    file = fcntl(folder, F_DUPFD_CLOEXEC, 3);
    if (file < 0) return errno;
    char *own = path_of(file);
    facts->names[facts->name_count++] = (struct name){own, folder_is_writable(own) || is_writable(file)};
  } else {
    file = open_program(facts->tid, folder, path, facts->names, &facts->name_count);
    if (file < 0) return -file;
    if ((flags & AT_SYMLINK_NOFOLLOW) != 0 && facts->name_count > 1) {
      close(file);
      return ELOOP;
    }
  }
  int error = check_file(file);
  if (error == 0) {
    facts->file = facts->names[facts->name_count - 1].path;
    read_image(file, &facts->image);
    struct buffer expected = {0};
    char script[PATH_MAX + 32];
    script_name(request, at, path, script, sizeof script);
    buffer_add(&expected, facts->argv.data, facts->argv.length);
    /* The kernel gives a program without arguments one that is empty. */
    if (facts->argc == 0) buffer_add(&expected, "", 1);
    error = follow_scripts(facts, file, script, &expected);
    facts->argv_hash = hash_of(expected.data, expected.length);
    buffer_free(&expected);
    if (is_loader(facts->file)) unwrap_loader(facts, folder);
  }
  close(file);
  return error;
}

static void open_root(const struct plan *plan, pid_t tid) {
  char path[64];
  if (root_fd >= 0) return;
  the_plan = plan;
  snprintf(path, sizeof path, "/proc/%d/root", tid);
  root_fd = open_file(path, O_PATH | O_DIRECTORY);
  if (root_fd < 0) fail("cannot look into the sandbox");
}

static bool read_cwd(struct facts *facts) {
  char path[64], cwd[PATH_MAX + 64];
  snprintf(path, sizeof path, "/proc/%d/cwd", facts->tid);
  ssize_t length = readlink(path, cwd, sizeof cwd - 1);
  if (length < 0) return false;
  cwd[length] = '\0';
  facts->cwd = strdup(cwd);
  return facts->cwd != NULL;
}

int facts_read(struct facts *facts, const struct seccomp_notif *request, const struct plan *plan) {
  bool at = request->data.nr == SYS_execveat;
  struct buffer path = {0};
  memset(facts, 0, sizeof *facts);
  facts->tid = (pid_t)request->pid;
  open_root(plan, facts->tid);
  int error = read_string(facts->tid, request->data.args[at ? 1 : 0], PATH_MAX, &path);
  if (error == 0) error = read_argv(facts, request->data.args[at ? 2 : 1]);
  int folder = error == 0 ? start_folder(request, facts->tid, at) : -error;
  if (folder < 0) error = -folder;
  if (error == 0 && !read_cwd(facts)) error = EACCES;
  if (error == 0) error = read_program(facts, request, at, folder, path.data);
  if (folder >= 0) close(folder);
  if (error == 0) hash_facts(facts);
  buffer_free(&path);
  return error;
}

void facts_free(struct facts *facts) {
  for (size_t i = 0; i < facts->name_count; i++) free(facts->names[i].path);
  for (size_t i = 0; i < MAX_INTERPRETERS; i++) {
    struct interpreter *one = &facts->interpreters[i];
    for (size_t k = 0; k < one->name_count; k++) free(one->names[k].path);
    free(one->written);
    free(one->argument);
  }
  buffer_free(&facts->argv);
  free(facts->cwd);
  memset(facts, 0, sizeof *facts);
}

static void json_names(struct buffer *out, const char *key, const struct name *names, size_t count) {
  buffer_text(out, ",\"");
  buffer_text(out, key);
  buffer_text(out, "\":[");
  for (size_t i = 0; i < count; i++) {
    buffer_text(out, i == 0 ? "{\"path\":" : ",{\"path\":");
    json_string(out, names[i].path, strlen(names[i].path));
    buffer_text(out, names[i].writable ? ",\"writable\":true}" : ",\"writable\":false}");
  }
  buffer_text(out, "]");
}

static void json_interpreters(struct buffer *out, const struct facts *facts) {
  buffer_text(out, ",\"interpreters\":[");
  for (size_t i = 0; i < facts->interpreter_count; i++) {
    const struct interpreter *one = &facts->interpreters[i];
    const struct name *file = &one->names[one->name_count - 1];
    buffer_text(out, i == 0 ? "{\"path\":" : ",{\"path\":");
    json_string(out, file->path, strlen(file->path));
    buffer_text(out, file->writable ? ",\"writable\":true" : ",\"writable\":false");
    json_text(out, "written", one->written);
    if (one->argument != NULL) json_text(out, "argument", one->argument);
    json_names(out, "names", one->names, one->name_count);
    buffer_text(out, "}");
  }
  buffer_text(out, "]");
}

static void json_argv(struct buffer *out, const struct facts *facts, size_t limit) {
  const char *word = facts->argv.data;
  const char *end = word + facts->argv.length;
  bool cut = false;
  buffer_text(out, ",\"argv\":[");
  for (bool first = true; word < end; first = false) {
    size_t length = strlen(word);
    cut = (size_t)(word + length - facts->argv.data) > limit;
    if (cut) break;
    if (!first) buffer_text(out, ",");
    json_string(out, word, length);
    word += length + 1;
  }
  buffer_text(out, cut ? "],\"truncated\":true" : "],\"truncated\":false");
}

void facts_json_short(struct buffer *out, const struct facts *facts, size_t argv_limit) {
  json_number(out, "pid", (uint64_t)facts->tid);
  json_text(out, "file", facts->file);
  json_text(out, "cwd", facts->cwd);
  json_argv(out, facts, argv_limit);
}

void facts_json(struct buffer *out, const struct facts *facts, size_t argv_limit) {
  static const char *const KINDS[] = {"file", "memfd", "deleted"};
  facts_json_short(out, facts, argv_limit);
  json_names(out, "names", facts->names, facts->name_count);
  json_interpreters(out, facts);
  buffer_text(out, ",\"image\":{");
  json_text(out, "kind", KINDS[facts->image.kind]);
  json_number(out, "device", facts->image.device);
  json_number(out, "inode", facts->image.inode);
  json_number(out, "size", (uint64_t)facts->image.size);
  buffer_text(out, "}");
}

bool facts_match_loaded(const struct facts *facts, pid_t pid) {
  char path[64], chunk[8192];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (stat(path, &status) != 0) return false;
  if (status.st_dev != facts->loaded.device || status.st_ino != facts->loaded.inode) return false;
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  int fd = open_file(path, O_RDONLY);
  if (fd < 0) return false;
  struct hash hash;
  hash_start(&hash);
  ssize_t length;
  do {
    length = read(fd, chunk, sizeof chunk);
    if (length > 0) hash_add(&hash, chunk, (size_t)length);
  } while (length == (ssize_t)sizeof chunk);
  close(fd);
  return length >= 0 && hash_end(&hash) == facts->argv_hash;
}

static bool opens_same_file(const struct facts *facts, const char *path, dev_t device, ino_t inode) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  struct stat status;
  (void)facts;
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
  bool same = fd >= 0 && fstat(fd, &status) == 0 && status.st_dev == device && status.st_ino == inode;
  if (fd >= 0) close(fd);
  return same;
}

const char *facts_refuse_outside(const struct facts *facts) {
  struct stat inside, outside;
  char path[64];
  if (facts->image.kind != IMAGE_FILE) return "it has no name in any directory";
  if (facts->any_writable) return "the sandbox can write the program";
  if (facts->foreign_format) return "it is neither a native program nor a script";
  if (facts->names[facts->name_count - 1].writable) return "the sandbox can write the directory of the program";
  for (size_t i = 0; i < facts->interpreter_count; i++)
    for (size_t k = 0; k < facts->interpreters[i].name_count; k++)
      if (facts->interpreters[i].names[k].writable) return "the sandbox can write the directory of the interpreter";
  if (is_loader(facts->file)) return "a loader runs whatever file it is given";
  if (!opens_same_file(facts, facts->file, facts->image.device, facts->image.inode))
    return "the path is another file outside";
  const struct interpreter *last =
      facts->interpreter_count == 0 ? NULL : &facts->interpreters[facts->interpreter_count - 1];
  if (last != NULL && !opens_same_file(facts, last->names[last->name_count - 1].path, facts->loaded.device,
                                       facts->loaded.inode))
    return "the interpreter is another file outside";
  snprintf(path, sizeof path, "/proc/%d/cwd", facts->tid);
  if (stat(path, &inside) != 0 || stat(facts->cwd, &outside) != 0 || inside.st_dev != outside.st_dev ||
      inside.st_ino != outside.st_ino)
    return "the working directory is another one outside";
  return NULL;
}
