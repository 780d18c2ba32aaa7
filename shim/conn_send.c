/*
 * What the program sends (conn.h): held, looked up, and sent on.
 *
 * A byte counts as sent for the program (claimed) as soon as it is held. When the request has to go out for real,
 * claimed bytes are pushed out before the program's next ones are taken; on a non-blocking descriptor that cannot take
 * them the program gets EAGAIN for bytes that it still holds itself, and nothing is ever sent twice or lost.
 */
#include "ahead_fork.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "real.h"
#include "tls.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define HELD_STEP (64u * 1024u)
#define FRESH_MS 5 /* no server need have answered so soon */

bool conn_append(struct conn *c, const struct iovec *iov, size_t iovcnt, size_t n) {
    if (c->held_len + n > c->held_cap) {
        size_t cap = (c->held_len + n + HELD_STEP - 1) / HELD_STEP * HELD_STEP;
        cap = cap > 2 * c->held_cap ? cap : 2 * c->held_cap;
        long p = c->held ? xcs_sys4(SYS_mremap, c->held, c->held_cap, cap, MREMAP_MAYMOVE)
                         : xcs_sys6(SYS_mmap, 0, (long)cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p < 0 && p > -4096)
            return false;
        c->held = (char *)p;
        c->held_cap = cap;
    }
    for (size_t i = 0; i < iovcnt; i++) {
        memcpy(c->held + c->held_len, iov[i].iov_base, iov[i].iov_len);
        c->held_len += iov[i].iov_len;
    }
    return true;
}

/* The request is out: what the connection is now. */
static void sent_all(struct conn *c) {
    switch (c->after) {
    case AFTER_WAIT:
        c->state = CONN_WAIT;
        break;
    case AFTER_IDLE:
        conn_release(c);
        c->state = CONN_IDLE;
        c->skipped = false; /* what can be read from now on is an answer */
        break;
    case AFTER_TUNNEL:
        conn_release(c);
        c->state = CONN_TUNNEL;
        break;
    case AFTER_FORGET:
        conn_untrack(c);
        break;
    }
}

int conn_push(struct conn *c, int fd, int flags, sigset_t *saved) {
    if (c->pushing)
        return -EAGAIN; /* by another thread, which goes on with it */
    while (c->sent < c->claimed) {
        const char *p = c->held + c->sent;
        size_t n = c->claimed - c->sent;
        c->pushing = true;
        xcs_unlock(saved);
        ssize_t r = c->tls ? tls_send(c, fd, p, n) : REAL(send)(fd, p, n, flags);
        int err = errno;
        xcs_lock(saved);
        if (conn_locked(fd) != c)
            return -EBADF;
        c->pushing = false;
        if (c->state != CONN_SEND)
            return -EBADF;
        if (r < 0)
            return -err;
        c->sent += (size_t)r;
    }
    if (c->after == AFTER_FORGET || (c->req.total && c->claimed >= c->req.total))
        sent_all(c);
    return 0;
}

void conn_resend(struct conn *c) {
    c->state = CONN_SEND;
    c->after = AFTER_WAIT;
    c->claimed = c->held_len;
    c->sent = 0;
}

/*
 * CONN_SEND, with the lock: pushes what is claimed, then sends the program's own bytes, the `n` of iov.
 * False: forgotten, the caller makes the real call.
 */
static bool send_on(struct conn *c, int fd, const struct iovec *iov, size_t iovcnt, int flags, ssize_t *result,
                    sigset_t *saved) {
    int err = c->sent < c->claimed || c->after == AFTER_FORGET ? -conn_push(c, fd, flags, saved) : 0;
    if (err) {
        c->held_len = c->after == AFTER_WAIT ? c->claimed : c->held_len;
        *result = -1;
        errno = err;
        return err != EBADF;
    }
    c = conn_locked(fd);
    if (!c || c->state != CONN_SEND)
        return false;
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = iovcnt};
    xcs_unlock(saved);
    /* A TLS library's calls bring one buffer each. */
    ssize_t r = c->tls ? tls_send(c, fd, iov->iov_base, iov->iov_len) : REAL(sendmsg)(fd, &m, flags);
    err = errno;
    xcs_lock(saved);
    if (conn_locked(fd) == c && c->state == CONN_SEND) {
        if (r > 0)
            c->claimed += (size_t)r;
        c->sent = c->claimed;
        if (c->after == AFTER_WAIT)
            c->held_len = c->claimed;
        if (c->claimed >= c->req.total)
            sent_all(c);
    } else if (r < 0 && err == EBADF)
        return false; /* not ours any more */
    *result = r;
    errno = err;
    return true;
}

static void look_up(struct conn *c, int fd) {
    ahead_reap();
    /* Who comes to sleep on it from now on waits for the lock (conn_count_in). */
    c->state = CONN_HOLD;
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&c->sleepers) > 0) {
        /* Another thread sleeps in a read of the real connection: it would not notice a swap. */
        c->state = CONN_SEND;
        c->after = AFTER_FORGET;
        return;
    }
    struct verdict v = channel_lookup(&c->addr, tls_trust(c), c->held, c->held_len, &c->verdict_pending);
    c->node = v.node;
    c->may_fork = v.may_fork;
    c->learn = v.learn ? XCS_LEARN_MAX : 0;
    c->state = CONN_SEND;
    c->after = v.kind == XCS_PASS ? AFTER_IDLE : AFTER_WAIT;
    if (v.kind == XCS_HIT) {
        if (conn_swap_in(c, fd, v.fd)) {
            c->claimed = c->held_len;
            return;
        }
        channel_tell(XCS_REVERT, c->node, 0, NULL, 0);
    }
    conn_refresh(c, fd);
}

/*
 * The engine is gone for good, and nothing that it has left behind waits to be reaped: there is no reason to look any longer. A
 * handshake that was put off is made on the usual way.
 */
static bool is_over(const struct conn *c) {
    return xcs_gave_up() && ahead_reap() == 0 && !(c->tls && c->tls->lazy);
}

/* The state in which this send finds the connection, made one in which bytes of a request can come. */
static bool ready_for_bytes(struct conn *c, int fd) {
    if (c->state == CONN_HIT) {
        if (c->consumed == 0) {
            conn_revert(c, fd); /* the next request before the answer to this one: pipelining */
            c->after = AFTER_FORGET;
            return true;
        }
        conn_swap_back(c, fd); /* the rest was read without us, or is not wanted */
    }
    /* A tunnel carries TLS: no request in the clear may be looked up, nor issued, for what is at its end. */
    bool clear = c->tunnel && !c->tls && c->state == CONN_IDLE;
    if (c->state == CONN_WAIT || c->state == CONN_TUNNEL || c->state == CONN_EOF || clear ||
        (c->state == CONN_IDLE && is_over(c))) {
        if (c->state == CONN_EOF)
            conn_swap_back(c, fd);
        conn_untrack(c);
        return false;
    }
    if (c->state == CONN_IDLE) {
        conn_release(c);
        request_init(&c->req);
        c->thread = (pid_t)xcs_sys0(SYS_gettid);
        c->learn = 0;
    }
    return true;
}

/* A CONNECT goes out, as the first thing that is said on the connection. */
static void begin_tunnel(struct conn *c, bool first) {
    c->tunnel = first && !c->tls ? tunnel_asked(&c->addr, c->held, c->held_len) : NULL;
    c->state = CONN_SEND;
    c->after = c->tunnel ? AFTER_TUNNEL : AFTER_FORGET;
}

/* Decides what to do with the request so far. True: all of the `n` new bytes are held. `first`: nothing was said before it. */
static bool decide(struct conn *c, int fd, size_t n, bool first) {
    enum request_kind kind = request_feed(&c->req, c->held, c->held_len);
    if (kind == REQUEST_MODEL && c->held_len > c->req.total)
        kind = REQUEST_FORGET;
    switch (kind) {
    case REQUEST_NEED:
        c->state = CONN_HOLD;
        c->fresh = conn_ms() + FRESH_MS;
        c->claimed += n;
        return true;
    case REQUEST_MODEL:
        look_up(c, fd);
        return c->state == CONN_HIT;
    case REQUEST_TUNNEL:
        begin_tunnel(c, first);
        return false;
    case REQUEST_OTHER:
    case REQUEST_FORGET:
        break;
    }
    c->state = CONN_SEND;
    c->after = kind == REQUEST_OTHER ? AFTER_IDLE : AFTER_FORGET;
    conn_refresh(c, fd); /* nothing of it is out yet */
    return false;
}

/* The connection, if it is looked at, when no other thread sends on it what this one was told is sent. */
static struct conn *await_push(int fd, sigset_t *saved) {
    struct conn *c;
    while ((c = conn_locked(fd)) && c->pushing) {
        xcs_unlock(saved);
        xcs_nap(100000);
        xcs_lock(saved);
    }
    return c;
}

bool conn_send(int fd, enum conn_via via, const struct iovec *iov, size_t iovcnt, int flags, ssize_t *result) {
    sigset_t saved;
    size_t n = 0;
    bool done = false;
    if ((via == VIA_SOCKET && conn_below_tls(fd)) || !conn_mine())
        return false;
    if (xcs_inside_curl) {
        conn_forget(fd);
        return false;
    }
    for (size_t i = 0; i < iovcnt; i++)
        n += iov[i].iov_len;
    int err = errno;
    xcs_lock(&saved);
    struct conn *c = await_push(fd, &saved);
    if (c && n > 0 && (via == VIA_TLS) == (c->tls != NULL) && ready_for_bytes(c, fd)) {
        bool first = !c->spoken;
        c->spoken |= via == VIA_SOCKET;
        bool store = c->state != CONN_SEND || c->after == AFTER_WAIT;
        if (store && !conn_append(c, iov, iovcnt, n)) {
            c->state = CONN_SEND;
            c->after = AFTER_FORGET;
        }
        if (c->state != CONN_SEND && decide(c, fd, n, first)) {
            *result = (ssize_t)n;
            done = true;
        } else {
            errno = err;
            done = send_on(c, fd, iov, iovcnt, flags, result, &saved);
            err = errno;
        }
    }
    xcs_unlock(&saved);
    errno = err;
    return done;
}
