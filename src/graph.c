/* See graph.h. Matching is in match.c. */
#include "graph.h"
#include "decide.h"
#include "placeholder.h"
#include "shape.h"
#include <string.h>
#include <utlist.h>

void graph_init(struct graph *g) {
    *g = (struct graph){0};
    canaries_init(&g->canaries);
}

struct node *graph_add(struct graph *g, uint64_t id, const struct xcs_addr *addr, struct request *r, struct call call) {
    struct node *n = xcalloc(1, sizeof *n);
    n->id = id;
    n->addr = *addr;
    n->request = r;
    n->call = call;
    n->hash = request_hash(addr, r);
    HASH_ADD(hh, g->by_id, id, sizeof n->id, n);
    return n;
}

static void forget_edges(struct node *n) {
    struct edge *e, *next;
    LL_FOREACH_SAFE(n->edges, e, next) free(e);
    n->edges = NULL;
}

void graph_fill(struct node *n, struct request *r, struct call call) {
    request_free(n->request);
    json_decref(n->call.body);
    n->request = r;
    n->call = call;
    n->hash = request_hash(&n->addr, r);
    forget_edges(n);
}

static void forget_leaves(struct graph *g, uint64_t node) {
    struct leaf *l, *next;
    HASH_ITER(hh, g->leaves, l, next) {
        if (l->node != node)
            continue;
        HASH_DEL(g->leaves, l);
        free(l);
    }
}

void graph_remove(struct graph *g, struct node *n) {
    graph_unpend(g, n);
    if (n->has_leaves)
        forget_leaves(g, n->id);
    HASH_DEL(g->by_id, n);
    forget_edges(n);
    request_free(n->request);
    json_decref(n->call.body);
    buf_free(&n->placeholder);
    free(n->raw);
    free(n);
}

void graph_free(struct graph *g) {
    struct node *n, *next;
    HASH_ITER(hh, g->by_id, n, next)
    graph_remove(g, n);
}

struct node *graph_find(struct graph *g, uint64_t id) {
    struct node *n;
    HASH_FIND(hh, g->by_id, &id, sizeof id, n);
    return n;
}

void graph_pend(struct graph *g, struct node *n, struct node *after) {
    if (after)
        DL_APPEND_ELEM(g->pending, after, n);
    else
        DL_PREPEND(g->pending, n);
}

void graph_unpend(struct graph *g, struct node *n) {
    if (n->prev)
        DL_DELETE(g->pending, n);
    n->prev = n->next = NULL;
}

/* Every canary in the text belongs to the node that the text stands for the response of. */
static void remember_leaves(struct graph *g, const struct node *n) {
    const char *end = n->placeholder.p + n->placeholder.len;
    for (const char *p = n->placeholder.p; (p = canary_find(&g->canaries, p, (size_t)(end - p))); p += CANARY_LEN) {
        struct leaf *l = xcalloc(1, sizeof *l);
        memcpy(l->prefix, p, CANARY_LEN);
        l->node = n->id;
        HASH_ADD(hh, g->leaves, prefix, CANARY_LEN, l);
    }
}

static bool make_stream(const struct graph *g, struct node *n, const struct shape *shape) {
    char *text = shape_text(shape, &g->canaries, n->site && n->site->feeds);
    bool ok = placeholder_stream(&g->canaries, &n->call, n->request, text, &n->placeholder);
    free(text);
    return ok;
}

/* In the shape of the site's real responses as soon as there is one. */
static bool make_placeholder(const struct graph *g, struct node *n) {
    const struct shape *shape = n->site ? n->site->shape : NULL;
    buf_free(&n->placeholder);
    n->shaped = shape != NULL;
    if (shape && shape_make(shape, &g->canaries, &n->call, n->request, n->site->feeds, &n->placeholder))
        return true;
    if (n->call.streams)
        return make_stream(g, n, shape);
    return placeholder_make(&g->canaries, &n->call, n->request, shape_dimension(shape), &n->placeholder);
}

const struct buf *graph_placeholder(struct graph *g, struct node *n) {
    if (!n->placeholder.p || (!n->shaped && n->site && n->site->shape)) {
        if (!make_placeholder(g, n))
            return NULL;
        remember_leaves(g, n);
        n->has_leaves = true;
    }
    return &n->placeholder;
}

static void add_edge(struct node *n, uint64_t from) {
    struct edge *e;
    LL_FOREACH(n->edges, e) if (e->from == from) return;
    e = xcalloc(1, sizeof *e);
    e->from = from;
    LL_PREPEND(n->edges, e);
}

/* The leaf whose canary begins at p, in whatever case the program has put it. */
static struct leaf *leaf_at(struct graph *g, const char *p) {
    char word[CANARY_LEN];
    struct leaf *l;
    for (size_t i = 0; i < CANARY_LEN; i++)
        word[i] = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] | 0x20) : p[i];
    HASH_FIND(hh, g->leaves, word, CANARY_LEN, l);
    return l;
}

/* A cut canary, or a number, is one all the same, of a node that we cannot name: edge from 0. */
static bool link_text(struct graph *g, struct node *n, const char *text, size_t len) {
    const char *end = text + len;
    bool any = false;
    for (const char *p = text; (p = canary_find(&g->canaries, p, (size_t)(end - p))); p += CANARY_PREFIX) {
        const struct leaf *l = (size_t)(end - p) >= CANARY_LEN ? leaf_at(g, p) : NULL;
        add_edge(n, l ? l->node : 0);
        any = true;
    }
    return any;
}

bool graph_link(struct graph *g, struct node *n) {
    const struct request *r = n->request;
    bool any = link_text(g, n, r->target, strlen(r->target));
    for (size_t i = 0; i < r->nheaders; i++)
        any |= link_text(g, n, r->headers[i].value, strlen(r->headers[i].value));
    const char *body = r->body.p ? r->body.p : "";
    if (canary_has_number(&g->canaries, body, r->body.len)) {
        add_edge(n, 0);
        any = true;
    }
    return link_text(g, n, body, r->body.len) || any;
}

bool graph_holds_canary(const struct graph *g, const struct request *r) {
    bool any = canary_find(&g->canaries, r->target, strlen(r->target)) ||
               (r->body.p && (canary_find(&g->canaries, r->body.p, r->body.len) ||
                              canary_has_number(&g->canaries, r->body.p, r->body.len)));
    for (size_t i = 0; i < r->nheaders && !any; i++)
        any = canary_find(&g->canaries, r->headers[i].value, strlen(r->headers[i].value)) != NULL;
    return any;
}
