/*
 * Holds what bubblewrap mounted to its command line. It looks up paths again that commands of the same workspace may
 * exchange for links meanwhile: before anything runs, each mount must be found at its place, and what is mounted on a
 * name of a writable directory must be what that directory has under this name.
 */
#include "warden.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mount {
  unsigned id, parent;
  const char *device;
  const char *root; /* within its file system */
  const char *point;
  bool read_only;
};

/* One thing that bubblewrap was told to mount; `source` is NULL when it is not a directory or file of the host. */
struct wish {
  const char *source;
  const char *point;
  bool read_only;
};

static struct mount *mounts;
static size_t mount_count;

/* Blank, tab, line end and backslash are written as three octal digits. */
static char *unescape(char *text) {
  char *to = text;
  for (char *at = text; *at != '\0'; at++) {
    if (at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] != '\0' && at[3] != '\0') {
      *to++ = (char)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
      at += 3;
    } else *to++ = *at;
  }
  *to = '\0';
  return text;
}

static bool read_all(const char *path, struct buffer *text) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char chunk[16384];
  ssize_t got;
  while ((got = read(fd, chunk, sizeof chunk)) > 0) buffer_add(text, chunk, (size_t)got);
  close(fd);
  buffer_add(text, "", 1);
  return got == 0;
}

static bool parse_line(char *line, struct mount *mount) {
  char *save = NULL, *word[6];
  for (int i = 0; i < 6; i++)
    if ((word[i] = strtok_r(i == 0 ? line : NULL, " ", &save)) == NULL) return false;
  mount->id = (unsigned)strtoul(word[0], NULL, 10);
  mount->parent = (unsigned)strtoul(word[1], NULL, 10);
  mount->device = word[2];
  mount->root = unescape(word[3]);
  mount->point = unescape(word[4]);
  mount->read_only = strncmp(word[5], "ro", 2) == 0 && (word[5][2] == ',' || word[5][2] == '\0');
  return true;
}

static bool read_mounts(void) {
  struct buffer text = {0};
  if (!read_all("/proc/self/mountinfo", &text)) return false;
  size_t lines = 1;
  for (const char *at = text.data; *at != '\0'; at++) lines += *at == '\n';
  mounts = allocate(lines * sizeof *mounts);
  char *save = NULL;
  for (char *line = strtok_r(text.data, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
    if (parse_line(line, &mounts[mount_count])) mount_count++;
  return mount_count > 0;
}

static const struct mount *by_id(unsigned id) {
  for (size_t i = 0; i < mount_count; i++)
    if (mounts[i].id == id) return &mounts[i];
  return NULL;
}

/* What the command would meet there, without any link on the way; NULL when nothing is mounted on this very place. */
static const struct mount *mounted_on(const char *point) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  int fd = (int)syscall(SYS_openat2, AT_FDCWD, point, &how, sizeof how);
  if (fd < 0) return NULL;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  struct buffer text = {0};
  bool known = read_all(path, &text);
  close(fd);
  const char *id = known ? strstr(text.data, "mnt_id:") : NULL;
  const struct mount *mount = id == NULL ? NULL : by_id((unsigned)strtoul(id + strlen("mnt_id:"), NULL, 10));
  buffer_free(&text);
  return mount != NULL && strcmp(mount->point, point) == 0 ? mount : NULL;
}

/* The part of `path` below `folder`, with its slash; NULL when it is not in it. */
static const char *below(const char *folder, const char *path) {
  size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
  if (strncmp(folder, path, length) != 0) return NULL;
  return path[length] == '\0' || path[length] == '/' ? path + length : NULL;
}

/* The next thing to mount from `*at` on. */
static bool next_wish(const struct plan *plan, size_t *at, struct wish *wish) {
  for (; *at + 2 < plan->bwrap_count; ++*at) {
    const char *word = plan->bwrap[*at];
    bool read_only = strcmp(word, "--ro-bind") == 0;
    if (read_only || strcmp(word, "--bind") == 0) {
      *wish = (struct wish){plan->bwrap[*at + 1], plan->bwrap[*at + 2], read_only};
      *at += 3;
      return true;
    }
    if (strcmp(word, "--tmpfs") == 0) {
      *wish = (struct wish){NULL, plan->bwrap[*at + 1], false};
      *at += 2;
      return true;
    }
  }
  return false;
}

/* A directory of the host, at its own path: what lies below it has the same name on both sides. */
static bool shows_host(const struct plan *plan, const char *point) {
  struct wish wish, innermost = {0};
  for (size_t at = 1; next_wish(plan, &at, &wish);)
    if (below(wish.point, point) != NULL &&
        (innermost.point == NULL || strlen(wish.point) >= strlen(innermost.point)))
      innermost = wish;
  return innermost.source != NULL && strcmp(innermost.source, innermost.point) == 0;
}

static bool is_of_its_name(const struct plan *plan, const struct mount *mount) {
  const struct mount *around = by_id(mount->parent);
  if (around == NULL || !shows_host(plan, around->point)) return true;
  const char *rest = below(around->point, mount->point);
  const char *root = strcmp(around->root, "/") == 0 ? "" : around->root;
  size_t length = strlen(root);
  if (rest == NULL || strcmp(mount->device, around->device) != 0) return false;
  /* The root of a file system is called `/`, all else as it is. */
  if (length == 0 && rest[0] == '\0') return strcmp(mount->root, "/") == 0;
  return strncmp(mount->root, root, length) == 0 && strcmp(mount->root + length, rest) == 0;
}

const char *mounts_differ(const struct plan *plan) {
  if (plan->bwrap == NULL) return NULL;
  if (!read_mounts()) return "/proc";
  struct wish wish;
  for (size_t at = 1; next_wish(plan, &at, &wish);) {
    const struct mount *mount = mounted_on(wish.point);
    if (mount == NULL || (wish.read_only && !mount->read_only)) return wish.point;
    bool named = wish.source != NULL && strcmp(wish.source, wish.point) == 0;
    if (named && !is_of_its_name(plan, mount)) return wish.point;
  }
  return NULL;
}
