/*
 * Interposed: the readiness family (poll(2), select(2)) and epoll_ctl.
 *
 * The kernel answers as ever, the swapped-in sockets included; the wrappers only look before (a request to send on, a
 * run-ahead to fork) and after (a HIT to revert). A connection in an epoll set belongs to an event loop: an epoll set follows
 * the open file, not the descriptor, so a swap would go unnoticed; XCS forgets such a connection. That is why epoll_wait needs
 * no wrapper.
 */
#include "ahead.h"
#include "conn.h"
#include "real.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifndef __clang__
/* The header says that poll only writes its array, which holds for no caller. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask, size_t room);

#define INPUT (POLLIN | POLLRDNORM)

/*
 * A wait shorter than this is a look, during which nothing is forked. A limit on one descriptor is the program's limit for the answer; on
 * several it is a turn of some loop, which comes again.
 */
#define SHORT_MS 20

/* A limit of so many seconds and of a rest in smaller units, of which `enough` are SHORT_MS. */
static enum poll_time time_of(long seconds, long rest, long enough) {
    if (seconds || rest >= enough)
        return POLL_WAITS;
    return rest ? POLL_TURN : POLL_GLANCE;
}

static enum poll_time time_of_ms(int ms) {
    return time_of(ms < 0, ms, SHORT_MS);
}

static enum poll_time time_of_spec(const struct timespec *limit) {
    return limit ? time_of(limit->tv_sec, limit->tv_nsec, SHORT_MS * 1000000) : POLL_WAITS;
}

static bool any_tracked(const struct pollfd *fds, nfds_t n) {
    for (nfds_t i = 0; i < n; i++)
        if ((fds[i].events & INPUT) && conn_of(fds[i].fd))
            return true;
    return false;
}

/* In a run-ahead: a wait for one connection's answer, and for nothing else, is where a continuation may be left. */
static void look_polled(const struct pollfd *fds, nfds_t n, bool waits) {
    if (n == 1 && (fds[0].events & INPUT) && !(fds[0].events & POLLOUT) && waits)
        ahead_look(fds[0].fd, true);
}

/* What the real call is, behind one shape: poll and ppoll. */
struct poll_call {
    int timeout;
    const struct timespec *limit;
    const sigset_t *mask;
    bool is_ppoll;
};

static int real_poll(struct pollfd *fds, nfds_t n, const struct poll_call *c) {
    return c->is_ppoll ? REAL(ppoll)(fds, n, c->limit, c->mask) : REAL(poll)(fds, n, c->timeout);
}

/* Polls for output too where held bytes wait for room; the program does not see that. *only_room: nothing else was there. */
static int poll_with_room(struct pollfd *fds, nfds_t n, const struct poll_call *c, bool *only_room) {
    bool extra = false;
    for (nfds_t i = 0; i < n; i++)
        extra |= (fds[i].events & INPUT) && !(fds[i].events & POLLOUT) && conn_wants_room(fds[i].fd);
    if (!extra)
        return real_poll(fds, n, c);
    for (nfds_t i = 0; i < n; i++)
        if ((fds[i].events & INPUT) && conn_wants_room(fds[i].fd))
            fds[i].events |= 0x4000; /* no kernel event: remembers that POLLOUT is ours */
    for (nfds_t i = 0; i < n; i++)
        if ((fds[i].events & 0x4000) && !(fds[i].events & POLLOUT))
            fds[i].events |= POLLOUT;
        else
            fds[i].events = (short)(fds[i].events & ~0x4000);
    int r = real_poll(fds, n, c);
    int err = errno;
    for (nfds_t i = 0; i < n; i++)
        if (fds[i].events & 0x4000) {
            fds[i].events = (short)(fds[i].events & ~(0x4000 | POLLOUT));
            if (r > 0 && fds[i].revents == POLLOUT)
                *only_room = --r == 0;
            fds[i].revents = (short)(fds[i].revents & ~POLLOUT);
        }
    errno = err;
    return r;
}

/*
 * The connections that one call waits for: a thread that sleeps in the kernel goes by the open file and would not notice a
 * swap that another thread's send brings about. A wait for more of them is an event loop's.
 */
#define INSIDE_MAX 64

struct inside {
    struct conn *conns[INSIDE_MAX];
    unsigned reverts[INSIDE_MAX];
    size_t n;
};

static void enter(struct inside *in, int fd) {
    if (in->n == INSIDE_MAX)
        conn_forget(fd);
    else if ((in->conns[in->n] = conn_enter(fd, WAIT_POLL))) {
        in->reverts[in->n] = in->conns[in->n]->reverts;
        in->n++;
    }
}

/* True: another thread has given up a HIT that was waited for. */
static bool leave(struct inside *in) {
    bool reverted = false;
    while (in->n > 0) {
        in->n--;
        reverted |= in->conns[in->n]->reverts != in->reverts[in->n];
        conn_leave(in->conns[in->n], WAIT_POLL);
    }
    return reverted;
}

static int poll_tracked(struct pollfd *fds, nfds_t n, const struct poll_call *c) {
    enum poll_time time = c->is_ppoll ? time_of_spec(c->limit) : time_of_ms(c->timeout);
    for (;;) {
        for (nfds_t i = 0; i < n; i++)
            if ((fds[i].events & INPUT) && conn_of(fds[i].fd) && !conn_before_poll(fds[i].fd, time)) {
                errno = EINTR;
                return -1;
            }
        struct inside inside = {.n = 0};
        for (nfds_t i = 0; i < n; i++)
            if (fds[i].events & INPUT)
                enter(&inside, fds[i].fd);
        bool again = false;
        int r = poll_with_room(fds, n, c, &again);
        again |= leave(&inside) && r >= 0;
        for (nfds_t i = 0; r >= 0 && i < n; i++)
            if ((fds[i].events & INPUT) && conn_of(fds[i].fd))
                again |= conn_after_poll(fds[i].fd, fds[i].revents != 0, r == 0 && time == POLL_WAITS && n == 1);
        if (!again)
            return r;
    }
}

XCS_EXPORT int poll(struct pollfd *fds, nfds_t n, int timeout) {
    if (XCS_UNLIKELY(xcs_mode == XCS_MODE_AHEAD))
        look_polled(fds, n, time_of_ms(timeout) == POLL_WAITS);
    if (XCS_LIKELY(!any_tracked(fds, n)))
        return REAL(poll)(fds, n, timeout);
    return poll_tracked(fds, n, &(struct poll_call){.timeout = timeout});
}

XCS_EXPORT int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask) {
    if (XCS_UNLIKELY(xcs_mode == XCS_MODE_AHEAD))
        look_polled(fds, n, time_of_spec(limit) == POLL_WAITS);
    if (XCS_LIKELY(!any_tracked(fds, n)))
        return REAL(ppoll)(fds, n, limit, mask);
    return poll_tracked(fds, n, &(struct poll_call){.limit = limit, .mask = mask, .is_ppoll = true});
}

XCS_EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room) {
    if (XCS_UNLIKELY(room / sizeof *fds < n))
        return REAL(__poll_chk)(fds, n, timeout, room);
    return poll(fds, n, timeout);
}

XCS_EXPORT int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *limit, const sigset_t *mask,
                           size_t room) {
    if (XCS_UNLIKELY(room / sizeof *fds < n))
        return REAL(__ppoll_chk)(fds, n, limit, mask, room);
    return ppoll(fds, n, limit, mask);
}

/* The sets as the program gave them, to be able to ask again. */
struct sets {
    fd_set *r, *w, *e;
    fd_set r0, w0, e0;
};

static void keep_sets(struct sets *s) {
    s->r0 = *s->r;
    if (s->w)
        s->w0 = *s->w;
    if (s->e)
        s->e0 = *s->e;
}

static void restore_sets(struct sets *s) {
    *s->r = s->r0;
    if (s->w)
        *s->w = s->w0;
    if (s->e)
        *s->e = s->e0;
}

static bool any_selected(int n, const fd_set *r) {
    if (xcs_mode != XCS_MODE_MAIN || !r || n > FD_SETSIZE)
        return false;
    for (int fd = fdtab_next(0); fd >= 0 && fd < n; fd = fdtab_next(fd + 1))
        if (FD_ISSET(fd, r) && fdtab_get(fd) != XCS_OURS)
            return true;
    return false;
}

struct select_call {
    struct timeval *timeout; /* Linux's select counts it down */
    const struct timespec *limit;
    const sigset_t *mask;
    bool is_pselect;
};

static int real_select(int n, struct sets *s, const struct select_call *c) {
    return c->is_pselect ? REAL(pselect)(n, s->r, s->w, s->e, c->limit, c->mask)
                         : REAL(select)(n, s->r, s->w, s->e, c->timeout);
}

static enum poll_time select_time(const struct select_call *c) {
    if (c->is_pselect || !c->timeout)
        return time_of_spec(c->limit);
    return time_of(c->timeout->tv_sec, c->timeout->tv_usec, SHORT_MS * 1000);
}

static int select_tracked(int n, struct sets *s, const struct select_call *c) {
    struct timeval full = c->timeout ? *c->timeout : (struct timeval){0, 0};
    enum poll_time time = select_time(c);
    keep_sets(s);
    for (;;) {
        bool again = false, added = false;
        for (int fd = 0; fd < n; fd++)
            if (FD_ISSET(fd, &s->r0) && conn_of(fd) && !conn_before_poll(fd, time)) {
                errno = EINTR;
                return -1;
            }
        for (int fd = 0; s->w && fd < n; fd++)
            if (FD_ISSET(fd, &s->r0) && conn_wants_room(fd)) {
                FD_SET(fd, s->w);
                added = true;
            }
        struct inside inside = {.n = 0};
        for (int fd = 0; fd < n; fd++)
            if (FD_ISSET(fd, &s->r0))
                enter(&inside, fd);
        int r = real_select(n, s, c);
        again |= leave(&inside) && r >= 0;
        for (int fd = 0; r >= 0 && fd < n; fd++)
            if (FD_ISSET(fd, &s->r0) && conn_of(fd))
                again |= conn_after_poll(fd, r > 0 && FD_ISSET(fd, s->r), r == 0 && time == POLL_WAITS);
        for (int fd = 0; added && r > 0 && fd < n; fd++)
            if (FD_ISSET(fd, s->w) && !FD_ISSET(fd, &s->w0)) {
                FD_CLR(fd, s->w);
                again |= --r == 0;
            }
        if (!again)
            return r;
        restore_sets(s);
        if (c->timeout)
            *c->timeout = full;
    }
}

static void look_selected(int n, const fd_set *r, const fd_set *w, bool waits) {
    int only = -1;
    for (int fd = 0; r && waits && fd < n && fd < FD_SETSIZE; fd++) {
        if ((w && FD_ISSET(fd, w)) || (FD_ISSET(fd, r) && only >= 0))
            return;
        only = FD_ISSET(fd, r) ? fd : only;
    }
    if (only >= 0)
        ahead_look(only, true);
}

XCS_EXPORT int select(int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *timeout) {
    struct select_call c = {.timeout = timeout};
    if (XCS_UNLIKELY(xcs_mode == XCS_MODE_AHEAD))
        look_selected(n, r, w, select_time(&c) == POLL_WAITS);
    if (XCS_LIKELY(!r || !any_selected(n, r)))
        return REAL(select)(n, r, w, e, timeout);
    return select_tracked(n, &(struct sets){.r = r, .w = w, .e = e}, &c);
}

XCS_EXPORT int pselect(int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *limit, const sigset_t *mask) {
    struct select_call c = {.limit = limit, .mask = mask, .is_pselect = true};
    if (XCS_UNLIKELY(xcs_mode == XCS_MODE_AHEAD))
        look_selected(n, r, w, select_time(&c) == POLL_WAITS);
    if (XCS_LIKELY(!r || !any_selected(n, r)))
        return REAL(pselect)(n, r, w, e, limit, mask);
    return select_tracked(n, &(struct sets){.r = r, .w = w, .e = e}, &c);
}

XCS_EXPORT int epoll_ctl(int ep, int op, int fd, struct epoll_event *event) {
    if (op == EPOLL_CTL_ADD)
        conn_foreign(fd);
    return REAL(epoll_ctl)(ep, op, fd, event);
}
