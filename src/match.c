/*
 * Matching (graph.h): is main's request the one that a run-ahead foresaw? Method, target, version, origin, headers and
 * body are compared. The table below lists the only headers that may differ: they name one request among
 * others for tracing and have no part in what the model answers.
 */
#include "graph.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const tracing_headers[] = {
    "x-request-id",
    "x-client-request-id",
    "x-correlation-id",
    "idempotency-key",
    "traceparent",
    "tracestate",
    "x-amzn-trace-id",
    "x-b3-traceid",
    "x-b3-spanid",
    "date",
    "sentry-trace",
    "baggage",
    "x-stainless-retry-count",
};

static bool traces(const struct header *h) {
    for (size_t i = 0; i < sizeof tracing_headers / sizeof *tracing_headers; i++)
        if (strcasecmp(h->name, tracing_headers[i]) == 0)
            return true;
    return false;
}

/*
 * The header of b that answers to a's i-th: the same name, for the same time. The order of headers of different names means
 * nothing (RFC 9110, 5.3), and languages that keep them in hash tables vary it.
 */
static const struct header *partner(const struct request *a, size_t i, const struct request *b) {
    size_t nth = 0;
    for (size_t k = 0; k < i; k++)
        nth += strcmp(a->headers[k].name, a->headers[i].name) == 0;
    for (size_t k = 0; k < b->nheaders; k++)
        if (strcmp(b->headers[k].name, a->headers[i].name) == 0 && nth-- == 0)
            return &b->headers[k];
    return NULL;
}

static size_t counted(const struct request *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->nheaders; i++)
        n += !traces(&r->headers[i]);
    return n;
}

static bool same_addr(const struct xcs_addr *a, const struct xcs_addr *b) {
    if (a->len != b->len || a->u.sa.sa_family != b->u.sa.sa_family)
        return false;
    if (a->u.sa.sa_family == AF_INET)
        return a->u.in.sin_port == b->u.in.sin_port && a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    return a->u.in6.sin6_port == b->u.in6.sin6_port && a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
           memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr) == 0;
}

static size_t differing_byte(const struct buf *a, const struct buf *b) {
    size_t i = 0, n = a->len < b->len ? a->len : b->len;
    while (i < n && a->p[i] == b->p[i])
        i++;
    return i;
}

static bool same_headers(const struct request *a, const struct request *b, const char **name) {
    *name = "count";
    for (size_t i = 0; i < a->nheaders; i++) {
        const struct header *x = &a->headers[i], *y = traces(x) ? x : partner(a, i, b);
        if (y && strcmp(x->value, y->value) == 0)
            continue;
        *name = x->name;
        return false;
    }
    return counted(a) == counted(b);
}

bool request_same(const struct xcs_addr *addr_a, const struct request *a, const struct xcs_addr *addr_b,
                  const struct request *b, char *why, size_t why_len) {
    char none[1];
    const char *name;
    if (!why) {
        why = none;
        why_len = 0;
    }
    if (!same_addr(addr_a, addr_b))
        snprintf(why, why_len, "origin differs");
    else if (strcmp(a->method, b->method) != 0 || a->http10 != b->http10)
        snprintf(why, why_len, "method or version differs");
    else if (strcmp(a->target, b->target) != 0)
        snprintf(why, why_len, "path differs");
    else if (!same_headers(a, b, &name))
        snprintf(why, why_len, "header %.64s differs", name);
    else if (a->body.len != b->body.len || differing_byte(&a->body, &b->body) < a->body.len)
        snprintf(why, why_len, "body differs at byte %zu", differing_byte(&a->body, &b->body));
    else
        return true;
    return false;
}

uint64_t request_hash(const struct xcs_addr *addr, const struct request *r) {
    uint64_t h = hash_bytes(HASH_START, r->target, strlen(r->target));
    h = hash_bytes(h, &addr->len, sizeof addr->len);
    return hash_bytes(h, r->body.p ? r->body.p : "", r->body.len);
}

static bool text_fits(const struct graph *g, const char *text, const char *actual) {
    return canary_fits(&g->canaries, text, strlen(text), actual, strlen(actual));
}

bool graph_fits(const struct graph *g, const struct node *n, const struct xcs_addr *addr, const struct request *r) {
    const struct request *t = n->request;
    if (!same_addr(&n->addr, addr) || strcmp(t->method, r->method) != 0 || !text_fits(g, t->target, r->target) ||
        counted(t) != counted(r))
        return false;
    for (size_t i = 0; i < t->nheaders; i++) {
        const struct header *x = &t->headers[i], *y = traces(x) ? x : partner(t, i, r);
        /* A text of another length makes another Content-Length. */
        if (!y || (strcasecmp(x->name, "content-length") != 0 && !text_fits(g, x->value, y->value)))
            return false;
    }
    return canary_fits(&g->canaries, t->body.p ? t->body.p : "", t->body.len, r->body.p ? r->body.p : "", r->body.len);
}
