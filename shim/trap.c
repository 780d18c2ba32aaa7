/*
 * The SIGSYS handler of a run-ahead: a trapped system call is looked up in the tables of the trap_*.c files and
 * served there, or it is a barrier and the run-ahead ends with the call's name as reason.
 *
 * Runs in signal context, on any thread of the copy. One lock, held with all signals blocked, serialises handlers
 * of several threads (their tables and buffers are static). Nothing in it may make a call that traps: each of the
 * handler's own calls is either allowed outright or carries XCS_COOKIE.
 */
#include "trap.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "signal_safe.h"

struct ahead_self ahead_self = {.channel = -1, .floor = 3, .null_fd = -1};

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of a filter's trap; older headers lack it */
#endif

static atomic_flag busy = ATOMIC_FLAG_INIT;

/* During the self test: how many calls have trapped, and what they are answered. */
#define PROBE_ANSWER (-4242L)
static volatile bool probing;
static volatile unsigned probed;

#if defined(__x86_64__)
static void regs_get(struct trap *t) {
    const greg_t *r = t->uc->uc_mcontext.gregs;
    const long arg[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
    memcpy(t->arg, arg, sizeof(arg));
}
static void regs_answer(struct trap *t, long result) {
    t->uc->uc_mcontext.gregs[REG_RAX] = result;
}
#elif defined(__aarch64__)
static void regs_get(struct trap *t) {
    for (int i = 0; i < 6; i++) {
        t->arg[i] = (long)t->uc->uc_mcontext.regs[i];
    }
}
static void regs_answer(struct trap *t, long result) {
    t->uc->uc_mcontext.regs[0] = (unsigned long)result;
}
#endif

long ahead_tell_fds(const struct xcs_msg *msg, const void *payload, size_t len, const int *fds, size_t nfds,
                    int flags) {
    struct iovec iov[2] = {
        {.iov_base = (void *)(uintptr_t)msg, .iov_len = sizeof(*msg)},
        {.iov_base = (void *)(uintptr_t)payload, .iov_len = len},
    };
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(AHEAD_TELL_FDS * sizeof(int))];
    } control = {.room = {0}};
    struct msghdr packet = {.msg_iov = iov, .msg_iovlen = 2};
    if (nfds > 0) {
        packet.msg_control = &control;
        packet.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
        control.head.cmsg_level = SOL_SOCKET;
        control.head.cmsg_type = SCM_RIGHTS;
        control.head.cmsg_len = CMSG_LEN(nfds * sizeof(int));
        memcpy(CMSG_DATA(&control.head), fds, nfds * sizeof(int));
    }
    return xcs_sys6(SYS_sendmsg, ahead_self.channel, XCS_ARG(&packet), flags | MSG_NOSIGNAL, 0, 0, XCS_COOKIE);
}

long ahead_tell(const struct xcs_msg *msg, const void *payload, size_t len, int fd, int flags) {
    return ahead_tell_fds(msg, payload, len, &fd, fd >= 0, flags);
}

/* Never waits: a program that draws numbers by the thousand must not fill the channel and stand still. */
void ahead_tell_random(void) {
    const struct xcs_msg msg = {.proto = XCS_PROTO, .type = XCS_RANDOM};
    (void)ahead_tell(&msg, NULL, 0, -1, MSG_DONTWAIT);
}

void ahead_end(const char *reason) {
    size_t len = strlen(reason);
    const struct xcs_msg msg = {.proto = XCS_PROTO, .type = XCS_BARRIER, .len = len};
    if (ahead_self.channel >= 0 && ahead_tell(&msg, reason, len, -1, MSG_DONTWAIT) == -EAGAIN) {
        /* the engine is behind; one short wait, for a reason is worth that but not more */
        struct pollfd ready = {.fd = ahead_self.channel, .events = POLLOUT};
        const struct timespec wait = {.tv_nsec = 100 * 1000 * 1000};
        (void)xcs_sys4(SYS_ppoll, &ready, 1, &wait, NULL);
        (void)ahead_tell(&msg, reason, len, -1, MSG_DONTWAIT);
    }
    for (;;) {
        (void)xcs_sys1(SYS_exit_group, 0);
    }
}

void trap_end(const struct trap *t) {
    const char *name = trap_name(t->nr);
    if (name != NULL) {
        ahead_end(name);
    }
    char text[40] = "system call ";
    char digits[20];
    size_t n = 0, end = strlen(text);
    unsigned long value = (unsigned long)t->nr & 0xffffffffUL;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (n > 0) {
        text[end++] = digits[--n];
    }
    text[end] = '\0';
    ahead_end(text);
}

static long serve(struct trap *t) {
    static const struct trap_row *const tables[] = {trap_self_rows, trap_net_rows, trap_file_rows};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (const struct trap_row *row = tables[i]; row->serve != NULL; row++) {
            if (row->nr == t->nr) {
                return row->serve(t);
            }
        }
    }
    trap_end(t);
}

static void on_trap(int sig, siginfo_t *info, void *context) {
    (void)sig;
    struct trap t = {.nr = info->si_syscall, .uc = context};
    regs_get(&t);
    if (info->si_code != SYS_SECCOMP) {
        ahead_end("SIGSYS from outside");
    }
    if (probing) {
        probed++;
        regs_answer(&t, PROBE_ANSWER);
        return;
    }
    while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire)) {
        (void)xcs_sys0(SYS_sched_yield);
    }
    long result = serve(&t);
    atomic_flag_clear_explicit(&busy, memory_order_release);
    regs_answer(&t, result);
}

bool trap_install(void) {
    /*
     * SA_SIGINFO: the call is in the siginfo. SA_ONSTACK: a thread of the program may have a small stack and an
     * alternate one for such guests. SA_NODEFER: a trap inside the handler must reach the handler (which ends), not
     * kill unexplained. All other signals wait, so that no handler of the program's runs while the lock is held.
     */
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigset_t set;
    sigfillset(&action.sa_mask);
    sigdelset(&action.sa_mask, SIGSYS);
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    return sigaction(SIGSYS, &action, NULL) == 0 &&
           xcs_sys4(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, _NSIG / 8) == 0;
}

bool trap_self_test(void) {
    static const char empty[] = "";
    probing = true;
    /* Each would fail with another error, and change nothing, if it were let through. */
    const long answers[] = {
        xcs_sys3(SYS_unlinkat, -1, empty, 0),
        xcs_sys4(SYS_openat, -1, empty, 1 /* O_WRONLY */, 0),
        xcs_sys6(SYS_openat, -1, XCS_ARG(empty), 1 /* O_WRONLY */, 0, 0, XCS_COOKIE),
        xcs_sys2(SYS_kill, ahead_self.own_tid, 0),
        xcs_sys3(SYS_connect, -1, empty, 0),
        xcs_sys3(SYS_fcntl, -1, 8 /* F_SETOWN */, 0),
        xcs_sys3(SYS_execve, empty, NULL, NULL),
    };
    probing = false;
    const size_t count = sizeof(answers) / sizeof(answers[0]);
    for (size_t i = 0; i < count; i++) {
        if (answers[i] != PROBE_ANSWER) {
            return false;
        }
    }
    return probed == count;
}
