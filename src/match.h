/*
 * Is main's request the one that was foreseen? Exactly (address, method, target, version, headers in order, body), but for
 * headers that only name the attempt; or, for a request that depends on an answer, everywhere but at its canaries.
 * Called by graph.c and session.c.
 */
#ifndef XCS_MATCH_H
#define XCS_MATCH_H

#include "intake.h"

uint64_t match_hash(const struct request *request);
bool match_equal(const struct request *a, const struct request *b);

/* `expected` has canaries with this prefix in it; `got` is the same around them. */
bool match_template(const struct request *expected, const struct request *got, const char *prefix);

/* Writes where the two first differ ("body differs at byte 120"); never a value. */
void match_difference(const struct request *expected, const struct request *got, char *text, size_t size);

uint64_t match_mix(uint64_t hash, const void *data, size_t len);
#define MATCH_SEED 0xcbf29ce484222325u

bool match_same_addr(const struct xcs_addr *a, const struct xcs_addr *b);

#endif
