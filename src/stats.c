/* See stats.h. */
#include "stats.h"

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
}

void stats_print(FILE *f, const struct stats *s) {
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
}
