/* What the files of the connection share (conn.c, conn_send.c, conn_hit.c). All of it needs the state lock. */
#ifndef XCS_CONN_IMPL_H
#define XCS_CONN_IMPL_H

#include "conn.h"
#include <time.h>

/* The connection behind fd, NULL if there is none or the number has been reused behind our back. */
struct conn *conn_locked(int fd);

/* conn.c */
bool conn_is_readable(int fd);
ino_t conn_ino(int fd);
void conn_release(struct conn *c);                          /* drops the held request's memory */
void conn_untrack(struct conn *c) __attribute__((nonnull)); /* takes it out of the table and frees it */
/* Puts the file behind `from` in the place of each of the connection's descriptors; flags are kept. */
bool conn_replace(struct conn *c, int from);

/* conn_send.c */
/* Adds to what is held. False: no memory. */
bool conn_append(struct conn *c, const struct iovec *iov, size_t iovcnt, size_t n);
/* Sends held bytes that the program was told are sent. 0 done, else -errno (-EAGAIN: not all). Drops the lock meanwhile. */
int conn_push(struct conn *c, int fd, int flags, sigset_t *saved);
/* The request is to go out whole, from its first byte. */
void conn_resend(struct conn *c);

/* conn_hit.c */
bool conn_swap_in(struct conn *c, int fd, int socket);
void conn_swap_back(struct conn *c, int fd);
/* One receive call on a HIT. False: it was reverted, go on with the real connection. */
bool conn_receive_hit(struct conn *c, int fd, struct msghdr *msg, int flags, ssize_t *result, sigset_t *saved);
/* What the program has set on its socket, for one that takes its place. */
void conn_copy_options(int from, int to);
/* The HIT is given up: the held request is to be sent on the real connection. */
void conn_revert(struct conn *c, int fd);
/* Has the peer closed the real connection? */
bool conn_is_dead(int fd);
/* If so, and it lay idle only because calls were HITs, connects again. */
void conn_refresh(struct conn *c, int fd);

/* Milliseconds, of a clock that never goes back. */
static inline int64_t conn_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
