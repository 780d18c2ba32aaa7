/* See decide.h. */
#include "decide.h"
#include "buf.h"
#include "shape.h"
#include <string.h>

struct site *decide_site(struct decisions *d, uint64_t id) {
    struct site *s;
    HASH_FIND(hh, d->sites, &id, sizeof id, s);
    if (!s) {
        s = xcalloc(1, sizeof *s);
        s->id = id;
        HASH_ADD(hh, d->sites, id, sizeof s->id, s);
    }
    return s;
}

/* What the program leaves in the unused bytes of an address means nothing. */
static struct xcs_addr plain(const struct xcs_addr *addr) {
    struct xcs_addr a = {.len = addr->len};
    a.u.sa.sa_family = addr->u.sa.sa_family;
    if (addr->u.sa.sa_family == AF_INET) {
        a.u.in.sin_port = addr->u.in.sin_port;
        a.u.in.sin_addr = addr->u.in.sin_addr;
    } else {
        a.u.in6.sin6_port = addr->u.in6.sin6_port;
        a.u.in6.sin6_addr = addr->u.in6.sin6_addr;
        a.u.in6.sin6_scope_id = addr->u.in6.sin6_scope_id;
    }
    return a;
}

struct origin *decide_origin(struct decisions *d, const struct xcs_addr *addr, uint64_t tunnel) {
    const struct origin_key key = {plain(addr), tunnel};
    struct origin *o;
    HASH_FIND(hh, d->origins, &key, sizeof key, o);
    if (!o) {
        o = xcalloc(1, sizeof *o);
        o->key = key;
        o->window = WINDOW;
        HASH_ADD(hh, d->origins, key, sizeof o->key, o);
    }
    return o;
}

bool decide_same_proxy(const struct origin *a, const struct origin *b) {
    return a->key.tunnel && b->key.tunnel && memcmp(&a->key.addr, &b->key.addr, sizeof a->key.addr) == 0;
}

void decide_free(struct decisions *d) {
    struct site *s, *next_s;
    struct origin *o, *next_o;
    HASH_ITER(hh, d->sites, s, next_s) {
        HASH_DEL(d->sites, s);
        shape_free(s->shape);
        free(s->name);
        free(s);
    }
    HASH_ITER(hh, d->origins, o, next_o) {
        HASH_DEL(d->origins, o);
        free(o);
    }
}

const char *decide_against_fork(const struct decisions *d, const struct site *s, const struct origin *o) {
    return d->off ? d->off : s->off ? s->off : o->alone ? "no connection but the program's own is taken there" : NULL;
}

const char *decide_against_call(const struct decisions *d, const struct site *s, bool doubtful, bool guessed) {
    return s->off                         ? s->off
           : doubtful && d->never_repeats ? "its requests do not repeat"
           : s->strays && guessed         ? "an earlier answer decides whether it comes"
                                          : NULL;
}

void decide_repeats(struct decisions *d) {
    d->repeats = true;
    d->never_repeats = false;
}

void decide_mistaken(struct decisions *d, bool alike) {
    d->never_repeats = !d->repeats && (d->never_repeats || d->mistaken || alike);
    d->mistaken = true;
}

bool decide_wasteful(struct decisions *d, unsigned long wasted, unsigned long hits) {
    if (d->off || wasted <= WASTED_MAX || wasted <= hits)
        return false;
    d->off = "more calls were wasted than used";
    return true;
}

bool decide_diverged(struct site *s) {
    if (s->off || ++s->diverged < DIVERGED_MAX)
        return false;
    s->off = "its calls were not the ones foreseen, twice";
    return true;
}

bool decide_found_nothing(struct site *s) {
    if (s->off || ++s->found_nothing < NOTHING_MAX)
        return false;
    s->off = "nothing to issue ahead was found, three times";
    return true;
}

bool decide_may_issue(const struct decisions *d, const struct origin *o, bool doubtful) {
    unsigned window = o->window;
    if (doubtful && !d->repeats && window > DOUBT_WINDOW)
        window = DOUBT_WINDOW;
    return !o->alone && o->ahead < window;
}

bool decide_may_learn(const struct decisions *d, const struct site *s) {
    return s->shape || HASH_COUNT(d->sites) <= SHAPES_MAX;
}

void decide_took(struct origin *o, uint64_t ns) {
    if (ns > o->slowest_ns)
        o->slowest_ns = ns;
}

void decide_overloaded(struct origin *o) {
    o->limited = true;
    if (o->window > 1)
        o->window /= 2;
}
