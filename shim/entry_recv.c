/*
 * Interposed: the receive family (recv(2), read(2), readv(2)), with the names that _FORTIFY_SOURCE calls instead.
 *
 * A HIT is read by conn_receive; on the real connection the real call is made, and made again where
 * conn_received says that its answer does not stand. Contracts as in entry_send.c; MSG_PEEK counts nothing.
 */
#include "ahead.h"
#include "conn.h"
#include "real.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The fortified names, as libc exports them; its headers do not declare them for callers. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags, struct sockaddr *from, socklen_t *len);

/* In a run-ahead a continuation may be left here. */
static inline void look(int fd, int flags) {
    if (XCS_UNLIKELY(xcs_mode == XCS_MODE_AHEAD))
        ahead_look(fd, !(flags & MSG_DONTWAIT) && conn_is_blocking(fd));
}

#define ON_CONNECTION(fd, iov_, count_, flags_, real_call)                                                             \
    if (conn_below_tls(fd)) {                                                                                          \
        struct conn *c_ = conn_enter(fd, WAIT_READ);                                                                   \
        ssize_t r_ = (real_call);                                                                                      \
        conn_leave(c_, WAIT_READ);                                                                                     \
        return r_;                                                                                                     \
    }                                                                                                                  \
    for (;;) {                                                                                                         \
        ssize_t r_;                                                                                                    \
        struct msghdr m_ = {.msg_iov = (iov_), .msg_iovlen = (count_)};                                                \
        struct conn *c_ = conn_enter(fd, WAIT_READ);                                                                   \
        bool done_ = conn_receive((fd), VIA_SOCKET, &m_, (flags_), &r_);                                               \
        if (!done_)                                                                                                    \
            r_ = (real_call);                                                                                          \
        conn_leave(c_, WAIT_READ);                                                                                     \
        if (done_)                                                                                                     \
            return r_;                                                                                                 \
        if (!conn_received((fd), VIA_SOCKET, r_, errno)) {                                                             \
            conn_show((fd), VIA_SOCKET, (iov_), r_, (flags_));                                                         \
            return r_;                                                                                                 \
        }                                                                                                              \
    }

/* Nothing of it concerns us: no connection, or a record of a TLS session in a process where nobody else can sleep on it. */
static inline bool passes(int fd) {
    const struct conn *c = conn_of(fd);
    return XCS_LIKELY(!c || (c->tls && !xcs_threaded()));
}

XCS_COLD static ssize_t recv_conn(int fd, void *buf, size_t n, int flags) {
    struct iovec iov = {buf, n};
    ON_CONNECTION(fd, &iov, 1, flags, REAL(recv)(fd, buf, n, flags))
}

XCS_EXPORT ssize_t recv(int fd, void *buf, size_t n, int flags) {
    if (!passes(fd))
        return recv_conn(fd, buf, n, flags);
    look(fd, flags);
    return REAL(recv)(fd, buf, n, flags);
}

XCS_EXPORT ssize_t recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len) {
    if (XCS_LIKELY(!conn_of(fd))) {
        look(fd, flags);
        return REAL(recvfrom)(fd, buf, n, flags, from, len);
    }
    /* On a TCP connection the address is left alone and its length becomes 0 (recv(2)). */
    struct iovec iov = {buf, n};
    for (;;) {
        ssize_t r;
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        struct conn *c = conn_enter(fd, WAIT_READ);
        bool done = conn_receive(fd, VIA_SOCKET, &m, flags, &r);
        if (!done)
            r = REAL(recvfrom)(fd, buf, n, flags, from, len);
        conn_leave(c, WAIT_READ);
        if (done) {
            if (r >= 0 && from && len)
                *len = 0;
            return r;
        }
        if (!conn_received(fd, VIA_SOCKET, r, errno)) {
            conn_show(fd, VIA_SOCKET, &iov, r, flags);
            return r;
        }
    }
}

XCS_EXPORT ssize_t recvmsg(int fd, struct msghdr *msg, int flags) {
    if (XCS_LIKELY(!conn_of(fd))) {
        look(fd, flags);
        return REAL(recvmsg)(fd, msg, flags);
    }
    for (;;) {
        ssize_t r;
        struct msghdr given = *msg;
        struct conn *c = conn_enter(fd, WAIT_READ);
        bool done = conn_receive(fd, VIA_SOCKET, msg, flags, &r);
        if (!done)
            r = REAL(recvmsg)(fd, msg, flags);
        conn_leave(c, WAIT_READ);
        if (done)
            return r;
        if (!conn_received(fd, VIA_SOCKET, r, errno)) {
            conn_show(fd, VIA_SOCKET, msg->msg_iov, r, flags);
            return r;
        }
        *msg = given;
    }
}

XCS_EXPORT int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *limit) {
    if (conn_of(fd))
        conn_forget(fd);
    return REAL(recvmmsg)(fd, msgs, n, flags, limit);
}

XCS_COLD static ssize_t read_conn(int fd, void *buf, size_t n) {
    struct iovec iov = {buf, n};
    ON_CONNECTION(fd, &iov, 1, 0, REAL(read)(fd, buf, n))
}

XCS_EXPORT ssize_t read(int fd, void *buf, size_t n) {
    if (!passes(fd))
        return read_conn(fd, buf, n);
    look(fd, 0);
    return REAL(read)(fd, buf, n);
}

XCS_EXPORT ssize_t readv(int fd, const struct iovec *iov, int iovcnt) {
    if (XCS_LIKELY(!conn_of(fd)) || iovcnt <= 0) {
        look(fd, 0);
        return REAL(readv)(fd, iov, iovcnt);
    }
    ON_CONNECTION(fd, (struct iovec *)(uintptr_t)iov, (size_t)iovcnt, 0, REAL(readv)(fd, iov, iovcnt))
}

/* A size beyond the buffer's is libc's to report. */
XCS_EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t room) {
    if (XCS_UNLIKELY(n > room) || xcs_mode == XCS_MODE_OFF)
        return REAL(__read_chk)(fd, buf, n, room);
    return read(fd, buf, n);
}

XCS_EXPORT ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags) {
    if (XCS_UNLIKELY(n > room) || xcs_mode == XCS_MODE_OFF)
        return REAL(__recv_chk)(fd, buf, n, room, flags);
    return recv(fd, buf, n, flags);
}

XCS_EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags, struct sockaddr *from,
                                  socklen_t *len) {
    if (XCS_UNLIKELY(n > room) || xcs_mode == XCS_MODE_OFF)
        return REAL(__recvfrom_chk)(fd, buf, n, room, flags, from, len);
    return recvfrom(fd, buf, n, flags, from, len);
}
