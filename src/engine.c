/*
 * See engine.h. This file wires the parts; what is decided is in session.c, ahead.c and decide.c.
 */
#include "engine.h"
#include "dispatch.h"
#include "policy.h"
#include "session.h"
#include "trace.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dispatch *dispatcher;
static struct sock_filter *filter;
static unsigned short filter_len;
static struct source results, listener, stopper;
static bool until_session_ends;

struct dispatch *engine_dispatcher(void) {
    return dispatcher;
}

const struct sock_filter *engine_filter(size_t *bytes) {
    *bytes = filter_len * sizeof *filter;
    return filter;
}

void engine_session_ended(void) {
    if (until_session_ends)
        loop_stop();
}

static void results_ready(struct source *s, uint32_t events) {
    struct dispatch_result r;
    (void)s;
    (void)events;
    while (dispatch_next(dispatcher, &r))
        sessions_result(&r);
}

static void listener_ready(struct source *s, uint32_t events) {
    (void)events;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        session_open(fd);
}

static void stop_ready(struct source *s, uint32_t events) {
    (void)s;
    (void)events;
    loop_stop();
}

/* For a whole window: connections here and there, memfds, continuations. */
#define DESCRIPTORS 512

/*
 * Each call ahead takes a few descriptors, and a memfd for its response, which counts as a file. False: there may be no room for
 * them, so that answers would be asked for in vain.
 */
static bool raise_limits(void) {
    struct rlimit rl = {0}, none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max < 65536 ? rl.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    if (rl.rlim_cur < DESCRIPTORS)
        return false;
    if (setrlimit(RLIMIT_FSIZE, &none) == 0)
        return true;
    if (getrlimit(RLIMIT_FSIZE, &rl) != 0 || rl.rlim_max < 2 * (rlim_t)XCS_RESPONSE_MAX)
        return false;
    rl.rlim_cur = rl.rlim_max;
    return setrlimit(RLIMIT_FSIZE, &rl) == 0;
}

/* Keys and prompts pass through the engine: they must not be left in a core file, nor in a log of TLS keys, which libcurl would write. */
static void leave_no_secrets(void) {
    struct rlimit one = {.rlim_cur = 1, .rlim_max = 1}, none = {0}; /* a core pattern that is a pipe ignores 0 */
    if (setrlimit(RLIMIT_CORE, &one) != 0)
        setrlimit(RLIMIT_CORE, &none);
    unsetenv("SSLKEYLOGFILE");
}

static bool start(const struct engine_options *o) {
    leave_no_secrets();
    if (!loop_open() || !(dispatcher = dispatch_start()))
        return false;
    /* Descriptors of others: the loop gets ones of its own to close. */
    if (!source_add(&results, dup(dispatch_fd(dispatcher)), EPOLLIN, results_ready))
        return false;
    if (!policy_export(&filter, &filter_len)) {
        filter = NULL; /* without a filter no run-ahead is forked */
        filter_len = 0;
    }
    trace_open(o->trace_path);
    until_session_ends = o->listen_fd < 0;
    if (o->listen_fd >= 0 && !source_add(&listener, dup(o->listen_fd), EPOLLIN, listener_ready))
        return false;
    if (o->stop_fd >= 0 && !source_add(&stopper, dup(o->stop_fd), EPOLLIN, stop_ready))
        return false;
    if (o->channel_fd >= 0)
        session_open(o->channel_fd);
    return true;
}

int engine_run(const struct engine_options *o) {
    signal(SIGPIPE, SIG_IGN);
    if (!raise_limits() || !start(o))
        return -1;
    loop_run();
    sessions_close();
    if (o->stats_out)
        *o->stats_out = *sessions_total();
    if (until_session_ends) {
        /* Main waits for us in its exit: no time to take apart what the kernel takes apart. */
        trace_close();
        _exit(0);
    }
    source_end(&results);
    source_end(&listener);
    source_end(&stopper);
    dispatch_stop(dispatcher);
    trace_close();
    loop_close();
    free(filter);
    return 0;
}
