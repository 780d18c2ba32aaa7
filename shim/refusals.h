/*
 * Addresses that main could not connect to, and why. In a run-ahead to connect is only a promise, which the engine keeps for every
 * address; so there the same addresses are refused in the same way. Names often stand for several (localhost for ::1 and
 * 127.0.0.1), of which a server listens on one.
 */
#ifndef XCS_REFUSALS_H
#define XCS_REFUSALS_H

#include "protocol.h"

/* A connect(2) to it ended with `err`, 0 for a connection. Those that say nothing of the address are ignored. Needs the state lock. */
void refusals_put(const struct xcs_addr *addr, int err);

/* What a run-ahead's connect(2) fails with; 0: nothing is known against it. */
int refusals_of(const struct xcs_addr *addr);

#endif
