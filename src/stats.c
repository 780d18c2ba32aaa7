/* See stats.h. */
#include "stats.h"
#include "buf.h"
#include <stdlib.h>
#include <string.h>

#define SITES_SHOWN 20

void stats_add(struct stats *to, const struct stats *s) {
    to->calls += s->calls;
    to->hits += s->hits;
    to->misses += s->misses;
    to->issued += s->issued;
    to->wasted += s->wasted;
    to->rounds += s->rounds;
    to->run_aheads += s->run_aheads;
    to->continuations += s->continuations;
    to->sites_off += s->sites_off;
    to->hidden_ns += s->hidden_ns;
    to->wall_ns += s->wall_ns;
    if (s->off)
        to->off = s->off;
}

void stats_add_site(struct stats *to, const struct site *s) {
    struct site_stats *t;
    HASH_FIND(hh, to->sites, &s->id, sizeof s->id, t);
    if (!t) {
        t = xcalloc(1, sizeof *t);
        t->id = s->id;
        t->name = xstrndup(s->name ? s->name : "", s->name ? strlen(s->name) : 0);
        HASH_ADD(hh, to->sites, id, sizeof t->id, t);
    }
    t->issued += s->issued;
    t->used += s->used;
    t->wasted += s->wasted;
    if (s->off)
        t->off = s->off;
}

void stats_free(struct stats *s) {
    struct site_stats *t, *next;
    HASH_ITER(hh, s->sites, t, next) {
        HASH_DEL(s->sites, t);
        free(t->name);
        free(t);
    }
}

/* The sites with most to say first. */
static int by_weight(const struct site_stats *a, const struct site_stats *b) {
    unsigned long x = a->issued + (a->off ? 1 : 0), y = b->issued + (b->off ? 1 : 0);
    return x < y ? 1 : x > y ? -1 : 0;
}

static void print_sites(FILE *f, struct stats *s) {
    unsigned n = 0, all = HASH_COUNT(s->sites);
    HASH_SRT(hh, s->sites, by_weight);
    for (const struct site_stats *t = s->sites; t && n < SITES_SHOWN; t = t->hh.next, n++)
        fprintf(f, "xcs: site %s: issued %lu, used %lu, wasted %lu%s%s\n", t->name, t->issued, t->used, t->wasted,
                t->off ? "; decided against: " : "", t->off ? t->off : "");
    if (n < all)
        fprintf(f, "xcs: and %u sites more\n", all - n);
}

void stats_print(FILE *f, struct stats *s) {
    double wall = (double)s->wall_ns / 1e9, hidden = (double)s->hidden_ns / 1e9;
    fprintf(f, "xcs: model calls          %lu\n", s->calls);
    fprintf(f, "xcs:   hits               %lu\n", s->hits);
    fprintf(f, "xcs:   misses             %lu\n", s->misses);
    fprintf(f, "xcs: issued ahead         %lu\n", s->issued);
    fprintf(f, "xcs:   wasted             %lu\n", s->wasted);
    fprintf(f, "xcs: run-aheads           %lu\n", s->run_aheads);
    fprintf(f, "xcs: continuations        %lu\n", s->continuations);
    fprintf(f, "xcs: sites decided against %lu\n", s->sites_off);
    fprintf(f, "xcs: rounds               %lu\n", s->rounds);
    fprintf(f, "xcs: time hidden          %.3f s\n", hidden);
    fprintf(f, "xcs: estimated sequential %.3f s\n", wall + hidden);
    fprintf(f, "xcs: speed-up             %.2f\n", wall > 0 ? (wall + hidden) / wall : 1.0);
    if (s->off)
        fprintf(f, "xcs: left alone: %s\n", s->off);
    print_sites(f, s);
}
