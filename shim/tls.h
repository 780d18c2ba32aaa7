/*
 * TLS sessions of the program's (OpenSSL): requests are seen, held and answered in the clear, above the records.
 *
 * Trust follows the program: the engine is told the name and public key of the peer that the program's own handshake
 * has accepted, whatever made it accept, and takes no other. So a server that the program would refuse never gets a byte of
 * a request from the engine. Client certificates and HTTP/2 make XCS leave the connection alone.
 */
#ifndef XCS_TLS_H
#define XCS_TLS_H

#include "conn.h"
#include "tls_lib.h"

/* The connection that ssl runs on, if XCS looks at it. */
struct conn *tls_conn(const struct tls_lib *lib, const void *ssl);

/* A handshake comes next / has succeeded. */
void tls_begins(const struct tls_lib *lib, void *ssl);
void tls_opened(const struct tls_lib *lib, void *ssl);

/* For conn.c: what it needs where a plain connection has system calls. Without the state lock, but for the last two. */
ssize_t tls_send(struct conn *c, int fd, const void *p, size_t n); /* errno as from send(2) */
bool tls_waits(struct conn *c);                                    /* nothing to read: a read would block */
uint32_t tls_trust(const struct conn *c);
void tls_end(struct conn *c);

/* What is known of a peer from main's real handshake, for the run-ahead's clients to ask. */
struct tls_witness {
    struct xcs_addr addr;
    const struct tls_lib *lib;
    void *certificate;
    const char *version;
    const void *cipher;
    unsigned char alpn[32];
    unsigned alpn_len;
    long verify_result;
    int verify_mode, authorities;
};

/* The witness for a session that is about to begin, NULL when main has not met this peer in the same way. */
const struct tls_witness *tls_witness_of(const struct tls_lib *lib, void *ssl, const struct xcs_addr *addr);

uint32_t tls_witness_number(const struct tls_witness *w);

/* In a run-ahead (tls_ahead.c). */
void ahead_tls_seal(void); /* right after the quarantine */
bool ahead_tls_connect(const struct tls_lib *lib, void *ssl);
const struct tls_witness *ahead_tls_of(const struct tls_lib *lib, const void *ssl);
void ahead_tls_writes(int fd);
bool ahead_tls_plain(const struct tls_lib *lib, const void *ssl, int *fd);
void ahead_tls_error(int error);
int ahead_tls_last_error(void);

#endif
