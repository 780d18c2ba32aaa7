/*
 * The dispatcher for the engine's main thread: see dispatch.h. What its own thread does is in dispatch_thread.c.
 */
#include "dispatch_state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utlist.h>

struct dispatch *dispatch_start(void) {
    struct dispatch *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    d->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->event_fd < 0) {
        free(d);
        return NULL;
    }
    pthread_mutex_init(&d->lock, NULL);

    /* Signals are the main thread's: the new thread starts with all of them blocked. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = pthread_create(&d->thread, NULL, dispatch_thread, d);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err) {
        close(d->event_fd);
        pthread_mutex_destroy(&d->lock);
        free(d);
        errno = err;
        return NULL;
    }
    return d;
}

int dispatch_fd(const struct dispatch *d) {
    return d->event_fd;
}

/* With the lock held. */
static void wake(struct dispatch *d) {
    if (d->multi)
        d->curl.multi_wakeup(d->multi);
}

bool dispatch_submit(struct dispatch *d, const struct dispatch_call *from) {
    struct call *call = call_new(from);
    if (!call) {
        errno = ENOMEM;
        return false;
    }
    call->owner = d;
    pthread_mutex_lock(&d->lock);
    bool accepted = !d->broken;
    if (accepted) {
        HASH_ADD(hh, d->calls, id, sizeof(call->id), call);
        DL_APPEND(d->queued, call);
        wake(d);
    }
    pthread_mutex_unlock(&d->lock);
    if (!accepted) {
        call_free(call);
        errno = ENOSYS;
    }
    return accepted;
}

void dispatch_cancel(struct dispatch *d, uint64_t id) {
    struct call *call;
    pthread_mutex_lock(&d->lock);
    HASH_FIND(hh, d->calls, &id, sizeof(id), call);
    if (call) {
        HASH_DEL(d->calls, call);
        if (call->state == CALL_RUNNING) {
            call->cancelled = d->cancels = true;
            if (call->listed)
                DL_DELETE(d->done, call);
            call->listed = false;
            call = NULL;
            wake(d);
        } else if (call->state == CALL_QUEUED) {
            DL_DELETE(d->queued, call);
        } else {
            DL_DELETE(d->done, call);
        }
    }
    pthread_mutex_unlock(&d->lock);
    call_free(call);
}

enum dispatch_served dispatch_served(struct dispatch *d, uint64_t id) {
    struct call *call;
    pthread_mutex_lock(&d->lock);
    HASH_FIND(hh, d->calls, &id, sizeof(id), call);
    enum dispatch_served served = call ? call->served : DISPATCH_SENT;
    pthread_mutex_unlock(&d->lock);
    return served;
}

/* With the lock held. The rest of a running call's result is the thread's. */
static struct dispatch_result known(const struct call *call) {
    const struct dispatch_result *r = &call->result;
    if (call->state == CALL_DONE)
        return *r;
    return (struct dispatch_result){
        .id = r->id, .status = r->status, .raw = r->raw, .raw_len = r->raw_len, .head_len = r->head_len, .more = true};
}

/* With the lock held. Of a stream that breaks after its first piece comes what has arrived all the same: its status tells. */
static void hand_over(struct call *call, struct dispatch_result *out) {
    *out = known(call);
    if (!call->streams) {
        call->result.raw = NULL;
        return;
    }
    size_t rest = out->raw ? out->raw_len - call->taken : 0;
    char *raw = out->raw && (rest || out->status) ? malloc(rest + 1) : NULL;
    if (raw)
        memcpy(raw, out->raw + call->taken, rest);
    out->raw_len = raw ? rest : 0;
    call->taken += out->raw_len;
    out->status = raw ? out->status : 0;
    out->raw = raw;
}

bool dispatch_next(struct dispatch *d, struct dispatch_result *out) {
    pthread_mutex_lock(&d->lock);
    struct call *call = d->done;
    bool over = call && call->state == CALL_DONE;
    if (call) {
        DL_DELETE(d->done, call);
        call->listed = false;
        hand_over(call, out);
    }
    if (over)
        HASH_DEL(d->calls, call);
    eventfd_t count;
    if (!d->done)
        eventfd_read(d->event_fd, &count); /* does not block; it may be clear already */
    pthread_mutex_unlock(&d->lock);
    if (over)
        call_free(call);
    return call != NULL;
}

void dispatch_stop(struct dispatch *d) {
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->stopping = true;
    wake(d);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);

    struct call *call, *next;
    HASH_ITER(hh, d->calls, call, next) {
        HASH_DEL(d->calls, call);
        call_free(call);
    }
    close(d->event_fd);
    pthread_mutex_destroy(&d->lock);
    free(d);
}
