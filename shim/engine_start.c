/*
 * The engine's start, and the holder that is its parent (design: "execve undoes that").
 *
 * A child of main's that calls execve becomes visible to the program's wait(). So main clones, with exit signal 0, a
 * holder that never execs; the holder starts the engine and waits for it. The holder shares main's memory, hence it
 * must not write to anything but its own stack: no errno, no libc function that might set it, no lock.
 */
#include "engine_start.h"
#include "protocol.h"
#include "raw.h"
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK (64u * 1024u)
#define ENV_MAX 1024

static char library_dir[PATH_MAX];
static struct sockaddr_un sidecar;
static pid_t holder_pid;

struct start_plan {
    int channel; /* the engine's end */
    const char *path;
    char *const *argv;
    char *const *envp;
    char *engine_stack;
    pid_t main_pid;
    bool by_main_thread;
};

void engine_start_init(void) {
    Dl_info info;
    const char *path = getenv("XCS_ENGINE");
    if (path && *path && strlen(path) < sizeof sidecar.sun_path) {
        sidecar.sun_family = AF_UNIX;
        strcpy(sidecar.sun_path, path);
    }
    /* A relative name has to be made absolute now: the program may change its directory. */
    if (dladdr((void *)engine_start_init, &info) && info.dli_fname && realpath(info.dli_fname, library_dir)) {
        char *slash = strrchr(library_dir, '/');
        if (slash)
            slash[1] = '\0';
    } else {
        library_dir[0] = '\0';
    }
}

static int connect_sidecar(void) {
    int fd = (int)xcs_sys3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    /* It is going to be handed requests with their keys: only this user's own engine, or root's. */
    bool ok = fd >= 0 && xcs_sys3(SYS_connect, fd, &sidecar, sizeof sidecar) == 0 &&
              xcs_sys5(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
              (peer.uid == 0 || peer.uid == (uid_t)xcs_sys0(SYS_geteuid));
    if (!ok && fd >= 0)
        xcs_sys1(SYS_close, fd);
    return ok ? fd : -1;
}

/* Beside the library, in the prefix's bin (lib/ or lib/<triplet>/), or above a libtool build's .libs. */
static bool find_engine(char *path) {
    static const char *const places[] = {"xcs", "../bin/xcs", "../../bin/xcs", "../xcs"};
    for (size_t i = 0; library_dir[0] && i < sizeof places / sizeof *places; i++) {
        if (strlen(library_dir) + strlen(places[i]) >= PATH_MAX)
            continue;
        strcpy(stpcpy(path, library_dir), places[i]);
        if (xcs_sys3(SYS_faccessat, AT_FDCWD, path, X_OK) == 0)
            return true;
    }
    return false;
}

/* The engine must not be preloaded itself; the rest of the environment (TLS trust, library path) is the program's. */
static char *const *engine_environment(void) {
    static char *env[ENV_MAX];
    static const char *const dropped[] = {"LD_PRELOAD=", "XCS_ENGINE=", "LD_AUDIT="};
    size_t n = 0;
    for (char **e = environ; e && *e && n + 1 < ENV_MAX; e++) {
        bool drop = false;
        for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
            drop |= strncmp(*e, dropped[i], strlen(dropped[i])) == 0;
        if (!drop)
            env[n++] = *e;
    }
    env[n] = NULL;
    return env;
}

/* In the engine's process, memory shared with holder and main until the execve. */
static int holder_exec(void *arg) {
    const struct start_plan *p = arg;
    unsigned long none = 0;
    /* First, because where the program has closed its standard descriptors the channel is one of them. */
    if (p->channel == XCS_ENGINE_FD)
        xcs_sys3(SYS_fcntl, XCS_ENGINE_FD, F_SETFD, 0);
    else
        xcs_sys3(SYS_dup3, p->channel, XCS_ENGINE_FD, 0);
    int null = (int)xcs_sys4(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR, 0);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        if (fd != null)
            xcs_sys3(SYS_dup3, null, fd, 0);
    if (xcs_sys3(SYS_close_range, XCS_ENGINE_FD + 1, ~0U, 0) < 0)
        for (int fd = XCS_ENGINE_FD + 1; fd < 4096; fd++)
            xcs_sys1(SYS_close, fd);
    xcs_sys0(SYS_setsid);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
    xcs_sys3(SYS_execve, p->path, p->argv, p->envp);
    xcs_sys1(SYS_exit_group, 127);
    __builtin_unreachable();
}

static void close_all_but(int keep) {
    bool done = xcs_sys3(SYS_close_range, keep + 1, ~0U, 0) == 0 &&
                (keep == 0 || xcs_sys3(SYS_close_range, 0, keep - 1, 0) == 0);
    for (int fd = 0; !done && fd < 4096; fd++)
        if (fd != keep)
            xcs_sys1(SYS_close, fd);
}

/* In the holder. Inherits main's signal mask of this moment: everything blocked. */
static int holder_main(void *arg) {
    const struct start_plan *p = arg;
    /* Its end follows from the engine's, which follows from the channel's; this is for a holder that is stopped. The signal
     * comes when the creating thread ends, so it is asked for only where that is the process's end. */
    if (p->by_main_thread) {
        xcs_sys2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
        if (xcs_sys0(SYS_getppid) != p->main_pid)
            xcs_sys1(SYS_exit_group, 0);
    }
    close_all_but(p->channel);
    int pid = clone(holder_exec, p->engine_stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, arg);
    /* Past the execve nothing of the plan is used any more: its memory is main's again. */
    close_all_but(-1);
    while (pid > 0 && xcs_sys4(SYS_wait4, pid, 0, __WALL, 0) == -EINTR)
        ;
    xcs_sys1(SYS_exit_group, 0);
    __builtin_unreachable();
}

static int spawn(void) {
    static char path[PATH_MAX];
    static char arg_engine[] = "engine", arg_fd[] = "--fd", arg_number[] = "3";
    static char *argv[] = {path, arg_engine, arg_fd, arg_number, NULL};
    static struct start_plan plan;
    static char *stacks;
    int pair[2];
    if (!find_engine(path))
        return -1;
    if (!stacks) {
        long p = xcs_sys6(SYS_mmap, 0, 2L * STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p < 0 && p > -4096)
            return -1;
        stacks = (char *)p;
    }
    if (xcs_sys4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    plan = (struct start_plan){
        pair[1], path, argv, engine_environment(), stacks, xcs_pid, xcs_sys0(SYS_gettid) == xcs_pid};
    /* The state lock is held, so all signals are blocked, and the holder inherits that. A debugger must not take it for a thread of
     * the program's. */
    int saved = errno;
    int pid = clone(holder_main, stacks + 2u * STACK, CLONE_VM | CLONE_UNTRACED, &plan);
    errno = saved;
    xcs_sys1(SYS_close, pair[1]);
    if (pid < 0) {
        xcs_sys1(SYS_close, pair[0]);
        return -1;
    }
    holder_pid = pid;
    return pair[0];
}

int engine_start(void) {
    return sidecar.sun_family ? connect_sidecar() : spawn();
}

int engine_reap(void) {
    if (holder_pid > 0 && xcs_sys4(SYS_wait4, holder_pid, 0, __WALL | WNOHANG, 0) != 0)
        holder_pid = 0;
    return holder_pid > 0;
}

void engine_child_reset(void) {
    holder_pid = 0;
}
