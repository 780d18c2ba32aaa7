/*
 * Calls found ahead: issued when there is room for them, and what becomes of their results (session_impl.h).
 */
#include "../shim/curl_call.h"
#include "ahead.h"
#include "clock.h"
#include "curl_frames.h"
#include "engine.h"
#include "hit.h"
#include "keep.h"
#include "session_impl.h"
#include "shape.h"
#include "trace.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

bool session_is_ahead(const struct node *n) {
    return n->state == NODE_ISSUED || n->state == NODE_DONE;
}

void session_unpend(struct session *s, struct node *n) {
    if (!n->prev)
        return;
    if (session_is_ahead(n) || n->has_place)
        n->origin->ahead--;
    n->has_place = false;
    aheads_forget(s, n);
    graph_unpend(&s->graph, n);
}

void session_recall(struct node *n) {
    dispatch_cancel(engine_dispatcher(), n->id);
    n->origin->in_flight--;
}

void session_waste(struct session *s, struct node *n) {
    if (session_is_ahead(n) || n->state == NODE_FAILED) {
        s->stats.wasted++;
        n->site->wasted++;
        trace_node(s->number, "wasted", n, NULL);
    }
    if (n->state == NODE_ISSUED)
        session_recall(n);
    keep_lost(s, n);
    session_unpend(s, n);
    graph_remove(&s->graph, n);
}

void session_waste_all(struct session *s) {
    struct node *n, *next;
    DL_FOREACH_SAFE(s->graph.pending, n, next)
    session_waste(s, n);
}

static void issue(struct session *s, struct node *n) {
    const struct request *r = n->request;
    const char **lines = xcalloc(r->nheaders ? r->nheaders : 1, sizeof *lines);
    struct buf text = {0};
    size_t *at = xcalloc(r->nheaders ? r->nheaders : 1, sizeof *at);
    for (size_t i = 0; i < r->nheaders; i++) {
        at[i] = text.len;
        buf_add(&text, r->headers[i].name, strlen(r->headers[i].name));
        buf_add(&text, ": ", 2);
        buf_add(&text, r->headers[i].value, strlen(r->headers[i].value) + 1);
    }
    for (size_t i = 0; i < r->nheaders; i++)
        lines[i] = text.p + at[i];
    struct dispatch_call call = {.id = n->id,
                                 .addr = n->addr,
                                 .method = r->method,
                                 .target = r->target,
                                 .http10 = r->http10,
                                 .headers = lines,
                                 .nheaders = r->nheaders,
                                 .body = r->body.p,
                                 .body_len = r->body.len,
                                 .chunked = r->chunked,
                                 .streams = n->call.streams};
    const struct trust *trust = session_trust(s, n->trust);
    if (trust) {
        call.peer = trust->peer;
        call.tls_name = trust->name;
        call.tls_key = trust->key_path;
        call.tunnel = trust->ask;
    }
    bool ok = dispatch_submit(engine_dispatcher(), &call);
    free(lines);
    free(at);
    buf_free(&text);
    if (!ok) {
        n->state = NODE_FAILED;
        return;
    }
    n->state = NODE_ISSUED;
    n->started_ns = clock_ns();
    n->origin->ahead++;
    n->origin->in_flight++;
    n->site->issued++;
    s->stats.issued++;
    if (s->ahead)
        s->ahead->issued++;
    session_debug(s, "call %llu issued ahead (%s)", (unsigned long long)n->id, api_name(n->call.api));
    trace_node(s->number, "issued", n, NULL);
}

/* Has main a call of its own under way, or held back, at this origin? */
static bool main_is_at(const struct session *s, const struct origin *o) {
    for (const struct node *n = s->awaited; n; n = n->next)
        if (n->origin == o)
            return true;
    return false;
}

/*
 * A proxy may make only so many tunnels, and would refuse main one that we have taken the place of. While main waits for an answer it has
 * its own, so that the refusal comes to us.
 */
static bool may_be_there(const struct session *s, const struct origin *o) {
    bool there = !o->key.tunnel;
    for (const struct node *n = s->graph.by_id; n && !there; n = n->hh.next)
        there = (n->state == NODE_MAIN || n->hit) && decide_same_proxy(n->origin, o);
    return there;
}

void session_pump(struct session *s) {
    struct node *n, *next;
    DL_FOREACH_SAFE(s->graph.pending, n, next) {
        if (n->state != NODE_READY)
            continue;
        if (!decide_may_issue(&s->decisions, n->origin, n->doubtful) ||
            (n->origin->limited && main_is_at(s, n->origin)) || !may_be_there(s, n->origin))
            continue;
        issue(s, n);
        if (s->ahead)
            ahead_answer(s->ahead, n);
    }
}

/* --- results --- */

/* Until when does the origin want to be left alone? Main gives it the time out of what it has saved (session_hit.c). */
static void overloaded(struct session *s, struct origin *o, const struct dispatch_result *r) {
    uint64_t wait = r->retry_after > 3600 ? 3600 : r->retry_after;
    uint64_t until = wait == 0 && r->status == 429 ? UINT64_MAX : clock_ns() + wait * 1000000000u;
    decide_overloaded(o);
    if (until > o->closed_until)
        o->closed_until = until;
    session_debug(s, "origin limits its rate: window %u from now on", o->window);
}

/* A proxy that makes no further tunnel would refuse main its next one too, as long as we asked for any. */
static void no_tunnels(struct session *s, const struct origin *refused) {
    struct origin *o, *next;
    if (refused->alone)
        return;
    HASH_ITER(hh, s->decisions.origins, o, next) {
        if (!decide_same_proxy(o, refused))
            continue;
        decide_overloaded(o);
        o->alone = true;
    }
    session_debug(s, "left to the program: the proxy makes no tunnels but its own");
    trace_event(s->number, "left alone", 0, "a proxy that refuses tunnels");
}

/*
 * The server has closed a new connection. Much sooner than it would have answered: it has no place for more, and main's own must find
 * one.
 */
static void refused(struct session *s, struct origin *o, const struct dispatch_result *r) {
    if (r->no_tunnel) {
        no_tunnels(s, o);
        return;
    }
    if (o->slowest_ns && r->finished_ns - r->started_ns > o->slowest_ns / 4)
        return;
    decide_overloaded(o);
    session_debug(s, "origin refuses connections: window %u from now on", o->window);
}

static void failed(struct session *s, struct node *n, const struct dispatch_result *r) {
    session_debug(s, "call %llu failed ahead: %s (status %d)", (unsigned long long)n->id, r->error, r->status);
    trace_node(s->number, "failed", n, r->status ? "status" : r->error);
    bool limits = r->status == 429 || r->status == 503;
    if (limits)
        overloaded(s, n->origin, r);
    else if (r->refused)
        refused(s, n->origin, r);
    keep_lost(s, n);
    if (n->hit && n->raw && r->raw) /* main sees the stream break where it does, and how */
        hit_piece(n->hit, r->raw, r->raw_len);
    free(r->raw);
    if (session_hold_refused(s, n))
        return;
    if (n->hit) {
        if (n->raw && r->closes)
            hit_end(n->hit, true);
        else
            hit_cancel(n->hit);
        n->hit = NULL;
        graph_remove(&s->graph, n);
        return;
    }
    /* Main will make it again. A server that fails all calls is not to get the next ones sooner than that; of one that limits us the
     * window is smaller already. */
    n->has_place = n->prev && !limits && !r->refused;
    if (n->prev && !n->has_place)
        n->origin->ahead--;
    n->state = NODE_FAILED;
}

/* What has arrived is added to what there was. Takes r->raw over. */
static void add_response(struct node *n, struct dispatch_result *r) {
    if (!n->raw) {
        n->raw = r->raw;
        n->raw_len = r->raw_len;
    } else if (r->raw) {
        n->raw = xrealloc(n->raw, n->raw_len + r->raw_len);
        memcpy(n->raw + n->raw_len, r->raw, r->raw_len);
        n->raw_len += r->raw_len;
        free(r->raw);
    }
    r->raw = NULL;
}

/* A stream goes on: main, if it is there, reads it as it arrives. */
static void piece(struct node *n, struct dispatch_result *r) {
    if (n->hit)
        hit_piece(n->hit, r->raw, r->raw_len);
    add_response(n, r);
}

/* What the response looks like is for the next placeholders of its site. */
static void learn(const struct session *s, const struct node *n, const char *raw, size_t len) {
    struct buf response = {0};
    if (!decide_may_learn(&s->decisions, n->site))
        return;
    if (xcs_is_call(&n->addr)) {
        curl_frames_to_response(&response, raw, len);
        raw = response.p;
        len = response.len;
    }
    shape_learn(&n->site->shape, raw, len, &n->call);
    buf_free(&response);
}

/* Main has it first: learning takes time. */
static void deliver_whole(const struct session *s, struct node *n) {
    char *copy = n->raw_len <= SHAPE_RAW_MAX ? xstrndup(n->raw, n->raw_len) : NULL;
    hit_deliver(n->hit, n->raw, n->raw_len, n->closes);
    n->raw = NULL;
    if (copy)
        learn(s, n, copy, n->raw_len);
    free(copy);
}

static void succeeded(struct session *s, struct node *n, struct dispatch_result *r) {
    bool begun = n->raw != NULL;
    n->state = NODE_DONE;
    n->closes = r->closes;
    if (begun && n->hit)
        hit_piece(n->hit, r->raw, r->raw_len);
    add_response(n, r);
    trace_node(s->number, "done", n, NULL);
    keep_value(s, n);
    if (!n->hit) {
        learn(s, n, n->raw, n->raw_len);
        return;
    }
    session_account_hit(s, n);
    if (begun) {
        hit_end(n->hit, n->closes);
        learn(s, n, n->raw, n->raw_len);
    } else {
        deliver_whole(s, n);
    }
    n->hit = NULL;
    graph_remove(&s->graph, n);
}

void sessions_result(struct dispatch_result *r) {
    struct session *s = session_of(r->id);
    struct node *n = s ? graph_find(&s->graph, r->id) : NULL;
    if (!n || n->state != NODE_ISSUED) {
        free(r->raw);
        return;
    }
    n->origin->progress_ns = clock_ns();
    if (r->more) {
        piece(n, r);
        return;
    }
    n->origin->in_flight--;
    n->started_ns = r->started_ns;
    n->finished_ns = r->finished_ns;
    if (r->raw)
        decide_took(n->origin, n->finished_ns - n->started_ns);
    if (r->raw && r->status >= 200 && r->status < 300)
        succeeded(s, n, r);
    else
        failed(s, n, r);
    session_release_held();
    session_pump(s);
}
