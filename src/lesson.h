/*
 * A lesson: main's own answer, as main reads it (XCS_READ), teaches what the answers of its site look like. The calls issued ahead teach
 * too, but a program that takes its first answer apart finds none to issue before that.
 */
#ifndef XCS_LESSON_H
#define XCS_LESSON_H

#include "buf.h"
#include "graph.h"
#include <stdbool.h>

struct lesson {
    uint64_t node; /* whose answer it is; 0: none is awaited */
    struct site *site;
    struct call call;
    struct buf raw;
};

/* Main makes this call itself. True: its answer is wanted. */
bool lesson_begin(struct lesson *l, const struct node *n);

/* Bytes of it have been read. */
void lesson_read(struct lesson *l, uint64_t node, const char *bytes, size_t len);

void lesson_end(struct lesson *l);

#endif
