/*
 * What a run came to, in numbers. A session counts (session.c, hit.c, runahead.c), the engine adds the sessions up, run.c prints.
 * Counting needs no lock: one thread.
 */
#ifndef XCS_STATS_H
#define XCS_STATS_H

#include <stdint.h>
#include <stdio.h>

struct stats {
    uint64_t calls;     /* model calls of main's */
    uint64_t hits;      /* answered from a call issued ahead */
    uint64_t misses;    /* main made its own request */
    uint64_t issued;    /* calls issued ahead */
    uint64_t used;      /* of these, handed to main */
    uint64_t wasted;    /* of these, thrown away */
    uint64_t rounds;    /* the longest chain of calls each issued after the answer to the one before */
    uint64_t runaheads; /* copies taken */
    uint64_t wall_ns;   /* from the first call to main's end */
    uint64_t waited_ns; /* main waited for answers */
    uint64_t calls_ns;  /* the calls' own latencies, added up */
    uint64_t hidden_ns; /* latency of HITs that main did not wait for */
};

void stats_add(struct stats *sum, const struct stats *part);

/* What the same run would have taken with one call after the other. */
uint64_t stats_sequential_ns(const struct stats *stats);

void stats_print(FILE *out, const struct stats *stats);

#endif
