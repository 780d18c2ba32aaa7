/*
 * What a run gained and what it cost. Times in nanoseconds of CLOCK_MONOTONIC. A round is a time that main really
 * waited for calls: a MISS is one, and so is a HIT that was issued only after the round before had ended.
 */
#ifndef XCS_STATS_H
#define XCS_STATS_H

#include "decide.h"
#include <stdint.h>
#include <stdio.h>
#include <uthash.h>

/* One call site, of all processes that have it. */
struct site_stats {
    uint64_t id;
    char *name;
    unsigned long issued, used, wasted;
    const char *off; /* why it was decided against, or NULL */
    UT_hash_handle hh;
};

struct stats {
    unsigned long calls, hits, misses, issued, wasted, rounds, run_aheads, continuations, sites_off;
    uint64_t hidden_ns; /* latency of HITs that main did not wait for */
    uint64_t wall_ns;   /* from the first call of each process to its end */
    const char *off;    /* why a whole process was decided against, or NULL */
    struct site_stats *sites;
};

void stats_add(struct stats *to, const struct stats *s); /* all but the sites */
void stats_add_site(struct stats *to, const struct site *s);
void stats_free(struct stats *s);

void stats_print(FILE *f, struct stats *s); /* sorts the sites */

#endif
