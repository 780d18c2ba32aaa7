/*
 * What a run gained and what it cost. Times in nanoseconds of CLOCK_MONOTONIC. A round is a time that main really
 * waited for calls: a MISS is one, and so is a HIT that was issued only after the round before had ended.
 */
#ifndef XCS_STATS_H
#define XCS_STATS_H

#include <stdint.h>
#include <stdio.h>

struct stats {
    unsigned long calls, hits, misses, issued, wasted, rounds, run_aheads, continuations, sites_off;
    uint64_t hidden_ns; /* latency of HITs that main did not wait for */
    uint64_t wall_ns;   /* from the first call of each process to its end */
};

void stats_add(struct stats *to, const struct stats *s);
void stats_print(FILE *f, const struct stats *s);

#endif
