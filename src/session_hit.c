/*
 * How main's calls are answered: HITs, and calls held back until their origin is free (session_impl.h).
 */
#include "clock.h"
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
    uint64_t now = clock_ns();
    s->repaid_ns += now - n->asked_ns;
    n->state = NODE_MAIN;
    n->asked_ns = n->started_ns = now;
    session_debug(s, "call %llu goes out", (unsigned long long)n->id);
}

void session_go_on(struct session *s, struct node *n) {
    hit_cancel(n->hit);
    n->hit = NULL;
    own_turn(s, n);
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
    session_recall(n);
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
        decide_repeats(&s->decisions);
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

/*
 * When may a call of main's that a limited origin would get now go out, as far as the time goes? When the origin wants it; at the latest
 * when the sequential program would have made it, which is later than now by what was saved and not given back yet.
 */
static uint64_t turn_of(const struct session *s, const struct node *n) {
    uint64_t saved = s->stats.hidden_ns > s->repaid_ns ? s->stats.hidden_ns - s->repaid_ns : 0;
    uint64_t sequential = n->asked_ns + saved;
    return n->origin->closed_until < sequential ? n->origin->closed_until : sequential;
}

/* Is it its turn: none of ours in flight there, and late enough? */
static bool has_turn(const struct session *s, const struct node *n) {
    return n->origin->in_flight == 0 && turn_of(s, n) <= clock_ns();
}

static void wake_at_turn(const struct session *s, const struct node *n) {
    uint64_t turn = turn_of(s, n);
    if (turn > clock_ns())
        loop_wake(turn, sessions_tick);
}

static void wait_for_turn(const struct session *s, const struct node *n) {
    wake_at_turn(s, n);
    session_watch_stalls();
}

/*
 * A limited origin must not be asked by us and by main at the same time, nor sooner than it asked for: main gets a socket that is
 * closed without a byte when its turn comes, and then its own request goes out. A program's own time limit ends that as on any HIT.
 */
bool session_hold_back(struct session *s, struct node *n) {
    int theirs;
    if (!n->origin->limited || has_turn(s, n))
        return false;
    n->hit = hit_new(n, hit_closed, &theirs);
    if (!n->hit)
        return false;
    n->state = NODE_HELD;
    session_debug(s, "call %llu held back: the origin limits its rate", (unsigned long long)n->id);
    session_reply(s, XCS_HIT, n->id, 0, theirs);
    close(theirs);
    wait_for_turn(s, n);
    return true;
}

/* As if it had been a MISS from the beginning. */
bool session_hold_refused(struct session *s, struct node *n) {
    if (!n->hit || n->raw || !n->origin->limited || has_turn(s, n))
        return false;
    n->state = NODE_HELD;
    n->next = s->awaited;
    s->awaited = n;
    s->stats.hits--;
    s->stats.misses++;
    s->stats.wasted++;
    n->site->used--;
    n->site->wasted++;
    session_debug(s, "call %llu held back: the origin limits its rate", (unsigned long long)n->id);
    wait_for_turn(s, n);
    return true;
}

void session_release_held(void) {
    struct session *s;
    struct node *n;
    for (s = sessions_first(); s; s = s->next) {
        LL_FOREACH(s->awaited, n) {
            if (n->state != NODE_HELD)
                continue;
            if (!has_turn(s, n)) {
                wake_at_turn(s, n);
                continue;
            }
            session_go_on(s, n);
        }
    }
}

void sessions_tick(void) {
    session_release_held();
    session_watch_stalls();
}
