/* Exact matches, templates and first differences: see match.h. */
#include "match.h"

#include "canary.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/*
 * Headers that name an attempt or a trace and nothing that the model is asked. Client libraries draw them anew for each
 * request, so the run-ahead's differ from main's; the issued call carries the run-ahead's.
 */
static const char *const ignored[] = {
    "x-request-id", "x-client-request-id", "idempotency-key", "x-stainless-retry-count",
    "traceparent",  "tracestate",          "baggage",         "x-correlation-id",
    "date",         "x-amzn-trace-id",     "sentry-trace",    "x-cloud-trace-context",
};

static bool named(const char *line, const char *name) {
    size_t len = strlen(name);
    return strncasecmp(line, name, len) == 0 && line[len] == ':';
}

static bool is_ignored(const char *line) {
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (named(line, ignored[i]))
            return true;
    }
    return false;
}

/* Index of the next header from i on that counts, nheaders at the end. */
static size_t significant(const struct request *r, size_t i) {
    while (i < r->nheaders && is_ignored(r->headers[i]))
        i++;
    return i;
}

/* FNV-1a, eight bytes at a step: bodies may be megabytes. Only a filter, match_equal decides. */
uint64_t match_mix(uint64_t hash, const void *data, size_t len) {
    const unsigned char *p = data;
    const uint64_t prime = 0x100000001b3u;
    hash = (hash ^ len) * prime;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        hash = (hash ^ word) * prime;
        hash ^= hash >> 29;
    }
    for (; len > 0; p++, len--)
        hash = (hash ^ *p) * prime;
    return hash;
}

/* Family, port and address, without what sockaddr leaves undefined. */
struct addr_key {
    unsigned char bytes[2 + 2 + 16 + 4];
};

static struct addr_key addr_key(const struct xcs_addr *a) {
    struct addr_key key = {{0}};
    if (a->len >= sizeof(a->u.in) && a->u.sa.sa_family == AF_INET) {
        key.bytes[0] = 4;
        memcpy(key.bytes + 2, &a->u.in.sin_port, 2);
        memcpy(key.bytes + 4, &a->u.in.sin_addr, 4);
    } else if (a->len >= sizeof(a->u.in6) && a->u.sa.sa_family == AF_INET6) {
        key.bytes[0] = 6;
        memcpy(key.bytes + 2, &a->u.in6.sin6_port, 2);
        memcpy(key.bytes + 4, &a->u.in6.sin6_addr, 16);
        memcpy(key.bytes + 20, &a->u.in6.sin6_scope_id, 4);
    }
    return key;
}

bool match_same_addr(const struct xcs_addr *a, const struct xcs_addr *b) {
    struct addr_key x = addr_key(a), y = addr_key(b);
    return memcmp(&x, &y, sizeof(x)) == 0;
}

uint64_t match_hash(const struct request *r) {
    struct addr_key addr = addr_key(&r->addr);
    uint64_t hash = match_mix(MATCH_SEED, &addr, sizeof(addr));
    hash = match_mix(hash, r->method, strlen(r->method));
    hash = match_mix(hash, r->target, strlen(r->target));
    for (size_t i = significant(r, 0); i < r->nheaders; i = significant(r, i + 1))
        hash = match_mix(hash, r->headers[i], strlen(r->headers[i]));
    return match_mix(hash, r->body.data, r->body.len);
}

static bool same_body(const struct request *a, const struct request *b) {
    return a->body.len == b->body.len && (a->body.len == 0 || memcmp(a->body.data, b->body.data, a->body.len) == 0);
}

bool match_equal(const struct request *a, const struct request *b) {
    if (a->hash != b->hash || a->http10 != b->http10 || a->chunked != b->chunked || !match_same_addr(&a->addr, &b->addr) ||
        strcmp(a->method, b->method) != 0 || strcmp(a->target, b->target) != 0)
        return false;
    size_t i = significant(a, 0), j = significant(b, 0);
    while (i < a->nheaders && j < b->nheaders && strcmp(a->headers[i], b->headers[j]) == 0) {
        i = significant(a, i + 1);
        j = significant(b, j + 1);
    }
    return i == a->nheaders && j == b->nheaders && same_body(a, b);
}

/* --- templates --- */

/* `text` is `pattern` with anything in the place of each canary. */
static bool like(const char *pattern, size_t n, const char *text, size_t m, const char *prefix) {
    bool anchored = true;
    for (;;) {
        size_t at = canary_find(pattern, n, prefix);
        if (at == n) { /* what follows the last canary stands at the end */
            return anchored ? n == m && (n == 0 || memcmp(pattern, text, n) == 0)
                            : n <= m && (n == 0 || memcmp(pattern, text + m - n, n) == 0);
        }
        const char *hit = anchored ? (at <= m && memcmp(pattern, text, at) == 0 ? text : NULL)
                          : at == 0 ? text
                                    : memmem(text, m, pattern, at);
        if (!hit)
            return false;
        m -= (size_t)(hit - text) + at;
        text = hit + at;
        size_t skip = n - at < CANARY_LEN ? n - at : CANARY_LEN;
        pattern += at + skip;
        n -= at + skip;
        anchored = false;
    }
}

static bool like_text(const char *pattern, const char *text, const char *prefix) {
    return like(pattern, strlen(pattern), text, strlen(text), prefix);
}

bool match_template(const struct request *expected, const struct request *got, const char *prefix) {
    if (expected->http10 != got->http10 || expected->chunked != got->chunked ||
        !match_same_addr(&expected->addr, &got->addr) || strcmp(expected->method, got->method) != 0 ||
        !like_text(expected->target, got->target, prefix))
        return false;
    size_t i = significant(expected, 0), j = significant(got, 0);
    for (; i < expected->nheaders && j < got->nheaders; i = significant(expected, i + 1), j = significant(got, j + 1)) {
        bool length = named(expected->headers[i], "Content-Length") && named(got->headers[j], "Content-Length");
        if (!length && !like_text(expected->headers[i], got->headers[j], prefix))
            return false;
    }
    return i == expected->nheaders && j == got->nheaders &&
           like(expected->body.data, expected->body.len, got->body.data, got->body.len, prefix);
}

/* --- first difference --- */

static size_t first_different_byte(const struct buf *a, const struct buf *b) {
    size_t i = 0;
    while (i < a->len && i < b->len && a->data[i] == b->data[i])
        i++;
    return i;
}

void match_difference(const struct request *expected, const struct request *got, char *text, size_t size) {
    if (!match_same_addr(&expected->addr, &got->addr)) {
        snprintf(text, size, "address differs");
        return;
    }
    if (strcmp(expected->method, got->method) != 0 || expected->http10 != got->http10) {
        snprintf(text, size, "method or version differs");
        return;
    }
    if (strcmp(expected->target, got->target) != 0) {
        snprintf(text, size, "target differs");
        return;
    }
    /* A length differs because the body does: the body says more. */
    size_t i = significant(expected, 0), j = significant(got, 0);
    for (; i < expected->nheaders && j < got->nheaders; i = significant(expected, i + 1), j = significant(got, j + 1)) {
        bool length = named(expected->headers[i], "Content-Length") && named(got->headers[j], "Content-Length");
        if (!length && strcmp(expected->headers[i], got->headers[j]) != 0) {
            snprintf(text, size, "header %.*s differs", (int)strcspn(got->headers[j], ":"), got->headers[j]);
            return;
        }
    }
    if (i < expected->nheaders || j < got->nheaders) {
        const char *line = i < expected->nheaders ? expected->headers[i] : got->headers[j];
        snprintf(text, size, "header %.*s is in one only", (int)strcspn(line, ":"), line);
        return;
    }
    snprintf(text, size, "body differs at byte %zu", first_different_byte(&expected->body, &got->body));
}
