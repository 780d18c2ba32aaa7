/*
 * xcs: reads the command line and calls the one that does the work. All that is wrong with a command line is said here,
 * in one line, with exit status 2.
 */
#include "die.h"
#include "engine.h"
#include "listen.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] = "usage: xcs run [--stats] [--trace FILE] [--] program [argument ...]\n"
                            "       xcs engine --listen PATH\n"
                            "       xcs help | version\n"
                            "\n"
                            "xcs run runs a program; its independent model calls run at the same time.\n"
                            "  --stats       say afterwards, on stderr, what was gained\n"
                            "  --trace FILE  record the run in FILE\n"
                            "\n"
                            "xcs engine --listen PATH is an engine for programs started with XCS_ENGINE=PATH;\n"
                            "it ends on SIGTERM or SIGINT.\n"
                            "\n"
                            "Environment: XCS=off (no XCS), XCS_DEBUG=1 (explain each decision on stderr),\n"
                            "XCS_TRACE=FILE (record the run), XCS_ENGINE=PATH (use that engine).\n";

__attribute__((noreturn)) static void usage_error(const char *what, const char *which) {
    die(EXIT_USAGE, "%s%s%s%s (try 'xcs help')", what, which ? " '" : "", which ? which : "", which ? "'" : "");
}

/* --- xcs run --- */

static int command_run(int argc, char **argv) {
    static const struct option longs[] = {
        {"stats", no_argument, NULL, 's'},
        {"trace", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    struct run_options options = {0};
    int opt;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (opt == 's')
            options.stats = true;
        else if (opt == 't')
            options.trace = optarg;
        else if (opt == ':')
            usage_error("run: a file's name must follow", argv[optind - 1]);
        else
            usage_error("run: unknown option", argv[optind - 1]);
    }
    if (optind >= argc)
        usage_error("run: no program given", NULL);
    options.argv = argv + optind;
    run_program(&options);
}

/* --- xcs engine --- */

/* Each call takes a descriptor or two, and a sidecar serves many programs. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The engine of one program, on a socket that libxcs.so has made. */
static int engine_on_fd(const char *text) {
    char *end;
    errno = 0;
    long fd = strtol(text, &end, 10);
    int type = 0;
    socklen_t len = sizeof(type);
    if (errno || end == text || *end || fd < 0 || fd > INT_MAX)
        usage_error("engine: not a descriptor", text);
    if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
        usage_error("engine: not a channel", text);
    fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    const struct engine_options options = {
        .channel_fd = (int)fd,
        .listen_fd = -1,
        .stop_fd = -1,
        .trace_path = getenv("XCS_TRACE"),
    };
    return engine_run(&options) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int engine_on_path(const char *path) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    int stop_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    int listen_fd = listen_open(path);
    if (stop_fd < 0 || listen_fd < 0)
        die(EXIT_FAILURE, "cannot listen at '%s': %m", path);
    const struct engine_options options = {
        .channel_fd = -1,
        .listen_fd = listen_fd,
        .stop_fd = stop_fd,
        .trace_path = getenv("XCS_TRACE"),
    };
    int status = engine_run(&options);
    unlink(path);
    close(listen_fd);
    close(stop_fd);
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int command_engine(int argc, char **argv) {
    raise_descriptor_limit();
    if (argc != 3)
        usage_error("engine: --listen PATH must follow", NULL);
    if (strcmp(argv[1], "--fd") == 0)
        return engine_on_fd(argv[2]);
    if (strcmp(argv[1], "--listen") == 0)
        return engine_on_path(argv[2]);
    usage_error("engine: unknown option", argv[1]);
}

/* --- the rest --- */

static int command_help(int argc, char **argv) {
    (void)argc, (void)argv;
    return fputs(usage, stdout) < 0;
}

static int command_version(int argc, char **argv) {
    (void)argc, (void)argv;
    return puts("xcs " PACKAGE_VERSION) < 0;
}

static const struct {
    const char *name;
    int (*call)(int argc, char **argv); /* argv[0] is the command's name */
} commands[] = {
    {"run", command_run}, {"engine", command_engine},   {"help", command_help},         {"--help", command_help},
    {"-h", command_help}, {"version", command_version}, {"--version", command_version},
};

int main(int argc, char **argv) {
    if (argc < 2)
        usage_error("no command given", NULL);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].call(argc - 1, argv + 1);
    }
    usage_error("unknown command", argv[1]);
}
