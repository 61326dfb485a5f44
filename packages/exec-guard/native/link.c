/*
 * The line to the daemon: JSON lines out, `VERB ID LENGTH\n` and LENGTH bytes in. Nothing here blocks: what cannot be
 * sent waits in a bounded buffer, and at the bound no further notification is taken from the kernel.
 */
#include "warden.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Notifications wait in the kernel while more than this is unsent. One message may still go over it. */
#define UNSENT_BOUND (4 * 1024 * 1024)
/* What nobody waits for is sent together: after so many bytes, or this long after the first of it. */
#define LATER_BYTES (16 * 1024)
#define LATER_MS 20
#define HEADER_BOUND 64
#define PAYLOAD_BOUND (4 * 1024 * 1024)

static int link_fd = -1;
static struct buffer unsent;
static size_t sent;
static bool blocked; /* the daemon does not read */
static struct timespec later_since;
static bool later;
static struct buffer received;

/* Until the daemon names the heads, every program is interesting. */
static bool all_heads = true;
static struct buffer head_text;
static char **heads;
static size_t head_count;

void link_open(int fd) {
  link_fd = fd;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

struct buffer *link_begin(void) { return &unsent; }

static bool send_some(void) {
  later = false;
  blocked = false;
  while (sent < unsent.length) {
    ssize_t written = send(link_fd, unsent.data + sent, unsent.length - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      blocked = errno == EAGAIN;
      return blocked;
    }
    sent += (size_t)written;
  }
  buffer_drop(&unsent, sent);
  sent = 0;
  return true;
}

void link_end(void) {
  buffer_text(&unsent, "\n");
  /* A daemon that is gone shows at the next read. */
  send_some();
}

void link_end_later(void) {
  buffer_text(&unsent, "\n");
  if (!later) clock_gettime(CLOCK_MONOTONIC, &later_since);
  later = true;
  if (!blocked && unsent.length - sent >= LATER_BYTES) send_some();
}

int link_timeout(void) {
  struct timespec now;
  if (!later || blocked) return -1;
  clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t gone = (int64_t)(now.tv_sec - later_since.tv_sec) * 1000 + (now.tv_nsec - later_since.tv_nsec) / 1000000;
  return gone >= LATER_MS ? 0 : (int)(LATER_MS - gone);
}

void link_send_late(void) {
  if (link_timeout() == 0) send_some();
}

short link_events(void) { return (short)(POLLIN | (blocked ? POLLOUT : 0)); }

bool link_is_full(void) { return unsent.length - sent > UNSENT_BOUND; }

void link_flush_blocking(void) {
  for (int tries = 0; tries < 20 && sent < unsent.length; tries++) {
    struct pollfd wait = {.fd = link_fd, .events = POLLOUT};
    if (poll(&wait, 1, 100) < 0 || !send_some()) return;
  }
}

static int compare_heads(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void set_heads(const char *names, size_t length) {
  all_heads = false;
  buffer_free(&head_text);
  free(heads);
  buffer_add(&head_text, names, length);
  buffer_add(&head_text, "", 1);
  size_t lines = 1;
  for (size_t i = 0; i < length; i++) lines += names[i] == '\n';
  heads = allocate(lines * sizeof *heads);
  head_count = 0;
  char *save = NULL;
  for (char *name = strtok_r(head_text.data, "\n", &save); name != NULL; name = strtok_r(NULL, "\n", &save))
    heads[head_count++] = name;
  qsort(heads, head_count, sizeof *heads, compare_heads);
}

static bool is_head(const char *path) {
  const char *name = base_of(path);
  return bsearch(&name, heads, head_count, sizeof *heads, compare_heads) != NULL;
}

static bool has_head(const struct name *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (is_head(names[i].path)) return true;
  return false;
}

bool link_is_interesting(const struct facts *facts) {
  const struct executable *program = facts->program;
  if (all_heads || program->image.kind != IMAGE_FILE || has_head(program->names, program->name_count)) return true;
  for (size_t i = 0; i < program->interpreter_count; i++) {
    const struct interpreter *one = &program->interpreters[i];
    if (is_head(one->written) || has_head(one->names, one->name_count)) return true;
  }
  return facts->argc > 0 && is_head(facts->argv.data);
}

static bool number_at(char **at, char end, uint64_t *number) {
  char *after = NULL;
  if (**at < '0' || **at > '9') return false;
  *number = strtoull(*at, &after, 10);
  if (*after != end) return false;
  *at = after + 1;
  return true;
}

static bool perform(const char *verb, uint64_t id, const char *payload, size_t length,
                    void (*on_answer)(const struct answer *)) {
  struct answer answer = {.id = id, .payload = payload, .length = length};
  if (strcmp(verb, "all") == 0 && length == 0) {
    all_heads = true;
    return true;
  }
  if (strcmp(verb, "heads") == 0) {
    if (memchr(payload, 0, length) != NULL) return false;
    set_heads(payload, length);
    return true;
  }
  if (strcmp(verb, "run") == 0 && length == 0) answer.verb = ANSWER_RUN;
  else if (strcmp(verb, "deny") == 0) answer.verb = ANSWER_DENY;
  else if (strcmp(verb, "escalate") == 0) answer.verb = ANSWER_ESCALATE;
  else return false;
  on_answer(&answer);
  return true;
}

/* Takes one whole message from the front: 1, 0 when it is not whole yet, -1 when it is none. */
static int take_message(void (*on_answer)(const struct answer *)) {
  char header[HEADER_BOUND + 1];
  char *end = received.length == 0 ? NULL : memchr(received.data, '\n', received.length);
  if (end == NULL) return received.length > HEADER_BOUND ? -1 : 0;
  size_t size = (size_t)(end - received.data) + 1;
  if (size > HEADER_BOUND) return -1;
  memcpy(header, received.data, size);
  header[size] = '\0';
  char *at = strchr(header, ' ');
  uint64_t id, length;
  if (at == NULL) return -1;
  *at++ = '\0';
  if (!number_at(&at, ' ', &id) || !number_at(&at, '\n', &length) || length > PAYLOAD_BOUND) return -1;
  if (received.length - size < length) return 0;
  bool valid = perform(header, id, received.data + size, length, on_answer);
  buffer_drop(&received, size + length);
  return valid ? 1 : -1;
}

bool link_turn(short events, void (*on_answer)(const struct answer *)) {
  char chunk[65536];
  if ((events & POLLOUT) != 0 && !send_some()) return false;
  if ((events & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
  ssize_t got = recv(link_fd, chunk, sizeof chunk, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  buffer_add(&received, chunk, (size_t)got);
  int taken;
  do taken = take_message(on_answer);
  while (taken == 1);
  return taken == 0;
}
