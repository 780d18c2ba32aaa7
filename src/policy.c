/*
 * What a run-ahead may ask the kernel for: an allow-list. Called by the engine when it starts.
 *
 * What is not listed never executes: it traps, and the shim's SIGSYS handler (shim/trap.c) serves it from private
 * state or ends the run-ahead. The list is safe because of what quarantine has done before the filter is there: no
 * descriptor refers to anything shared and no mapping does. So a call may be listed only if it cannot make a
 * descriptor, mapping, process or file-system entry that reaches the outside, and cannot act on a process, lock,
 * inode or clock by number or by path.
 *
 * Conditions only ever allow. A comparison is of 64 bits while the kernel may use 32 of them: for a condition that
 * allows, stray upper bits lead to a trap, which is the safe side. Never add a row that forbids by condition.
 */
#include "policy.h"
#include "../shim/raw.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_CONDS 3

struct row {
    const char *name;
    uint32_t action;
    unsigned nconds;
    struct scmp_arg_cmp cond[MAX_CONDS];
};

#define EQ(n, value)                                                                                                   \
    { (n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0 }
#define LT(n, value)                                                                                                   \
    { (n), SCMP_CMP_LT, (scmp_datum_t)(value), 0 }
#define MASKED(n, mask, value)                                                                                         \
    { (n), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value) }
#define COUNT(...) (sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp))
#define ALLOW_IF(name, ...)                                                                                            \
    {                                                                                                                  \
        name, SCMP_ACT_ALLOW, COUNT(__VA_ARGS__), {                                                                    \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }
#define ANSWER(name, error)                                                                                            \
    {                                                                                                                  \
        name, SCMP_ACT_ERRNO(error), 0, {                                                                              \
            { 0, SCMP_CMP_EQ, 0, 0 }                                                                                   \
        }                                                                                                              \
    }

/* The handler's own calls: it stands in for the program's, see XCS_COOKIE. */
#define COOKIE EQ(5, XCS_COOKIE)

/* Any of these in the flags makes or changes a file, or gives a descriptor that can be written to. */
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY))

/* A thread and nothing else: no process, no namespace, no pidfd, no tracing. */
#define THREAD_FLAGS ((uint64_t)(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD))
#define CLONE_LOOK_AT                                                                                                  \
    (THREAD_FLAGS | CLONE_PIDFD | CLONE_PTRACE | CLONE_VFORK | CLONE_PARENT | CLONE_NEWNS | CLONE_NEWCGROUP |          \
     CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

#define SOCK_KIND 0xf    /* the kernel's SOCK_TYPE_MASK */
#define FIRST_ALARM 8    /* CLOCK_REALTIME_ALARM and above wake the machine */
#define FIRST_POISON 100 /* MADV_HWPOISON and above take physical pages out of use */

/* Whatever the arguments, these stay inside the copy or only look. */
static const char *const allowed[] = {
    /* data on descriptors, all of which are private */
    "read",
    "readv",
    "pread64",
    "preadv",
    "preadv2",
    "write",
    "writev",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "lseek",
    "fstat",
    "getdents64",
    "getdents",
    "ftruncate",
    "fallocate",
    "sendfile",
    "copy_file_range",
    "splice",
    "tee",
    "vmsplice",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "shutdown",
    "fadvise64",
    "readahead",
    "close",
    "dup",
    "dup2",
    "dup3",
    /* descriptors that reach nothing */
    "pipe",
    "pipe2",
    "eventfd",
    "eventfd2",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "memfd_create",
    "timerfd_settime",
    "timerfd_gettime",
    "signalfd",
    "signalfd4",
    /* memory: what could be shared writably has been replaced */
    "mmap",
    "munmap",
    "mprotect",
    "mremap",
    "brk",
    "mincore",
    "get_mempolicy",
    "membarrier",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    /* threads and waiting */
    "futex",
    "futex_waitv",
    "set_robust_list",
    "get_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_getattr",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_rr_get_interval",
    "nanosleep",
    "restart_syscall",
    "pause",
    "exit",
    "exit_group",
    "arch_prctl",
    "getcpu",
    /* signals that the copy sends itself by time, and their handling; sending to a process by number is not here */
    "rt_sigpending",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "sigaltstack",
    "setitimer",
    "getitimer",
    "alarm",
    "timer_settime",
    "timer_gettime",
    "timer_getoverrun",
    "timer_delete",
    /* looking */
    "time",
    "gettimeofday",
    "clock_gettime",
    "clock_getres",
    "times",
    "getrusage",
    "sysinfo",
    "uname",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getresuid",
    "getresgid",
    "getgroups",
    "getpgrp",
    "getpgid",
    "getsid",
    "capget",
    "getrlimit",
    "getpriority",
    "ioprio_get",
    "getcwd",
    "statfs",
    "fstatfs",
    "getxattr",
    "lgetxattr",
    "fgetxattr",
    "listxattr",
    "llistxattr",
    "flistxattr",
    /* the copy has its own working directory and mask */
    "fchdir",
    "umask",
};

static const struct row conditional[] = {
    /* descriptors: flags and numbers, never locks, leases, owners or notifications, which act on the shared inode */
    ALLOW_IF("fcntl", EQ(1, F_DUPFD)),
    ALLOW_IF("fcntl", EQ(1, F_DUPFD_CLOEXEC)),
    ALLOW_IF("fcntl", EQ(1, F_GETFD)),
    ALLOW_IF("fcntl", EQ(1, F_SETFD)),
    ALLOW_IF("fcntl", EQ(1, F_GETFL)),
    ALLOW_IF("fcntl", EQ(1, F_SETFL)),
    ALLOW_IF("fcntl", EQ(1, F_GETPIPE_SZ)),
    ALLOW_IF("fcntl", EQ(1, F_SETPIPE_SZ)),
    ALLOW_IF("fcntl", EQ(1, F_GET_SEALS)),
    ALLOW_IF("fcntl", EQ(1, F_ADD_SEALS)),
    ALLOW_IF("ioctl", EQ(1, FIONREAD)),
    ALLOW_IF("ioctl", EQ(1, FIONBIO)),
    ALLOW_IF("ioctl", EQ(1, FIOCLEX)),
    ALLOW_IF("ioctl", EQ(1, FIONCLEX)),
    ALLOW_IF("ioctl", EQ(1, TCGETS), COOKIE),
    ALLOW_IF("ioctl", EQ(1, TIOCGWINSZ), COOKIE),
    ALLOW_IF("close_range", COOKIE),
    /* a datagram pair could be made to send to a named socket */
    ALLOW_IF("socketpair", EQ(0, AF_UNIX), MASKED(1, SOCK_KIND, SOCK_STREAM)),
    ALLOW_IF("socketpair", EQ(0, AF_UNIX), MASKED(1, SOCK_KIND, SOCK_SEQPACKET)),
    /* all sockets are connected pairs; the handler has looked whether the program may go on after this send */
    ALLOW_IF("sendto", EQ(4, 0), COOKIE),
    ALLOW_IF("sendmsg", COOKIE),
    ALLOW_IF("sendmmsg", COOKIE),
    ALLOW_IF("getsockopt", COOKIE),
    ALLOW_IF("getsockname", COOKIE),
    ALLOW_IF("getpeername", COOKIE),
    ALLOW_IF("setsockopt", EQ(1, SOL_SOCKET), EQ(2, SO_RCVTIMEO), COOKIE),
    ALLOW_IF("setsockopt", EQ(1, SOL_SOCKET), EQ(2, SO_SNDTIMEO), COOKIE),
    /* paths: only looking, and only by the handler, which keeps the private files */
    ALLOW_IF("openat", MASKED(2, OPEN_WRITES, O_RDONLY), COOKIE),
    ALLOW_IF("newfstatat", MASKED(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
    ALLOW_IF("newfstatat", COOKIE),
    ALLOW_IF("statx", COOKIE),
    ALLOW_IF("faccessat", COOKIE),
    ALLOW_IF("faccessat2", COOKIE),
    ALLOW_IF("readlinkat", COOKIE),
    ALLOW_IF("chdir", COOKIE),
    /* identity, randomness and signal masks, of which the handler keeps account */
    ALLOW_IF("gettid", COOKIE),
    ALLOW_IF("getrandom", COOKIE),
    ALLOW_IF("rt_sigaction", COOKIE),
    /* threads, not processes */
    ALLOW_IF("clone", MASKED(0, CLONE_LOOK_AT, THREAD_FLAGS)),
    /* a continuation: a copy under the same filter, that dies with main and asks whether main lives */
    ALLOW_IF("clone", EQ(0, CLONE_PARENT | CLONE_PIDFD), COOKIE),
    ALLOW_IF("prctl", EQ(0, PR_SET_PDEATHSIG), EQ(1, SIGKILL), COOKIE),
    ALLOW_IF("getppid", COOKIE),
    ALLOW_IF("madvise", LT(2, FIRST_POISON)),
    ALLOW_IF("timerfd_create", LT(0, FIRST_ALARM)),
    ALLOW_IF("timer_create", LT(0, FIRST_ALARM)),
    ALLOW_IF("clock_nanosleep", LT(0, FIRST_ALARM)),
    ALLOW_IF("sched_setaffinity", EQ(0, 0)),
    ALLOW_IF("personality", EQ(0, 0xffffffff)),
    /* own limits, but never that of core dumps, which quarantine has lowered */
    ALLOW_IF("prlimit64", EQ(2, 0)),
    ALLOW_IF("prlimit64", EQ(0, 0), EQ(1, RLIMIT_NOFILE)),
    ALLOW_IF("prlimit64", EQ(0, 0), EQ(1, RLIMIT_STACK)),
    ALLOW_IF("prlimit64", EQ(0, 0), EQ(1, RLIMIT_DATA)),
    ALLOW_IF("prlimit64", EQ(0, 0), EQ(1, RLIMIT_AS)),
    ALLOW_IF("prlimit64", EQ(0, 0), EQ(1, RLIMIT_CPU)),
    ALLOW_IF("prctl", EQ(0, PR_SET_NAME)),
    ALLOW_IF("prctl", EQ(0, PR_GET_NAME)),
    ALLOW_IF("prctl", EQ(0, PR_GET_DUMPABLE)),
    ALLOW_IF("prctl", EQ(0, PR_GET_PDEATHSIG)),
    ALLOW_IF("prctl", EQ(0, PR_CAPBSET_READ)),
    ALLOW_IF("prctl", EQ(0, PR_GET_NO_NEW_PRIVS)),
    ALLOW_IF("prctl", EQ(0, PR_GET_SECCOMP)),
    ALLOW_IF("prctl", EQ(0, PR_GET_TIMERSLACK)),
    ALLOW_IF("prctl", EQ(0, PR_SET_VMA)),
    /* libraries probe for these and have another way */
    ANSWER("clone3", ENOSYS),
    ANSWER("io_uring_setup", ENOSYS),
    ANSWER("openat2", ENOSYS),
    /* durability of what is private anyway */
    ANSWER("sync", 0),
    ANSWER("syncfs", 0),
    ANSWER("fsync", 0),
    ANSWER("fdatasync", 0),
    ANSWER("sync_file_range", 0),
    ANSWER("msync", 0),
    ANSWER("mlock", 0),
    ANSWER("mlock2", 0),
    ANSWER("munlock", 0),
};

static void release_ctx(scmp_filter_ctx *ctx) {
    if (*ctx != NULL) {
        seccomp_release(*ctx);
    }
}

static void close_fd(const int *fd) {
    if (*fd >= 0) {
        close(*fd);
    }
}

/* A name that this architecture or this libseccomp does not know stays under the default: it traps. */
static bool add_row(scmp_filter_ctx ctx, const struct row *row) {
    int nr = seccomp_syscall_resolve_name(row->name);
    if (nr < 0) {
        return true;
    }
    return seccomp_rule_add_array(ctx, row->action, nr, row->nconds, row->cond) == 0;
}

static bool fill(scmp_filter_ctx ctx) {
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        const struct row row = {.name = allowed[i], .action = SCMP_ACT_ALLOW};
        if (!add_row(ctx, &row)) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(conditional) / sizeof(conditional[0]); i++) {
        if (!add_row(ctx, &conditional[i])) {
            return false;
        }
    }
    return true;
}

bool policy_export(struct sock_filter **prog, unsigned short *len) {
    __attribute__((cleanup(release_ctx))) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_TRAP);
    /* Another architecture's numbers, x32's among them, mean something else: no trap could tell what was asked. */
    if (ctx == NULL || seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0) {
        return false;
    }
    /* A binary tree instead of a list: every call of the run-ahead passes here. */
    (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!fill(ctx)) {
        return false;
    }

    __attribute__((cleanup(close_fd))) int fd = memfd_create("xcs-policy", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(ctx, fd) != 0) {
        return false;
    }
    off_t size = lseek(fd, 0, SEEK_END);
    size_t count = size < 0 ? 0 : (size_t)size / sizeof(struct sock_filter);
    if (count == 0 || count > BPF_MAXINSNS) {
        return false;
    }
    struct sock_filter *filter = calloc(count, sizeof(*filter));
    if (filter == NULL) {
        return false;
    }
    size_t bytes = count * sizeof(*filter);
    if (pread(fd, filter, bytes, 0) != (ssize_t)bytes) {
        free(filter);
        return false;
    }
    *prog = filter;
    *len = (unsigned short)count;
    return true;
}
