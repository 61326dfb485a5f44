/* Growing buffers, JSON strings that keep every byte, and a keyed hash (SipHash-2-4). */
#include "warden.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void fail(const char *format, ...) {
  char text[600];
  va_list args;
  va_start(args, format);
  int length = vsnprintf(text, sizeof text - 1, format, args);
  va_end(args);
  if (length < 0) length = 0;
  if ((size_t)length > sizeof text - 2) length = sizeof text - 2;
  text[length] = '\n';
  (void)!write(2, "warden: ", 8);
  (void)!write(2, text, (size_t)length + 1);
  _exit(EXIT_UNABLE);
}

void *allocate(size_t size) {
  void *memory = calloc(1, size);
  if (memory == NULL) fail("out of memory");
  return memory;
}

int open_file(const char *path, int flags) { return openat(AT_FDCWD, path, flags | O_CLOEXEC); }

void buffer_add(struct buffer *buffer, const void *data, size_t length) {
  if (length == 0) return;
  if (buffer->capacity - buffer->length < length) {
    size_t wanted = buffer->capacity == 0 ? 512 : buffer->capacity;
    while (wanted - buffer->length < length) wanted *= 2;
    char *grown = realloc(buffer->data, wanted);
    if (grown == NULL) fail("out of memory");
    buffer->data = grown;
    buffer->capacity = wanted;
  }
  memcpy(buffer->data + buffer->length, data, length);
  buffer->length += length;
}

void buffer_text(struct buffer *buffer, const char *text) { buffer_add(buffer, text, strlen(text)); }

void buffer_number(struct buffer *buffer, uint64_t number) {
  char digits[24];
  int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
  buffer_add(buffer, digits, (size_t)length);
}

void buffer_drop(struct buffer *buffer, size_t length) {
  buffer->length -= length;
  if (buffer->length > 0) memmove(buffer->data, buffer->data + length, buffer->length);
  /* One long argument list does not cost its memory for the rest of the session. */
  if (buffer->length == 0 && buffer->capacity > 256 * 1024) buffer_free(buffer);
}

void buffer_free(struct buffer *buffer) {
  free(buffer->data);
  memset(buffer, 0, sizeof *buffer);
}

/* Bytes of the valid UTF-8 sequence at text, 0 when there is none: no overlong forms, no surrogates. */
static size_t utf8_length(const unsigned char *text, size_t left) {
  unsigned char first = text[0];
  if (first < 0x80) return 1;
  size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || left < length) return 0;
  for (size_t i = 1; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  if (first == 0xe0 && text[1] < 0xa0) return 0;
  if (first == 0xed && text[1] > 0x9f) return 0;
  if (first == 0xf0 && text[1] < 0x90) return 0;
  if (first == 0xf4 && text[1] > 0x8f) return 0;
  return length;
}

void json_string(struct buffer *buffer, const char *text, size_t length) {
  const unsigned char *bytes = (const unsigned char *)text;
  size_t plain = 0;
  char escape[8];
  buffer_text(buffer, "\"");
  for (size_t at = 0; at < length;) {
    size_t size = utf8_length(bytes + at, length - at);
    if (size >= 1 && bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\') {
      at += size;
      continue;
    }
    buffer_add(buffer, text + plain, at - plain);
    int written = size == 0 ? snprintf(escape, sizeof escape, "\\udc%02x", bytes[at])
                            : snprintf(escape, sizeof escape, "\\u%04x", bytes[at]);
    buffer_add(buffer, escape, (size_t)written);
    at++;
    plain = at;
  }
  buffer_add(buffer, text + plain, length - plain);
  buffer_text(buffer, "\"");
}

static void json_key(struct buffer *buffer, const char *key) {
  char last = buffer->length == 0 ? '{' : buffer->data[buffer->length - 1];
  if (last != '{' && last != '[') buffer_text(buffer, ",");
  buffer_text(buffer, "\"");
  buffer_text(buffer, key);
  buffer_text(buffer, "\":");
}

void json_number(struct buffer *buffer, const char *key, uint64_t number) {
  json_key(buffer, key);
  buffer_number(buffer, number);
}

void json_text(struct buffer *buffer, const char *key, const char *text) {
  json_key(buffer, key);
  json_string(buffer, text, strlen(text));
}

static uint64_t hash_key[2];

void hash_seed(void) {
  if (getrandom(hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key) fail("no random numbers");
}

static uint64_t rotate(uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

static void hash_round(struct hash *hash) {
  uint64_t *v = hash->v;
  v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
  v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
  v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
  v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

static void hash_word(struct hash *hash, uint64_t word) {
  hash->v[3] ^= word;
  hash_round(hash);
  hash_round(hash);
  hash->v[0] ^= word;
}

void hash_start(struct hash *hash) {
  hash->v[0] = hash_key[0] ^ 0x736f6d6570736575u;
  hash->v[1] = hash_key[1] ^ 0x646f72616e646f6du;
  hash->v[2] = hash_key[0] ^ 0x6c7967656e657261u;
  hash->v[3] = hash_key[1] ^ 0x7465646279746573u;
  hash->tail = 0;
  hash->length = 0;
}

void hash_add(struct hash *hash, const void *data, size_t length) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < length; i++) {
    hash->tail |= (uint64_t)bytes[i] << (8 * (hash->length & 7));
    hash->length++;
    if ((hash->length & 7) != 0) continue;
    hash_word(hash, hash->tail);
    hash->tail = 0;
  }
}

uint64_t hash_end(struct hash *hash) {
  hash_word(hash, hash->tail | (hash->length << 56));
  hash->v[2] ^= 0xff;
  for (int i = 0; i < 4; i++) hash_round(hash);
  return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}

uint64_t hash_of(const void *data, size_t length) {
  struct hash hash;
  hash_start(&hash);
  hash_add(&hash, data, length);
  return hash_end(&hash);
}
