/*
 * Interposed: what only an OpenSSL session with a handshake behind it can tell, what a program sets on one that has it, and what is done
 * with it. If XCS has put the handshake off, it is made first (tls_lazy.h): each is a row of XCS_TLS_SETTLED (tls_lib.h).
 *
 * Nothing else is done here; on any other session it costs a load.
 */
#include "entry_openssl.h"

#define ENTRY(type, name, params, args, needed)                                                                        \
    XCS_EXPORT type name params {                                                                                      \
        SETTLED;                                                                                                       \
        return lib->name args;                                                                                         \
    }
XCS_TLS_SETTLED(ENTRY)

/* What goes out with the program's next record, which a HIT would be in the place of. */

XCS_EXPORT int SSL_key_update(void *ssl, int type) {
    LEFT_ALONE;
    return lib->SSL_key_update(ssl, type);
}

XCS_EXPORT int SSL_renegotiate(void *ssl) {
    LEFT_ALONE;
    return lib->SSL_renegotiate(ssl);
}

XCS_EXPORT int SSL_renegotiate_abbreviated(void *ssl) {
    LEFT_ALONE;
    return lib->SSL_renegotiate_abbreviated(ssl);
}
