/*
 * Matching (graph.h): is main's request the one that a run-ahead foresaw? Method, target, version, origin, headers and
 * body are compared. The table below lists the only headers that may differ: they name one request among
 * others for tracing and have no part in what the model answers. docs/compatibility.md lists them too.
 *
 * A request to AWS is signed anew each time, with the clock in it (Signature Version 4). Of two that are both signed so, and by the same key for
 * the same service, the signatures and their times may differ: each is valid for all the rest, which is compared.
 */
#include "difference.h"
#include "graph.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const tracing_headers[] = {
    /* one request's name */
    "x-request-id",
    "request-id",
    "x-client-request-id",
    "x-ms-client-request-id",
    "x-correlation-id",
    "correlation-id",
    "amz-sdk-invocation-id",
    "idempotency-key",
    "x-idempotency-key",
    /* its place in a trace */
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "sentry-trace",
    "uber-trace-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-tags",
    /* how often it was tried, and when */
    "x-stainless-retry-count",
    "amz-sdk-request",
    "date",
};

static bool traces(const struct header *h) {
    for (size_t i = 0; i < sizeof tracing_headers / sizeof *tracing_headers; i++)
        if (strcasecmp(h->name, tracing_headers[i]) == 0)
            return true;
    return false;
}

/* --- AWS Signature Version 4 --- */

#define SIGNED "AWS4-HMAC-SHA256 "

/* Its Authorization header, NULL when it is not signed so. */
static const char *signature_of(const struct request *r) {
    const char *v = request_header(r, "authorization");
    return v && strncmp(v, SIGNED, sizeof SIGNED - 1) == 0 ? v : NULL;
}

/* Where a part of it stands, and how long it is. */
static const char *part_of_signature(const char *v, const char *name, size_t *len) {
    const char *p = strstr(v, name);
    p = p ? p + strlen(name) : "";
    *len = strcspn(p, ", ");
    return p;
}

static bool same_part(const char *a, const char *b, const char *name) {
    size_t a_len, b_len;
    const char *x = part_of_signature(a, name, &a_len), *y = part_of_signature(b, name, &b_len);
    return a_len > 0 && a_len == b_len && memcmp(x, y, a_len) == 0;
}

/* "Credential=KEY/DAY/REGION/SERVICE/aws4_request": all but the day. */
static bool same_credential(const char *a, const char *b) {
    size_t a_len, b_len;
    const char *x = part_of_signature(a, "Credential=", &a_len), *y = part_of_signature(b, "Credential=", &b_len);
    size_t key = strcspn(x, "/"), rest = key + sizeof "/20000101" - 1;
    return a_len == b_len && rest < a_len && memcmp(x, y, key + 1) == 0 &&
           memcmp(x + rest, y + rest, a_len - rest) == 0;
}

/* Are both signed, and alike but for the time? */
static bool signed_alike(const struct request *a, const struct request *b) {
    const char *x = signature_of(a), *y = signature_of(b);
    return x && y && same_credential(x, y) && same_part(x, y, "SignedHeaders=");
}

static bool is_of_signature(const struct header *h) {
    return strcasecmp(h->name, "authorization") == 0 || strcasecmp(h->name, "x-amz-date") == 0;
}

/* --- headers --- */

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

bool addr_same(const struct xcs_addr *a, const struct xcs_addr *b) {
    if (a->len != b->len || a->u.sa.sa_family != b->u.sa.sa_family)
        return false;
    if (a->u.sa.sa_family == AF_INET)
        return a->u.in.sin_port == b->u.in.sin_port && a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    return a->u.in6.sin6_port == b->u.in6.sin6_port && a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
           memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr) == 0;
}

/* These follow from the body. */
static bool follows_body(const struct header *h) {
    return strcasecmp(h->name, "content-length") == 0 || strcasecmp(h->name, "x-amz-content-sha256") == 0;
}

/* `of_body`: also those that a difference of the bodies explains, which is the better thing to say. */
static bool same_headers(const struct request *a, const struct request *b, bool of_body, const char **name) {
    bool alike = signed_alike(a, b);
    for (size_t i = 0; i < a->nheaders; i++) {
        const struct header *x = &a->headers[i];
        if (traces(x))
            continue;
        const struct header *y = partner(a, i, b);
        if (y && (strcmp(x->value, y->value) == 0 || (alike && is_of_signature(x)) || (!of_body && follows_body(x))))
            continue;
        *name = x->name;
        return false;
    }
    for (size_t i = 0; i < b->nheaders; i++) {
        if (!traces(&b->headers[i]) && !partner(b, i, a)) {
            *name = b->headers[i].name;
            return false;
        }
    }
    return true;
}

static bool same_path(const char *a, const char *b) {
    size_t n = strcspn(a, "?");
    return n == strcspn(b, "?") && memcmp(a, b, n) == 0;
}

static bool same_body(const struct buf *a, const struct buf *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0);
}

bool request_same(const struct xcs_addr *addr_a, const struct request *a, const struct xcs_addr *addr_b,
                  const struct request *b, char *why, size_t why_len) {
    char none[1];
    const char *name;
    if (!why) {
        why = none;
        why_len = 0;
    }
    if (!addr_same(addr_a, addr_b))
        snprintf(why, why_len, "origin differs");
    else if (strcmp(a->method, b->method) != 0 || a->http10 != b->http10)
        snprintf(why, why_len, "method or version differs");
    else if (strcmp(a->target, b->target) != 0)
        snprintf(why, why_len, same_path(a->target, b->target) ? "query differs" : "path differs");
    else if (!same_headers(a, b, false, &name))
        snprintf(why, why_len, "header %.64s differs", name);
    else if (!same_body(&a->body, &b->body))
        describe_difference(&a->body, &b->body, why, why_len);
    else if (!same_headers(a, b, true, &name))
        snprintf(why, why_len, "header %.64s differs", name);
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
    if (!addr_same(&n->addr, addr) || strcmp(t->method, r->method) != 0 || !text_fits(g, t->target, r->target) ||
        counted(t) != counted(r))
        return false;
    bool alike = signed_alike(t, r);
    for (size_t i = 0; i < t->nheaders; i++) {
        const struct header *x = &t->headers[i], *y = traces(x) ? x : partner(t, i, r);
        if (!y || (!follows_body(x) && !(alike && is_of_signature(x)) && !text_fits(g, x->value, y->value)))
            return false;
    }
    const char *body = t->body.p ? t->body.p : "";
    return canary_fits(&g->canaries, body, t->body.len, r->body.p ? r->body.p : "", r->body.len) ||
           canary_has_number(&g->canaries, body, t->body.len);
}
