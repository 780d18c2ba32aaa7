/* See keep.h. */
#include "keep.h"
#include "session_impl.h"
#include "trace.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

/* A copy shares most of its memory with the run-ahead, but nobody knows how much it will write to. */
#define MEMORY_LEFT_PART 8

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Is less than a part of the machine's memory available? Not known: no. */
static bool memory_is_short(void) {
    unsigned long total = 0, available = 0;
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemTotal: %lu", &total) != 1 && sscanf(line, "MemAvailable: %lu", &available) == 1)
            break;
    }
    if (f)
        fclose(f);
    return available > 0 && available < total / MEMORY_LEFT_PART;
}

void keep_ask(const struct ahead *a, const struct node *n) {
    struct session *s = a->session;
    bool wanted = n->site->branches || (n->site->feeds && !s->keeping.open);
    if (a->is_kept || n->state != NODE_ISSUED || !wanted || s->decisions.off || s->keeping.alive >= WINDOW ||
        memory_is_short())
        return;
    struct xcs_msg m = {.type = XCS_KEEP, .node = n->id};
    if (wire_send(a->channel.fd, &m, NULL, 0, -1))
        s->keeping.open = true;
}

void keep_dependent(struct session *s, const struct node *n) {
    const struct edge *e;
    LL_FOREACH(n->edges, e) {
        const struct node *from = graph_find(&s->graph, e->from);
        if (from)
            from->site->feeds = true;
    }
    s->keeping.open = false;
}

static void to_reap(struct session *s, int32_t pid) {
    if (s->keeping.nended < COUNT(s->keeping.ended))
        s->keeping.ended[s->keeping.nended++] = pid;
}

void keep_open(struct ahead *a, struct packet *p) {
    struct session *s = a->session;
    struct node *n = graph_find(&s->graph, p->msg.node);
    bool wanted = n && a == s->ahead && !a->closed && a->seen_last == n->id && s->keeping.alive < WINDOW;
    int32_t pid = (int32_t)p->msg.arg;
    if (p->fds[0] < 0 || p->fds[1] < 0 || pid <= 0)
        return;
    if (!wanted)
        syscall(SYS_pidfd_send_signal, p->fds[1], SIGKILL, NULL, 0);
    struct ahead *k = wanted ? ahead_new(s, n, ++s->keeping.made, p->fds[0], p->fds[1]) : NULL;
    if (wanted)
        p->fds[0] = p->fds[1] = -1;
    if (!k) {
        to_reap(s, pid);
        return;
    }
    k->is_kept = true;
    k->pid = pid;
    k->cursor = n->prev ? n : NULL;
    k->held[k->nheld++] = n->id;
    DL_APPEND(s->kept, k);
    s->keeping.alive++;
    s->stats.continuations++;
    session_debug(s, "continuation %u left at call %llu", k->id, (unsigned long long)n->id);
    trace_node(s->number, "continuation", n, NULL);
}

/* The continuation goes on when n's response is there. */
static void wait_for(struct ahead *k, struct ahead_conn *c, struct node *n) {
    if (k->nheld < COUNT(k->held))
        k->held[k->nheld++] = n->id;
    if (n->state == NODE_DONE)
        ahead_answer_on(c, n);
    else
        ahead_wait_on(c, n);
}

void keep_begin(struct ahead *k, struct ahead_conn *c, uint64_t node) {
    struct node *n = graph_find(&k->session->graph, node);
    if (n && (n->state == NODE_ISSUED || n->state == NODE_DONE))
        wait_for(k, c, n);
    else
        ahead_close(k, "its value cannot be had");
}

/* --- its calls --- */

static struct node *after(const struct ahead *k) {
    return k->cursor ? k->cursor->next : k->session->graph.pending;
}

static struct node *same_call(const struct ahead *k, const struct xcs_addr *addr, uint32_t trust,
                              const struct request *r) {
    uint64_t hash = request_hash(addr, r);
    for (struct node *n = after(k); n; n = n->next)
        if (n->hash == hash && n->trust == trust && n->state != NODE_DEPENDENT &&
            request_same(&n->addr, n->request, addr, r, NULL, 0))
            return n;
    return NULL;
}

/* The call that the run-ahead could only foresee with placeholders in it. */
static struct node *dependent_call(const struct ahead *k, const struct xcs_addr *addr, uint32_t trust,
                                   const struct request *r) {
    for (struct node *n = after(k); n; n = n->next)
        if (n->state == NODE_DEPENDENT && n->trust == trust && graph_fits(&k->session->graph, n, addr, r))
            return n;
    return NULL;
}

/* Is there a call that still waits for one of these values? */
static bool some_depend_on(const struct ahead *k, const uint64_t *ids, size_t n) {
    const struct edge *e;
    for (const struct node *d = after(k); d; d = d->next) {
        if (d->state != NODE_DEPENDENT)
            continue;
        LL_FOREACH(d->edges, e)
        for (size_t i = 0; i < n; i++)
            if (e->from == ids[i])
                return true;
    }
    return false;
}

void keep_call(struct ahead *k, struct ahead_conn *c, const struct xcs_addr *addr, uint32_t trust, struct request *r,
               struct call call) {
    struct session *s = k->session;
    if (graph_holds_canary(&s->graph, r)) {
        /* A placeholder that its run-ahead had read before, of a call that main has come to meanwhile, say. */
        request_free(r);
        json_decref(call.body);
        ahead_close(k, "its next call needs a value that it does not have");
        return;
    }
    struct node *n = same_call(k, addr, trust, r);
    bool unforeseen = false;
    if (n) {
        request_free(r);
        json_decref(call.body);
        if (n->state == NODE_LEFT)
            n->state = NODE_READY;
    } else if ((n = dependent_call(k, addr, trust, r))) {
        graph_fill(n, r, call);
        n->site = session_site(s, n->request, &n->call);
        n->state = NODE_READY;
    } else {
        n = ahead_new_node(k, addr, trust, r, call);
        unforeseen = true;
    }
    k->random = false;
    k->cursor = n;
    if (n->state != NODE_READY && !session_is_ahead(n)) {
        ahead_close(k, "its next call is left to the program");
        return;
    }
    k->issued += n->state == NODE_READY;
    session_pump(s);
    if (unforeseen || some_depend_on(k, &n->id, 1)) {
        if (n->state == NODE_FAILED)
            ahead_close(k, "its call cannot be issued");
        else
            wait_for(k, c, n);
    } else if (some_depend_on(k, k->held, k->nheld)) {
        ahead_answer_on(c, n);
    } else {
        ahead_close(k, "the calls it was kept for are made");
    }
}

/* --- what happens meanwhile --- */

void keep_value(struct session *s, struct node *n) {
    struct ahead *k, *next;
    DL_FOREACH_SAFE(s->kept, k, next)
    if (ahead_waits(k, n))
        ahead_answer(k, n);
}

void keep_lost(struct session *s, const struct node *n) {
    struct ahead *k, *next;
    DL_FOREACH_SAFE(s->kept, k, next)
    if (ahead_waits(k, n))
        ahead_close(k, "its value cannot be had");
}

void keep_passed(struct session *s) {
    struct ahead *k, *next;
    DL_FOREACH_SAFE(s->kept, k, next)
    if (!k->cursor)
        ahead_close(k, "main has passed it");
}

void keep_ended(struct ahead *k) {
    struct session *s = k->session;
    DL_DELETE(s->kept, k);
    s->keeping.alive--;
    to_reap(s, k->pid);
}

void keep_close_all(struct session *s, const char *why) {
    struct ahead *k, *next;
    DL_FOREACH_SAFE(s->kept, k, next)
    ahead_close(k, why);
}
