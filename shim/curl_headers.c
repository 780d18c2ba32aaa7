/*
 * See curl_headers.h. The headers are taken out of the answer's frames when they are first asked for. Which response on the way a header
 * belongs to is told by its number, as libcurl counts them: each final response but the last one led to another request.
 */
#include "curl_headers.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ORIGINS (CURLH_HEADER | CURLH_TRAILER | CURLH_CONNECT | CURLH_1XX | CURLH_PSEUDO)
#define ORIGIN_MARK (1u << 27) /* libcurl sets it, so that nobody compares origins with == */
#define HEADERS_MAX 4096

struct header {
    char *name, *value;
    unsigned origin;
    int request;
};

struct curl_headers {
    struct header list[HEADERS_MAX];
    size_t count;
    int requests;               /* number of the last one */
    struct curl_header told[2]; /* what was handed out last by each of the two functions */
};

void curl_headers_free(struct curl_headers *all) {
    for (size_t i = 0; all && i < all->count; i++)
        free(all->list[i].name);
    free(all);
}

static size_t trimmed(const char *p, size_t n) {
    while (n > 0 && strchr(" \t\r\n", p[n - 1]))
        n--;
    return n;
}

/* "Name: value", both in one allocation. */
static void add(struct curl_headers *all, const char *line, size_t len, unsigned origin) {
    const char *colon = memchr(line, ':', len);
    size_t name = colon ? (size_t)(colon - line) : 0;
    char *copy = name && all->count < HEADERS_MAX ? malloc(len + 2) : NULL;
    if (!copy)
        return;
    const char *value = colon + 1, *end = line + len;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    size_t n = trimmed(value, (size_t)(end - value));
    memcpy(copy, line, name);
    copy[name] = '\0';
    memcpy(copy + name + 1, value, n);
    copy[name + 1 + n] = '\0';
    all->list[all->count++] = (struct header){copy, copy + name + 1, origin, all->requests};
}

static bool is_status_line(const char *line, size_t len) {
    return len > 5 && memcmp(line, "HTTP/", 5) == 0;
}

static bool is_interim(const char *line, size_t len) {
    const char *status = memchr(line, ' ', len);
    return status && status + 1 < line + len && status[1] == '1';
}

static struct curl_headers *collect(const struct curl_answer *a) {
    struct curl_headers *all = calloc(1, sizeof *all);
    struct xcs_frame f;
    const char *line;
    unsigned origin = CURLH_HEADER;
    bool final = false; /* a final response has been seen, of the request that is counted */
    for (size_t at = 0; all && curl_answer_frame(a, &at, &f, &line);) {
        size_t len = (size_t)f.len;
        if (f.type == XCS_FRAME_BODY)
            origin = CURLH_TRAILER;
        if (f.type != XCS_FRAME_HEADER)
            continue;
        if (is_status_line(line, len)) {
            all->requests += final;
            final = !is_interim(line, len);
            origin = final ? CURLH_HEADER : CURLH_1XX;
        } else {
            add(all, line, len, origin);
        }
    }
    return all;
}

static struct curl_headers *headers_of(struct curl_answer *a) {
    if (!a->headers)
        a->headers = collect(a);
    return a->headers;
}

static bool fits(const struct header *h, unsigned origin, int request) {
    return (h->origin & origin) && h->request == request;
}

static void tell(struct curl_headers *all, struct curl_header *out, const struct header *h, int request) {
    *out = (struct curl_header){.name = h->name, .value = h->value, .origin = h->origin | ORIGIN_MARK};
    out->anchor = (void *)(uintptr_t)h;
    for (size_t i = 0; i < all->count; i++) {
        if (strcasecmp(all->list[i].name, h->name) != 0 || !fits(&all->list[i], h->origin, request))
            continue;
        out->index += &all->list[i] < h;
        out->amount++;
    }
}

CURLHcode curl_headers_find(struct curl_answer *a, const char *name, size_t index, unsigned origin, int request,
                            struct curl_header **out) {
    struct curl_headers *all = headers_of(a);
    const struct header *found = NULL;
    size_t n = 0;
    if (!name || !out || request < -1 || !origin || origin & ~(unsigned)ORIGINS)
        return CURLHE_BAD_ARGUMENT;
    if (!all)
        return CURLHE_OUT_OF_MEMORY;
    if (!all->count)
        return CURLHE_NOHEADERS;
    if (request > all->requests)
        return CURLHE_NOREQUEST;
    request = request < 0 ? all->requests : request;
    for (size_t i = 0; i < all->count; i++) {
        if (strcasecmp(all->list[i].name, name) != 0 || !fits(&all->list[i], origin, request))
            continue;
        if (n++ == index)
            found = &all->list[i];
    }
    if (!found)
        return n ? CURLHE_BADINDEX : CURLHE_MISSING;
    tell(all, &all->told[0], found, request);
    *out = &all->told[0];
    return CURLHE_OK;
}

struct curl_header *curl_headers_next(struct curl_answer *a, unsigned origin, int request,
                                      struct curl_header *previous) {
    struct curl_headers *all = headers_of(a);
    if (!all || request > all->requests)
        return NULL;
    request = request < 0 ? all->requests : request;
    const struct header *last = previous ? previous->anchor : NULL;
    for (size_t i = last ? (size_t)(last - all->list) + 1 : 0; i < all->count; i++) {
        if (!fits(&all->list[i], origin, request))
            continue;
        tell(all, &all->told[1], &all->list[i], request);
        return &all->told[1];
    }
    return NULL;
}
