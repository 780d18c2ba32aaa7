/*
 * Handshakes that are put off (OpenSSL): a program that makes a connection for each call, while the answers are already on their way,
 * need not shake hands for answers that the engine has fetched.
 *
 * SSL_connect returns at once on a connection to a peer that main has met, if the program's own verification accepts what that peer
 * has shown, on the same terms (tls_terms.h), and the next call foreseen is with the engine. What the program asks about its peer is
 * answered from the session seen before. A HIT then needs no handshake at all. Whatever else happens on the connection has the real
 * one made first, under the program's own SSL object: no byte of a request goes to a peer that the program does not accept.
 *
 * All of it without the state lock.
 */
#ifndef XCS_TLS_LAZY_H
#define XCS_TLS_LAZY_H

#include "tls.h"

/* A handshake is asked for. True: it is put off, and counts as done. `connects`: by SSL_connect, which also says who is the client. */
bool tls_put_off(const struct tls_lib *lib, void *ssl, bool connects, const void *caller);

/* The handshake comes now. False: not done, errno says why as after send(2), EAGAIN while it goes on. */
bool tls_become_real(struct conn *c, int fd);

/*
 * Around a handshake of which the program knows nothing: its callback for certificates has let these pass (t->verified is the result), and is
 * asked about others only.
 */
void tls_verify_once(struct tls *t);
void tls_verify_over(struct tls *t, bool done);

/* The same, waiting for it: before something that only a real session can answer or do. */
void tls_settle(struct conn *c, int fd);
void tls_settle_session(const struct tls_lib *lib, const void *ssl);

/* The program frees the session, or makes it as new: what it was told is sent goes out, and then nothing of the session is kept. */
void tls_gone(const struct tls_lib *lib, void *ssl);

/*
 * What answers for a session whose handshake is put off, else NULL. Once it is under way the library answers: it asks itself,
 * through the same entry points.
 */
const struct tls_witness *tls_lazy_witness(const struct tls_lib *lib, const void *ssl);

/* The same, where the program may be about to judge its peer: that peer it is to talk to then, and no other. */
const struct tls_witness *tls_lazy_judged(const struct tls_lib *lib, const void *ssl);

/*
 * The program ends a session. True: one on which nothing was ever sent, so that nobody need be told, unless the program then waits for
 * the server's part; *result is SSL_shutdown's.
 */
bool tls_end_unused(const struct tls_lib *lib, void *ssl, int *result);

#endif
