/* Adds up and prints what a run came to: see stats.h. */
#include "stats.h"

#include <inttypes.h>

void stats_add(struct stats *sum, const struct stats *part) {
    sum->calls += part->calls;
    sum->hits += part->hits;
    sum->misses += part->misses;
    sum->issued += part->issued;
    sum->used += part->used;
    sum->wasted += part->wasted;
    sum->rounds += part->rounds;
    sum->runaheads += part->runaheads;
    sum->wall_ns += part->wall_ns;
    sum->waited_ns += part->waited_ns;
    sum->calls_ns += part->calls_ns;
    sum->hidden_ns += part->hidden_ns;
}

uint64_t stats_sequential_ns(const struct stats *stats) {
    uint64_t own_work = stats->wall_ns > stats->waited_ns ? stats->wall_ns - stats->waited_ns : 0;
    return own_work + stats->calls_ns;
}

static double seconds(uint64_t ns) {
    return (double)ns / 1e9;
}

void stats_print(FILE *out, const struct stats *stats) {
    const struct {
        const char *label;
        uint64_t value;
    } counts[] = {
        {"model calls", stats->calls},   {"hits", stats->hits},     {"misses", stats->misses},
        {"issued ahead", stats->issued}, {"wasted", stats->wasted}, {"rounds", stats->rounds},
    };
    uint64_t sequential = stats_sequential_ns(stats);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        fprintf(out, "xcs: %-22s %10" PRIu64 "\n", counts[i].label, counts[i].value);
    fprintf(out, "xcs: %-22s %10.3f s\n", "time hidden", seconds(stats->hidden_ns));
    fprintf(out, "xcs: %-22s %10.3f s\n", "estimated sequential", seconds(sequential));
    fprintf(out, "xcs: %-22s %10.3f s\n", "elapsed", seconds(stats->wall_ns));
    fprintf(out, "xcs: %-22s %10.2f times\n", "speed-up",
            stats->wall_ns > 0 ? (double)sequential / (double)stats->wall_ns : 1.0);
}
