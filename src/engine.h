/*
 * The engine process: sessions of programs, one event loop, one dispatcher.
 */
#ifndef XCS_ENGINE_H
#define XCS_ENGINE_H

#include "stats.h"
#include <stddef.h>

struct dispatch;
struct sock_filter;

struct engine_options {
    int channel_fd;          /* main's channel (`xcs engine --fd`), or -1: the engine ends with it */
    int listen_fd;           /* a listening SEQPACKET socket (sidecar, `xcs run --stats`), or -1 */
    int stop_fd;             /* readable when the engine is to end, or -1 */
    const char *trace_path;  /* or NULL */
    struct stats *stats_out; /* filled at the end; or NULL */
};

/* Runs until its end; 0, or -1 with errno when it could not start. Takes channel_fd over, the others stay the caller's. */
int engine_run(const struct engine_options *options);

/* For the sessions. */
struct dispatch *engine_dispatcher(void);
const struct sock_filter *engine_filter(size_t *bytes);
void engine_session_ended(void);

#endif
