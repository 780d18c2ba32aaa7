/* See buf.h. */
#include "buf.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *xcalloc(size_t n, size_t size) {
    void *p = calloc(n, size);
    if (!p)
        abort();
    return p;
}

void *xrealloc(void *p, size_t size) {
    void *q = realloc(p, size);
    if (!q)
        abort();
    return q;
}

char *xstrndup(const char *p, size_t n) {
    char *s = xcalloc(1, n + 1);
    memcpy(s, p, n);
    return s;
}

void buf_add(struct buf *b, const void *p, size_t n) {
    if (n > SIZE_MAX / 4 || b->len > SIZE_MAX / 4)
        abort();
    if (b->len + n + 1 > b->cap) {
        size_t cap = b->cap ? b->cap : 256;
        while (cap < b->len + n + 1)
            cap *= 2;
        b->p = realloc(b->p, cap);
        if (!b->p)
            abort();
        b->cap = cap;
    }
    if (n)
        memcpy(b->p + b->len, p, n);
    b->len += n;
    b->p[b->len] = '\0';
}

void buf_print(struct buf *b, const char *format, ...) {
    va_list ap;
    char text[1024];
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n > 0)
        buf_add(b, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void buf_free(struct buf *b) {
    free(b->p);
    *b = (struct buf){0};
}
