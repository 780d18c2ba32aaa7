/*
 * Taking the copy (ahead_fork.h), and what can go wrong with it.
 *
 * The copy has one thread. A lock that another thread of main held at that moment stays locked in it for ever, so a
 * run-ahead of a threaded program that sleeps in futex() and has made no call after STUCK_MS is dropped and taken anew.
 * A runtime's global lock is nearly always held by some thread of a busy program: it is taken first (runtime_lock.h).
 *
 * Signals stay blocked in main from the first look to the last, so that one that arrives meanwhile is seen and makes the
 * interrupted call fail as it would have; and in the copy until it is sealed, so that no handler of the program's runs
 * in it before.
 */
#include "ahead_fork.h"
#include "ahead.h"
#include "channel.h"
#include "conn_impl.h"
#include "engine_start.h"
#include "raw.h"
#include "runtime_lock.h"
#include "tls.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define STUCK_MS 20
#define RETAKES 3
#define CHILDREN 256
#define KERNEL_SIGSET 8
#define VERDICT_MS 300

static struct ahead_plan plan;
static pid_t children[CHILDREN];
static pid_t current;
static uint32_t current_id;

void ahead_child_reset(void) {
    memset(children, 0, sizeof children);
    current = 0;
    engine_child_reset();
}

/* Continuations are made by run-aheads: the engine knows their numbers. */
static void adopt(bool last) {
    int32_t pids[CHILDREN];
    size_t room = 0, next = 0;
    for (size_t i = 0; i < CHILDREN; i++)
        room += children[i] == 0;
    size_t n = channel_ended(pids, room, last);
    for (size_t i = 0; i < CHILDREN && next < n; i++)
        if (!children[i])
            children[i] = pids[next++];
}

int ahead_reap(void) {
    int left = engine_reap();
    adopt(false);
    for (size_t i = 0; i < CHILDREN; i++) {
        if (children[i] && xcs_sys4(SYS_wait4, children[i], 0, __WALL | WNOHANG, 0) != 0)
            children[i] = 0;
        left += children[i] != 0;
    }
    return left;
}

void ahead_tidy(void) {
    sigset_t saved;
    if (!conn_mine())
        return;
    xcs_lock(&saved);
    ahead_reap();
    xcs_unlock(&saved);
}

void ahead_kill(void) {
    if (current_id)
        adopt(true);
    for (size_t i = 0; i < CHILDREN; i++)
        if (children[i])
            xcs_sys2(SYS_kill, children[i], SIGKILL);
}

static pid_t *free_child(void) {
    ahead_reap();
    for (size_t i = 0; i < CHILDREN; i++)
        if (!children[i])
            return &children[i];
    return NULL;
}

/* Only in the copy. Everything up to the return of ahead_quarantine runs on raw system calls. */
static void ahead_start(const sigset_t *mask) {
    sigset_t unblocked = *mask;
    xcs_mode = XCS_MODE_AHEAD;
    if (!ahead_quarantine(&plan))
        ahead_end("not sealed");
    ahead_tls_seal();
    sigdelset(&unblocked, SIGSYS);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &unblocked, 0, KERNEL_SIGSET);
}

enum forked {
    FORK_NONE,
    FORK_MAIN,
    FORK_COPY
};

/* Clones. Needs the state lock, which means nothing in the copy. */
static enum forked clone_ahead(const struct conn *c) {
    int pair[2], pidfd = -1;
    pid_t *child = free_child();
    plan.filter = channel_filter();
    if (!child || plan.filter.len == 0)
        return FORK_NONE;
    if (xcs_sys4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return FORK_NONE;
    plan.channel = fdtab_hide(pair[0]);
    plan.main_pid = xcs_pid;
    plan.main_tid = (pid_t)xcs_sys0(SYS_gettid);
    plan.main_ppid = (pid_t)xcs_sys0(SYS_getppid);
    conn_fill_plan(&plan, c);
    /* Untraced: a debugger would stop at each SIGSYS in it. */
    long pid = plan.channel < 0 ? -EMFILE : xcs_sys5(SYS_clone, CLONE_PIDFD | CLONE_UNTRACED, 0, &pidfd, 0, 0);
    if (pid == 0)
        return FORK_COPY;
    fdtab_drop(plan.channel);
    if (pid > 0) {
        int fds[2] = {pair[1], pidfd};
        *child = current = (pid_t)pid;
        channel_tell(XCS_AHEAD, c->node, ++current_id, fds, 2);
        xcs_sys1(SYS_close, pidfd);
    } else {
        channel_note("run-ahead refused: clone failed");
        xcs_give_up("clone refused");
        channel_close();
    }
    xcs_sys1(SYS_close, pair[1]);
    return pid > 0 ? FORK_MAIN : FORK_NONE;
}

/* The number of the system call that the run-ahead sleeps in, -1 when it runs or that cannot be known. */
static long sleeping_in(pid_t pid) {
    char path[40], text[32];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
    long fd = xcs_sys4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long n = fd < 0 ? -1 : xcs_sys3(SYS_read, fd, text, sizeof text - 1);
    long nr = 0;
    if (fd >= 0)
        xcs_sys1(SYS_close, fd);
    if (n <= 0 || text[0] < '0' || text[0] > '9')
        return -1;
    for (long i = 0; i < n && text[i] >= '0' && text[i] <= '9'; i++)
        nr = nr * 10 + (text[i] - '0');
    return nr;
}

static bool interrupted(const sigset_t *mask, bool always) {
    sigset_t pending;
    sigemptyset(&pending);
    if (xcs_sys2(SYS_rt_sigpending, &pending, KERNEL_SIGSET) < 0)
        return false;
    for (int sig = 1; sig < 65; sig++) {
        struct sigaction act;
        if (sigismember(&pending, sig) != 1 || sigismember(mask, sig) == 1 || sigaction(sig, NULL, &act) != 0)
            continue;
        bool harmless = sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
        if (act.sa_handler == SIG_DFL ? !harmless
                                      : act.sa_handler != SIG_IGN && (always || !(act.sa_flags & SA_RESTART)))
            return true;
    }
    return false;
}

/* Does c still wait for its answer? A libcurl call (fd -1) does: nobody reads it before us. */
static bool still_waits(const struct conn *c, int fd) {
    return fd < 0 || (conn_locked(fd) == c && c->state == CONN_WAIT);
}

/* Waits for fd to be readable. The caller has all signals blocked; they end the wait all the same. */
static bool readable_within(int fd, int other, int ms, const sigset_t *mask) {
    struct pollfd p[2] = {{fd, POLLIN, 0}, {other, POLLIN, 0}};
    /* In steps, for the signals' sake: with a mask of their own ppoll would run the handlers and lose the EINTR. */
    for (int waited = 0; waited < ms; waited += 5) {
        struct timespec step = {0, 5 * 1000000L};
        if (xcs_sys5(SYS_ppoll, p, other >= 0 ? 2 : 1, &step, 0, 0) > 0)
            return p[0].revents != 0;
        if (interrupted(mask, true))
            return true;
    }
    return false;
}

static bool stuck(void) {
    return current && sleeping_in(current) == SYS_futex && !channel_made_progress(current_id);
}

/* As readable_within, of a libcurl call: there is nothing to read before main makes it, so it is not kept waiting for more than is needed. */
static bool progress_within(int ms, const sigset_t *mask) {
    for (int waited = 0; waited < ms; waited++) {
        sigset_t saved;
        xcs_lock(&saved);
        bool moves = channel_made_progress(current_id);
        xcs_unlock(&saved);
        if (moves || interrupted(mask, true))
            return true;
        xcs_nap(1000000);
    }
    return false;
}

static void drop_current(void) {
    channel_tell(XCS_DROP, 0, current_id, NULL, 0);
    xcs_sys2(SYS_kill, current, SIGKILL);
    for (size_t i = 0; i < CHILDREN; i++)
        if (children[i] == current && xcs_sys4(SYS_wait4, current, 0, __WALL, 0) != 0)
            children[i] = 0;
    current = 0;
}

/* Fetches the first call's verdict, unless the answer is there before the engine is. */
static void await_verdict(struct conn *c, int fd, const sigset_t *mask) {
    sigset_t saved;
    struct verdict v;
    xcs_lock(&saved);
    int engine = channel_pending_fd();
    if (still_waits(c, fd) && c->verdict_pending && (engine < 0 || !readable_within(fd, engine, VERDICT_MS, mask))) {
        c->verdict_pending = false;
        if (channel_first_verdict(&v)) {
            c->node = v.node;
            c->may_fork = v.may_fork;
            c->learn = v.learn ? XCS_LEARN_MAX : 0;
        }
    }
    xcs_unlock(&saved);
}

/* One attempt: FORK_MAIN when there is a run-ahead now. */
static enum forked attempt(struct conn *c, int fd, const sigset_t *mask, bool with_lock) {
    sigset_t saved;
    enum forked forked = FORK_NONE;
    struct runtime_hold hold = {0};
    if (with_lock)
        hold = runtime_lock();
    xcs_lock(&saved);
    if (still_waits(c, fd) && c->may_fork && !(fd >= 0 && conn_is_readable(fd))) {
        c->may_fork = false;
        forked = clone_ahead(c);
    }
    if (forked == FORK_COPY)
        ahead_start(mask);
    else
        xcs_unlock(&saved);
    runtime_unlock(hold);
    return forked;
}

bool main_run_ahead(struct conn *c, int fd, bool always) {
    sigset_t all, mask;
    int err = errno;
    sigfillset(&all);
    sigemptyset(&mask);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask, KERNEL_SIGSET);
    if (c->verdict_pending)
        await_verdict(c, fd, &mask);
    enum forked forked = c->may_fork ? FORK_MAIN : FORK_NONE;
    for (int take = 0; forked == FORK_MAIN && take <= RETAKES; take++) {
        forked = attempt(c, fd, &mask, xcs_threaded());
        if (forked != FORK_MAIN || !xcs_threaded() ||
            (fd >= 0 ? readable_within(fd, -1, STUCK_MS, &mask) : progress_within(STUCK_MS, &mask)))
            break;
        sigset_t saved;
        xcs_lock(&saved);
        if (stuck() && still_waits(c, fd)) {
            drop_current();
            c->may_fork = take < RETAKES;
        } else {
            forked = FORK_NONE;
        }
        xcs_unlock(&saved);
    }
    errno = err;
    if (xcs_mode == XCS_MODE_AHEAD)
        return true;
    bool eintr = interrupted(&mask, always);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, KERNEL_SIGSET);
    return !eintr;
}
