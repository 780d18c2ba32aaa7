/*
 * A growing byte buffer, and allocation that does not fail: an engine without memory dies, and every program it
 * serves goes on as without XCS.
 */
#ifndef XCS_BUF_H
#define XCS_BUF_H

#include <stddef.h>

struct buf {
    char *p;
    size_t len, cap;
};

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrndup(const char *p, size_t n);

/* Appends n bytes and a terminating zero that is not counted. */
void buf_add(struct buf *b, const void *p, size_t n);
void buf_print(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_free(struct buf *b);

#endif
