/*
 * What XCS remembers of a program's GnuTLS sessions and credentials: what the library was told and does not tell back, and what the program
 * asked. Used by the entry points (entry_gnutls*.c), which fill it in, and by GnuTLS's row (tls_gnutls.c).
 *
 * A session's record is its threads' own, as the session itself is: looking it up takes no lock. A session without one is left alone.
 */
#ifndef XCS_GNUTLS_SESSION_H
#define XCS_GNUTLS_SESSION_H

#include "gnutls_lib.h"
#include <stdatomic.h>
#include <stdint.h>

#define GNUTLS_NAME 256
#define GNUTLS_QUESTIONS 4

/*
 * How a session begins and judges its peer: where two are the same bytes, the same peer is accepted or refused alike. Credentials
 * are told apart by a number of their own and by how often they were changed, as their contents cannot be compared.
 */
struct gnutls_way {
    char name[GNUTLS_NAME];
    uint64_t credentials, changes; /* credentials 0: not known */
    uint64_t settings;             /* priorities, protocols offered, flags: hashed */
    uint64_t verifies;             /* gnutls_session_set_verify_cert's arguments, hashed; 0: not called */
    gnutls_judge *judge;           /* the program's own, called in the handshake */
};

/* A question to gnutls_certificate_verify_peers*, hashed, and its answer. */
struct gnutls_answer {
    uint64_t question;
    int result;
    unsigned status;
};

struct gnutls_seen {
    _Atomic(const void *) session;
    const struct gnutls_lib *lib;
    bool left; /* not followed (any more) */
    bool open; /* a handshake has succeeded */
    unsigned flags;
    struct gnutls_way way;
    struct gnutls_answer answers[GNUTLS_QUESTIONS];
    size_t nanswers;
    struct gnutls_datum resumption; /* what the program was last given to resume the session with */

    /* After a reconnection: the session that carries the bytes, with credentials of its own. See tls_gnutls.c. */
    _Atomic(void *) successor;
    void *successor_credentials;

    /* The start of what could not be sent: the program may ask to go on with it without telling it again. */
    char *unsent;
    size_t nunsent;
};

/* Mixes n bytes into a hash that begins as 0; never gives 0. */
uint64_t gnutls_mix(uint64_t hash, const void *p, size_t n);

/* A copy in memory of its own; no data: none, or no memory. */
struct gnutls_datum gnutls_copy(const struct gnutls_datum *from);

/* A client's session begins: its record, NULL where there is no room. */
struct gnutls_seen *gnutls_session_new(const struct gnutls_lib *lib, const void *session, unsigned flags);

/* NULL: left alone since its beginning. */
struct gnutls_seen *gnutls_session_of(const void *session);

/* The session ends: so does its successor. */
void gnutls_session_drop(struct gnutls_seen *s);

/* The session that carries the bytes. */
static inline void *gnutls_live(struct gnutls_seen *s, void *session) {
    void *successor = s ? atomic_load_explicit(&s->successor, memory_order_acquire) : NULL;
    return successor ? successor : session;
}

/* Credentials begin, change, end. */
void gnutls_credentials_new(const void *credentials);
void gnutls_credentials_changed(const void *credentials);
void gnutls_credentials_judged(const void *credentials, gnutls_judge *judge);
void gnutls_credentials_drop(const void *credentials);

/* Puts them, as they are now, into a session's way. */
void gnutls_credentials_fill(const void *credentials, struct gnutls_way *way);

/* In the child of a fork. */
void gnutls_child_reset(void);
void gnutls_session_child_reset(void);

#endif
