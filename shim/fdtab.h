/*
 * Which descriptors XCS looks at. One pointer a descriptor: NULL for all that is none of our business (the hot path of
 * every interposed call is this one load), the connection that the descriptor refers to, or XCS_OURS for the
 * shim's own descriptors, which the program must not see.
 *
 * Read without a lock; written under the state lock. A descriptor beyond the table is never tracked.
 */
#ifndef XCS_FDTAB_H
#define XCS_FDTAB_H

#include "shim.h"
#include <stdatomic.h>
#include <stddef.h>

#define XCS_FDS 65536

struct conn;
extern struct conn xcs_ours;
#define XCS_OURS (&xcs_ours)

extern _Atomic(struct conn *) xcs_fds[XCS_FDS];

static inline struct conn *fdtab_get(int fd) {
    if ((unsigned)fd >= XCS_FDS)
        return NULL;
    return atomic_load_explicit(&xcs_fds[fd], memory_order_acquire);
}

void fdtab_set(int fd, struct conn *c);

/* The next descriptor >= from that is set to anything, or -1. */
int fdtab_next(int from);

/* Moves `fd` out of the program's way (high number, close-on-exec) and marks it as ours. -1 (fd closed) on failure. */
int fdtab_hide(int fd);

/* Closes one of our own descriptors and unmarks it. Safe for -1. */
void fdtab_drop(int fd);

#endif
