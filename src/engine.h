/*
 * The engine's process: one event loop that serves main's channels, and the dispatcher's thread. Called by main.c
 * (`xcs engine`) and run.c (`xcs run --stats`).
 */
#ifndef XCS_ENGINE_H
#define XCS_ENGINE_H

struct stats;

struct engine_options {
    int channel_fd;         /* main's channel (`xcs engine --fd 3`), or -1 */
    int listen_fd;          /* SEQPACKET socket that mains connect to, or -1 */
    int stop_fd;            /* readable: take what has come already, and end; or -1 */
    const char *trace_path; /* record the run in this file, or NULL */
    struct stats *stats_out; /* the sum of all sessions, or NULL */
};

/*
 * Serves until the channel's end of file or, with listen_fd, until stop_fd is readable. Kills the run-aheads that are left,
 * cancels what is in flight. Returns an exit status. listen_fd and stop_fd stay the caller's, channel_fd is closed.
 */
int engine_run(const struct engine_options *options);

#endif
