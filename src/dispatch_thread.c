/*
 * The dispatcher's thread (dispatch_impl.h): takes what was submitted, drives libcurl, and lists what has come. The lock is never held
 * while libcurl works, and nothing here logs: requests and responses hold keys.
 */
#include "clock.h"
#include "dispatch_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include <utlist.h>

/* Idle connections kept for the next calls: the window of several origins. */
#define CONNECTIONS_KEPT 256L
/* Nothing depends on it: new work and the end come by curl_multi_wakeup. */
#define POLL_MS (60 * 1000)
/* How long a call may be without an answer's first byte before it is looked after. */
#define SILENT_NS 1000000000u

/* --- the response, as it comes --- */

static bool keep(struct call *call, const void *data, size_t len) {
    struct dispatch_result *r = &call->result;
    if (len > XCS_RESPONSE_MAX - r->raw_len) {
        snprintf(r->error, sizeof(r->error), "response too long");
        return false;
    }
    if (r->raw_len + len > call->raw_size) {
        size_t size = call->raw_size ? call->raw_size : 2048;
        while (size < r->raw_len + len)
            size *= 2;
        char *bigger = realloc(r->raw, size);
        if (!bigger)
            return false;
        r->raw = bigger;
        call->raw_size = size;
    }
    if (len)
        memcpy(r->raw + r->raw_len, data, len);
    r->raw_len += len;
    return true;
}

/* A stream's receiver may be taking what there is at this moment. */
bool call_keep(struct call *call, const void *data, size_t len) {
    struct dispatch *d = call->owner;
    pthread_mutex_lock(&d->lock);
    bool ok = keep(call, data, len);
    pthread_mutex_unlock(&d->lock);
    return ok;
}

void call_tell(struct call *call) {
    struct dispatch *d = call->owner;
    const struct response_head *head = &call->head;
    if (!call->streams || !call->result.head_len || head->status < 200 || head->status >= 300)
        return;
    pthread_mutex_lock(&d->lock);
    if (!call->cancelled && !call->listed) {
        call->result.status = head->status;
        call->listed = true;
        DL_APPEND(d->done, call);
        eventfd_write(d->event_fd, 1);
    }
    pthread_mutex_unlock(&d->lock);
}

/* --- the dispatcher's thread --- */

/* Makes the result known to the main thread, or frees the call when nobody wants it. */
static void call_done(struct dispatch *d, struct call *call) {
    call->result.finished_ns = clock_ns();
    pthread_mutex_lock(&d->lock);
    bool wanted = !call->cancelled;
    if (wanted) {
        call->state = CALL_DONE;
        if (!call->listed)
            DL_APPEND(d->done, call);
        eventfd_write(d->event_fd, 1);
    }
    pthread_mutex_unlock(&d->lock);
    if (!wanted)
        call_free(call);
}

static void call_fail(struct dispatch *d, struct call *call, const char *why) {
    struct dispatch_result *r = &call->result;
    pthread_mutex_lock(&d->lock);
    if (!call->taken) {
        free(r->raw);
        r->raw = NULL;
        r->raw_len = r->head_len = 0;
    }
    r->status = 0;
    pthread_mutex_unlock(&d->lock);
    if (!r->error[0])
        snprintf(r->error, sizeof(r->error), "%s", why);
}

/* No byte of an answer has come for so long that the server may be waiting for something of ours. */
static bool is_silent(const struct call *call, uint64_t now) {
    return !call->result.raw_len && call->result.started_ns + SILENT_NS <= now;
}

/* Does another call of ours wait for a place at the same server? */
static bool others_wait(const struct dispatch *d, const struct call *call) {
    uint64_t now = clock_ns();
    for (size_t i = 0; i < d->nrunning; i++) {
        const struct call *other = d->running[i];
        if (other != call && is_silent(other, now) && memcmp(&other->addr, &call->addr, sizeof(call->addr)) == 0)
            return true;
    }
    return false;
}

/* Takes what libcurl holds of the call away from it. */
static void call_detach(struct dispatch *d, struct call *call) {
    links_left(call, others_wait(d, call), clock_ns());
    if (call->easy) {
        d->curl.multi_remove_handle(d->multi, call->easy);
        d->curl.easy_cleanup(call->easy);
    }
    call->easy = NULL;
    for (size_t i = 0; i < CALL_LISTS; i++) {
        d->curl.slist_free_all(call->lists[i]);
        call->lists[i] = NULL;
    }
}

static bool running_add(struct dispatch *d, struct call *call) {
    if (d->nrunning == d->running_size) {
        size_t size = d->running_size ? 2 * d->running_size : 64;
        struct call **bigger = realloc(d->running, size * sizeof(struct call *));
        if (!bigger)
            return false;
        d->running = bigger;
        d->running_size = size;
    }
    d->running[d->nrunning++] = call;
    return true;
}

static void running_remove(struct dispatch *d, const struct call *call) {
    for (size_t i = 0; i < d->nrunning; i++) {
        if (d->running[i] == call) {
            d->running[i] = d->running[--d->nrunning];
            return;
        }
    }
}

static bool call_options(const struct curl_lib *curl, struct call *call) {
    bool ok = xcs_is_call(&call->addr) ? call_set_curl(curl, call) : call_set_http(curl, call);
    return ok && links_watch(&call->owner->links, curl, call) &&
           curl->easy_setopt(call->easy, CURLOPT_PRIVATE, call) == CURLE_OK;
}

static void call_start(struct dispatch *d, struct call *call) {
    call->result.started_ns = clock_ns();
    call->easy = d->curl.easy_init();
    if (call->easy && call_options(&d->curl, call) && running_add(d, call)) {
        if (d->curl.multi_add_handle(d->multi, call->easy) == CURLM_OK)
            return;
        running_remove(d, call);
    }
    call_detach(d, call);
    call_fail(d, call, "the call cannot be issued");
    call_done(d, call);
}

/* Of a connection that was used before libcurl would have made a new one (on_request ends that). */
static bool is_refusal(const struct call *call, CURLcode code) {
    bool closed = code == CURLE_COULDNT_CONNECT || code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
                  code == CURLE_SEND_ERROR;
    return closed && !call->result.raw_len;
}

static void call_finish(struct dispatch *d, struct call *call, CURLcode code) {
    struct dispatch_result *r = &call->result;
    curl_off_t retry_after = 0;
    running_remove(d, call);
    d->curl.easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &retry_after);
    r->retry_after = retry_after > 0 ? (uint64_t)retry_after : 0;
    bool told = code != CURLE_OK || (xcs_is_call(&call->addr) ? call_end_curl(call) : call_end_http(call));
    r->refused = is_refusal(call, code);
    if (r->refused)
        links_scarce(&d->links);
    r->no_tunnel = r->refused && call_lacks_tunnel(&d->curl, call);
    call_detach(d, call);
    r->closes = code == CURLE_PARTIAL_FILE || (code == CURLE_OK && !xcs_is_call(&call->addr));
    if (code != CURLE_OK || !told)
        call_fail(d, call, d->curl.easy_strerror(code != CURLE_OK ? code : CURLE_OUT_OF_MEMORY));
    else if (!r->head_len)
        call_fail(d, call, "no response");
    else {
        pthread_mutex_lock(&d->lock);
        r->status = call->head.status;
        r->closes = call->asks_close || response_head_closes(&call->head);
        pthread_mutex_unlock(&d->lock);
        char *fitting = call->streams ? NULL : realloc(r->raw, r->raw_len);
        if (fitting)
            r->raw = fitting;
    }
    call_done(d, call);
}

/* Closes the transfers that are not wanted any more. */
static void drop_cancelled(struct dispatch *d) {
    for (size_t i = d->nrunning; i-- > 0;) {
        struct call *call = d->running[i];
        pthread_mutex_lock(&d->lock);
        bool cancelled = call->cancelled;
        pthread_mutex_unlock(&d->lock);
        if (!cancelled)
            continue;
        d->running[i] = d->running[--d->nrunning];
        call_detach(d, call);
        call_free(call);
    }
}

/* Starts what was submitted; false when the dispatcher is to end. */
static bool take_orders(struct dispatch *d) {
    struct call *call, *fresh;
    pthread_mutex_lock(&d->lock);
    bool stopping = d->stopping;
    bool cancels = d->cancels;
    fresh = d->queued;
    d->queued = NULL;
    d->cancels = false;
    DL_FOREACH(fresh, call) {
        call->state = CALL_RUNNING;
    }
    pthread_mutex_unlock(&d->lock);

    while (fresh) {
        call = fresh;
        DL_DELETE(fresh, call);
        call_start(d, call);
    }
    if (cancels)
        drop_cancelled(d);
    return !stopping;
}

static void reap(struct dispatch *d) {
    CURLMsg *msg;
    int left;
    while ((msg = d->curl.multi_info_read(d->multi, &left))) {
        struct call *call = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        if (d->curl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call) == CURLE_OK && call)
            call_finish(d, call, code);
    }
}

/* Looks after idle links and silent calls; for how long there is nothing to do here. */
static int watch(struct dispatch *d) {
    uint64_t now = clock_ns(), next = links_expire(&d->links, now);
    for (size_t i = 0; i < d->nrunning; i++) {
        struct call *call = d->running[i];
        if (is_silent(call, now) && call->looked_ns + SILENT_NS <= now) {
            enum dispatch_served served = links_served(call);
            pthread_mutex_lock(&d->lock);
            call->served = served;
            pthread_mutex_unlock(&d->lock);
            call->looked_ns = now;
        }
        uint64_t look = (call->looked_ns ? call->looked_ns : call->result.started_ns) + SILENT_NS;
        if (!call->result.raw_len && (!next || look < next))
            next = look;
    }
    return next ? (int)((next - now) / 1000000u) + 1 : POLL_MS;
}

/* libcurl and the multi handle; on failure every call so far fails, and later ones are refused. */
static bool thread_open(struct dispatch *d) {
    CURLM *multi = curl_lib_load(&d->curl) ? d->curl.multi_init() : NULL;
    if (multi) {
        d->curl.multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT);
        d->curl.multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    }
    pthread_mutex_lock(&d->lock);
    d->multi = multi;
    d->broken = !multi;
    struct call *stuck = multi ? NULL : d->queued;
    if (!multi)
        d->queued = NULL;
    pthread_mutex_unlock(&d->lock);
    while (stuck) {
        struct call *call = stuck;
        DL_DELETE(stuck, call);
        call_fail(d, call, "libcurl cannot be loaded");
        call_done(d, call);
    }
    return multi != NULL;
}

static void thread_close(struct dispatch *d) {
    while (d->nrunning) {
        struct call *call = d->running[--d->nrunning];
        call_detach(d, call);
        pthread_mutex_lock(&d->lock);
        bool cancelled = call->cancelled;
        pthread_mutex_unlock(&d->lock);
        if (cancelled)
            call_free(call); /* the others are in d->calls and freed from there */
    }
    d->curl.multi_cleanup(d->multi);
    links_free(&d->links);
    free(d->running);
}

void *dispatch_thread(void *arg) {
    struct dispatch *d = arg;
    if (!thread_open(d))
        return NULL;
    while (take_orders(d)) {
        int running;
        d->curl.multi_perform(d->multi, &running);
        reap(d);
        d->curl.multi_poll(d->multi, NULL, 0, watch(d), NULL);
    }
    thread_close(d);
    return NULL;
}
