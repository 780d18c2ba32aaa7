/* See refusals.h. A ring: what was refused longest ago is forgotten first. */
#include "refusals.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define REFUSALS 32

static struct {
    struct xcs_addr addr;
    int err; /* 0: free */
} refusals[REFUSALS];
static size_t next;

static bool same(const struct xcs_addr *a, const struct xcs_addr *b) {
    if (a->u.sa.sa_family != b->u.sa.sa_family)
        return false;
    if (a->u.sa.sa_family == AF_INET)
        return a->u.in.sin_port == b->u.in.sin_port && a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
    return a->u.in6.sin6_port == b->u.in6.sin6_port && a->u.in6.sin6_scope_id == b->u.in6.sin6_scope_id &&
           memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr) == 0;
}

static size_t find(const struct xcs_addr *addr) {
    size_t i = 0;
    while (i < REFUSALS && !(refusals[i].err && same(&refusals[i].addr, addr)))
        i++;
    return i;
}

static bool tells(int err) {
    return err == 0 || err == ECONNREFUSED || err == ENETUNREACH || err == EHOSTUNREACH || err == EADDRNOTAVAIL ||
           err == EACCES || err == EPERM || err == ETIMEDOUT;
}

void refusals_put(const struct xcs_addr *addr, int err) {
    size_t i = find(addr);
    if (!tells(err) || (!err && i == REFUSALS))
        return;
    if (i == REFUSALS) {
        i = next;
        next = (next + 1) % REFUSALS;
    }
    refusals[i].addr = *addr;
    refusals[i].err = err;
}

int refusals_of(const struct xcs_addr *addr) {
    size_t i = find(addr);
    return i < REFUSALS ? refusals[i].err : 0;
}
