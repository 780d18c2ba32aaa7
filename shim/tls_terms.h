/*
 * The terms on which a program's OpenSSL session is to be made, and whether a peer that main has met would be accepted on them:
 * for handshakes that are put off (tls_lazy.c).
 *
 * Nothing is guessed. The program's own verification runs, under its own SSL object with its own authorities, host name
 * and callback, over the certificates that the peer has shown; what the two sides would agree on is the same as before when all
 * that can be set is the same as before. A program that has set what cannot be asked for later is remembered by a mark on the object.
 */
#ifndef XCS_TLS_TERMS_H
#define XCS_TLS_TERMS_H

#include "tls_lib.h"
#include <stdint.h>

/* What a handshake's outcome depends on, but for the peer. Equal terms (no padding), equal outcome. */
struct tls_terms {
    long min_version, max_version;
    uint64_t options, ciphers;
    long security_level;
    void *security_callback;
    uintptr_t marks;
};

struct tls_terms tls_terms_of(const struct tls_lib *lib, void *ssl);

/* False: something would notice that there is no handshake, or its outcome cannot be told from the terms. */
bool tls_terms_plain(const struct tls_lib *lib, void *ssl, const struct tls_terms *terms);

/* A callback of the program's is told of what a HIT would keep from the session: its records, or new sessions, which come with an answer. */
bool tls_terms_watched(const struct tls_lib *lib, void *ssl);

/*
 * Would the program's handshake accept these certificates (X509 *, STACK_OF(X509) *) now? If so ssl knows the result, as after the
 * handshake. Calls the program's callbacks as the handshake would; but what was stapled to them is not looked at again.
 */
bool tls_terms_accept(const struct tls_lib *lib, void *ssl, void *certificate, void *chain, bool stapled);

/* Is that what a verification (X509_STORE_CTX *) of the library's own is about? */
bool tls_terms_shown(const struct tls_lib *lib, const void *verification, const void *certificate, const void *chain);

/* Has the server stapled a status to its certificate? It is good for a while only, and nobody keeps it. */
bool tls_terms_stapled(const struct tls_lib *lib, void *ssl);

/* Marks. The program sets: the protocols that it offers; something else that no function tells afterwards. */
void tls_mark_alpn(const struct tls_lib *lib, void *object, bool is_context, const unsigned char *protocols,
                   unsigned n);
/* SSL_CTX_ctrl(3): */
void tls_mark_choice(const struct tls_lib *lib, void *object, bool is_context, int command, long number,
                     const void *data);
void tls_mark_watched(const struct tls_lib *lib, void *object, bool is_context);
void tls_mark_odd(const struct tls_lib *lib, void *object, bool is_context);

#endif
