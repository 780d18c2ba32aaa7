/*
 * The dispatcher: see dispatch.h.
 *
 * The engine's main thread and the dispatcher's thread share the queues of struct dispatch, and nothing else, behind
 * its lock. A call is in exactly one state: queued (main thread's), running (the dispatcher's thread's, with a libcurl handle)
 * or done (its result waits). The lock is never held while libcurl works, and nothing here logs: requests and
 * responses hold keys.
 */
#include "dispatch.h"

#include "curl_lib.h"
#include "response_head.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <uthash.h>
#include <utlist.h>

/* Idle connections kept for the next calls: the window of several origins. */
#define CONNECTIONS_KEPT 256L
/* Nothing depends on it: new work and the end come by curl_multi_wakeup. */
#define POLL_MS (60 * 1000)

enum call_state {
    CALL_QUEUED,
    CALL_RUNNING,
    CALL_DONE
};

/* One call, from submission until its result is taken. */
struct call {
    uint64_t id;
    enum call_state state;
    bool cancelled; /* running, and not wanted any more: the thread frees it */

    struct xcs_addr addr;
    char *method, *target;
    char **headers;
    size_t nheaders;
    char *body;
    size_t body_len;
    bool http10, chunked, streams;
    char *tls_name, *tls_key; /* both or neither */

    CURL *easy;
    struct curl_slist *lines, *connect_to;
    bool sent; /* its request has gone out, or begun to */
    struct response_head head;
    size_t raw_size; /* allocated for result.raw */
    struct dispatch_result result;
    struct dispatch *owner;
    bool listed;  /* running and in d->done: pieces have arrived (streams) */
    size_t taken; /* bytes of result.raw that were handed over (streams) */

    struct call *prev, *next; /* in d->queued, or in d->done */
    UT_hash_handle hh;        /* in d->calls, by id, unless cancelled */
};

struct dispatch {
    struct curl_lib curl; /* filled by the thread before `multi` is set */
    pthread_t thread;
    int event_fd;

    pthread_mutex_t lock;
    CURLM *multi; /* set once libcurl is there */
    bool broken;  /* libcurl cannot be had */
    bool stopping, cancels;
    struct call *calls, *queued, *done;

    struct call **running; /* the thread's own */
    size_t nrunning, running_size;
};

static uint64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* --- a call --- */

static void call_free(struct call *call) {
    if (!call)
        return;
    free(call->method);
    free(call->target);
    for (size_t i = 0; i < call->nheaders; i++)
        free(call->headers[i]);
    free(call->headers);
    free(call->body);
    free(call->tls_name);
    free(call->tls_key);
    free(call->result.raw);
    free(call);
}

static bool call_copy_headers(struct call *call, const struct dispatch_call *from) {
    call->headers = calloc(from->nheaders + 1, sizeof(*call->headers));
    if (!call->headers)
        return false;
    for (; call->nheaders < from->nheaders; call->nheaders++) {
        call->headers[call->nheaders] = strdup(from->headers[call->nheaders]);
        if (!call->headers[call->nheaders])
            return false;
    }
    return true;
}

static struct call *call_new(const struct dispatch_call *from) {
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->id = call->result.id = from->id;
    call->addr = from->addr;
    call->http10 = from->http10;
    call->chunked = from->chunked;
    call->streams = from->streams;
    call->method = strdup(from->method);
    call->target = strdup(from->target);
    call->body = malloc(from->body_len + 1);
    bool tls = true;
    if (from->tls_name) {
        call->tls_name = strdup(from->tls_name);
        call->tls_key = strdup(from->tls_key);
        tls = call->tls_name && call->tls_key;
    }
    if (!tls || !call->method || !call->target || !call->body || !call_copy_headers(call, from)) {
        call_free(call);
        return NULL;
    }
    if (from->body_len)
        memcpy(call->body, from->body, from->body_len);
    call->body_len = from->body_len;
    return call;
}

/* --- the request, as libcurl options --- */

/* "127.0.0.1:8000" or "[::1]:8000": where to connect. */
static bool call_place(const struct xcs_addr *addr, char *place, size_t size, unsigned *port) {
    char ip[INET6_ADDRSTRLEN];
    if (addr->len >= sizeof(addr->u.in) && addr->u.sa.sa_family == AF_INET) {
        *port = ntohs(addr->u.in.sin_port);
        return inet_ntop(AF_INET, &addr->u.in.sin_addr, ip, sizeof(ip)) &&
               snprintf(place, size, "%s:%u", ip, *port) < (int)size;
    }
    if (addr->len >= sizeof(addr->u.in6) && addr->u.sa.sa_family == AF_INET6) {
        *port = ntohs(addr->u.in6.sin6_port);
        return inet_ntop(AF_INET6, &addr->u.in6.sin6_addr, ip, sizeof(ip)) &&
               snprintf(place, size, "[%s]:%u", ip, *port) < (int)size;
    }
    return false;
}

/* The request line is the program's own: the URL only says how and where to connect, and which name the handshake sends. */
static bool call_url(const struct curl_lib *curl, struct call *call) {
    char place[INET6_ADDRSTRLEN + 16], connect_to[sizeof(place) + 2], url[320];
    unsigned port;
    if (!call_place(&call->addr, place, sizeof(place), &port))
        return false;
    bool named = call->tls_name && *call->tls_name;
    if (named) {
        snprintf(url, sizeof(url), "https://%.255s:%u/", call->tls_name, port);
        snprintf(connect_to, sizeof(connect_to), "::%s", place);
        if (!(call->connect_to = curl->slist_append(NULL, connect_to)) ||
            curl->easy_setopt(call->easy, CURLOPT_CONNECT_TO, call->connect_to) != CURLE_OK)
            return false;
    } else {
        snprintf(url, sizeof(url), "%s://%s/", call->tls_name ? "https" : "http", place);
    }
    return curl->easy_setopt(call->easy, CURLOPT_URL, url) == CURLE_OK;
}

/*
 * The program's own handshake has accepted the peer that holds this key, by whatever rules the program has; no other is
 * accepted here, and no rule of ours is added.
 */
static bool call_trust(const struct curl_lib *curl, struct call *call) {
    CURLcode bad = CURLE_OK;
    if (!call->tls_name)
        return true;
    bad |= curl->easy_setopt(call->easy, CURLOPT_PINNEDPUBLICKEY, call->tls_key);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_VERIFYPEER, 0L);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    bad |= curl->easy_setopt(call->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    return bad == CURLE_OK;
}

static bool header_is(const char *line, const char *name) {
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static bool call_has_header(const struct call *call, const char *name) {
    for (size_t i = 0; i < call->nheaders; i++) {
        if (header_is(call->headers[i], name))
            return true;
    }
    return false;
}

static bool append_line(const struct curl_lib *curl, struct call *call, const char *line) {
    struct curl_slist *longer = curl->slist_append(call->lines, line);
    if (!longer)
        return false;
    call->lines = longer;
    return true;
}

/* One of the program's lines in libcurl's form: "Name:" would mean "leave it out", an empty value is "Name;". */
static bool append_header(const struct curl_lib *curl, struct call *call, char *line) {
    char *colon = strchr(line, ':');
    if (!colon || colon == line || strpbrk(line, "\r\n"))
        return false;
    if (colon[1 + strspn(colon + 1, " \t")] != '\0')
        return append_line(curl, call, line);
    colon[0] = ';';
    colon[1] = '\0';
    return append_line(curl, call, line);
}

/* The program's headers in their order, and none of libcurl's own. */
static bool call_lines(const struct curl_lib *curl, struct call *call) {
    static const char *const defaults[] = {"Host",         "Accept", "User-Agent",    "Accept-Encoding",
                                           "Content-Type", "Expect", "Content-Length"};
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        char leave_out[32];
        snprintf(leave_out, sizeof(leave_out), "%s:", defaults[i]);
        if (!call_has_header(call, defaults[i]) && !append_line(curl, call, leave_out))
            return false;
    }
    bool framed = !call->chunked || call_has_header(call, "Transfer-Encoding");
    for (size_t i = 0; i < call->nheaders; i++) {
        if (!append_header(curl, call, call->headers[i]))
            return false;
    }
    return framed || append_line(curl, call, "Transfer-Encoding: chunked");
}

static int on_request(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port);
static size_t on_header(char *data, size_t one, size_t len, void *user);
static size_t on_body(char *data, size_t one, size_t len, void *user);

struct option {
    CURLoption option;
    long value;
};

/* What makes libcurl send what the program would have sent and hand over what the server did send, and no more. */
static const struct option fixed_options[] = {
    {CURLOPT_NOSIGNAL, 1},
    {CURLOPT_NOPROGRESS, 1},
    {CURLOPT_FOLLOWLOCATION, 0},
    {CURLOPT_NETRC, CURL_NETRC_IGNORED},
    {CURLOPT_HTTP_TRANSFER_DECODING, 0},
    {CURLOPT_HTTP_CONTENT_DECODING, 0},
    {CURLOPT_HTTP09_ALLOWED, 0},
    {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
    {CURLOPT_POST, 1},
};

static bool call_options(const struct curl_lib *curl, struct call *call) {
    CURL *easy = call->easy;
    CURLcode bad = CURLE_OK;
    if (!call_url(curl, call) || !call_trust(curl, call) || !call_lines(curl, call))
        return false;
    for (size_t i = 0; i < sizeof(fixed_options) / sizeof(fixed_options[0]); i++)
        bad |= curl->easy_setopt(easy, fixed_options[i].option, fixed_options[i].value);
    bad |= curl->easy_setopt(easy, CURLOPT_PROXY, "");
    bad |= curl->easy_setopt(easy, CURLOPT_REQUEST_TARGET, call->target);
    bad |= curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    bad |= curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
                             (long)(call->http10 ? CURL_HTTP_VERSION_1_0 : CURL_HTTP_VERSION_1_1));
    bad |= curl->easy_setopt(easy, CURLOPT_HTTPHEADER, call->lines);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    bad |= curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    bad |= curl->easy_setopt(easy, CURLOPT_PREREQDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl->easy_setopt(easy, CURLOPT_HEADERDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl->easy_setopt(easy, CURLOPT_WRITEDATA, call);
    bad |= curl->easy_setopt(easy, CURLOPT_PRIVATE, call);
    if (call->addr.u.sa.sa_family == AF_INET6 && call->addr.u.in6.sin6_scope_id)
        bad |= curl->easy_setopt(easy, CURLOPT_ADDRESS_SCOPE, (long)call->addr.u.in6.sin6_scope_id);
    return bad == CURLE_OK;
}

/* --- the response, as it comes --- */

static bool keep(struct call *call, const char *data, size_t len) {
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
    memcpy(r->raw + r->raw_len, data, len);
    r->raw_len += len;
    return true;
}

/* As keep(), for a response that main may be reading already. */
static bool keep_and_tell(struct call *call, const char *data, size_t len) {
    struct dispatch *d = call->owner;
    pthread_mutex_lock(&d->lock);
    bool ok = keep(call, data, len);
    bool tell = ok && call->result.head_len && call->head.status >= 200 && call->head.status < 300 && !call->cancelled;
    if (tell && !call->listed) {
        call->result.status = call->head.status;
        call->listed = true;
        DL_APPEND(d->done, call);
        eventfd_write(d->event_fd, 1);
    }
    pthread_mutex_unlock(&d->lock);
    return ok;
}

/* libcurl sends a request again by itself when a kept connection ends before the answer. Here a call goes out once. */
static int on_request(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    struct call *call = user;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    if (call->sent) {
        snprintf(call->result.error, sizeof(call->result.error), "the server closed the connection");
        return CURL_PREREQFUNC_ABORT;
    }
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* A header line of a head (the final one or an interim one before it). Trailers come with the raw body. */
static size_t on_header(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    struct dispatch_result *r = &call->result;
    (void)one;
    if (r->head_len)
        return len;
    if (!keep(call, data, len))
        return 0;
    response_head_line(&call->head, data, len);
    if (!call->head.complete)
        return len;
    if (call->head.interim)
        r->raw_len = 0;
    else
        r->head_len = r->raw_len;
    return len;
}

static size_t on_body(char *data, size_t one, size_t len, void *user) {
    struct call *call = user;
    (void)one;
    return (call->streams ? keep_and_tell(call, data, len) : keep(call, data, len)) ? len : 0;
}

/* --- the dispatcher's thread --- */

/* Makes the result known to the main thread, or frees the call when nobody wants it. */
static void call_done(struct dispatch *d, struct call *call) {
    call->result.finished_ns = now_ns();
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

/* Takes what libcurl holds of the call away from it. */
static void call_detach(struct dispatch *d, struct call *call) {
    if (call->easy) {
        d->curl.multi_remove_handle(d->multi, call->easy);
        d->curl.easy_cleanup(call->easy);
    }
    d->curl.slist_free_all(call->lines);
    d->curl.slist_free_all(call->connect_to);
    call->easy = NULL;
    call->lines = NULL;
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

static void call_start(struct dispatch *d, struct call *call) {
    call->result.started_ns = now_ns();
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

static void call_finish(struct dispatch *d, struct call *call, CURLcode code) {
    struct dispatch_result *r = &call->result;
    running_remove(d, call);
    call_detach(d, call);
    if (code != CURLE_OK)
        call_fail(d, call, d->curl.easy_strerror(code));
    else if (!r->head_len)
        call_fail(d, call, "no response");
    else {
        pthread_mutex_lock(&d->lock);
        r->status = call->head.status;
        r->closes = response_head_closes(&call->head);
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
    free(d->running);
}

static void *thread_main(void *arg) {
    struct dispatch *d = arg;
    if (!thread_open(d))
        return NULL;
    while (take_orders(d)) {
        int running;
        d->curl.multi_perform(d->multi, &running);
        reap(d);
        d->curl.multi_poll(d->multi, NULL, 0, POLL_MS, NULL);
    }
    thread_close(d);
    return NULL;
}

/* --- for the engine's main thread --- */

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
    int err = pthread_create(&d->thread, NULL, thread_main, d);
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

/* With the lock held. Of a stream that breaks after its first piece comes what has arrived all the same: its status tells. */
static void hand_over(struct call *call, struct dispatch_result *out) {
    *out = call->result;
    out->more = call->state != CALL_DONE;
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
