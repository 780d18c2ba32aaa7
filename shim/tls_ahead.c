/*
 * TLS in a run-ahead (tls.h): there is none. The far end of every connection is the engine, which talks plain text; what a client asks
 * about its peer is answered from main's handshake with the same one.
 */
#include "ahead.h"
#include "raw.h"
#include "tls.h"
#include "trap.h"
#include <string.h>

/* Which descriptors are engine sockets that carry what the program believes to be TLS, and whose witness answers. */
static const struct tls_witness *witnesses[XCS_FDS];
static void *sessions[XCS_FDS]; /* the SSL on it */
static __thread int last_error __attribute__((tls_model("initial-exec")));

void ahead_tls_error(int error) {
    last_error = error;
}
int ahead_tls_last_error(void) {
    return last_error;
}

void ahead_tls_seal(void) {
    for (int fd = fdtab_next(0); fd >= 0; fd = fdtab_next(fd + 1)) {
        const struct conn *c = fdtab_get(fd);
        if (c == XCS_OURS || !c->tls)
            continue;
        sessions[fd] = c->tls->ssl;
        witnesses[fd] = c->tls->lazy ? tls_witness_at(c->tls->trust) : NULL;
    }
}

bool ahead_tls_connect(const struct tls_kind *kind, const void *lib, void *session) {
    struct xcs_addr addr;
    socklen_t len = sizeof addr.u;
    int fd = kind->fd(lib, session);
    memset(&addr, 0, sizeof addr);
    if ((unsigned)fd >= XCS_FDS || getpeername(fd, &addr.u.sa, &len) != 0)
        return false;
    addr.len = len;
    witnesses[fd] = tls_witness_of(kind, lib, session, &addr, true);
    if (!witnesses[fd] || (kind->accepts && !kind->accepts(witnesses[fd], session)))
        ahead_end("TLS with a server that main has not met in this way");
    sessions[fd] = session;
    net_met(fd, tls_witness_number(witnesses[fd]));
    return true;
}

bool ahead_tls_plain_at(int fd, const void *session) {
    return (unsigned)fd < XCS_FDS && sessions[fd] == session;
}

bool ahead_tls_plain(const struct tls_lib *lib, const void *ssl, int *fd) {
    *fd = lib->usable ? lib->SSL_get_fd(ssl) : -1;
    return ahead_tls_plain_at(*fd, ssl);
}

/* A request's bytes come next on fd: the engine must know for which peer they are meant. */
void ahead_tls_writes(int fd) {
    const struct conn *c = fdtab_get(fd);
    struct xcs_msg msg = {.proto = XCS_PROTO, .type = XCS_TRUST};
    msg.arg = witnesses[fd] ? tls_witness_number(witnesses[fd]) : c && c != XCS_OURS ? tls_trust(c) : 0;
    if (!msg.arg)
        ahead_end("TLS with a server that main has not accepted yet");
    ahead_tell(&msg, NULL, 0, -1, 0);
}

/* NULL when the library itself can answer: the handshake was main's own. */
const struct tls_witness *ahead_tls_at(int fd, const void *session) {
    return ahead_tls_plain_at(fd, session) ? witnesses[fd] : NULL;
}

const struct tls_witness *ahead_tls_of(const struct tls_lib *lib, const void *ssl) {
    int fd;
    return ahead_tls_plain(lib, ssl, &fd) ? witnesses[fd] : NULL;
}
