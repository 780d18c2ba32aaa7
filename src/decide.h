/*
 * Decisions: how far to run ahead of an origin, and where it does not pay. All of them are permanent: for the life of the
 * session a site or a program that was decided against stays so, and a window only shrinks.
 */
#ifndef XCS_DECIDE_H
#define XCS_DECIDE_H

#include "../shim/protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define WINDOW 64
#define DOUBT_WINDOW 8
#define DIVERGED_MAX 2
#define NOTHING_MAX 3
#define WASTED_MAX 64
#define SHAPES_MAX 256

struct shape; /* shape.h */

struct site {
    uint64_t id;
    char *name; /* for the user (call_name), or NULL */
    unsigned diverged, found_nothing;
    const char *off; /* why it was decided against, or NULL */
    bool feeds;      /* its value was seen in the request of another call */
    bool branches;   /* what came after it was another call than the one foreseen with a placeholder */
    bool strays;     /* the one that was foreseen there, and did not come */
    unsigned issued, used, wasted;
    unsigned lessons;    /* answers of main's that were wanted to learn from */
    struct shape *shape; /* of its responses, or NULL: none seen yet */
    UT_hash_handle hh;
};

struct origin {
    struct origin_key {
        struct xcs_addr addr;
        uint64_t tunnel; /* the address is a proxy's, and this tells its tunnels apart; 0: none */
    } key;
    unsigned window, ahead; /* calls issued ahead and not reached by main yet */
    unsigned in_flight;     /* of those, the ones whose answer is not there */
    bool limited;           /* it was overloaded: main's own calls go there alone from then on */
    bool alone;             /* it takes no connection but main's own: nothing is issued there */
    uint64_t progress_ns;   /* when last anything came for a call of ours */
    uint64_t slowest_ns;    /* the longest that an answer took, main's or ours */
    uint64_t probe_ns;      /* when main's own request was sent beside a call of ours that got no answer, or 0 */
    uint64_t closed_until; /* CLOCK_MONOTONIC: what its Retry-After asked for; UINT64_MAX: it limits, and did not say */
    UT_hash_handle hh;
};

_Static_assert(sizeof(struct origin_key) == sizeof(struct xcs_addr) + sizeof(uint64_t), "hashed as bytes");

struct decisions {
    struct site *sites;
    struct origin *origins;
    const char *off;    /* the whole program was decided against: why */
    bool repeats;       /* a request with randomness before it has been seen to repeat exactly */
    bool mistaken;      /* such a request was foreseen, and quite another one came */
    bool never_repeats; /* such a request was foreseen wrongly: none is issued ahead any more */
};

struct site *decide_site(struct decisions *d, uint64_t id);
struct origin *decide_origin(struct decisions *d, const struct xcs_addr *addr, uint64_t tunnel);
/* Are both behind the same proxy? */
bool decide_same_proxy(const struct origin *a, const struct origin *b);
void decide_free(struct decisions *d);

/* NULL: a run-ahead may be forked at a call of this site to this origin; else why not. */
const char *decide_against_fork(const struct decisions *d, const struct site *s, const struct origin *o);

/* A request with randomness before it was the one foreseen / was not. `alike`: but for a random value, as it seems. */
void decide_repeats(struct decisions *d);
void decide_mistaken(struct decisions *d, bool alike);

/* Too much was wasted for what was gained: the whole program is decided against. True when that just happened. */
bool decide_wasteful(struct decisions *d, unsigned long wasted, unsigned long hits);

/* A run-ahead forked at s was wrong / found no call to issue. True when that decided against the site. */
bool decide_diverged(struct site *s);
bool decide_found_nothing(struct site *s);

/* May one more call go out ahead of main? `doubtful`: randomness was drawn before it. */
bool decide_may_issue(const struct decisions *d, const struct origin *o, bool doubtful);

/*
 * Is a call of this site not to be issued ahead? Then why, else NULL. `guessed`: it was found past a placeholder that decides the
 * way.
 */
const char *decide_against_call(const struct decisions *d, const struct site *s, bool doubtful, bool guessed);

/* May (more of) a site's shape be learned? Not those of a program that comes with a new site at each call. */
bool decide_may_learn(const struct decisions *d, const struct site *s);

/* An answer took so long. */
void decide_took(struct origin *o, uint64_t ns);

/* The origin answered 429 or 503, or takes no more connections. */
void decide_overloaded(struct origin *o);

#endif
