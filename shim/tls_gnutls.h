/* What GnuTLS's row (tls_gnutls.c) and its entry points share. */
#ifndef XCS_TLS_GNUTLS_H
#define XCS_TLS_GNUTLS_H

#include "gnutls_session.h"
#include "tls.h"

/* All that a run-ahead's client may ask about a peer, as main's own session with it answered. */
struct gnutls_witness {
    struct gnutls_way way;
    struct gnutls_datum *chain;
    unsigned nchain;
    int facts[FACTS];
    struct gnutls_answer answers[GNUTLS_QUESTIONS];
    size_t nanswers;
    struct gnutls_datum resumption;
    struct gnutls_datum alpn;
    unsigned char alpn_bytes[32];
};

/* A handshake has succeeded: the session's way says what the credentials were. */
void gnutls_judged(struct gnutls_seen *s, void *session);

/* A question about the peer, hashed together with the credentials that it is answered from. */
uint64_t gnutls_question(const struct gnutls_seen *s, void *session, uint64_t question);

extern const struct tls_kind tls_gnutls; /* lib: struct gnutls_lib */

#endif
