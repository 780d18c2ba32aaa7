/*
 * A growable run of bytes, and what the engine's files share of small things: time, scoped ownership. Owned by whoever
 * has the struct; no function here ends the process when memory is short.
 */
#ifndef XCS_BUF_H
#define XCS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;
    size_t len, room;
};

/* False when out of memory: the buffer is as it was. */
bool buf_reserve(struct buf *b, size_t more);
bool buf_append(struct buf *b, const void *data, size_t len);
bool buf_puts(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *b, const char *format, ...);
void buf_free(struct buf *b);

/* CLOCK_MONOTONIC. */
uint64_t now_ns(void);

void close_fd(int *fd);

#define SCOPED_BUF __attribute__((cleanup(buf_free))) struct buf
#define SCOPED_FD __attribute__((cleanup(close_fd))) int

#endif
