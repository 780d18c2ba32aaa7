/*
 * Main's lookups (session_impl.h). Main asks in program order; the answer to each lookup is decided here and is permanent for
 * that call.
 */
#include "ahead.h"
#include "clock.h"
#include "keep.h"
#include "session_impl.h"
#include "trace.h"
#include <stdlib.h>

/* So many calls in a row that were not foreseen, and what was foreseen is given up after all. */
#define STRAYED_MAX 8

/* A random value of eight digits seldom has more than two in common with another one. (None: a header differs.) */
#define VALUE_DIFFERS 6

/* What main's request is, seen from the graph. */
struct match {
    struct node *node;  /* the foreseen call that it is, or NULL */
    struct node *first; /* the next call foreseen, for the explanation of a mismatch */
};

static struct match find_match(struct session *s, const struct xcs_addr *addr, uint32_t trust,
                               const struct request *r) {
    struct match m = {0};
    uint64_t hash = request_hash(addr, r);
    m.first = s->graph.pending;
    for (struct node *n = m.first; n; n = n->next) {
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

/*
 * Another call than the one foreseen, right after one of which the run-ahead knew only a placeholder: its value decides the way. That
 * is no reason to give up what comes where the ways meet again. True when it is so.
 */
static bool decides(struct session *s, struct site *foreseen) {
    struct site *decider = s->previous.site;
    if (!decider || !s->previous.guessed || !foreseen)
        return false;
    if (!decider->branches)
        session_debug(s, "site %016llx decides the way", (unsigned long long)decider->id);
    decider->branches = foreseen->strays = true;
    return true;
}

/*
 * Main's call is not `first`, the one foreseen. Has it only taken another way? Calls of one site may as well be calls that never repeat:
 * then it is believed once, until what comes next proves it.
 */
static bool strays(struct session *s, struct node *first, const struct site *came) {
    bool told_apart = first->site != came;
    if (s->strayed++ >= (told_apart ? STRAYED_MAX : 1) || (!told_apart && (first->doubtful || first->site->diverged)))
        return false;
    if (!decides(s, first->site))
        return false;
    if (!told_apart) {
        first->site->diverged++;
        s->unproven = first->site;
    }
    return true;
}

/* Main is where it was foreseen to be. */
static void back(struct session *s) {
    if (s->unproven)
        s->unproven->diverged--;
    s->unproven = NULL;
    s->strayed = 0;
}

/* Nothing is foreseen any more. What has been issued is still main's to take; n is what main asks for now, or NULL. */
static void leave_alone(struct session *s, const struct node *n, const char *why) {
    s->decisions.off = why;
    ahead_supersede(s, why);
    keep_close_all(s, why);
    struct node *next = s->graph.pending;
    while (next) {
        struct node *other = next;
        next = other->next;
        if (!session_is_ahead(other) && other != n)
            session_waste(s, other);
    }
    session_debug(s, "%s: left alone", why);
    trace_event(s->number, "left alone", 0, why);
}

/*
 * Of such a program a run-ahead is the copy of one thread, and finds calls that the other threads are just about to make: it must not
 * issue one of them beside theirs. What it has issued is still theirs to take, in whatever order.
 */
void session_is_concurrent(struct session *s, const struct node *n) {
    leave_alone(s, n, "the program makes calls at the same time itself");
}

/* Calls were wasted: was it worth it so far? */
static void count_waste(struct session *s, const struct node *n) {
    if (decide_wasteful(&s->decisions, s->stats.wasted, s->stats.hits))
        leave_alone(s, n, s->decisions.off);
}

/* Is a call that was issued ahead before n in program order? */
static bool skips_issued(const struct session *s, const struct node *n) {
    for (const struct node *skipped = s->graph.pending; skipped && skipped != n; skipped = skipped->next)
        if (session_is_ahead(skipped))
            return true;
    return false;
}

/* Main is past these: a sequential program does not come back to them. */
static void waste_before(struct session *s, const struct node *n) {
    struct site *began = NULL, *foreseen = NULL;
    while (s->graph.pending && s->graph.pending != n) {
        struct node *skipped = s->graph.pending;
        if (session_is_ahead(skipped)) {
            began = skipped->forked_at;
            foreseen = skipped->site;
        }
        session_waste(s, skipped);
    }
    /* What is left of a guess that is known to have been one has been counted. */
    if (!(foreseen && foreseen->strays) && !decides(s, foreseen))
        count_divergence(s, began, foreseen, NULL);
}

static void diverge(struct session *s, struct site *came, const struct node *first, const char *why) {
    struct site *began = first->forked_at, *foreseen = first->site;
    s->unproven = NULL;
    s->strayed = 0;
    session_debug(s, "divergence: %s", why);
    ahead_supersede(s, "main went another way");
    keep_close_all(s, "main went another way");
    session_waste_all(s);
    count_divergence(s, began, foreseen, came);
    count_waste(s, NULL);
}

/* The call is main's to make. */
static void miss(struct session *s, struct node *n, const char *why) {
    bool expected = n->prev != NULL;
    keep_lost(s, n);
    session_unpend(s, n);
    n->state = NODE_MAIN;
    n->asked_ns = n->started_ns = clock_ns();
    n->finished_ns = 0;
    n->next = s->awaited;
    s->awaited = n;
    s->stats.misses++;
    session_count_round(s, n->asked_ns);
    const char *against = s->ahead              ? "a run-ahead is alive"
                          : expected && s->kept ? "continuations are alive"
                                                : decide_against_fork(&s->decisions, n->site, n->origin);
    session_debug(s, "call %llu MISS: %s%s%s", (unsigned long long)n->id, why, against ? "; no run-ahead: " : "",
                  against ? against : "");
    trace_node(s->number, "miss", n, why);
    bool learn = !s->decisions.off && decide_may_learn(&s->decisions, n->site) && lesson_begin(&s->lesson, n);
    if (!session_hold_back(s, n))
        session_reply(s, XCS_MISS, n->id, (against ? 0 : XCS_F_FORK) | (learn ? XCS_F_LEARN : 0), -1);
}

/* Tells a call that is made again from another one; a mistake only costs foresight. */
static uint64_t request_identity(const struct xcs_addr *addr, const struct request *r) {
    uint64_t h = request_hash(addr, r);
    return h ? h : 1;
}

static void foreseen(struct session *s, struct node *n) {
    /* Another thread's place in the program says nothing of how far this one is. */
    if (!s->decisions.off && s->threaded && skips_issued(s, n))
        session_is_concurrent(s, n);
    if (!s->decisions.off)
        waste_before(s, n);
    if (session_is_ahead(n) && session_hit(s, n))
        return;
    const char *why = n->state == NODE_DEPENDENT ? "it needed an earlier answer"
                      : n->state == NODE_FAILED  ? "the call issued ahead failed"
                      : n->state == NODE_LEFT    ? "its site was decided against"
                                                 : "not issued yet";
    if (n->state == NODE_FAILED || session_is_ahead(n)) {
        s->stats.wasted++;
        n->site->wasted++;
        count_waste(s, n);
    }
    if (n->state == NODE_ISSUED)
        session_recall(n);
    if (n->state == NODE_READY && s->ahead)
        ahead_answer(s->ahead, n);
    miss(s, n, why);
}

/* Are they as two requests that hold a random value each? It is as long in both, and little of it is the same. */
static bool differ_by_a_value(const struct buf *a, const struct buf *b) {
    size_t differ = 0;
    for (size_t i = 0; a->len == b->len && i < a->len; i++)
        differ += a->p[i] != b->p[i];
    return a->len == b->len && (differ == 0 || differ >= VALUE_DIFFERS);
}

static void unforeseen(struct session *s, const struct xcs_addr *addr, uint32_t trust, struct request *r,
                       struct call call, struct node *first) {
    char why[128] = "nothing was foreseen";
    struct site *site = session_site(s, r, &call);
    if (s->asked_last == request_identity(addr, r)) {
        snprintf(why, sizeof why, "the program asks again");
    } else if (first && !s->decisions.off) {
        request_same(&first->addr, first->request, addr, r, why, sizeof why);
        if (first->doubtful && session_is_ahead(first))
            decide_mistaken(&s->decisions, differ_by_a_value(&first->request->body, &r->body));
        if (strays(s, first, site))
            ahead_supersede(s, "main went another way");
        else if (s->threaded && skips_issued(s, NULL))
            session_is_concurrent(s, NULL);
        else
            diverge(s, site, first, why);
    } else if (s->ahead && !s->decisions.off) {
        ahead_close(s->ahead, "overtaken by main");
    }
    struct node *n = graph_add(&s->graph, session_next_id(), addr, r, call);
    n->site = n->forked_at = site;
    n->trust = trust;
    n->origin = session_origin(s, addr, trust);
    miss(s, n, why);
}

void session_lookup(struct session *s, struct packet *p) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct call call;
    const char *why = "malformed";
    enum intake_result got = intake_feed(in, p->payload, p->len, &r);
    intake_free(in);
    if (got == INTAKE_REQUEST && p->msg.arg && !session_trust(s, p->msg.arg)) {
        why = "its TLS peer is not known";
        request_free(r);
        got = INTAKE_BAD;
    }
    if (got != INTAKE_REQUEST || !detect(&p->msg.addr, r, &call, &why)) {
        session_debug(s, "left to the program: %s", why);
        if (got == INTAKE_REQUEST)
            request_free(r);
        session_reply(s, XCS_PASS, 0, 0, -1);
        return;
    }
    s->stats.calls++;
    if (!s->began_ns)
        s->began_ns = clock_ns();
    s->threaded |= s->thread && s->thread != p->msg.node;
    s->thread = p->msg.node;
    if (s->awaited && !s->decisions.off)
        session_is_concurrent(s, NULL);
    session_past_probe(s);
    keep_passed(s);
    struct previous now;
    uint32_t trust = p->msg.arg;
    struct match m = find_match(s, &p->msg.addr, trust, r);
    uint64_t identity = request_identity(&p->msg.addr, r);
    if (m.node) {
        now = (struct previous){m.node->site, m.node->has_leaves};
        if (m.node->state == NODE_DEPENDENT) {
            graph_fill(m.node, r, call); /* from now on the node is what main really asks */
        } else {
            request_free(r);
            json_decref(call.body);
        }
        back(s);
        foreseen(s, m.node);
    } else {
        now = (struct previous){session_site(s, r, &call), false};
        unforeseen(s, &p->msg.addr, trust, r, call, m.first);
    }
    s->asked_last = identity;
    s->previous = now;
    session_pump(s);
}
