/*
 * See curl_perform.h. In main a call is looked up as a request on a connection is (conn_send.c): a HIT's answer is delivered and the real
 * handle stays idle; on a MISS the run-ahead is forked first, while the handle is idle, and then the real function makes the call. In
 * a run-ahead the far end of every call is the engine, and the real handle is never driven.
 *
 * While the real function makes a call that was looked up here, its connection must not be looked at once more (xcs_inside_curl).
 */
#include "curl_perform.h"
#include "ahead_fork.h"
#include "channel.h"
#include "conn.h"
#include "curl_deliver.h"
#include "curl_lesson.h"
#include "curl_render.h"
#include "curl_trust.h"
#include "raw.h"
#include "trap.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define TICK_MS 1000
#define PIECE (64 * 1024)

__thread bool xcs_inside_curl __attribute__((tls_model("initial-exec")));

/* --- the answer of the engine --- */

struct hit {
    int fd;
    int copy; /* memfd with what there is of the answer, or -1 */
};

enum waited {
    WAITED_BYTES,
    WAITED_END,    /* no more will come */
    WAITED_ABORTED /* by the progress callback */
};

static void close_hit(struct hit *hit) {
    xcs_sys1(SYS_close, hit->fd);
    if (hit->copy >= 0)
        xcs_sys1(SYS_close, hit->copy);
}

/* The first bytes bring a descriptor along. */
static long receive(struct hit *hit, void *to, size_t room) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {to, room};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof control.buf};
    long n = xcs_sys3(SYS_recvmsg, hit->fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && hit->copy < 0)
        memcpy(&hit->copy, CMSG_DATA(c), sizeof hit->copy);
    return n;
}

/* All that is in the copy, in the place of what was read. True: it is the whole answer. */
static bool read_copy(const struct hit *hit, struct curl_answer *a) {
    struct xcs_response head;
    if (hit->copy < 0 || xcs_sys4(SYS_pread64, hit->copy, &head, sizeof head, 0) != (long)sizeof head ||
        head.proto != XCS_PROTO || head.len == XCS_LENGTH_UNKNOWN || head.len < a->len)
        return false;
    size_t had = a->len;
    char *to = curl_answer_room(a, (size_t)head.len - had);
    while (to && a->len < head.len) {
        long n = xcs_sys4(SYS_pread64, hit->copy, to, head.len - a->len, sizeof head + a->len);
        if (n <= 0)
            break;
        to += n;
        a->len += (size_t)n;
    }
    if (a->len == head.len)
        return true;
    a->len = had;
    return false;
}

static long elapsed_ms(const struct timespec *since) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - since->tv_sec) * 1000 + (now.tv_nsec - since->tv_nsec) / 1000000;
}

/* The program's own limit for the call, 0: none. */
static long limit_ms(const struct curl_handle *h) {
    curl_off_t ms = 0;
    for (size_t i = 0; i < h->count; i++) {
        if (h->values[i].option == CURLOPT_TIMEOUT)
            ms = h->values[i].number * 1000;
        if (h->values[i].option == CURLOPT_TIMEOUT_MS)
            ms = h->values[i].number;
    }
    return ms > 0 && ms < 1000000000 ? (long)ms : 0;
}

/* For more of the answer; its own limit counts only as long as nothing has come. */
static enum waited wait_for(struct curl_handle *h, struct hit *hit, const struct timespec *since) {
    struct curl_answer *a = h->answer;
    struct pollfd p = {hit->fd, POLLIN, 0};
    long limit = a->len ? 0 : limit_ms(h);
    for (;;) {
        long ms = limit ? limit - elapsed_ms(since) : TICK_MS;
        ms = ms > TICK_MS ? TICK_MS : ms;
        if (ms <= 0)
            return WAITED_END;
        struct timespec tick = {ms / 1000, ms % 1000 * 1000000L};
        long ready = xcs_sys5(SYS_ppoll, &p, 1, &tick, 0, 0);
        if (ready > 0)
            break;
        if (ready == 0 && !curl_progress(h))
            return WAITED_ABORTED;
        if (ready < 0 && ready != -EINTR)
            return WAITED_END;
    }
    char *to = curl_answer_room(a, PIECE);
    long n = to ? receive(hit, to, PIECE) : -ENOMEM;
    if (n == -EAGAIN || n == -EINTR)
        return WAITED_BYTES;
    if (n <= 0)
        return read_copy(hit, a) ? WAITED_BYTES : WAITED_END;
    a->len += (size_t)n;
    read_copy(hit, a);
    return WAITED_BYTES;
}

/* True: the call is answered with *code. False: nothing of an answer was delivered, and none comes. */
static bool take_hit(struct curl_handle *h, struct hit *hit, CURLcode *code) {
    struct timespec since;
    clock_gettime(CLOCK_MONOTONIC, &since);
    if (!curl_progress(h)) {
        *code = CURLE_ABORTED_BY_CALLBACK;
        return true;
    }
    for (;;) {
        enum waited waited = wait_for(h, hit, &since);
        if (waited == WAITED_ABORTED) {
            *code = CURLE_ABORTED_BY_CALLBACK;
            return true;
        }
        if (curl_deliver(h, code) == CURL_DELIVERY_OVER)
            return true;
        if (waited == WAITED_END && h->answer->given == 0)
            return false;
        if (waited == WAITED_END) {
            curl_error_text(h, "Failure when receiving data from the peer");
            *code = CURLE_RECV_ERROR;
            return true;
        }
    }
}

/* --- in a run-ahead --- */

static bool write_all(int fd, const char *p, size_t n) {
    while (n > 0) {
        long r = xcs_sys3(SYS_write, fd, p, n);
        if (r <= 0 && r != -EINTR)
            return false;
        p += r > 0 ? r : 0;
        n -= r > 0 ? (size_t)r : 0;
    }
    return true;
}

/* One socket for each call: the engine answers on it, or never. `node`: the call that main waits for already. */
static CURLcode ahead_perform(struct curl_handle *h, const struct curl_call *call, uint64_t node) {
    CURLcode code = CURLE_OK;
    int far = -1;
    if (call->tls && !curl_trust_proven(curl_trust_of(h, &call->addr)))
        ahead_end("a libcurl peer not met before");
    int fd = (int)net_pair(AF_INET6, SOCK_STREAM, SOCK_CLOEXEC, &call->addr, &far);
    if (fd < 0 || !net_tell_conn(&call->addr, 0, node, far))
        ahead_end("no socket for a call");
    xcs_sys1(SYS_close, far);
    if (!node && !write_all(fd, call->text, call->len))
        ahead_end("engine gone");
    ahead_look(fd, true);
    while (curl_deliver(h, &code) == CURL_DELIVERY_MORE) {
        char *to = curl_answer_room(h->answer, PIECE);
        long n = to ? xcs_sys3(SYS_read, fd, to, PIECE) : -ENOMEM;
        if (n <= 0 && n != -EINTR)
            ahead_end("no answer to a call");
        h->answer->len += n > 0 ? (size_t)n : 0;
    }
    xcs_sys1(SYS_close, fd);
    return code;
}

/* --- in main --- */

static CURLcode real_perform(struct curl_handle *h) {
    curl_answer_free(h->answer);
    h->answer = NULL;
    h->busy = false;
    return h->lib->easy_perform(h->easy);
}

/* The engine's word on the call, and its node as a connection that waits for an answer has it. */
static struct verdict look_up(const struct curl_call *call, struct conn *c) {
    sigset_t saved;
    xcs_lock(&saved);
    ahead_reap();
    struct verdict v = channel_lookup(&call->addr, 0, call->text, call->len, &c->verdict_pending);
    xcs_unlock(&saved);
    c->state = CONN_WAIT;
    c->node = v.node;
    c->may_fork = v.may_fork;
    c->learn = v.learn ? XCS_LEARN_MAX : 0;
    return v;
}

static void tell(enum xcs_type type, const struct conn *c) {
    sigset_t saved;
    xcs_lock(&saved);
    if (type == XCS_ANSWERED)
        channel_answered(c->node, c->verdict_pending);
    else
        channel_tell(type, c->node, 0, NULL, 0);
    xcs_unlock(&saved);
}

static CURLcode main_perform(struct curl_handle *h, const struct curl_call *call) {
    struct conn c = {0};
    struct curl_lesson lesson;
    CURLcode code;
    struct verdict v = look_up(call, &c);
    if (v.kind == XCS_PASS)
        return real_perform(h);
    uint64_t trust = curl_trust_of(h, &call->addr);
    if (v.kind == XCS_HIT) {
        struct hit hit = {v.fd, -1};
        bool answered = (!call->tls || curl_trust_proven(trust)) && take_hit(h, &hit, &code);
        close_hit(&hit);
        if (answered)
            return code;
        xcs_await_end();
        tell(XCS_REVERT, &c);
        c.may_fork = false;
    }
    /* No call is made ahead to a peer that the program's own libcurl may refuse. */
    bool met = !call->tls || curl_trust_proven(trust);
    if (met && (c.may_fork || c.verdict_pending))
        main_run_ahead(&c, -1, false);
    if (xcs_mode == XCS_MODE_AHEAD)
        return ahead_perform(h, call, c.node);
    curl_lesson_begin(&lesson, h, c.learn > 0);
    bool inside = xcs_inside_curl; /* a callback of another handle's */
    xcs_inside_curl = true;
    code = real_perform(h);
    xcs_inside_curl = inside;
    tell(XCS_ANSWERED, &c);
    curl_lesson_end(&lesson, code, c.node);
    if (call->tls && code == CURLE_OK)
        curl_trust_prove(trust);
    return code;
}

/* Why a call that may be a model call is left to the program. */
static void explain(const char *against) {
    static const char begin[] = "libcurl call left to the program: ";
    char text[128];
    sigset_t saved;
    if (!against || !xcs_debug || xcs_mode != XCS_MODE_MAIN)
        return;
    strcpy(text, begin);
    strncat(text, against, sizeof text - sizeof begin);
    xcs_lock(&saved);
    channel_note(text);
    xcs_unlock(&saved);
}

/* What libcurl does first of all: the error buffer is empty, and what the last call told is gone. */
static bool begin(struct curl_handle *h, const struct curl_call *call) {
    char *text = curl_pointer_of(h, CURLOPT_ERRORBUFFER);
    curl_answer_free(h->answer);
    h->answer = curl_answer_new(call->url, call->body_len);
    if (!h->answer)
        return false;
    if (text)
        *text = '\0';
    h->busy = true;
    h->paused = false;
    return true;
}

CURLcode curl_perform(const struct curl_real *lib, CURL *easy) {
    struct curl_handle *h = curl_handle_of(easy);
    struct curl_call call;
    CURLcode code;
    const char *against = NULL;
    if (!h)
        return lib->easy_perform(easy);
    if (h->busy) {
        /* From a callback: libcurl's answer to that. */
        curl_error_text(h, "easy handle already used in multi handle");
        return CURLE_FAILED_INIT;
    }
    curl_handle_used(h);
    if (xcs_mode == XCS_MODE_MAIN && xcs_gave_up())
        ahead_tidy(); /* no lookup does any more */
    bool ours = xcs_mode == XCS_MODE_AHEAD || (xcs_mode == XCS_MODE_MAIN && !xcs_gave_up() && conn_mine());
    if (!ours || !curl_render(h, &call, &against)) {
        explain(against);
        return real_perform(h);
    }
    if (!begin(h, &call)) {
        curl_call_free(&call);
        return real_perform(h);
    }
    code = xcs_mode == XCS_MODE_AHEAD ? ahead_perform(h, &call, 0) : main_perform(h, &call);
    h->busy = false;
    curl_call_free(&call);
    return code;
}
