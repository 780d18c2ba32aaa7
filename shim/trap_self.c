/*
 * Served calls by which a process asks who it is, draws randomness, and sets its signals and limits. Called by
 * trap.c's handler only.
 */
#include "trap.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "signal_safe.h"

#define KERNEL_SIGSET 8 /* bytes in the kernel's signal set */
#define BIT(sig) (1UL << ((sig)-1))

/* The copy answers as main does: these numbers get into requests, file names and seeds. */
static long serve_getpid(struct trap *t) {
    (void)t;
    return ahead_self.main_pid;
}

static long serve_getppid(struct trap *t) {
    (void)t;
    return ahead_self.main_ppid;
}

static long serve_gettid(struct trap *t) {
    long real = trap_pass(t);
    return real == ahead_self.own_tid ? ahead_self.main_tid : real;
}

static long serve_getrandom(struct trap *t) {
    ahead_tell_random();
    return trap_pass(t);
}

/* Works on the mask that returning from this handler restores. SIGSYS stays open: a trap while it is blocked kills. */
static long serve_sigprocmask(struct trap *t) {
    const void *set = (const void *)t->arg[1];
    void *old = (void *)t->arg[2];
    unsigned long mask, wanted = 0;
    if (t->arg[3] != KERNEL_SIGSET) {
        return -EINVAL;
    }
    memcpy(&mask, &t->uc->uc_sigmask, sizeof(mask));
    if (set != NULL) {
        memcpy(&wanted, set, sizeof(wanted));
    }
    if (old != NULL) {
        memcpy(old, &mask, sizeof(mask));
    }
    if (set == NULL) {
        return 0;
    }
    switch ((int)t->arg[0]) {
    case SIG_BLOCK:
        mask |= wanted;
        break;
    case SIG_UNBLOCK:
        mask &= ~wanted;
        break;
    case SIG_SETMASK:
        mask = wanted;
        break;
    default:
        return -EINVAL;
    }
    mask &= ~(BIT(SIGSYS) | BIT(SIGKILL) | BIT(SIGSTOP));
    memcpy(&t->uc->uc_sigmask, &mask, sizeof(mask));
    return 0;
}

/* The kernel's struct sigaction is not libc's. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    unsigned long mask;
};

/* The handler of SIGSYS stays; those of other signals must not run with SIGSYS blocked. */
static long serve_sigaction(struct trap *t) {
    const void *action = (const void *)t->arg[1];
    if (t->arg[0] == SIGSYS) {
        if (t->arg[2] != 0) {
            memset((void *)t->arg[2], 0, sizeof(struct kernel_action));
        }
        return 0;
    }
    if (action == NULL) {
        return trap_pass(t);
    }
    struct kernel_action copy;
    memcpy(&copy, action, sizeof(copy));
    copy.mask &= ~BIT(SIGSYS);
    return xcs_sys6(SYS_rt_sigaction, t->arg[0], XCS_ARG(&copy), t->arg[2], t->arg[3], 0, XCS_COOKIE);
}

/* A crash of the copy must leave no core file: that limit is not the program's to raise here. */
static long serve_setrlimit(struct trap *t) {
    bool of_self = t->nr != SYS_prlimit64 || t->arg[0] == 0 || t->arg[0] == ahead_self.main_pid;
    long resource = t->nr == SYS_prlimit64 ? t->arg[1] : t->arg[0];
    if (of_self && resource == RLIMIT_CORE) {
        return 0;
    }
    trap_end(t);
}

/* A program that closes everything would lose the channel; what lies above the floor is XCS's. */
static long serve_close_range(struct trap *t) {
    unsigned long first = (unsigned long)t->arg[0] & 0xffffffffUL, last = (unsigned long)t->arg[1] & 0xffffffffUL;
    unsigned long floor = (unsigned long)ahead_self.floor;
    if (first > last) {
        return -EINVAL;
    }
    if (first >= floor) {
        return 0;
    }
    last = last >= floor ? floor - 1 : last;
    return xcs_sys6(SYS_close_range, (long)first, (long)last, t->arg[2], 0, 0, XCS_COOKIE);
}

const struct trap_row trap_self_rows[] = {
    {SYS_getpid, serve_getpid},
    {SYS_getppid, serve_getppid},
    {SYS_gettid, serve_gettid},
    {SYS_getrandom, serve_getrandom},
    {SYS_rt_sigprocmask, serve_sigprocmask},
    {SYS_rt_sigaction, serve_sigaction},
    {SYS_prlimit64, serve_setrlimit},
    {SYS_setrlimit, serve_setrlimit},
    {SYS_close_range, serve_close_range},
    {0, NULL},
};
