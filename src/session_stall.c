/*
 * Stalls: main waits for a HIT whose call gets nowhere, or for its turn after such a call (session_impl.h). A server that serves one
 * connection at a time is busy with the program's own, which lies idle because main waits for ours: without XCS the program would have gone on. So main's own request
 * has to go out after all, and such an origin is left to it for good.
 *
 * Where none of our calls has come to the server, that is certain soon, and nothing was said that is said twice. Where they may have,
 * a server that only takes its time looks the same: then, much later, main's own request goes out beside them, once, and shows by
 * which of them is answered first what is the case.
 */
#include "clock.h"
#include "engine.h"
#include "hit.h"
#include "keep.h"
#include "session_impl.h"
#include "trace.h"

#define SECOND 1000000000ull

struct stall_patience session_patience = {.look = SECOND, .unserved = 3 * SECOND, .sent = 60 * SECOND};

static bool stalls(const struct node *n) {
    return n->hit && n->state == NODE_ISSUED && !n->raw;
}

static bool waits_for_ours(const struct node *n) {
    return stalls(n) || (n->hit && n->state == NODE_HELD && n->origin->in_flight > 0);
}

/* The most that is known of how far our calls at an origin have come. */
static enum dispatch_served served_at(const struct session *s, const struct origin *o) {
    enum dispatch_served most = DISPATCH_UNSERVED;
    for (const struct node *n = s->graph.by_id; n; n = n->hh.next) {
        if (n->origin != o || n->state != NODE_ISSUED)
            continue;
        enum dispatch_served served = dispatch_served(engine_dispatcher(), n->id);
        if (served == DISPATCH_SERVED || n->raw)
            return DISPATCH_SERVED;
        if (served == DISPATCH_SENT)
            most = DISPATCH_SENT;
    }
    return most;
}

static uint64_t longer(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Ours that nobody has answered; main meets them as calls of its own. */
static void give_up_at(struct session *s, struct origin *o) {
    struct node *n, *next;
    o->alone = true;
    session_debug(s, "left to the program: the server takes one connection at a time");
    trace_event(s->number, "left alone", 0, "one connection at a time");
    for (n = s->graph.by_id; n; n = next) {
        next = n->hh.next;
        if (n->origin != o || n->state != NODE_ISSUED)
            continue;
        session_recall(n);
        keep_lost(s, n);
        if (n->hit) {
            hit_cancel(n->hit);
            n->hit = NULL;
            graph_remove(&s->graph, n);
            continue;
        }
        if (n->prev)
            o->ahead--;
        n->state = NODE_FAILED;
    }
    session_release_held();
}

/* Main's own request goes out beside ours. */
static void probe(struct session *s, struct node *n) {
    n->origin->probe_ns = clock_ns();
    session_debug(s, "call %llu gets no answer", (unsigned long long)n->id);
    session_recall(n);
    keep_lost(s, n);
    hit_cancel(n->hit);
    n->hit = NULL;
    graph_remove(&s->graph, n);
}

void session_past_probe(struct session *s) {
    for (struct origin *o = s->decisions.origins; o; o = o->hh.next) {
        if (o->probe_ns && !o->alone && o->progress_ns < o->probe_ns && o->in_flight > 0)
            give_up_at(s, o);
    }
}

void session_reverted(struct session *s, struct node *n) {
    struct origin *o = n->origin;
    if (stalls(n) && !o->progress_ns && clock_ns() - n->asked_ns > 2 * o->slowest_ns)
        give_up_at(s, o);
}

static void look_at(struct session *s, struct node *n) {
    struct origin *o = n->origin;
    uint64_t since = longer(n->asked_ns, longer(n->started_ns, o->progress_ns)), quiet = clock_ns() - since;
    if (quiet > longer(session_patience.unserved, 2 * o->slowest_ns) && served_at(s, o) == DISPATCH_UNSERVED)
        give_up_at(s, o);
    else if (n->state == NODE_HELD && quiet > longer(session_patience.sent, 8 * o->slowest_ns))
        session_go_on(s, n);
    else if (n->state == NODE_ISSUED && !o->probe_ns && quiet > longer(session_patience.sent, 8 * o->slowest_ns) &&
             served_at(s, o) == DISPATCH_SENT)
        probe(s, n);
}

void session_watch_stalls(void) {
    struct node *n, *next;
    for (struct session *s = sessions_first(); s; s = s->next) {
        bool again = false;
        HASH_ITER(hh, s->graph.by_id, n, next) {
            if (waits_for_ours(n)) {
                again = true;
                look_at(s, n);
                break; /* main waits for one at a time; others go with it */
            }
        }
        if (again)
            loop_wake(clock_ns() + session_patience.look, sessions_tick);
    }
}
