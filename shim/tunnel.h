/*
 * Tunnels: what the program has asked proxies for with CONNECT (RFC 9110, 9.3.6), and what they have answered. Once a proxy has answered with
 * success, the connection leads to another server, and what is said on it is that server's.
 *
 * A tunnel is known by its proxy and by the whole head of its CONNECT, byte for byte: one with another password is another tunnel. That
 * head may hold the password, so nothing of it may be logged, traced or shown. Never forgotten: peers, the engine and run-aheads refer to it.
 * Used by the conn*.c files and tls.c.
 */
#ifndef XCS_TUNNEL_H
#define XCS_TUNNEL_H

#include "protocol.h"
#include <stdbool.h>
#include <stddef.h>

#define TUNNEL_HEAD_MAX 4096 /* of the CONNECT, and of its answer */

struct tunnel;

/* The tunnel that `head`, a whole CONNECT, asks for; NULL: no room. Needs the state lock. */
struct tunnel *tunnel_asked(const struct xcs_addr *proxy, const char *head, size_t len);

enum tunnel_answer {
    TUNNEL_WAITS,  /* the head is not complete */
    TUNNEL_OPENED, /* success, and nothing but the head has come */
    TUNNEL_REFUSED /* or something that is not understood in one way only */
};

/* What the answer so far says. The first success is kept. Needs the state lock. */
enum tunnel_answer tunnel_answered(struct tunnel *t, const char *answer, size_t len);

/* Asks for the same tunnel on a new connection and waits for success, for so long at the most. Without the state lock. */
bool tunnel_again(const struct tunnel *t, int fd, int ms);

/* For XCS_TUNNEL: the proxy, and "CONNECT\0answer". */
const struct xcs_addr *tunnel_proxy(const struct tunnel *t);
const char *tunnel_text(const struct tunnel *t, size_t *len);

#endif
