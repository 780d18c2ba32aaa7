/*
 * See session.h. Main asks in program order; the answer to each lookup is decided here and is permanent for that call.
 */
#include "session.h"
#include "ahead.h"
#include "clock.h"
#include "engine.h"
#include "hit.h"
#include "trace.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
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

/* --- calls found ahead --- */

static bool is_ahead(const struct node *n) {
    return n->state == NODE_ISSUED || n->state == NODE_DONE;
}

static void unpend(struct session *s, struct node *n) {
    if (!n->prev)
        return;
    if (is_ahead(n))
        n->origin->ahead--;
    if (s->ahead)
        ahead_forget(s->ahead, n);
    graph_unpend(&s->graph, n);
}

void session_waste(struct session *s, struct node *n) {
    if (is_ahead(n) || n->state == NODE_FAILED) {
        s->stats.wasted++;
        n->site->wasted++;
        trace_node(s->number, "wasted", n, NULL);
    }
    if (n->state == NODE_ISSUED) {
        dispatch_cancel(engine_dispatcher(), n->id);
        n->origin->in_flight--;
    }
    if (n->doubtful && !s->decisions.repeats && is_ahead(n))
        s->decisions.never_repeats = true;
    unpend(s, n);
    graph_remove(&s->graph, n);
}

static void waste_all(struct session *s) {
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
                                 .chunked = r->chunked};
    if (n->trust) {
        call.tls_name = s->trusts[n->trust - 1].name;
        call.tls_key = s->trusts[n->trust - 1].key_path;
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

void session_pump(struct session *s) {
    struct node *n, *next;
    DL_FOREACH_SAFE(s->graph.pending, n, next) {
        if (n->state != NODE_READY)
            continue;
        if (!decide_may_issue(&s->decisions, n->origin, n->doubtful) ||
            (n->origin->limited && main_is_at(s, n->origin)))
            continue;
        issue(s, n);
        if (s->ahead)
            ahead_answer(s->ahead, n);
    }
}

/* --- main's lookups --- */

/* What main's request is, seen from the graph. */
struct match {
    struct node *node;  /* the foreseen call that it is, or NULL */
    struct node *first; /* the next call foreseen, for the explanation of a mismatch */
};

static struct match find_match(struct session *s, const struct xcs_addr *addr, uint32_t trust,
                               const struct request *r) {
    struct match m = {0};
    uint64_t hash = request_hash(addr, r);
    struct node *n;
    m.first = s->graph.pending;
    DL_FOREACH(s->graph.pending, n) {
        bool same = n->state == NODE_DEPENDENT
                        ? !m.node && graph_fits(&s->graph, n, addr, r)
                        : n->hash == hash && request_same(&n->addr, n->request, addr, r, NULL, 0);
        if (same && n->trust == trust) {
            m.node = n;
            if (n->state != NODE_DEPENDENT)
                break;
        }
    }
    return m;
}

static void decided_against(struct session *s, const struct site *site) {
    s->stats.sites_off++;
    session_debug(s, "site %016llx decided against: %s", (unsigned long long)site->id, site->off);
    trace_event(s->number, "decided against", site->id, site->off);
}

/* Foresight was wrong: where the run-ahead began, what it foresaw and what came instead; any may be NULL. */
static void count_divergence(struct session *s, struct site *began, struct site *foreseen, struct site *came) {
    struct site *sites[] = {began, foreseen, came};
    for (size_t i = 0; i < 3; i++) {
        bool again = !sites[i] || (i > 0 && sites[i] == sites[0]) || (i > 1 && sites[i] == sites[1]);
        if (!again && decide_diverged(sites[i]))
            decided_against(s, sites[i]);
    }
}

/* After a divergence, when nothing runs ahead nor is pending: was it worth it so far? */
static void count_waste(struct session *s) {
    if (decide_wasteful(&s->decisions, s->stats.wasted, s->stats.hits)) {
        session_debug(s, "left alone: %s", s->decisions.off);
        trace_event(s->number, "left alone", 0, s->decisions.off);
    }
}

/* Main is past these: a sequential program does not come back to them. */
static void waste_before(struct session *s, const struct node *n) {
    struct site *began = NULL, *foreseen = NULL;
    while (s->graph.pending && s->graph.pending != n) {
        struct node *skipped = s->graph.pending;
        if (is_ahead(skipped)) {
            began = skipped->forked_at;
            foreseen = skipped->site;
        }
        session_waste(s, skipped);
    }
    count_divergence(s, began, foreseen, NULL);
}

static void diverge(struct session *s, struct site *came, const struct node *first, const char *why) {
    struct site *began = first->forked_at, *foreseen = first->site;
    session_debug(s, "divergence: %s", why);
    if (s->ahead) {
        s->ahead->superseded = true;
        ahead_close(s->ahead, "main went another way");
    }
    waste_all(s);
    count_divergence(s, began, foreseen, came);
    count_waste(s);
}

static void count_round(struct session *s, uint64_t issued_at) {
    if (issued_at >= s->waited_until_ns)
        s->stats.rounds++;
}

static void reply(struct session *s, enum xcs_verdict verdict, uint64_t node, bool fork, int fd) {
    struct xcs_msg m = {
        .type = XCS_VERDICT, .verdict = (uint16_t)verdict, .node = node, .flags = fork ? XCS_F_FORK : 0};
    wire_send(s->channel.fd, &m, NULL, 0, fd);
}

static struct session *session_of(uint64_t node) {
    struct session *s;
    DL_FOREACH(sessions, s) if (graph_find(&s->graph, node)) break;
    return s;
}

/* A held call's request goes out now: it is an ordinary MISS. */
static void own_turn(struct session *s, struct node *n) {
    n->state = NODE_MAIN;
    n->asked_ns = n->started_ns = clock_ns();
    session_debug(s, "call %llu goes out", (unsigned long long)n->id);
}

static void hit_closed(void *owner) {
    struct node *n = owner;
    /* Main closed its end before the answer was there: it reverted, or the program closed the connection. */
    struct session *s = session_of(n->id);
    n->hit = NULL;
    if (n->state == NODE_HELD) {
        own_turn(s, n);
        return;
    }
    dispatch_cancel(engine_dispatcher(), n->id);
    n->origin->in_flight--;
    graph_remove(&s->graph, n);
}

static void account_hit(struct session *s, const struct node *n) {
    uint64_t latency = n->finished_ns - n->started_ns;
    uint64_t waited = n->finished_ns > n->asked_ns ? n->finished_ns - n->asked_ns : 0;
    s->stats.hidden_ns += latency > waited ? latency - waited : 0;
    if (waited)
        s->waited_until_ns = n->finished_ns;
}

static bool hit(struct session *s, struct node *n) {
    int theirs;
    struct hit *h = hit_new(n, hit_closed, &theirs);
    if (!h)
        return false;
    unpend(s, n);
    n->asked_ns = clock_ns();
    s->stats.hits++;
    n->site->used++;
    if (n->doubtful)
        s->decisions.repeats = true;
    if (n->state == NODE_ISSUED)
        count_round(s, n->started_ns);
    session_debug(s, "call %llu HIT", (unsigned long long)n->id);
    trace_node(s->number, "hit", n, NULL);
    reply(s, XCS_HIT, n->id, false, theirs);
    close(theirs);
    if (n->state == NODE_DONE) {
        account_hit(s, n);
        hit_deliver(h, n->raw, n->raw_len, n->closes);
        n->raw = NULL;
        graph_remove(&s->graph, n);
    } else {
        n->hit = h;
    }
    return true;
}

/* Is the origin free for main's own call: none of ours in flight there, and open again? */
static bool origin_free(const struct origin *o) {
    return o->in_flight == 0 && o->closed_until <= clock_ns();
}

static void release_held(void);

/*
 * A limited origin must not be asked by us and by main at the same time, nor sooner than it asked for: main gets a socket that is
 * closed without a byte when its turn comes, and then its own request goes out. A program's own time limit ends that as on any HIT.
 */
static bool hold_back(struct session *s, struct node *n) {
    int theirs;
    if (!n->origin->limited || origin_free(n->origin))
        return false;
    n->hit = hit_new(n, hit_closed, &theirs);
    if (!n->hit)
        return false;
    n->state = NODE_HELD;
    session_debug(s, "call %llu held back: the origin limits its rate", (unsigned long long)n->id);
    reply(s, XCS_HIT, n->id, false, theirs);
    close(theirs);
    if (n->origin->closed_until > clock_ns())
        loop_wake(n->origin->closed_until, release_held);
    return true;
}

static void release_held(void) {
    struct session *s;
    struct node *n;
    DL_FOREACH(sessions, s) {
        LL_FOREACH(s->awaited, n) {
            if (n->state != NODE_HELD)
                continue;
            if (!origin_free(n->origin)) {
                if (n->origin->closed_until > clock_ns())
                    loop_wake(n->origin->closed_until, release_held);
                continue;
            }
            hit_cancel(n->hit);
            n->hit = NULL;
            own_turn(s, n);
        }
    }
}

/* The call is main's to make. */
static void miss(struct session *s, struct node *n, const char *why) {
    unpend(s, n);
    n->state = NODE_MAIN;
    n->asked_ns = n->started_ns = clock_ns();
    n->finished_ns = 0;
    n->next = s->awaited;
    s->awaited = n;
    s->stats.misses++;
    count_round(s, n->asked_ns);
    const char *against = s->ahead ? "a run-ahead is alive" : decide_against_fork(&s->decisions, n->site);
    session_debug(s, "call %llu MISS: %s%s%s", (unsigned long long)n->id, why, against ? "; no run-ahead: " : "",
                  against ? against : "");
    trace_node(s->number, "miss", n, why);
    if (!hold_back(s, n))
        reply(s, XCS_MISS, n->id, !against, -1);
}

/* Tells a call that is made again from another one; a mistake only costs foresight. */
static uint64_t request_identity(const struct xcs_addr *addr, const struct request *r) {
    uint64_t h = request_hash(addr, r);
    return h ? h : 1;
}

static void check_concurrency(struct session *s) {
    if (!s->awaited || s->decisions.off)
        return;
    s->decisions.off = "the program makes calls at the same time itself";
    session_debug(s, "%s: left alone", s->decisions.off);
    trace_event(s->number, "left alone", 0, s->decisions.off);
}

static void foreseen(struct session *s, struct node *n) {
    if (!s->decisions.off)
        waste_before(s, n);
    if (is_ahead(n) && hit(s, n))
        return;
    const char *why = n->state == NODE_DEPENDENT ? "it needed an earlier answer"
                      : n->state == NODE_FAILED  ? "the call issued ahead failed"
                      : n->state == NODE_LEFT    ? "its site was decided against"
                                                 : "not issued yet";
    if (n->state == NODE_FAILED || is_ahead(n))
        s->stats.wasted++;
    if (n->state == NODE_ISSUED) {
        dispatch_cancel(engine_dispatcher(), n->id);
        n->origin->in_flight--;
    }
    if (n->state == NODE_READY && s->ahead)
        ahead_answer(s->ahead, n);
    miss(s, n, why);
}

static void unforeseen(struct session *s, const struct xcs_addr *addr, uint32_t trust, struct request *r,
                       struct call call, const struct node *first) {
    char why[128] = "nothing was foreseen";
    struct site *site = decide_site(&s->decisions, call.site);
    if (s->asked_last == request_identity(addr, r)) {
        snprintf(why, sizeof why, "the program asks again");
    } else if (first && !s->decisions.off) {
        request_same(&first->addr, first->request, addr, r, why, sizeof why);
        diverge(s, site, first, why);
    } else if (s->ahead && !s->decisions.off) {
        ahead_close(s->ahead, "overtaken by main");
    }
    struct node *n = graph_add(&s->graph, session_next_id(), addr, r, call);
    n->site = n->forked_at = site;
    n->trust = trust;
    n->origin = decide_origin(&s->decisions, addr);
    miss(s, n, why);
}

static void on_lookup(struct session *s, struct packet *p) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct call call;
    const char *why = "malformed";
    enum intake_result got = intake_feed(in, p->payload, p->len, &r);
    intake_free(in);
    if (got == INTAKE_REQUEST && (p->msg.arg > TRUSTS || (p->msg.arg && !s->trusts[p->msg.arg - 1].key_fd))) {
        why = "its TLS peer is not known";
        request_free(r);
        got = INTAKE_BAD;
    }
    if (got != INTAKE_REQUEST || !detect(&p->msg.addr, r, &call, &why)) {
        session_debug(s, "left to the program: %s", why);
        if (got == INTAKE_REQUEST)
            request_free(r);
        reply(s, XCS_PASS, 0, false, -1);
        return;
    }
    s->stats.calls++;
    if (!s->began_ns)
        s->began_ns = clock_ns();
    check_concurrency(s);
    uint32_t trust = p->msg.arg;
    struct match m = find_match(s, &p->msg.addr, trust, r);
    uint64_t identity = request_identity(&p->msg.addr, r);
    if (m.node) {
        if (m.node->state == NODE_DEPENDENT) {
            /* From now on the node is what main really asks. */
            request_free(m.node->request);
            json_decref(m.node->call.body);
            m.node->request = r;
            m.node->call = call;
            foreseen(s, m.node);
        } else {
            request_free(r);
            json_decref(call.body);
            foreseen(s, m.node);
        }
    } else {
        unforeseen(s, &p->msg.addr, trust, r, call, m.first);
    }
    s->asked_last = identity;
    session_pump(s);
}

/* --- the rest of main's messages --- */

static void on_answered(struct session *s, uint64_t id) {
    struct node *n, *next;
    LL_FOREACH_SAFE(s->awaited, n, next) {
        if (n->id != id)
            continue;
        LL_DELETE(s->awaited, n);
        n->next = NULL;
        n->finished_ns = clock_ns();
        s->waited_until_ns = n->finished_ns;
        trace_node(s->number, "answered", n, NULL);
        if (s->ahead)
            ahead_forget(s->ahead, n);
        graph_remove(&s->graph, n);
        return;
    }
}

static void on_revert(struct session *s, uint64_t id) {
    const struct node *n = graph_find(&s->graph, id);
    if (n && (n->state == NODE_HELD || n->state == NODE_MAIN))
        return; /* held back: counted as the MISS that it is */
    if (s->stats.hits == 0)
        return;
    s->stats.hits--;
    s->stats.misses++;
    s->stats.wasted++;
    session_debug(s, "call %llu: HIT given up, main's own request goes out", (unsigned long long)id);
    trace_event(s->number, "reverted", id, NULL);
}

static void on_ahead(struct session *s, struct packet *p) {
    struct node *n = graph_find(&s->graph, p->msg.node);
    if (!n || n->state != NODE_MAIN || s->ahead || p->fds[0] < 0 || p->fds[1] < 0)
        return; /* the run-ahead sees its channel close, and ends */
    ahead_open(s, n, p->msg.arg, p->fds[0], p->fds[1]);
    p->fds[0] = p->fds[1] = -1;
}

static void on_drop(struct session *s, uint32_t id) {
    if (!s->ahead || s->ahead->id != id)
        return;
    s->ahead->superseded = true;
    ahead_close(s->ahead, "stuck at a lock of another thread");
}

static void on_progress(struct session *s, uint64_t id) {
    struct xcs_msg m = {.type = XCS_STATE};
    if (s->ahead && s->ahead->id == id) {
        m.flags = XCS_F_ALIVE;
        m.node = s->ahead->calls;
    }
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

/* libcurl takes a pinned key from a file: one that only this process can name. */
static void on_trust(struct session *s, const struct packet *p) {
    size_t name_len = strnlen(p->payload, p->len);
    struct trust *t = p->msg.arg >= 1 && p->msg.arg <= TRUSTS ? &s->trusts[p->msg.arg - 1] : NULL;
    if (!t || t->key_fd || name_len >= sizeof t->name || name_len + 1 >= p->len)
        return;
    int fd = memfd_create("xcs-key", MFD_CLOEXEC);
    size_t n = p->len - name_len - 1;
    if (fd < 0 || write(fd, p->payload + name_len + 1, n) != (ssize_t)n) {
        if (fd >= 0)
            close(fd);
        return;
    }
    memcpy(t->name, p->payload, name_len + 1);
    t->key_fd = fd;
    snprintf(t->key_path, sizeof t->key_path, "/proc/self/fd/%d", fd);
}

static void close_session(struct session *s) {
    struct node *n, *next;
    if (s->ahead) {
        s->ahead->superseded = true;
        ahead_close(s->ahead, "main ended");
    }
    waste_all(s);
    HASH_ITER(hh, s->graph.by_id, n, next) {
        if (n->hit) {
            hit_cancel(n->hit);
            dispatch_cancel(engine_dispatcher(), n->id);
        }
    }
    s->awaited = NULL;
    graph_free(&s->graph);
    decide_free(&s->decisions);
    if (s->began_ns)
        s->stats.wall_ns = clock_ns() - s->began_ns;
    stats_add(&total, &s->stats);
    trace_event(s->number, "end", s->stats.calls, NULL);
    if (s->debug_fd >= 0)
        close(s->debug_fd);
    for (size_t i = 0; i < TRUSTS; i++)
        if (s->trusts[i].key_fd)
            close(s->trusts[i].key_fd);
    source_end(&s->channel);
    DL_DELETE(sessions, s);
    loop_free_later(s);
}

static void on_packet(struct session *s, struct packet *p) {
    switch (p->msg.type) {
    case XCS_LOOKUP:
        on_lookup(s, p);
        break;
    case XCS_TRUST:
        on_trust(s, p);
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
    case XCS_DROP:
        on_drop(s, p->msg.arg);
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

/* --- results --- */

/* Retry-After in seconds (RFC 9110, 10.2.3), 0 when there is none or it is a date. */
static uint64_t retry_after(const struct dispatch_result *r) {
    static const char name[] = "\nretry-after:";
    for (size_t i = 0; r->raw && i + sizeof name < r->head_len; i++)
        if (strncasecmp(r->raw + i, name, sizeof name - 1) == 0)
            return strtoull(r->raw + i + sizeof name - 1, NULL, 10);
    return 0;
}

/* What the origin asks for is given back out of the time that was saved, and never more than that. */
static void overloaded(struct session *s, struct origin *o, const struct dispatch_result *r) {
    uint64_t wait = retry_after(r), saved = s->stats.hidden_ns;
    wait = wait > 3600 ? 3600 : wait;
    wait = wait * 1000000000u > saved ? saved : wait * 1000000000u;
    decide_overloaded(o);
    if (clock_ns() + wait > o->closed_until)
        o->closed_until = clock_ns() + wait;
    session_debug(s, "origin limits its rate: window %u from now on", o->window);
}

static void failed(struct session *s, struct node *n, const struct dispatch_result *r) {
    session_debug(s, "call %llu failed ahead: %s (status %d)", (unsigned long long)n->id, r->error, r->status);
    trace_node(s->number, "failed", n, r->status ? "status" : r->error);
    if (r->status == 429 || r->status == 503)
        overloaded(s, n->origin, r);
    free(r->raw);
    if (n->hit) {
        hit_cancel(n->hit);
        n->hit = NULL;
        graph_remove(&s->graph, n);
        return;
    }
    if (n->prev)
        n->origin->ahead--;
    n->state = NODE_FAILED;
}

static void succeeded(struct session *s, struct node *n, const struct dispatch_result *r) {
    n->state = NODE_DONE;
    n->raw = r->raw;
    n->raw_len = r->raw_len;
    n->closes = r->closes;
    trace_node(s->number, "done", n, NULL);
    if (n->hit) {
        account_hit(s, n);
        hit_deliver(n->hit, n->raw, n->raw_len, n->closes);
        n->hit = NULL;
        n->raw = NULL;
        graph_remove(&s->graph, n);
    }
}

void sessions_result(struct dispatch_result *r) {
    struct session *s;
    struct node *n = NULL;
    DL_FOREACH(sessions, s) if ((n = graph_find(&s->graph, r->id))) break;
    if (!n || n->state != NODE_ISSUED) {
        free(r->raw);
        return;
    }
    n->origin->in_flight--;
    n->started_ns = r->started_ns;
    n->finished_ns = r->finished_ns;
    if (r->raw && r->status >= 200 && r->status < 300)
        succeeded(s, n, r);
    else
        failed(s, n, r);
    release_held();
    session_pump(s);
}
