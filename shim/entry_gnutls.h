/* What GnuTLS's entry points share: how each begins, and where a session stands. */
#ifndef XCS_ENTRY_GNUTLS_H
#define XCS_ENTRY_GNUTLS_H

#include "tls_gnutls.h"

#define LIBRARY                                                                                                        \
    bool pass;                                                                                                         \
    const struct gnutls_lib *lib = gnutls_lib_of(__builtin_return_address(0), &pass)

/* The session's connection in main, and its descriptor, if XCS looks at it. */
static inline struct conn *gnutls_conn(const struct gnutls_seen *s, const void *session, int *fd) {
    if (xcs_mode != XCS_MODE_MAIN || tls_unknown(session))
        return NULL;
    *fd = tls_gnutls.fd(s->lib, session);
    return tls_conn_at(*fd, session);
}

/* In a run-ahead: does the session end at the engine? */
static inline bool gnutls_plain(const struct gnutls_seen *s, const void *session, int *fd) {
    if (xcs_mode != XCS_MODE_AHEAD)
        return false;
    *fd = tls_gnutls.fd(s->lib, session);
    return ahead_tls_plain_at(*fd, session);
}

/* In a run-ahead, what answers for the peer; NULL: the library itself, since the handshake was main's own. */
static inline const struct gnutls_witness *gnutls_witness_of(const struct gnutls_seen *s, const void *session) {
    int fd;
    const struct tls_witness *w = gnutls_plain(s, session, &fd) ? ahead_tls_at(fd, session) : NULL;
    return w ? w->gnutls : NULL;
}

#endif
