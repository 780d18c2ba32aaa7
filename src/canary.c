/* Canaries: see canary.h. */
#include "canary.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool random_text(char *text, size_t len) {
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[CANARY_LEN];
    if (len > sizeof(bytes) || getrandom(bytes, len, 0) != (ssize_t)len)
        return false;
    for (size_t i = 0; i < len; i++)
        text[i] = digits[bytes[i] % (sizeof(digits) - 1)];
    text[len] = '\0';
    return true;
}

bool canaries_init(struct canaries *c) {
    *c = (struct canaries){.all = NULL};
    do {
        if (!random_text(c->prefix, CANARY_PREFIX))
            return false;
    } while (c->prefix[0] < 'a');
    return true;
}

void canaries_clear(struct canaries *c) {
    struct canary *canary, *next;
    HASH_ITER(hh, c->all, canary, next) {
        HASH_DEL(c->all, canary);
        free(canary);
    }
}

const char *canary_new(struct canaries *c, uint64_t node) {
    struct canary *canary = calloc(1, sizeof(*canary));
    if (!canary)
        return NULL;
    memcpy(canary->text, c->prefix, CANARY_PREFIX);
    if (!random_text(canary->text + CANARY_PREFIX, CANARY_LEN - CANARY_PREFIX)) {
        free(canary);
        return NULL;
    }
    canary->node = node;
    HASH_ADD(hh, c->all, text, CANARY_LEN, canary);
    return canary->text;
}

size_t canary_find(const char *text, size_t len, const char *prefix) {
    const char first[] = {prefix[0], (char)(prefix[0] & ~0x20)};
    for (size_t k = 0, best = len;; k++) {
        if (k == 2)
            return best;
        for (size_t at = 0; at + CANARY_PREFIX <= best; at++) {
            const char *p = memchr(text + at, first[k], best - at);
            if (!p)
                break;
            at = (size_t)(p - text);
            size_t i = 1;
            while (i < CANARY_PREFIX && at + i < len && lower(text[at + i]) == prefix[i])
                i++;
            if (i == CANARY_PREFIX) {
                best = at;
                break;
            }
        }
    }
}

static void note_source(const struct canaries *c, const char *text, size_t len, uint64_t *nodes, size_t *n, size_t max) {
    char key[CANARY_LEN + 1] = {0};
    struct canary *canary = NULL;
    for (size_t i = 0; i < CANARY_LEN && i < len; i++)
        key[i] = lower(text[i]);
    HASH_FIND(hh, c->all, key, CANARY_LEN, canary);
    uint64_t node = canary ? canary->node : 0;
    for (size_t i = 0; i < *n; i++) {
        if (nodes[i] == node)
            return;
    }
    if (*n < max)
        nodes[(*n)++] = node;
}

static void search(const struct canaries *c, const char *text, size_t len, uint64_t *nodes, size_t *n, size_t max) {
    while (len > 0) {
        size_t at = canary_find(text, len, c->prefix);
        if (at == len)
            return;
        note_source(c, text + at, len - at, nodes, n, max);
        text += at + CANARY_PREFIX;
        len -= at + CANARY_PREFIX;
    }
}

size_t canary_sources(const struct canaries *c, const struct request *request, uint64_t *nodes, size_t max) {
    size_t n = 0;
    search(c, request->target, strlen(request->target), nodes, &n, max);
    for (size_t i = 0; i < request->nheaders; i++)
        search(c, request->headers[i], strlen(request->headers[i]), nodes, &n, max);
    if (request->body.len)
        search(c, request->body.data, request->body.len, nodes, &n, max);
    return n;
}
