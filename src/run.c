/*
 * `xcs run`: see run.h. With --stats this process is the program's parent and its engine: it listens on a socket in a
 * directory of its own and starts the engine's part only when the program has asked for it.
 *
 * Nothing of XCS may keep the program from running: what fails here is said in one line and the program runs without.
 */
#include "run.h"

#include "die.h"
#include "engine.h"
#include "listen.h"
#include "preload.h"
#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Passed on to the program. What the terminal or the kernel sends, the program gets by itself. */
static const int forwarded[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};
#define NFORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))

static volatile sig_atomic_t child_pid;

static void forward(int sig, siginfo_t *info, void *context) {
    int saved = errno;
    (void)context;
    if (info->si_code <= 0) /* a process sent it, not the kernel */
        kill((pid_t)child_pid, sig);
    errno = saved;
}

__attribute__((noreturn)) static void exec_failed(const char *program, int err) {
    errno = err;
    die(err == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN, "cannot run '%s': %m", program);
}

/* --- the private socket --- */

struct meeting {
    char dir[64];
    char path[80];
    int listen_fd;
};

static void meeting_close(struct meeting *m) {
    if (m->listen_fd >= 0)
        close(m->listen_fd);
    m->listen_fd = -1;
    if (m->path[0])
        unlink(m->path);
    if (m->dir[0])
        rmdir(m->dir);
    m->path[0] = m->dir[0] = '\0';
}

/* A directory that only this user can enter, a listening socket in it, and its name in the program's environment. */
static bool meeting_open(struct meeting *m) {
    *m = (struct meeting){.listen_fd = -1};
    strcpy(m->dir, "/tmp/xcs-XXXXXX");
    if (!mkdtemp(m->dir)) {
        m->dir[0] = '\0';
        return false;
    }
    snprintf(m->path, sizeof(m->path), "%s/engine", m->dir);
    m->listen_fd = listen_open(m->path);
    if (m->listen_fd >= 0 && setenv("XCS_ENGINE", m->path, 1) == 0)
        return true;
    int saved = errno;
    meeting_close(m);
    errno = saved;
    return false;
}

/* --- the program --- */

/* Returns the program's pid; ends the tool when the program cannot be run. The four signals stay blocked in between. */
static pid_t spawn(char **argv, struct meeting *m, const sigset_t *old_mask) {
    int report[2], err = 0;
    if (pipe2(report, O_CLOEXEC) < 0) {
        meeting_close(m);
        die(EXIT_CANNOT_RUN, "cannot make a pipe: %m");
    }
    pid_t pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, old_mask, NULL);
        execvp(argv[0], argv);
        err = errno;
        _exit(write(report[1], &err, sizeof(err)) == sizeof(err) ? EXIT_CANNOT_RUN : EXIT_NOT_FOUND);
    }
    if (pid < 0)
        err = errno;
    close(report[1]);
    while (pid > 0 && read(report[0], &err, sizeof(err)) < 0 && errno == EINTR)
        ;
    close(report[0]);
    if (err) {
        meeting_close(m);
        exec_failed(argv[0], err);
    }
    return pid;
}

static void install_forwarding(pid_t pid, const sigset_t *old_mask) {
    struct sigaction action = {.sa_sigaction = forward, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigaction old;
    child_pid = pid;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < NFORWARDED; i++) {
        /* What was ignored (nohup) stays ignored, here and in the program. */
        if (sigaction(forwarded[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(forwarded[i], &action, NULL);
    }
    sigprocmask(SIG_SETMASK, old_mask, NULL);
}

/* Until the program has ended: sleeps, and is its engine from the first connection on. */
static void serve(struct meeting *m, pid_t pid, const char *trace, struct stats *stats) {
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return;
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    struct pollfd fds[] = {{.fd = m->listen_fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    if (fds[0].revents) {
        const struct engine_options options = {
            .channel_fd = -1,
            .listen_fd = m->listen_fd,
            .stop_fd = pidfd,
            .trace_path = trace,
            .stats_out = stats,
        };
        engine_run(&options);
    }
    close(pidfd);
}

__attribute__((noreturn)) static void end_as(int status) {
    if (WIFSIGNALED(status)) {
        const struct rlimit no_core = {0, 0};
        sigset_t only;
        setrlimit(RLIMIT_CORE, &no_core); /* the program has dumped its own */
        signal(WTERMSIG(status), SIG_DFL);
        sigemptyset(&only);
        sigaddset(&only, WTERMSIG(status));
        sigprocmask(SIG_UNBLOCK, &only, NULL);
        raise(WTERMSIG(status));
        exit(128 + WTERMSIG(status));
    }
    exit(WEXITSTATUS(status));
}

__attribute__((noreturn)) static void run_with_stats(const struct run_options *options) {
    struct meeting m;
    struct stats stats = {0};
    sigset_t blocked, old_mask;
    int status;
    if (!meeting_open(&m)) {
        warn_line("no stats: cannot make a socket in /tmp: %m");
        execvp(options->argv[0], options->argv);
        exec_failed(options->argv[0], errno);
    }
    sigemptyset(&blocked);
    for (size_t i = 0; i < NFORWARDED; i++)
        sigaddset(&blocked, forwarded[i]);
    sigprocmask(SIG_BLOCK, &blocked, &old_mask);
    pid_t pid = spawn(options->argv, &m, &old_mask);
    install_forwarding(pid, &old_mask);
    serve(&m, pid, options->trace, &stats);
    meeting_close(&m); /* before waiting: whoever still connects must be refused at once */
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            die(EXIT_CANNOT_RUN, "the program was lost: %m");
    }
    stats_print(stderr, &stats);
    stats_free(&stats);
    end_as(status);
}

/* The program may change its directory, so the file's name is made absolute. */
static bool set_trace(const char *file) {
    char dir[PATH_MAX], path[2 * PATH_MAX];
    if (file[0] == '/')
        return setenv("XCS_TRACE", file, 1) == 0;
    if (!getcwd(dir, sizeof(dir)))
        return false;
    snprintf(path, sizeof(path), "%s/%s", dir, file);
    return setenv("XCS_TRACE", path, 1) == 0;
}

void run_program(const struct run_options *options) {
    const char *off = getenv("XCS");
    const char *why = NULL;
    bool wanted = !off || strcmp(off, "off") != 0;
    if (wanted && options->trace && !set_trace(options->trace))
        warn_line("no trace: %m");
    if (wanted && !preload_set(&why)) {
        warn_line("running without XCS: %s", why);
        wanted = false;
    }
    if (wanted && options->stats)
        run_with_stats(options);
    execvp(options->argv[0], options->argv);
    exec_failed(options->argv[0], errno);
}
