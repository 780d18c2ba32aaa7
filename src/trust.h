/*
 * A TLS peer that the program's own handshake has accepted (XCS_TRUST), and the proxy's tunnel at whose end it is (XCS_TUNNEL). For the
 * session. What main sent to the proxy may hold a password: it goes to that proxy again and nowhere else, no log, no trace.
 */
#ifndef XCS_TRUST_H
#define XCS_TRUST_H

#include "../shim/protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUSTS 64

struct trust {
    char name[256];
    char key_path[40]; /* a file with its public key, of this process alone */
    int key_fd;        /* 0: not told yet */
    uint64_t peer;     /* what it is known by, unique in the process */
    struct xcs_addr proxy;
    char *ask, *answer; /* the head of main's CONNECT to that proxy, and that of the answer; NULL: no tunnel */
};

/* What main tells of one that it has not told before; the tunnel comes first. Nonsense is ignored. */
void trust_told(struct trust *t, const char *payload, size_t len);
void trust_tunnel_told(struct trust *t, const struct xcs_addr *proxy, const char *payload, size_t len);

/* Of `n` peers the first at the end of the tunnel that these bytes, all of them, ask the proxy for; NULL: none. */
const struct trust *trust_asked(const struct trust *all, size_t n, const struct xcs_addr *proxy, const char *bytes,
                                size_t len);

/* Is the way to both the same tunnel, or to neither one? NULL is a peer without one. */
bool trust_same_tunnel(const struct trust *a, const struct trust *b);

/* Tells tunnels apart, 0 without one. */
uint64_t trust_tunnel_hash(const struct trust *t);

void trust_free(struct trust *t);

#endif
