/*
 * The command line, and its way to process 1 of the sandbox: through a memory file, so that neither the length of an
 * argument list nor an environment variable can reach the program that sets the sandbox up.
 */
#include "warden.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
  const char *name;
  int resource;
} RLIMITS[] = {
    {"as", RLIMIT_AS},       {"nproc", RLIMIT_NPROC}, {"nofile", RLIMIT_NOFILE},
    {"fsize", RLIMIT_FSIZE}, {"cpu", RLIMIT_CPU},     {"core", RLIMIT_CORE},
};

static uint64_t number_of(const char *text, uint64_t most) {
  char *end = NULL;
  if (text[0] < '0' || text[0] > '9') fail("not a number: %.40s", text);
  unsigned long long value = strtoull(text, &end, 10);
  if (*end != '\0' || value > most) fail("not a number up to %llu: %.40s", (unsigned long long)most, text);
  return value;
}

static void add_rlimit(struct plan *plan, const char *text) {
  const char *equals = strchr(text, '=');
  if (equals == NULL || plan->rlimit_count == MAX_RLIMITS) fail("--rlimit NAME=NUMBER, at most %d", MAX_RLIMITS);
  for (size_t i = 0; i < sizeof RLIMITS / sizeof RLIMITS[0]; i++) {
    size_t length = strlen(RLIMITS[i].name);
    if (length != (size_t)(equals - text) || memcmp(text, RLIMITS[i].name, length) != 0) continue;
    plan->rlimits[plan->rlimit_count++] =
        (struct rlimit_option){RLIMITS[i].resource, number_of(equals + 1, UINT64_MAX - 1)};
    return;
  }
  fail("unknown limit: %.40s", text);
}

static char *absolute(char *path) {
  if (path[0] != '/') fail("not absolute: %.400s", path);
  return path;
}

static void add_path(const char **list, size_t *count, char *path) {
  if (*count == MAX_PATHS) fail("at most %d paths of one kind", MAX_PATHS);
  list[(*count)++] = absolute(path);
}

static void take_bwrap(struct plan *plan, char **words, size_t left, size_t count) {
  if (count == 0 || count > left) fail("--bwrap COUNT PROGRAM ARG...: %zu words are not there", count);
  plan->bwrap = words;
  plan->bwrap_count = count;
  for (size_t i = 1; i < count; i++) {
    if (strcmp(words[i], "--unshare-net") == 0 || strcmp(words[i], "--unshare-all") == 0) plan->own_network = true;
    if (strcmp(words[i], "--chdir") == 0) plan->enters_folder = true;
  }
}

void plan_parse(struct plan *plan, char **argv) {
  plan->link = -1;
  for (; *argv != NULL && strcmp(*argv, "--") != 0; argv++) {
    const char *option = *argv;
    if (strcmp(option, "--no-exec-from-writable") == 0) {
      plan->no_exec_from_writable = true;
      continue;
    }
    char *value = *++argv;
    if (value == NULL) fail("%s: no value, or no `--` before the command", option);
    if (strcmp(option, "--link") == 0) plan->link = (int)number_of(value, 1 << 20);
    else if (strcmp(option, "--cwd") == 0) plan->cwd = absolute(value);
    else if (strcmp(option, "--read") == 0) add_path(plan->read, &plan->reads, value);
    else if (strcmp(option, "--write") == 0) add_path(plan->write, &plan->writes, value);
    else if (strcmp(option, "--rlimit") == 0) add_rlimit(plan, value);
    else if (strcmp(option, "--listen") == 0) plan->listen_port = (int)number_of(value, 65535);
    else if (strcmp(option, "--bwrap") == 0) {
      size_t left = 0;
      while (argv[1 + left] != NULL) left++;
      take_bwrap(plan, argv + 1, left, number_of(value, INT_MAX));
      argv += plan->bwrap_count;
    } else fail("unknown option: %.40s", option);
  }
  if (*argv == NULL || argv[1] == NULL || argv[2] == NULL) fail("-- PATH ARGV0 [ARG...] is missing");
  if (plan->link < 3) fail("--link FD is missing");
  if (plan->cwd == NULL) fail("--cwd PATH is missing");
  plan->command = argv + 1;
}

static void write_all(int fd, const char *data, size_t length) {
  while (length > 0) {
    ssize_t written = write(fd, data, length);
    if (written <= 0) fail("cannot hand over the command");
    data += written;
    length -= (size_t)written;
  }
}

static void add_list(struct buffer *out, char **list) {
  size_t count = 0;
  while (list[count] != NULL) count++;
  buffer_number(out, count);
  buffer_add(out, "", 1);
  for (size_t i = 0; i < count; i++) buffer_add(out, list[i], strlen(list[i]) + 1);
}

int plan_to_memory(const struct plan *plan, char **argv) {
  int fd = memfd_create("plan", 0);
  if (fd < 0) fail("no memory file");
  struct buffer out = {0};
  buffer_add(&out, plan->ignore_hangup ? "1" : "0", 2);
  add_list(&out, argv);
  add_list(&out, plan->environment);
  write_all(fd, out.data, out.length);
  buffer_free(&out);
  return fd;
}

static char *next_word(char **at) {
  char *word = *at;
  *at += strlen(word) + 1;
  return word;
}

static char **next_list(char **at) {
  size_t count = number_of(next_word(at), INT_MAX);
  char **list = allocate((count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++) list[i] = next_word(at);
  return list;
}

void plan_from_memory(struct plan *plan, int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size <= 0) fail("no plan");
  char *text = mmap(NULL, (size_t)status.st_size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (text == MAP_FAILED) fail("no memory for the plan");
  plan->ignore_hangup = next_word(&text)[0] == '1';
  char **argv = next_list(&text);
  plan->environment = next_list(&text);
  plan_parse(plan, argv);
}
