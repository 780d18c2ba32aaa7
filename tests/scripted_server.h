/*
 * A server that says exactly the bytes it was told to, for the tests of the dispatcher: what matters there is bytes, which no
 * HTTP library would let through. One thread accepts, one thread serves each connection.
 */
#ifndef XCS_SCRIPTED_SERVER_H
#define XCS_SCRIPTED_SERVER_H

#include "../shim/protocol.h"
#include <stdbool.h>
#include <stddef.h>

/* What a request for `target` is answered with. */
struct script {
    const char *target;
    const char *answer;
    unsigned delay_ms; /* before the answer */
    size_t filler;     /* so many bytes 'x' after the answer */
    bool close;        /* closes after it */
    const char *later; /* another delay after the answer, this */
    bool hold;         /* says nothing and waits until the client closes */
};

struct scripted_server;

/* Listens on the loopback address of `family`; NULL when that is not available. */
struct scripted_server *server_start(int family, const struct script *scripts, size_t n);
struct xcs_addr server_addr(const struct scripted_server *s);

/* The last whole request, as received (static until the next one; "" if there was none). */
const char *server_last_request(struct scripted_server *s);
unsigned server_connections(struct scripted_server *s);
unsigned server_requests(struct scripted_server *s);
/* Connections that the client has closed. */
unsigned server_closed(struct scripted_server *s);
void server_stop(struct scripted_server *s);

#endif
