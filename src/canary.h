/*
 * Canaries: the text leaves of placeholders, by which a later request that depends on one is known. Lower-case,
 * alphanumeric, unguessable: CANARY_PREFIX characters that are the session's, then random ones.
 * Called by placeholder.c (makes them), match.c and runahead.c (look for them).
 */
#ifndef XCS_CANARY_H
#define XCS_CANARY_H

#include "intake.h"

#include <uthash.h>

#define CANARY_PREFIX 6
#define CANARY_LEN 16

struct canary {
    char text[CANARY_LEN + 1];
    uint64_t node; /* whose answer it stands for */
    UT_hash_handle hh;
};

struct canaries {
    char prefix[CANARY_PREFIX + 1];
    struct canary *all;
};

/* False when there is no randomness: no run-ahead then. */
bool canaries_init(struct canaries *c);
void canaries_clear(struct canaries *c); /* forgets the single ones; the prefix stays */

/* A new one for a leaf of that node's answer; NULL when it cannot be had. Lives until canaries_clear. */
const char *canary_new(struct canaries *c, uint64_t node);

/* Offset of the first canary in text, in whatever case, or `len` when there is none. */
size_t canary_find(const char *text, size_t len, const char *prefix);

/* The nodes whose canaries are in the request, each once: how many; at most max in `nodes`. An unknown one counts as node 0. */
size_t canary_sources(const struct canaries *c, const struct request *request, uint64_t *nodes, size_t max);

#endif
