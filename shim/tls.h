/*
 * TLS sessions of the program's (OpenSSL, GnuTLS): requests are seen, held and answered in the clear, above the records.
 *
 * Trust follows the program: the engine is told the name and public key of the peer that the program's own handshake
 * has accepted, whatever made it accept, and takes no other. So a server that the program would refuse never gets a byte of
 * a request from the engine. Client certificates and HTTP/2 make XCS leave the connection alone.
 */
#ifndef XCS_TLS_H
#define XCS_TLS_H

#include "conn.h"
#include "tls_lib.h"
#include "tls_terms.h"

struct tls_witness;

/* What differs between TLS libraries: a new library is a new row and its entry points. */
struct tls_kind {
    /* The one descriptor below the session, or -1. */
    int (*fd)(const void *lib, const void *session);
    /* What joins the two, and is another one when the session is given another descriptor; NULL: nothing that can be had cheaply. */
    void *(*joint)(const void *lib, const void *session);
    /* "name\0key" of the peer, and (if w) what is to be known of it; 0: leave the connection alone. */
    size_t (*describe)(const void *lib, void *session, char *out, size_t size, struct tls_witness *w);
    /* Would this session, about to begin, be answered as the witness's was? */
    bool (*same)(const struct tls_witness *w, const char *name, void *session);
    void (*forget)(struct tls_witness *w);
    /* Would the session, about to begin, accept what the witness has shown? NULL: that cannot be told. */
    bool (*accepts)(const struct tls_witness *w, void *session);
    /* Have both shown the same? If it is not NULL, what has been shown is kept for ever: sessions may refer to it. */
    bool (*shown)(const struct tls_witness *a, const struct tls_witness *b);
    /* On a descriptor that does not block: > 0 data is there; alive: the session can still carry some. */
    int (*peek)(struct tls *t, bool *alive);
    ssize_t (*send)(struct tls *t, const void *p, size_t n); /* errno as from send(2), t->error the library's */
    /* A new handshake, on a new connection that has taken the old one's descriptor. */
    bool (*again)(struct tls *t, int fd);
    /* Nothing to read: a read would block. NULL: as peek says. */
    bool (*waits)(struct tls *t, int fd);
};

extern const struct tls_kind tls_openssl; /* lib: struct tls_lib */

/* The connection that the session runs on, if XCS looks at it. */
static inline struct conn *tls_conn_at(int fd, const void *session) {
    struct conn *c = xcs_mode == XCS_MODE_MAIN && fd >= 0 ? fdtab_get(fd) : NULL;
    return c && c->tls && c->tls->ssl == session ? c : NULL;
}

/*
 * Where sessions are looked at, by a hash of their address: in the lower half the descriptor of the last one that began, in the upper
 * half how many there are. A session of which nothing is known costs one load, and another is mostly found without
 * SSL_get_fd, which is slow. Written under the state lock.
 */
#define TLS_PLACES 256
extern _Atomic uint32_t tls_places[TLS_PLACES];

static inline _Atomic uint32_t *tls_place(const void *session) {
    return &tls_places[((uintptr_t)session >> 4 ^ (uintptr_t)session >> 12) % TLS_PLACES];
}

/* No session that could be this one is looked at. */
static inline bool tls_unknown(const void *session) {
    return atomic_load_explicit(tls_place(session), memory_order_acquire) >> 16 == 0;
}

static inline struct conn *tls_conn(const struct tls_lib *lib, const void *ssl) {
    uint32_t place = atomic_load_explicit(tls_place(ssl), memory_order_acquire);
    if (place >> 16 == 0 || !lib->usable)
        return NULL;
    struct conn *c = tls_conn_at((int)(place & 0xffff), ssl);
    return c && c->session.joint == lib->SSL_get_rbio(ssl) ? c : tls_conn_at(lib->SSL_get_fd(ssl), ssl);
}

/* A handshake comes next / has succeeded. */
void tls_begins(const struct tls_kind *kind, const void *lib, void *session);
void tls_opened(const struct tls_kind *kind, const void *lib, void *session);

/*
 * A late handshake is done: is the peer the one that the program has been told of? Its name may be served by several machines: if not,
 * other connections are tried. False: there is none, and nothing more goes out on this one. Without the state lock.
 */
bool tls_is_expected(struct conn *c, int fd);

/* The program frees the session, and with it what it has not read. Without the state lock. */
void tls_freed(int fd, const void *session);

/* For conn.c: what it needs where a plain connection has system calls. Without the state lock, but for the last two. */
ssize_t tls_send(struct conn *c, int fd, const void *p, size_t n); /* errno as from send(2) */
bool tls_waits(struct conn *c);                                    /* nothing to read: a read would block */
uint32_t tls_trust(const struct conn *c);
void tls_end(struct conn *c);

/* What is known of a peer from main's real handshake, for the run-ahead's clients to ask. */
struct tls_witness {
    struct xcs_addr addr;
    const void *lib;
    void *certificate, *chain;
    const char *version;
    const void *cipher;
    unsigned char alpn[32];
    unsigned alpn_len;
    struct tls_terms terms;
    bool stapled; /* the server has stapled something to its certificate: its handshakes are never put off */
    struct gnutls_witness *gnutls; /* instead of all that, where the library is GnuTLS */
};

/*
 * The witness for a session that is about to begin, NULL when main has not met this peer in the same way. `tunnels`: also one at the end of a
 * proxy's tunnel. A run-ahead does not know what its connections are, but the engine does, and ends it where that is another peer's.
 */
const struct tls_witness *tls_witness_of(const struct tls_kind *kind, const void *lib, void *session,
                                         const struct xcs_addr *addr, bool tunnels);

uint32_t tls_witness_number(const struct tls_witness *w);
const struct tls_witness *tls_witness_at(uint32_t number);

/* In a run-ahead (tls_ahead.c). */
void ahead_tls_seal(void); /* right after the quarantine */
bool ahead_tls_connect(const struct tls_kind *kind, const void *lib, void *session);
const struct tls_witness *ahead_tls_at(int fd, const void *session);
const struct tls_witness *ahead_tls_of(const struct tls_lib *lib, const void *ssl);
void ahead_tls_writes(int fd);
bool ahead_tls_plain_at(int fd, const void *session);
bool ahead_tls_plain(const struct tls_lib *lib, const void *ssl, int *fd);
void ahead_tls_error(int error);
int ahead_tls_last_error(void);

#endif
