/*
 * How main's calls are answered: HITs, and calls held back until their origin is free (session_impl.h).
 */
#include "clock.h"
#include "engine.h"
#include "hit.h"
#include "keep.h"
#include "session_impl.h"
#include "trace.h"
#include <unistd.h>
#include <utlist.h>

void session_count_round(struct session *s, uint64_t issued_at) {
    if (issued_at >= s->waited_until_ns)
        s->stats.rounds++;
}

void session_reply(struct session *s, enum xcs_verdict verdict, uint64_t node, uint32_t flags, int fd) {
    struct xcs_msg m = {.type = XCS_VERDICT, .verdict = (uint16_t)verdict, .node = node};
    m.flags = flags | (s->keeping.nended ? XCS_F_ENDED : 0);
    wire_send(s->channel.fd, &m, NULL, 0, fd);
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
    keep_lost(s, n);
    graph_remove(&s->graph, n);
    session_release_held();
}

void session_account_hit(struct session *s, const struct node *n) {
    uint64_t latency = n->finished_ns - n->started_ns;
    uint64_t waited = n->finished_ns > n->asked_ns ? n->finished_ns - n->asked_ns : 0;
    s->stats.hidden_ns += latency > waited ? latency - waited : 0;
    if (waited)
        s->waited_until_ns = n->finished_ns;
}

bool session_hit(struct session *s, struct node *n) {
    int theirs;
    struct hit *h = hit_new(n, hit_closed, &theirs);
    if (!h)
        return false;
    session_unpend(s, n);
    n->asked_ns = clock_ns();
    s->stats.hits++;
    n->site->used++;
    if (n->doubtful)
        s->decisions.repeats = true;
    if (n->state == NODE_ISSUED)
        session_count_round(s, n->started_ns);
    session_debug(s, "call %llu HIT", (unsigned long long)n->id);
    trace_node(s->number, "hit", n, NULL);
    session_reply(s, XCS_HIT, n->id, 0, theirs);
    close(theirs);
    if (n->state == NODE_DONE) {
        session_account_hit(s, n);
        hit_deliver(h, n->raw, n->raw_len, n->closes);
        n->raw = NULL;
        graph_remove(&s->graph, n);
    } else {
        n->hit = h;
        session_watch_stalls();
        if (n->raw) /* a stream that has begun */
            hit_piece(h, n->raw, n->raw_len);
    }
    return true;
}

/* Is the origin free for main's own call: none of ours in flight there, and open again? */
static bool origin_free(const struct origin *o) {
    return o->in_flight == 0 && o->closed_until <= clock_ns();
}

/*
 * A limited origin must not be asked by us and by main at the same time, nor sooner than it asked for: main gets a socket that is
 * closed without a byte when its turn comes, and then its own request goes out. A program's own time limit ends that as on any HIT.
 */
bool session_hold_back(struct session *s, struct node *n) {
    int theirs;
    if (!n->origin->limited || origin_free(n->origin))
        return false;
    n->hit = hit_new(n, hit_closed, &theirs);
    if (!n->hit)
        return false;
    n->state = NODE_HELD;
    session_debug(s, "call %llu held back: the origin limits its rate", (unsigned long long)n->id);
    session_reply(s, XCS_HIT, n->id, 0, theirs);
    close(theirs);
    if (n->origin->closed_until > clock_ns())
        loop_wake(n->origin->closed_until, sessions_tick);
    return true;
}

void session_release_held(void) {
    struct session *s;
    struct node *n;
    for (s = sessions_first(); s; s = s->next) {
        LL_FOREACH(s->awaited, n) {
            if (n->state != NODE_HELD)
                continue;
            if (!origin_free(n->origin)) {
                if (n->origin->closed_until > clock_ns())
                    loop_wake(n->origin->closed_until, sessions_tick);
                continue;
            }
            hit_cancel(n->hit);
            n->hit = NULL;
            own_turn(s, n);
        }
    }
}

void sessions_tick(void) {
    session_release_held();
    session_watch_stalls();
}
