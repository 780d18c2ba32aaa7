/*
 * The dispatcher itself, as its two threads share it (dispatch.c: the engine's main thread; dispatch_thread.c: its own).
 *
 * They share the queues, and nothing else, behind the lock. A call is in exactly one state: queued (main thread's), running (the
 * dispatcher's thread's, with a libcurl handle) or done (its result waits).
 */
#ifndef XCS_DISPATCH_STATE_H
#define XCS_DISPATCH_STATE_H

#include "dispatch_link.h"
#include <pthread.h>

struct dispatch {
    struct curl_lib curl; /* filled by the thread before `multi` is set */
    pthread_t thread;
    int event_fd;

    pthread_mutex_t lock;
    CURLM *multi; /* set once libcurl is there */
    bool broken;  /* libcurl cannot be had */
    bool stopping, cancels;
    struct call *calls, *queued, *done;

    struct call **running; /* the thread's own, as what follows */
    size_t nrunning, running_size;
    struct links links;
};

/* The thread's main function; `arg` is the dispatcher. */
void *dispatch_thread(void *arg);

#endif
