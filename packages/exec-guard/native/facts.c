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
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* What the kernel takes of one argument, and of all of them together. */
#define MAX_ARGUMENT (128 * 1024)
#define MAX_ARGUMENTS (6 * 1024 * 1024)
#define STRINGS_AT_ONCE 32
#define BEGINNING 256
/* What stays allocated for the next. */
#define ARGV_KEPT 4096
struct beginning {
  size_t size;
  char text[BEGINNING];
};

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

/* Reads the beginnings of some strings in one call, and returns of how many it could. */
static size_t read_beginnings(pid_t pid, const uint64_t *addresses, size_t count, struct beginning *into) {
  struct iovec local[STRINGS_AT_ONCE], remote[STRINGS_AT_ONCE];
  if (count == 0) return 0;
  for (size_t i = 0; i < count; i++) {
    size_t page = 4096 - (addresses[i] & 4095);
    into[i].size = page < sizeof into[i].text ? page : sizeof into[i].text;
    local[i] = (struct iovec){into[i].text, into[i].size};
    remote[i] = (struct iovec){(void *)(uintptr_t)addresses[i], into[i].size};
  }
  ssize_t got = process_vm_readv(pid, local, count, remote, count, 0);
  size_t whole = 0;
  for (; whole < count && got >= (ssize_t)into[whole].size; whole++) got -= (ssize_t)into[whole].size;
  return whole;
}

static int read_strings(struct facts *facts, const uint64_t *addresses, size_t count) {
  struct beginning beginnings[STRINGS_AT_ONCE];
  size_t known = read_beginnings(facts->tid, addresses, count, beginnings);
  for (size_t i = 0; i < count; i++, facts->argc++) {
    size_t length = i < known ? strnlen(beginnings[i].text, beginnings[i].size) : SIZE_MAX;
    if (i < known && length < beginnings[i].size) buffer_add(&facts->argv, beginnings[i].text, length + 1);
    else {
      int error = read_string(facts->tid, addresses[i], MAX_ARGUMENT, &facts->argv);
      if (error != 0) return error;
    }
    if (facts->argv.length > MAX_ARGUMENTS) return E2BIG;
  }
  return 0;
}

static int read_argv(struct facts *facts, uint64_t address) {
  uint64_t pointers[STRINGS_AT_ONCE];
  if (address == 0) return 0;
  for (;;) {
    size_t count = (4096 - (address & 4095)) / 8, strings = 0;
    if (count > STRINGS_AT_ONCE) count = STRINGS_AT_ONCE;
    if (count == 0) return EFAULT;
    if (!read_memory(facts->tid, address, pointers, count * 8)) return EFAULT;
    while (strings < count && pointers[strings] != 0) strings++;
    int error = read_strings(facts, pointers, strings);
    if (error != 0 || strings < count) return error;
    address += count * 8;
  }
}

static char *beside(const char *folder, const char *path) {
  size_t size = strlen(folder) + strlen(path) + 2;
  char *joined = allocate(size);
  if (path[0] == '/') snprintf(joined, size, "%s", path);
  else snprintf(joined, size, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
  return joined;
}

/* `ld-linux.so [OPTION...] FILE`: the file is a name to judge too, before the loader's own. */
static void unwrap_loader(struct facts *facts) {
  static const char *const WITH_VALUE[] = {"--library-path", "--inhibit-rpath", "--audit", "--preload", "--argv0",
                                           "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask"};
  struct executable *loader = facts->program;
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
  bool settled = false;
  int fd = open_names(facts->tid, -1, word, names, &count, &settled);
  if (fd < 0) {
    for (size_t i = 0; i < count; i++) free(names[i].path);
    /* Found by the loader in its own folders, perhaps: its name is judged all the same. */
    names[0] = (struct name){beside(facts->cwd, word), true};
    count = 1;
  } else {
    struct stat status;
    loader->any_writable |= is_writable(fd) || fstat(fd, &status) != 0 || status.st_nlink == 0;
    close(fd);
  }
  size_t room = MAX_NAMES - loader->name_count;
  for (size_t i = room; i < count; i++) free(names[i].path);
  if (count > room) count = room;
  memmove(loader->names + count, loader->names, loader->name_count * sizeof loader->names[0]);
  memcpy(loader->names, names, count * sizeof names[0]);
  loader->name_count += count;
}

static void hash_text(struct hash *hash, const char *text) { hash_add(hash, text, strlen(text) + 1); }

static void hash_facts(struct facts *facts) {
  const struct executable *program = facts->program;
  struct hash hash;
  hash_start(&hash);
  for (size_t i = 0; i < program->name_count; i++) hash_text(&hash, program->names[i].path);
  hash_text(&hash, facts->cwd);
  hash_add(&hash, &facts->argv_hash, sizeof facts->argv_hash);
  hash_add(&hash, facts->argv.data, facts->argv.length);
  hash_add(&hash, &program->image.device, sizeof program->image.device);
  hash_add(&hash, &program->image.inode, sizeof program->image.inode);
  hash_add(&hash, &program->loaded.device, sizeof program->loaded.device);
  hash_add(&hash, &program->loaded.inode, sizeof program->loaded.inode);
  facts->hash = hash_end(&hash);
}

/* What the kernel calls the file when it was given as a descriptor: an interpreter finds it under this name. */
static void script_name(int fd, const char *path, char *out, size_t size) {
  if (path[0] == '/' || fd == AT_FDCWD) snprintf(out, size, "%s", path);
  else if (path[0] == '\0') snprintf(out, size, "/dev/fd/%d", fd);
  else snprintf(out, size, "/dev/fd/%d/%s", fd, path);
}

/* The arguments that the kernel will give: of a script, its interpreters' words and its own path before the rest. */
static void predict_argv(struct facts *facts, int fd, const char *path) {
  const struct executable *program = facts->program;
  const char *own = facts->argv.data;
  size_t length = facts->argv.length;
  char script[PATH_MAX + 32];
  struct hash hash;
  hash_start(&hash);
  for (size_t i = program->interpreter_count; i-- > 0;) {
    hash_text(&hash, program->interpreters[i].written);
    if (program->interpreters[i].argument != NULL) hash_text(&hash, program->interpreters[i].argument);
  }
  if (program->interpreter_count > 0) {
    script_name(fd, path, script, sizeof script);
    hash_text(&hash, script);
    size_t first = facts->argc == 0 ? 0 : strlen(own) + 1;
    own += first;
    length -= first;
  } else if (facts->argc == 0) hash_text(&hash, "");
  hash_add(&hash, own, length);
  facts->argv_hash = hash_end(&hash);
}

/* Where a path begins that starts from a descriptor. -1: the path says where itself; less: a negative errno. */
static int start_folder(pid_t tid, int number, const char *path) {
  char link[64];
  if (path[0] == '/' || number == AT_FDCWD) return -1;
  snprintf(link, sizeof link, "/proc/%d/fd/%d", tid, number);
  int folder = open_file(link, O_PATH);
  return folder < 0 ? -EBADF : folder;
}

static int read_program(struct facts *facts, int number, int flags, const char *path) {
  if (path[0] == '\0' && (flags & AT_EMPTY_PATH) == 0) return ENOENT;
  /* The working directory itself. */
  if (path[0] == '\0' && number == AT_FDCWD) return EACCES;
  int folder = start_folder(facts->tid, number, path);
  if (folder < -1) return -folder;
  int error = executable_open(facts->tid, folder, path, &facts->program);
  if (folder >= 0) close(folder);
  if (error == 0 && (flags & AT_SYMLINK_NOFOLLOW) != 0 && facts->program->name_count > 1) error = ELOOP;
  return error;
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

/* Of the last program that was freed: most wait alone. */
static struct buffer spare_argv;

int facts_read(struct facts *facts, const struct seccomp_notif *request, const struct plan *plan) {
  const uint64_t *args = (const uint64_t *)request->data.args;
  bool at = request->data.nr == SYS_execveat;
  int number = at ? (int)args[0] : AT_FDCWD;
  static struct buffer path;
  path.length = 0;
  memset(facts, 0, sizeof *facts);
  facts->argv = spare_argv;
  spare_argv = (struct buffer){0};
  facts->tid = (pid_t)request->pid;
  names_root(plan, facts->tid);
  int error = read_string(facts->tid, args[at ? 1 : 0], PATH_MAX, &path);
  if (error == 0) error = read_program(facts, number, at ? (int)args[4] : 0, path.data);
  if (error == 0) error = read_argv(facts, args[at ? 2 : 1]);
  if (error == 0 && !read_cwd(facts)) error = EACCES;
  if (error == 0) {
    facts->file = executable_file(facts->program);
    predict_argv(facts, number, path.data);
    if (is_loader(facts->file)) unwrap_loader(facts);
    hash_facts(facts);
  }
  return error;
}

void facts_free(struct facts *facts) {
  executable_release(facts->program);
  buffer_free(&spare_argv);
  if (facts->argv.capacity > ARGV_KEPT) buffer_free(&facts->argv);
  spare_argv = facts->argv;
  spare_argv.length = 0;
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
  for (size_t i = 0; i < facts->program->interpreter_count; i++) {
    const struct interpreter *one = &facts->program->interpreters[i];
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
  json_names(out, "names", facts->program->names, facts->program->name_count);
  json_interpreters(out, facts);
  buffer_text(out, ",\"image\":{");
  json_text(out, "kind", KINDS[facts->program->image.kind]);
  json_number(out, "device", facts->program->image.device);
  json_number(out, "inode", facts->program->image.inode);
  json_number(out, "size", (uint64_t)facts->program->image.size);
  buffer_text(out, "}");
}

bool facts_match_loaded(const struct facts *facts, pid_t pid) {
  char path[64], chunk[8192];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  if (stat(path, &status) != 0) return false;
  if (status.st_dev != facts->program->loaded.device || status.st_ino != facts->program->loaded.inode) return false;
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
  if (facts->program->image.kind != IMAGE_FILE) return "it has no name in any directory";
  if (facts->program->any_writable) return "the sandbox can write the program";
  if (facts->program->foreign_format) return "it is neither a native program nor a script";
  if (facts->program->names[facts->program->name_count - 1].writable) return "the sandbox can write the directory of the program";
  for (size_t i = 0; i < facts->program->interpreter_count; i++)
    for (size_t k = 0; k < facts->program->interpreters[i].name_count; k++)
      if (facts->program->interpreters[i].names[k].writable) return "the sandbox can write the directory of the interpreter";
  if (is_loader(facts->file)) return "a loader runs whatever file it is given";
  if (!opens_same_file(facts, facts->file, facts->program->image.device, facts->program->image.inode))
    return "the path is another file outside";
  const struct interpreter *last =
      facts->program->interpreter_count == 0 ? NULL : &facts->program->interpreters[facts->program->interpreter_count - 1];
  if (last != NULL && !opens_same_file(facts, last->names[last->name_count - 1].path, facts->program->loaded.device,
                                       facts->program->loaded.inode))
    return "the interpreter is another file outside";
  snprintf(path, sizeof path, "/proc/%d/cwd", facts->tid);
  if (stat(path, &inside) != 0 || stat(facts->cwd, &outside) != 0 || inside.st_dev != outside.st_dev ||
      inside.st_ino != outside.st_ino)
    return "the working directory is another one outside";
  return NULL;
}
