/*
 * A HIT's response in the place of the real connection (conn.h): swapped in, read, swapped back or reverted.
 *
 * The swapped-in socket carries the raw response and nothing else, so whatever reads it, libc's own calls included, reads
 * the right bytes. Ours only count them, to know when the real connection has to come back.
 */
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "real.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define RECONNECT_MS 5000
#define IOV_COPY 16
#define WAKE_MS 1000

static void copy_timeouts(int from, int to) {
    static const int names[] = {SO_RCVTIMEO, SO_SNDTIMEO};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct timeval tv;
        socklen_t len = sizeof tv;
        if (xcs_sys5(SYS_getsockopt, from, SOL_SOCKET, names[i], &tv, &len) == 0 && (tv.tv_sec || tv.tv_usec))
            xcs_sys5(SYS_setsockopt, to, SOL_SOCKET, names[i], &tv, len);
    }
}

void conn_copy_options(int from, int to) {
    static const struct { int level, name; } options[] = {{IPPROTO_TCP, TCP_NODELAY}, {SOL_SOCKET, SO_KEEPALIVE}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int v;
        socklen_t len = sizeof v;
        if (xcs_sys5(SYS_getsockopt, from, options[i].level, options[i].name, &v, &len) == 0)
            xcs_sys5(SYS_setsockopt, to, options[i].level, options[i].name, &v, len);
    }
    copy_timeouts(from, to);
}

bool conn_swap_in(struct conn *c, int fd, int socket) {
    int real = fdtab_hide((int)xcs_sys1(SYS_dup, fd));
    if (real >= 0) {
        copy_timeouts(fd, socket);
        c->swap_ino = conn_ino(socket);
        if (conn_replace(c, socket)) {
            c->state = CONN_HIT;
            c->real = real;
            c->copy = -1;
            c->sized = c->closes = c->broken = false;
            c->length = c->consumed = 0;
            xcs_sys1(SYS_close, socket);
            return true;
        }
        conn_replace(c, real);
        fdtab_drop(real);
    }
    xcs_sys1(SYS_close, socket);
    return false;
}

void conn_swap_back(struct conn *c, int fd) {
    (void)fd;
    /* A program that reused the hidden number behind our back keeps what it has there. */
    if (conn_ino(c->real) == c->ino)
        conn_replace(c, c->real);
    fdtab_drop(c->real);
    fdtab_drop(c->copy);
    c->real = c->copy = -1;
    c->skipped = true;
    c->state = CONN_IDLE;
}

/*
 * What is swapped in goes away from under other threads. Who polls looks at the descriptor again when woken, but sleeps on the file that was
 * there when it began: it must be awake before another takes that place.
 */
static void wake_sleepers(const struct conn *c, int fd) {
    xcs_sys2(SYS_shutdown, fd, SHUT_RDWR);
    for (int waited = 0; waited < WAKE_MS * 10 && atomic_load(&c->pollers) > 0; waited++)
        xcs_nap(100000);
}

void conn_revert(struct conn *c, int fd) {
    channel_tell(XCS_REVERT, c->node, 0, NULL, 0);
    c->reverts++;
    if (xcs_threaded())
        wake_sleepers(c, fd);
    conn_swap_back(c, fd);
    conn_resend(c);
    c->may_fork = false;
    conn_refresh(c, fd);
}

bool conn_is_dead(int fd) {
    char byte;
    long r = xcs_sys6(SYS_recvfrom, fd, XCS_ARG(&byte), 1, MSG_PEEK | MSG_DONTWAIT, 0, 0);
    return r == 0 || (r < 0 && r != -EAGAIN && r != -EINTR);
}

static bool connect_within(int fd, const struct xcs_addr *addr) {
    struct pollfd p = {fd, POLLOUT, 0};
    struct timespec limit = {RECONNECT_MS / 1000, 0};
    int err = 0;
    socklen_t len = sizeof err;
    long r = xcs_sys3(SYS_connect, fd, &addr->u, addr->len);
    if (r == 0)
        return true;
    return r == -EINPROGRESS && xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0) == 1 &&
           xcs_sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 && err == 0;
}

void conn_refresh(struct conn *c, int fd) {
    /* Bytes that nobody asked for (a 408, say) are followed by the end. */
    if (c->tunnel || (c->tls ? c->tls->lazy != TLS_LAZY : !c->skipped) || !conn_is_readable(fd))
        return; /* with TLS it takes a handshake, and perhaps a tunnel: tls_send does that */
    int fresh = (int)xcs_sys3(SYS_socket, c->addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fresh < 0)
        return;
    if (connect_within(fresh, &c->addr)) {
        conn_copy_options(fd, fresh);
        c->ino = conn_ino(fresh);
        conn_replace(c, fresh);
        c->skipped = false;
    }
    xcs_sys1(SYS_close, fresh);
}

/* The first bytes of a HIT bring a descriptor with the whole response. */
static void take_copy(struct conn *c, struct msghdr *h) {
    struct cmsghdr *cm = CMSG_FIRSTHDR(h);
    int fd;
    if (!cm || cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
        return;
    memcpy(&fd, CMSG_DATA(cm), sizeof fd);
    if (c->copy >= 0)
        xcs_sys1(SYS_close, fd);
    else
        c->copy = fdtab_hide(fd);
}

/* How long the response is, if the engine knows by now. */
static void look_for_length(struct conn *c) {
    struct xcs_response head;
    if (c->sized || c->copy < 0 || xcs_sys4(SYS_pread64, c->copy, &head, sizeof head, 0) != (long)sizeof head ||
        head.proto != XCS_PROTO || head.len == XCS_LENGTH_UNKNOWN)
        return;
    c->sized = true;
    c->closes = (head.flags & XCS_R_CLOSE) != 0;
    c->length = head.len;
}

/* What there is in the copy is all there will be: the server broke the stream off, or the engine is gone. */
static void settle_length(struct conn *c) {
    struct stat st;
    look_for_length(c);
    if (c->sized || c->copy < 0 || xcs_sys2(SYS_fstat, c->copy, &st) != 0 ||
        st.st_size < (off_t)sizeof(struct xcs_response))
        return;
    c->broken = true;
    c->length = (uint64_t)st.st_size - sizeof(struct xcs_response);
}

/* Bytes of the response were given to the program. */
static void account(struct conn *c, int fd, size_t n) {
    c->consumed += n;
    look_for_length(c);
    if (!c->sized || c->consumed < c->length)
        return;
    conn_release(c);
    if (c->closes)
        c->state = CONN_EOF;
    else
        conn_swap_back(c, fd);
}

/* The engine is gone in the middle of a response: the rest is in the copy. */
static ssize_t read_copy(struct conn *c, int fd, const struct msghdr *msg, int flags) {
    ssize_t total = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++) {
        uint64_t left = c->length - c->consumed - (flags & MSG_PEEK ? (uint64_t)total : 0);
        size_t n = msg->msg_iov[i].iov_len;
        n = n > left ? (size_t)left : n;
        uint64_t at = c->length - left + sizeof(struct xcs_response);
        long r = n ? xcs_sys4(SYS_pread64, c->copy, msg->msg_iov[i].iov_base, n, at) : 0;
        if (r <= 0)
            break;
        total += r;
        if (!(flags & MSG_PEEK)) {
            account(c, fd, (size_t)r);
            if (c->state != CONN_HIT)
                break;
        }
    }
    return total;
}

static size_t wanted(const struct msghdr *msg) {
    size_t n = 0;
    for (size_t i = 0; i < msg->msg_iovlen; i++)
        n += msg->msg_iov[i].iov_len;
    return n;
}

/*
 * One read of a HIT; the lock is dropped while it may block. Returns false when the HIT was reverted and the caller has to go
 * on with the real connection.
 */
static bool receive_hit(struct conn *c, int fd, struct msghdr *msg, int flags, ssize_t *result, sigset_t *saved) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr h = {.msg_iov = msg->msg_iov,
                       .msg_iovlen = msg->msg_iovlen,
                       .msg_control = control.buf,
                       .msg_controllen = sizeof control.buf};
    unsigned reverts = c->reverts;
    xcs_unlock(saved);
    ssize_t r = REAL(recvmsg)(fd, &h, flags | MSG_CMSG_CLOEXEC);
    int err = errno;
    if (r == 0 || (r < 0 && err == ECONNRESET))
        xcs_await_end();
    xcs_lock(saved);
    if (c->reverts != reverts)
        return false; /* by another thread: what was read is about to come again */
    if (conn_locked(fd) == c && c->state == CONN_HIT) {
        bool over = r == 0 || (r < 0 && err == ECONNRESET);
        bool limit = r < 0 && err == EAGAIN && !(flags & MSG_DONTWAIT) && conn_is_blocking(fd);
        if (r > 0) {
            take_copy(c, &h);
            if (!(flags & MSG_PEEK))
                account(c, fd, (size_t)r);
        } else if ((over || limit) && c->consumed == 0 && wanted(msg) > 0) {
            conn_revert(c, fd);
            return false;
        } else if (over) {
            settle_length(c);
            if (c->consumed < c->length)
                r = read_copy(c, fd, msg, flags);
            else if (c->broken) {
                conn_release(c);
                c->state = CONN_EOF;
                r = -1;
                err = ECONNRESET;
            }
        }
    }
    msg->msg_flags = h.msg_flags & ~(MSG_CTRUNC | MSG_CMSG_CLOEXEC);
    msg->msg_controllen = 0;
    msg->msg_namelen = 0;
    *result = r;
    errno = err;
    return true;
}

/* Drops n bytes from the front of an iovec copy. */
static void advance(struct msghdr *m, size_t n) {
    while (n > 0 && m->msg_iovlen > 0) {
        size_t step = n < m->msg_iov->iov_len ? n : m->msg_iov->iov_len;
        m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + step;
        m->msg_iov->iov_len -= step;
        n -= step;
        if (m->msg_iov->iov_len == 0) {
            m->msg_iov++;
            m->msg_iovlen--;
        }
    }
}

/* A UNIX socket ends a read where a descriptor was attached, even under MSG_WAITALL: go on. */
bool conn_receive_hit(struct conn *c, int fd, struct msghdr *msg, int flags, ssize_t *result, sigset_t *saved) {
    if (wanted(msg) == 0) {
        *result = 0;
        return true;
    }
    struct iovec iov[IOV_COPY];
    struct msghdr rest = *msg;
    size_t want = wanted(msg);
    bool all = (flags & MSG_WAITALL) && !(flags & MSG_PEEK) && msg->msg_iovlen <= IOV_COPY;
    if (!receive_hit(c, fd, msg, flags, result, saved))
        return false;
    if (!all || *result <= 0 || (size_t)*result >= want)
        return true;
    memcpy(iov, rest.msg_iov, sizeof *iov * rest.msg_iovlen);
    rest.msg_iov = iov;
    advance(&rest, (size_t)*result);
    while ((size_t)*result < want && conn_locked(fd) == c && c->state == CONN_HIT) {
        ssize_t more;
        if (!receive_hit(c, fd, &rest, flags, &more, saved) || more <= 0)
            break;
        *result += more;
        advance(&rest, (size_t)more);
    }
    return true;
}
