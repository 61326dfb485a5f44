/*
 * What the kernel loads for a path: the file, and for a script its interpreters. A program that nothing inside can
 * change is found once and kept by its path; as long as each of its files is the same one, so are its names.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define HEAD_BYTES 256
#define KNOWN 128

static void read_image(int fd, struct image *image) {
  struct stat status;
  memset(image, 0, sizeof *image);
  if (fstat(fd, &status) != 0) return;
  image->device = status.st_dev;
  image->inode = status.st_ino;
  image->size = status.st_size;
  image->changed = status.st_ctim;
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

const char *base_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash == NULL ? path : slash + 1;
}

bool is_loader(const char *path) {
  const char *base = base_of(path);
  return strncmp(base, "ld-linux", 8) == 0 || strncmp(base, "ld-musl", 7) == 0 || strncmp(base, "ld.so", 5) == 0 ||
         (strncmp(base, "ld-", 3) == 0 && strstr(base, ".so") != NULL);
}

const char *executable_file(const struct executable *program) { return program->names[program->name_count - 1].path; }

static void free_names(struct name *names, size_t count) {
  for (size_t i = 0; i < count; i++) free(names[i].path);
}

void executable_release(struct executable *program) {
  if (program == NULL || --program->users > 0) return;
  free_names(program->names, program->name_count);
  for (size_t i = 0; i < MAX_INTERPRETERS; i++) {
    struct interpreter *one = &program->interpreters[i];
    free_names(one->names, one->name_count);
    free(one->written);
    free(one->argument);
  }
  free(program->asked);
  free(program);
}

/* Opens the interpreter that a script's first line names, and remembers it. */
static int open_interpreter(struct executable *program, pid_t tid, char *written, const char *argument, bool *settled) {
  if (program->interpreter_count == MAX_INTERPRETERS) return -ELOOP;
  struct interpreter *one = &program->interpreters[program->interpreter_count];
  one->written = strdup(written);
  one->argument = argument == NULL ? NULL : strdup(argument);
  int fd = open_names(tid, -1, written, one->names, &one->name_count, settled);
  if (one->name_count > 0) program->interpreter_count++;
  if (fd >= 0) read_image(fd, &one->image);
  return fd;
}

/* Follows `#!` from the open file to what the kernel loads, and closes it. */
static int follow_scripts(struct executable *program, pid_t tid, int file, bool *settled) {
  char head[HEAD_BYTES + 1];
  read_image(file, &program->image);
  program->loaded = program->image;
  for (;;) {
    char *interpreter, *argument;
    int error = check_file(file);
    ssize_t length = error == 0 ? read_head(file, head) : 0;
    close(file);
    if (error != 0) return error;
    program->any_writable |= program->loaded.writable || program->loaded.kind != IMAGE_FILE;
    if (!parse_shebang(head, length, &interpreter, &argument)) {
      program->foreign_format = length < 4 || memcmp(head, "\177ELF", 4) != 0;
      return 0;
    }
    file = open_interpreter(program, tid, interpreter, argument, settled);
    if (file < 0) return -file;
    program->loaded = program->interpreters[program->interpreter_count - 1].image;
  }
}

/* The open file itself, without a path. */
static int open_itself(struct executable *program, int folder) {
  int file = fcntl(folder, F_DUPFD_CLOEXEC, 3);
  if (file < 0) return -errno;
  char *own = path_of(file);
  program->names[program->name_count++] = (struct name){own, folder_is_writable(own) || is_writable(file)};
  return file;
}

/* ---- programs that nothing inside can change ---- */

static struct executable *known[KNOWN];

static struct executable **place_of(const char *path) { return &known[hash_of(path, strlen(path)) % KNOWN]; }

/* The machine's own administrator may have put another file there. */
static bool is_current(const struct executable *program) {
  bool current = still_leads_to(program->asked, &program->image);
  for (size_t i = 0; current && i < program->interpreter_count; i++)
    current = still_leads_to(program->interpreters[i].written, &program->interpreters[i].image);
  return current;
}

static void keep(struct executable *program, const char *path) {
  struct executable **place = place_of(path);
  program->asked = strdup(path);
  if (program->asked == NULL) return;
  executable_release(*place);
  *place = program;
  program->users++;
}

static struct executable *find_known(const char *path) {
  struct executable *program = *place_of(path);
  if (program == NULL || strcmp(program->asked, path) != 0 || !is_current(program)) return NULL;
  program->users++;
  return program;
}

int executable_open(pid_t tid, int folder, const char *path, struct executable **found) {
  *found = find_known(path);
  if (*found != NULL) return 0;
  struct executable *program = allocate(sizeof *program);
  program->users = 1;
  bool settled = path[0] == '/';
  int file = path[0] == '\0' ? open_itself(program, folder)
                             : open_names(tid, folder, path, program->names, &program->name_count, &settled);
  int error = file < 0 ? -file : follow_scripts(program, tid, file, &settled);
  if (error != 0) {
    executable_release(program);
    return error;
  }
  /* What a loader loads is among its names, and another file each time. */
  if (settled && !program->any_writable && !is_loader(executable_file(program))) keep(program, path);
  *found = program;
  return 0;
}
