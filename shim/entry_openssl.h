/* What the entry points of OpenSSL's begin with (entry_openssl*.c): whose library it is, and in which process they run. */
#ifndef XCS_ENTRY_OPENSSL_H
#define XCS_ENTRY_OPENSSL_H

#include "tls_lazy.h"

#define LIBRARY                                                                                                        \
    bool nested;                                                                                                       \
    const struct tls_lib *lib = tls_lib_of(__builtin_return_address(0), &nested)
#define AHEAD (!nested && xcs_mode == XCS_MODE_AHEAD)
#define MAIN (!nested && xcs_mode == XCS_MODE_MAIN)

/* A handshake that was put off is made first; where the library asks itself, it is about to make one (BIO_f_ssl). */
#define SETTLED                                                                                                        \
    LIBRARY;                                                                                                           \
    if (MAIN && !tls_lib_calls(lib, __builtin_return_address(0)))                                                      \
    tls_settle_session(lib, ssl)

/* And the connection is left alone from here on. */
#define LEFT_ALONE                                                                                                     \
    SETTLED;                                                                                                           \
    if (MAIN && tls_conn(lib, ssl))                                                                                    \
    conn_forget(lib->SSL_get_fd(ssl))

#endif
