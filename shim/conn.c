/*
 * The connections' life: opened, dup'ed, closed, forgotten (conn.h). Called by the wrappers of entry_*.c. Under the
 * state lock only raw system calls are made; conns come from a static pool, so nothing allocates.
 */
#include "conn.h"
#include "ahead.h"
#include "ahead_fork.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "refusals.h"
#include "tls_lazy.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define POOL 4096

struct conn xcs_ours;
static struct conn pool[POOL];
static size_t pool_next, pool_end; /* pool_end: one past the highest entry ever taken */

#define FOREIGN 256
static struct {
    int fd;
    ino_t ino;
} foreign[FOREIGN];
static size_t foreign_next;

bool conn_mine(void) {
    return xcs_sys0(SYS_getpid) == xcs_pid;
}

ino_t conn_ino(int fd) {
    struct stat st;
    return xcs_sys2(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

bool conn_is_blocking(int fd) {
    return !(xcs_sys2(SYS_fcntl, fd, F_GETFL) & O_NONBLOCK);
}

bool conn_is_readable(int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    struct timespec now = {0, 0};
    return xcs_sys5(SYS_ppoll, &p, 1, &now, 0, 0) == 1;
}

static struct conn *take(void) {
    for (size_t i = 0; i < POOL; i++) {
        struct conn *c = &pool[(pool_next + i) % POOL];
        if (c->state == CONN_FREE) {
            pool_next = (pool_next + i + 1) % POOL;
            if (pool_end < (size_t)(c - pool) + 1)
                pool_end = (size_t)(c - pool) + 1;
            unsigned reverts = c->reverts;
            memset(c, 0, sizeof *c);
            c->reverts = reverts;
            c->real = c->copy = -1;
            return c;
        }
    }
    return NULL;
}

void conn_release(struct conn *c) {
    if (c->held)
        xcs_sys2(SYS_munmap, c->held, c->held_cap);
    c->held = NULL;
    c->held_len = c->held_cap = c->claimed = c->sent = 0;
}

static void discard(struct conn *c) {
    /* The program gave the call up: it is not under way any more. */
    if (c->state == CONN_WAIT || (c->state == CONN_SEND && c->after == AFTER_WAIT))
        channel_answered(c->node, c->verdict_pending);
    conn_release(c);
    tls_end(c);
    fdtab_drop(c->real);
    fdtab_drop(c->copy);
    c->real = c->copy = -1;
    c->state = CONN_FREE;
}

void conn_untrack(struct conn *c) {
    for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1))
        if (fdtab_get(fd) == c)
            fdtab_set(fd, NULL);
    discard(c);
}

static void unref(struct conn *c, int fd) {
    fdtab_set(fd, NULL);
    if (--c->refs == 0)
        discard(c);
}

bool conn_replace(struct conn *c, int from) {
    long flags = -1;
    for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1)) {
        if (fdtab_get(fd) != c)
            continue;
        if (flags < 0) {
            flags = xcs_sys2(SYS_fcntl, fd, F_GETFL);
            xcs_sys3(SYS_fcntl, from, F_SETFL, flags);
        }
        long cloexec = xcs_sys2(SYS_fcntl, fd, F_GETFD);
        if (xcs_sys3(SYS_dup3, from, fd, cloexec & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
            return false;
    }
    return true;
}

struct conn *conn_locked(int fd) {
    struct conn *c = fdtab_get(fd);
    if (!c || c == XCS_OURS)
        return NULL;
    ino_t ino = conn_ino(fd);
    bool swapped = c->state == CONN_HIT || c->state == CONN_EOF;
    if (ino != 0 && ino == (swapped ? c->swap_ino : c->ino))
        return c;
    unref(c, fd);
    return NULL;
}

/* Nothing of a request has gone out on it: its handshake can still be made, or goes on. */
static bool is_put_off(const struct conn *c) {
    return (c->state == CONN_IDLE || c->state == CONN_HOLD || c->state == CONN_SEND) && c->tls && c->tls->lazy;
}

static bool is_foreign(int fd) {
    ino_t ino = foreign_next ? conn_ino(fd) : 0;
    for (size_t i = 0; ino && i < FOREIGN; i++)
        if (foreign[i].fd == fd && foreign[i].ino == ino)
            return true;
    return false;
}

void conn_foreign(int fd) {
    sigset_t saved;
    if (xcs_mode != XCS_MODE_MAIN || !conn_mine())
        return;
    ino_t ino = conn_ino(fd);
    if (!ino)
        return;
    struct conn *c = conn_of(fd);
    if (c && c != XCS_OURS && is_put_off(c))
        tls_settle(c, fd);
    conn_forget(fd);
    xcs_lock(&saved);
    foreign[foreign_next % FOREIGN].fd = fd;
    foreign[foreign_next % FOREIGN].ino = ino;
    foreign_next++;
    xcs_unlock(&saved);
}

struct conn *conn_count_in(int fd, enum conn_wait how) {
    struct conn *c = conn_of(fd);
    if (!c || c == XCS_OURS)
        return NULL;
    atomic_fetch_add(&c->sleepers, 1);
    if (how == WAIT_POLL)
        atomic_fetch_add(&c->pollers, 1);
    if (c->state == CONN_HOLD && conn_mine()) {
        sigset_t saved;
        xcs_lock(&saved);
        xcs_unlock(&saved);
    }
    return c;
}

/* Freed and taken again meanwhile: the count began anew. */
static void one_less(_Atomic int *count) {
    if (atomic_fetch_sub(count, 1) <= 0)
        atomic_store(count, 0);
}

void conn_count_out(struct conn *c, enum conn_wait how) {
    if (how == WAIT_POLL)
        one_less(&c->pollers);
    one_less(&c->sleepers);
}

static bool is_anothers(const struct conn *c) {
    return xcs_threaded() && (c->thread != xcs_sys0(SYS_gettid) || atomic_load(&c->sleepers) > 0);
}

void conn_before_fork(void) {
    for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1)) {
        struct conn *c = fdtab_get(fd);
        if (!c || c == XCS_OURS || is_anothers(c))
            continue;
        if (is_put_off(c))
            tls_settle(c, fd);
        if (c->state == CONN_HOLD || (c->state == CONN_SEND && c->sent < c->claimed) ||
            (c->state == CONN_HIT && c->consumed == 0))
            conn_forget(fd);
    }
}

void conn_tried(int fd, const struct sockaddr *addr, socklen_t len, int err) {
    struct xcs_addr to = {.len = 0};
    sigset_t saved;
    int type = 0;
    socklen_t tlen = sizeof type;
    bool in4 = addr && len >= (socklen_t)sizeof(struct sockaddr_in) && addr->sa_family == AF_INET;
    bool in6 = addr && len >= (socklen_t)sizeof(struct sockaddr_in6) && addr->sa_family == AF_INET6;
    if (xcs_mode != XCS_MODE_MAIN || xcs_inside_curl || (!in4 && !in6) || (unsigned)fd >= XCS_FDS || !conn_mine())
        return;
    if (xcs_gave_up()) {
        ahead_tidy();
        return;
    }
    if (xcs_sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &tlen) < 0 || type != SOCK_STREAM)
        return;
    to.len = in4 ? sizeof to.u.in : sizeof to.u.in6;
    memcpy(&to.u, addr, to.len);
    xcs_lock(&saved);
    refusals_put(&to, err);
    struct conn *c = conn_locked(fd);
    bool opened = err == 0 || err == EINPROGRESS;
    /* A second connect() on the same socket only asks how the first went. */
    if (opened && !c && fdtab_get(fd) != XCS_OURS && !is_foreign(fd) && (c = take())) {
        c->state = CONN_IDLE;
        c->refs = 1;
        c->ino = conn_ino(fd);
        c->thread = (pid_t)xcs_sys0(SYS_gettid);
        c->addr = to;
        fdtab_set(fd, c);
    }
    xcs_unlock(&saved);
}

void conn_connected(int fd, int err) {
    sigset_t saved;
    if (!conn_mine())
        return;
    xcs_lock(&saved);
    const struct conn *c = conn_locked(fd);
    if (c && c->state == CONN_IDLE && !c->spoken)
        refusals_put(&c->addr, err);
    xcs_unlock(&saved);
}

/* Closed, or left alone, without ever having been connected: the program has found that out in its own way, or does not wait any longer. */
static void note_unmade(const struct conn *c, int fd) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (c->state != CONN_IDLE || c->spoken || c->skipped ||
        xcs_sys5(SYS_getsockopt, fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return;
    if (info.tcpi_state == TCP_SYN_SENT)
        refusals_put(&c->addr, ETIMEDOUT);
    else if (info.tcpi_state == TCP_CLOSE && info.tcpi_rtt == 0) /* no packet of ours was ever acknowledged */
        refusals_put(&c->addr, ECONNREFUSED);
}

void conn_forget(int fd) {
    sigset_t saved;
    if (!conn_of(fd) || !conn_mine())
        return;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && c->state == CONN_HIT) {
        if (c->consumed == 0)
            conn_revert(c, fd);
        else
            c->state = CONN_EOF; /* the rest of the response is read from where it is */
    }
    if (c && (c->state == CONN_HOLD || c->state == CONN_SEND)) {
        c->state = CONN_SEND;
        c->after = AFTER_FORGET;
        if (conn_push(c, fd, MSG_NOSIGNAL, &saved) == -EAGAIN)
            c = NULL; /* non-blocking and full: forgotten once it is out */
        else
            c = conn_locked(fd);
    }
    if (c && c->state != CONN_EOF) {
        note_unmade(c, fd);
        conn_untrack(c);
    }
    xcs_unlock(&saved);
}

int conn_ending(int fd) {
    sigset_t saved;
    int response = -1;
    if (!conn_of(fd) || !conn_mine())
        return -1;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && c->tls && (c->state == CONN_HIT || c->state == CONN_EOF) && conn_ino(c->real) == c->ino &&
        (response = fdtab_hide((int)xcs_sys1(SYS_dup, fd))) >= 0) {
        conn_replace(c, c->real);
        c->swap_ino = c->ino; /* so that the descriptor is known */
        c->tls->ended = true;
    }
    xcs_unlock(&saved);
    return response;
}

void conn_ended(int fd, int response) {
    sigset_t saved;
    int err = errno;
    if (response < 0)
        return;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && (c->state == CONN_HIT || c->state == CONN_EOF)) {
        conn_replace(c, response);
        c->swap_ino = conn_ino(response);
    }
    fdtab_drop(response);
    xcs_unlock(&saved);
    errno = err;
}

bool conn_closing(int fd) {
    sigset_t saved;
    bool ok = true;
    if (!conn_mine())
        return true;
    xcs_lock(&saved);
    if (fdtab_get(fd) == XCS_OURS) {
        ok = false;
    } else {
        struct conn *c = conn_locked(fd);
        if (c && c->refs == 1 && (c->state == CONN_HOLD || c->state == CONN_SEND)) {
            c->state = CONN_SEND;
            while (conn_push(c, fd, MSG_NOSIGNAL, &saved) == -EINTR)
                ;
            c = conn_locked(fd);
        }
        if (c) {
            note_unmade(c, fd);
            unref(c, fd);
        }
    }
    xcs_unlock(&saved);
    return ok;
}

void conn_duped(int fd, int copy) {
    sigset_t saved;
    if (!conn_mine())
        return;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && (unsigned)copy < XCS_FDS) {
        c->refs++;
        fdtab_set(copy, c);
    }
    xcs_unlock(&saved);
}

void conn_shutting(int fd, int how) {
    sigset_t saved;
    if (how == SHUT_WR || !conn_mine()) {
        conn_forget(fd); /* after a half-close the connection carries no further request */
        return;
    }
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    bool swapped = c && (c->state == CONN_HIT || c->state == CONN_EOF);
    if (swapped) {
        /* Nobody wants the answer: a thread that sleeps in a read of it has to wake, and nothing goes out again. */
        xcs_sys2(SYS_shutdown, c->real, how);
        c->state = CONN_EOF;
    }
    xcs_unlock(&saved);
    if (!swapped)
        conn_forget(fd);
}

int conn_real_fd(int fd) {
    sigset_t saved;
    int real = fd;
    if (!conn_mine())
        return fd;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && (c->state == CONN_HIT || c->state == CONN_EOF))
        real = c->real;
    xcs_unlock(&saved);
    return real;
}

void conn_child_reset(void) {
    for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1)) {
        if (fdtab_get(fd) == XCS_OURS)
            xcs_sys1(SYS_close, fd);
        fdtab_set(fd, NULL);
    }
    for (size_t i = 0; i < pool_end; i++) {
        conn_release(&pool[i]);
        pool[i].state = CONN_FREE;
    }
}

void conn_fill_plan(struct ahead_plan *plan, const struct conn *waiting) {
    plan->nconns = 0;
    for (int fd = fdtab_next(0); fd >= 0 && plan->nconns < XCS_AHEAD_CONNS; fd = fdtab_next(fd + 1)) {
        struct conn *c = fdtab_get(fd);
        if (!c || c == XCS_OURS || (c != waiting && c->state != CONN_IDLE))
            continue;
        plan->conns[plan->nconns++] = (struct ahead_conn){fd, c == waiting ? c->node : 0, tls_trust(c), c->addr};
    }
}
