/*
 * What the program waits for (conn.h): reads and readiness, on the real connection or on a HIT.
 *
 * A blocking wait for the answer to a MISS is where main forks its run-ahead. In the copy these functions return as in main and
 * the caller's real call then finds an engine socket behind the descriptor.
 */
#include "ahead_fork.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "tls.h"
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define LOOKS 8

/* The program turns to reading although a request is not out: send what it was told is sent. 0 or -errno. */
static int settle(struct conn *c, int fd, int flags, sigset_t *saved) {
    if (c->state == CONN_HOLD) {
        c->state = CONN_SEND;
        c->after = AFTER_FORGET;
    }
    if (c->state != CONN_SEND || c->pushing || (c->sent == c->claimed && c->after != AFTER_FORGET))
        return 0;
    int err = conn_push(c, fd, MSG_NOSIGNAL | (flags & MSG_DONTWAIT), saved);
    if (err && err != -EAGAIN && err != -EINTR) {
        if (conn_locked(fd) == c)
            conn_untrack(c); /* the real read reports what happened */
        return 0;
    }
    return err;
}

/* No byte of the answer came and the connection is closed: because it lay idle during HITs? Then once more. */
static bool answer_again(struct conn *c, int fd) {
    if (!c->skipped)
        return false;
    if (c->tls) {
        conn_resend(c); /* connects again before the first byte (tls_send) */
        return true;
    }
    conn_refresh(c, fd);
    if (c->skipped)
        return false;
    conn_resend(c);
    return true;
}

bool conn_receive(int fd, enum conn_via via, struct msghdr *msg, int flags, ssize_t *result) {
    sigset_t saved;
    bool done = false;
    int err = errno, e;
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS || c->state == CONN_IDLE || (c->state == CONN_EOF && via == VIA_SOCKET) ||
        (via == VIA_TLS) != (c->tls != NULL) || !conn_mine())
        return false;
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && c->state == CONN_EOF) {
        *result = 0; /* a TLS library would take the bare end for a cut connection */
        done = true;
    }
    if (c && c->state == CONN_HIT) {
        errno = err;
        done = conn_receive_hit(c, fd, msg, flags, result, &saved);
        if (done)
            err = errno;
        c = conn_locked(fd);
    }
    if (c && !done && (e = settle(c, fd, flags, &saved)) != 0) {
        *result = -1;
        err = -e;
        done = true;
    }
    c = conn_locked(fd);
    bool wait = c && !done && c->state == CONN_WAIT && (c->may_fork || c->verdict_pending) && !(flags & MSG_DONTWAIT) &&
                conn_is_blocking(fd);
    xcs_unlock(&saved);
    /* With TLS the descriptor may be readable for records that are no answer (session tickets): take them in, look again. */
    for (int look = 0; wait && look < LOOKS && xcs_mode == XCS_MODE_MAIN; look++) {
        if (via == VIA_TLS && !tls_waits(c))
            break;
        if (!main_run_ahead(c, fd, false)) {
            *result = -1;
            err = EINTR;
            done = true;
        }
        wait = !done && via == VIA_TLS && c->state == CONN_WAIT && (c->may_fork || c->verdict_pending);
    }
    errno = err;
    return done;
}

/* A server that has taken the request in and hangs up must not get it again: the program sees the end. */
static bool unacknowledged(const struct conn *c, int fd) {
    int queued = 0;
    return c->tls || (xcs_sys3(SYS_ioctl, fd, SIOCOUTQ, &queued) == 0 && queued > 0);
}

/* The first byte of a MISS's answer is there. */
static void answered(struct conn *c) {
    channel_answered(c->node, c->verdict_pending);
    c->verdict_pending = false;
    conn_release(c);
    c->state = CONN_IDLE;
    c->skipped = false;
}

bool conn_received(int fd, enum conn_via via, ssize_t result, int err) {
    sigset_t saved;
    bool again = false;
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS || c->state != CONN_WAIT || (via == VIA_TLS) != (c->tls != NULL) || !conn_mine())
        return false;
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && c->state == CONN_WAIT) {
        if (result > 0)
            answered(c);
        else if (result == 0 ? unacknowledged(c, fd) : err == ECONNRESET || err == EPIPE)
            again = answer_again(c, fd);
    }
    xcs_unlock(&saved);
    errno = err;
    return again;
}

/* In a tunnel, or on the way to one, and no TLS session: what is said there before one begins is lacking in any other tunnel. */
static bool in_the_clear(const struct conn *c) {
    return c->tunnel && !c->tls;
}

/* The program has read these bytes of the answer to its CONNECT. */
static void hear(struct conn *c, const struct iovec *iov, size_t n, bool dropped) {
    bool kept = !dropped;
    for (; kept && n > 0; iov++) {
        struct iovec part = {iov->iov_base, iov->iov_len < n ? iov->iov_len : n};
        n -= part.iov_len;
        kept = c->held_len + part.iov_len <= TUNNEL_HEAD_MAX && conn_append(c, &part, 1, part.iov_len);
    }
    enum tunnel_answer is = kept ? tunnel_answered(c->tunnel, c->held, c->held_len) : TUNNEL_REFUSED;
    if (is == TUNNEL_REFUSED) {
        conn_untrack(c);
    } else if (is == TUNNEL_OPENED) {
        conn_release(c);
        c->state = CONN_IDLE;
    }
}

static void show(struct conn *c, const struct iovec *iov, size_t n) {
    for (size_t left = n; left > 0; iov++) {
        size_t step = iov->iov_len < left ? iov->iov_len : left;
        left -= step;
        step = step < c->learn ? step : c->learn;
        c->learn -= step;
        channel_show(c->node, iov->iov_base, step);
    }
}

void conn_show(int fd, enum conn_via via, const struct iovec *iov, ssize_t n, int flags) {
    sigset_t saved;
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS || (c->learn == 0 && !in_the_clear(c)) || n <= 0 || (flags & MSG_PEEK) || !conn_mine())
        return;
    int err = errno;
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && c->state == CONN_TUNNEL)
        hear(c, iov, (size_t)n, flags & MSG_TRUNC);
    else if (c && c->state == CONN_IDLE && in_the_clear(c))
        conn_untrack(c);
    else if (c && c->state == CONN_IDLE && (via == VIA_TLS) == (c->tls != NULL) && !(flags & MSG_TRUNC))
        show(c, iov, (size_t)n);
    xcs_unlock(&saved);
    errno = err;
}

/*
 * Some clients look between the pieces of a request whether the server has hung up. Nothing of the server's can depend on bytes that the
 * program has sent only just now, so the first look finds what it would have found; who looks later or again may wait for an answer.
 */
static bool only_glances(struct conn *c, enum poll_time time) {
    bool glances = time == POLL_GLANCE && c->state == CONN_HOLD && conn_ms() < c->fresh;
    c->fresh = 0;
    return glances;
}

bool conn_before_poll(int fd, enum poll_time time) {
    sigset_t saved;
    int err = errno;
    bool go = true, wait = false;
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS || !conn_mine())
        return true;
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && !(c->tls && c->tls->unfinished) && !only_glances(c, time)) {
        settle(c, fd, MSG_DONTWAIT, &saved);
        c = conn_locked(fd);
    }
    if (c && c->state == CONN_IDLE)
        conn_refresh(c, fd);
    wait = c && time == POLL_WAITS && c->state == CONN_WAIT && (c->may_fork || c->verdict_pending);
    xcs_unlock(&saved);
    if (wait)
        go = main_run_ahead(c, fd, true);
    errno = err;
    return go;
}

bool conn_wants_room(int fd) {
    struct conn *c = conn_of(fd);
    return c && c != XCS_OURS && c->state == CONN_SEND && c->sent < c->claimed && !c->pushing &&
           !(c->tls && (c->tls->unfinished || c->tls->error == TLS_ERROR_WANT_READ));
}

/* A TLS session sends when the peer has sent, and where the program waits to write it sends itself. */
static bool pushes_on(const struct conn *c, bool ready) {
    return !c->tls || (!c->tls->unfinished && (ready || c->tls->error != TLS_ERROR_WANT_READ));
}

bool conn_after_poll(int fd, bool ready, bool timed_out) {
    sigset_t saved;
    int err = errno;
    bool again = false;
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS || !conn_mine())
        return false;
    if (ready && c->state == CONN_HIT && conn_is_dead(fd))
        xcs_await_end();
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && c->state == CONN_HIT && c->consumed == 0 && (timed_out || (ready && conn_is_dead(fd)))) {
        conn_revert(c, fd);
        again = true;
    } else if (c && c->state == CONN_WAIT && ready && c->skipped && conn_is_dead(fd)) {
        again = answer_again(c, fd);
    }
    c = conn_locked(fd);
    if (c && c->state == CONN_SEND && c->sent < c->claimed && pushes_on(c, ready)) {
        settle(c, fd, MSG_DONTWAIT, &saved);
        again = true;
    }
    xcs_unlock(&saved);
    errno = err;
    return again;
}
