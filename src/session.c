/*
 * See session.h. Its life and main's messages; what is decided of a call is in session_lookup.c, what becomes of a call found
 * ahead in session_issue.c, how it is answered in session_hit.c.
 */
#include "session.h"
#include "ahead.h"
#include "clock.h"
#include "engine.h"
#include "hit.h"
#include "keep.h"
#include "session_impl.h"
#include "trace.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <utlist.h>

static struct session *sessions;
static struct stats total;
static unsigned session_count;
static uint64_t last_id;

uint64_t session_next_id(void) {
    return ++last_id;
}

const struct stats *sessions_total(void) {
    return &total;
}

bool sessions_any(void) {
    return sessions != NULL;
}

void session_debug(const struct session *s, const char *format, ...) {
    char line[512] = "xcs: ";
    va_list ap;
    if (s->debug_fd < 0)
        return;
    va_start(ap, format);
    int n = vsnprintf(line + 5, sizeof line - 6, format, ap);
    va_end(ap);
    size_t len = strlen(line);
    line[len] = '\n';
    if (n >= 0 && write(s->debug_fd, line, len + 1) < 0)
        return; /* nobody left to explain to */
}

struct session *sessions_first(void) {
    return sessions;
}

struct session *session_of(uint64_t node) {
    struct session *s;
    DL_FOREACH(sessions, s) if (graph_find(&s->graph, node)) break;
    return s;
}

struct site *session_site(struct session *s, const struct request *r, const struct call *call) {
    struct site *site = decide_site(&s->decisions, call->site);
    if (!site->name)
        site->name = call_name(r, call);
    return site;
}

const struct trust *session_trust(const struct session *s, uint32_t number) {
    const struct trust *t = number >= 1 && number <= TRUSTS ? &s->trusts[number - 1] : NULL;
    return t && t->key_fd ? t : NULL;
}

struct origin *session_origin(struct session *s, const struct xcs_addr *addr, uint32_t trust) {
    return decide_origin(&s->decisions, addr, trust_tunnel_hash(session_trust(s, trust)));
}

/* --- main's messages --- */

static void on_answered(struct session *s, uint64_t id) {
    struct node *n, *next;
    LL_FOREACH_SAFE(s->awaited, n, next) {
        if (n->id != id)
            continue;
        LL_DELETE(s->awaited, n);
        n->next = NULL;
        n->finished_ns = clock_ns();
        s->waited_until_ns = n->finished_ns;
        decide_took(n->origin, n->finished_ns - n->started_ns);
        trace_node(s->number, "answered", n, NULL);
        aheads_forget(s, n);
        s->previous.guessed |= n->has_leaves;
        graph_remove(&s->graph, n);
        return;
    }
}

static void on_revert(struct session *s, uint64_t id) {
    struct node *n = graph_find(&s->graph, id);
    if (n && (n->state == NODE_HELD || n->state == NODE_MAIN))
        return; /* held back: counted as the MISS that it is */
    if (s->stats.hits == 0)
        return;
    s->stats.hits--;
    s->stats.misses++;
    s->stats.wasted++;
    struct site *site = n ? n->site : s->previous.site; /* main's last call, when the node is gone */
    if (site && site->used > 0) {
        site->used--;
        site->wasted++;
    }
    session_debug(s, "call %llu: HIT given up, main's own request goes out", (unsigned long long)id);
    trace_event(s->number, "reverted", id, NULL);
    if (n)
        session_reverted(s, n);
}

static void on_ahead(struct session *s, struct packet *p) {
    struct node *n = graph_find(&s->graph, p->msg.node);
    if (p->fds[0] < 0 || p->fds[1] < 0)
        return;
    if (!n || n->state != NODE_MAIN || s->ahead || s->decisions.off) {
        ahead_kill(p->fds[1]); /* what it was forked for has changed meanwhile */
        return;
    }
    ahead_open(s, n, p->msg.arg, p->fds[0], p->fds[1]);
    p->fds[0] = p->fds[1] = -1;
}

static void on_drop(struct session *s, uint32_t id) {
    if (s->ahead && s->ahead->id == id)
        ahead_supersede(s, "stuck at a lock of another thread");
}

/* Main reaps what the run-aheads have left. */
static void on_reap(struct session *s, const struct packet *p) {
    struct xcs_msg m = {.type = XCS_STATE};
    if (p->msg.flags & XCS_F_LAST)
        keep_close_all(s, "main ended");
    size_t n = s->keeping.nended < p->msg.arg ? s->keeping.nended : p->msg.arg;
    s->keeping.nended -= n;
    wire_send(s->channel.fd, &m, s->keeping.ended + s->keeping.nended, n * sizeof *s->keeping.ended, -1);
}

static void on_progress(struct session *s, uint64_t id) {
    struct xcs_msg m = {.type = XCS_STATE};
    if (s->ahead && s->ahead->id == id) {
        m.flags = XCS_F_ALIVE;
        m.node = s->ahead->calls;
    }
    wire_send(s->channel.fd, &m, NULL, 0, -1);
}

static void on_foreseen(struct session *s, uint32_t trust) {
    struct xcs_msg m = {.type = XCS_STATE};
    const struct node *n = s->graph.pending;
    if (n && n->trust == trust && session_is_ahead(n))
        m.node = n->id;
    wire_send(s->channel.fd, &m, NULL, 0, -1);
}

static void on_hello(struct session *s, struct packet *p) {
    struct xcs_msg m = {.type = XCS_WELCOME};
    size_t n;
    const struct sock_filter *filter = engine_filter(&n);
    if (p->msg.flags & XCS_F_DEBUG && p->fds[0] >= 0) {
        s->debug_fd = p->fds[0];
        p->fds[0] = -1;
    }
    s->greeted = true;
    trace_event(s->number, "hello", p->msg.node, NULL);
    wire_send(s->channel.fd, &m, filter, n, -1);
}

static struct trust *unknown_trust(struct session *s, uint32_t number) {
    return number >= 1 && number <= TRUSTS && !s->trusts[number - 1].key_fd ? &s->trusts[number - 1] : NULL;
}

static void on_trust(struct session *s, const struct packet *p) {
    struct trust *t = unknown_trust(s, p->msg.arg);
    if (t)
        trust_told(t, p->payload, p->len);
}

static void on_tunnel(struct session *s, const struct packet *p) {
    struct trust *t = unknown_trust(s, p->msg.arg);
    if (t)
        trust_tunnel_told(t, &p->msg.addr, p->payload, p->len);
}

static void close_session(struct session *s) {
    struct node *n, *next;
    ahead_supersede(s, "main ended");
    keep_close_all(s, "main ended");
    session_waste_all(s);
    HASH_ITER(hh, s->graph.by_id, n, next) {
        if (n->hit) {
            hit_cancel(n->hit);
            dispatch_cancel(engine_dispatcher(), n->id);
        }
    }
    s->awaited = NULL;
    lesson_end(&s->lesson);
    graph_free(&s->graph);
    if (s->began_ns)
        s->stats.wall_ns = clock_ns() - s->began_ns;
    s->stats.off = s->decisions.off;
    stats_add(&total, &s->stats);
    for (const struct site *site = s->decisions.sites; site; site = site->hh.next)
        stats_add_site(&total, site);
    decide_free(&s->decisions);
    trace_event(s->number, "end", s->stats.calls, NULL);
    if (s->debug_fd >= 0)
        close(s->debug_fd);
    for (size_t i = 0; i < TRUSTS; i++)
        trust_free(&s->trusts[i]);
    source_end(&s->channel);
    DL_DELETE(sessions, s);
    loop_free_later(s);
}

static void on_packet(struct session *s, struct packet *p) {
    switch (p->msg.type) {
    case XCS_LOOKUP:
        session_lookup(s, p);
        break;
    case XCS_TRUST:
        on_trust(s, p);
        break;
    case XCS_TUNNEL:
        on_tunnel(s, p);
        break;
    case XCS_AHEAD:
        on_ahead(s, p);
        break;
    case XCS_ANSWERED:
        on_answered(s, p->msg.node);
        break;
    case XCS_REVERT:
        on_revert(s, p->msg.node);
        break;
    case XCS_PROGRESS:
        on_progress(s, p->msg.node);
        break;
    case XCS_FORESEEN:
        on_foreseen(s, p->msg.arg);
        break;
    case XCS_DROP:
        on_drop(s, p->msg.arg);
        break;
    case XCS_READ:
        lesson_read(&s->lesson, p->msg.node, p->payload, p->len);
        break;
    case XCS_REAP:
        on_reap(s, p);
        break;
    case XCS_NOTE:
        session_debug(s, "%.*s", (int)(p->len < 200 ? p->len : 200), p->payload);
        break;
    default:
        break;
    }
}

static void channel_ready(struct source *src, uint32_t events) {
    struct session *s = (struct session *)src;
    struct packet p;
    (void)events;
    enum wire_result r = wire_receive(src->fd, &p);
    if (r == WIRE_PACKET && p.msg.type == XCS_HELLO && !s->greeted)
        on_hello(s, &p);
    else if (r == WIRE_PACKET && s->greeted)
        on_packet(s, &p);
    else if (r == WIRE_PACKET)
        r = WIRE_END;
    if (r == WIRE_PACKET)
        packet_end(&p);
    if (r == WIRE_END) {
        close_session(s);
        engine_session_ended();
    }
}

void session_open(int channel) {
    struct session *s = xcalloc(1, sizeof *s);
    s->debug_fd = -1;
    s->number = ++session_count;
    graph_init(&s->graph);
    if (!source_add(&s->channel, channel, EPOLLIN, channel_ready)) {
        close(channel);
        free(s);
        return;
    }
    DL_APPEND(sessions, s);
}

void sessions_close(void) {
    struct session *s, *next;
    DL_FOREACH_SAFE(sessions, s, next)
    close_session(s);
}
