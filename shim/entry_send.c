/*
 * Interposed: connect and the send family (socket(7), send(2), write(2), writev(2)).
 *
 * Each wrapper has the contract of the call it stands for: thread-safe, async-signal-safe and a cancellation point where
 * that is; errno untouched on success. A descriptor that is not tracked costs one load. Calls that mix
 * more than bytes of one request into one (several messages, files, ancillary data) make XCS forget the connection.
 */
#include "conn.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

XCS_EXPORT int connect(int fd, const struct sockaddr *addr, socklen_t len) {
    int r = REAL(connect)(fd, addr, len);
    if (xcs_mode == XCS_MODE_MAIN) {
        int err = errno;
        conn_tried(fd, addr, len, r == 0 ? 0 : err);
        errno = err;
    }
    return r;
}

static bool sent_one(int fd, const void *buf, size_t n, int flags, ssize_t *r) {
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    return conn_send(fd, VIA_SOCKET, &iov, 1, flags, r);
}

XCS_EXPORT ssize_t send(int fd, const void *buf, size_t n, int flags) {
    ssize_t r;
    if (conn_of(fd) && sent_one(fd, buf, n, flags, &r))
        return r;
    return REAL(send)(fd, buf, n, flags);
}

XCS_EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to, socklen_t len) {
    ssize_t r;
    if (conn_of(fd) && !(flags & MSG_OOB) && sent_one(fd, buf, n, flags, &r))
        return r;
    return REAL(sendto)(fd, buf, n, flags, to, len);
}

XCS_EXPORT ssize_t sendmsg(int fd, const struct msghdr *msg, int flags) {
    ssize_t r;
    if (conn_of(fd)) {
        if (msg->msg_controllen || (flags & MSG_OOB))
            conn_forget(fd);
        else if (conn_send(fd, VIA_SOCKET, msg->msg_iov, msg->msg_iovlen, flags, &r))
            return r;
    }
    return REAL(sendmsg)(fd, msg, flags);
}

XCS_EXPORT int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags) {
    if (conn_of(fd))
        conn_forget(fd);
    return REAL(sendmmsg)(fd, msgs, n, flags);
}

XCS_EXPORT ssize_t write(int fd, const void *buf, size_t n) {
    ssize_t r;
    if (conn_of(fd) && sent_one(fd, buf, n, 0, &r))
        return r;
    return REAL(write)(fd, buf, n);
}

XCS_EXPORT ssize_t writev(int fd, const struct iovec *iov, int iovcnt) {
    ssize_t r;
    if (conn_of(fd) && iovcnt > 0 && conn_send(fd, VIA_SOCKET, iov, (size_t)iovcnt, 0, &r))
        return r;
    return REAL(writev)(fd, iov, iovcnt);
}

XCS_EXPORT ssize_t sendfile(int out, int in, off_t *offset, size_t n) {
    if (conn_of(out))
        conn_forget(out);
    return REAL(sendfile)(out, in, offset, n);
}

XCS_EXPORT ssize_t sendfile64(int out, int in, off64_t *offset, size_t n) {
    if (conn_of(out))
        conn_forget(out);
    return REAL(sendfile64)(out, in, offset, n);
}

XCS_EXPORT ssize_t splice(int in, off64_t *in_off, int out, off64_t *out_off, size_t n, unsigned flags) {
    if (conn_of(out))
        conn_forget(out);
    if (conn_of(in))
        conn_forget(in);
    return REAL(splice)(in, in_off, out, out_off, n, flags);
}
