/*
 * Interposed: what a client asks about its OpenSSL session (SSL_get_version(3), SSL_get_peer_certificate(3)), and those of
 * its settings for which OpenSSL has no question.
 *
 * A session without a handshake, in a run-ahead or put off, is answered for by the one that was seen before. What only the
 * session itself can tell has the handshake made first (entry_openssl_settle.c).
 */
#include "entry_openssl.h"

#define CTRL_MODE 33
#define CTRL_CLEAR_MODE 78
#define STATE_OK 1 /* TLS_ST_OK */

/* --- what a client asks about its peer --- */

#define WITNESS (AHEAD ? ahead_tls_of(lib, ssl) : MAIN ? tls_lazy_witness(lib, ssl) : NULL)
#define JUDGED (AHEAD ? ahead_tls_of(lib, ssl) : MAIN ? tls_lazy_judged(lib, ssl) : NULL)

/*
 * How far the handshake is: the library asks itself too, with each record, through the same symbols. It must be told the truth, at no
 * cost.
 */
#define PROGRESS(name, done)                                                                                           \
    XCS_EXPORT int name(const void *ssl) {                                                                             \
        const struct tls_lib *own = tls_lib_in_use;                                                                    \
        if (own && tls_lib_calls(own, __builtin_return_address(0)))                                                    \
            return own->name(ssl);                                                                                     \
        LIBRARY;                                                                                                       \
        return WITNESS && !tls_lib_calls(lib, __builtin_return_address(0)) ? (done) : lib->name(ssl);                  \
    }
PROGRESS(SSL_in_init, 0)
PROGRESS(SSL_in_before, 0)
PROGRESS(SSL_get_state, STATE_OK)

XCS_EXPORT int SSL_is_init_finished(const void *ssl) {
    LIBRARY;
    return WITNESS ? 1 : lib->SSL_is_init_finished(ssl);
}

XCS_EXPORT const char *SSL_state_string(const void *ssl) {
    LIBRARY;
    return WITNESS ? "SSLOK " : lib->SSL_state_string(ssl);
}

XCS_EXPORT const char *SSL_state_string_long(const void *ssl) {
    LIBRARY;
    return WITNESS ? "SSL negotiation finished successfully" : lib->SSL_state_string_long(ssl);
}

XCS_EXPORT void *SSL_get1_peer_certificate(const void *ssl) {
    LIBRARY;
    const struct tls_witness *w = JUDGED;
    if (!w)
        return lib->SSL_get1_peer_certificate(ssl);
    lib->X509_up_ref(w->certificate);
    return w->certificate;
}

XCS_EXPORT void *SSL_get_peer_certificate(const void *ssl) {
    LIBRARY;
    const struct tls_witness *w = JUDGED;
    if (!w)
        return tls_peer_certificate(lib, ssl);
    lib->X509_up_ref(w->certificate);
    return w->certificate;
}

XCS_EXPORT void *SSL_get0_peer_certificate(const void *ssl) {
    LIBRARY;
    const struct tls_witness *w = JUDGED;
    return w ? w->certificate : lib->SSL_get0_peer_certificate(ssl);
}

XCS_EXPORT long SSL_get_verify_result(const void *ssl) {
    LIBRARY;
    (void)JUDGED; /* the program's own verification has run, and ssl knows what it found */
    return lib->SSL_get_verify_result(ssl);
}

XCS_EXPORT const char *SSL_get_version(const void *ssl) {
    LIBRARY;
    const struct tls_witness *w = WITNESS;
    return w ? w->version : lib->SSL_get_version(ssl);
}

XCS_EXPORT const void *SSL_get_current_cipher(const void *ssl) {
    LIBRARY;
    const struct tls_witness *w = WITNESS;
    return w ? w->cipher : lib->SSL_get_current_cipher(ssl);
}

XCS_EXPORT void SSL_get0_alpn_selected(const void *ssl, const unsigned char **data, unsigned *len) {
    LIBRARY;
    const struct tls_witness *w = WITNESS;
    if (w) {
        *data = w->alpn_len ? w->alpn : NULL;
        *len = w->alpn_len;
    } else {
        lib->SSL_get0_alpn_selected(ssl, data, len);
    }
}

/* --- what a client sets, and nobody can ask for afterwards --- */

XCS_EXPORT int SSL_CTX_set_alpn_protos(void *context, const unsigned char *protocols, unsigned n) {
    LIBRARY;
    if (!nested)
        tls_mark_alpn(lib, context, true, protocols, n);
    return lib->SSL_CTX_set_alpn_protos(context, protocols, n);
}

XCS_EXPORT int SSL_set_alpn_protos(void *ssl, const unsigned char *protocols, unsigned n) {
    SETTLED;
    if (!nested)
        tls_mark_alpn(lib, ssl, false, protocols, n);
    return lib->SSL_set_alpn_protos(ssl, protocols, n);
}

XCS_EXPORT long SSL_CTX_ctrl(void *context, int command, long number, void *data) {
    LIBRARY;
    if (!nested)
        tls_mark_choice(lib, context, true, command, number, data);
    return lib->SSL_CTX_ctrl(context, command, number, data);
}

/* Its modes alone have nothing to do with the handshake. */
static bool is_mode(int command) {
    return command == CTRL_MODE || command == CTRL_CLEAR_MODE;
}

XCS_EXPORT long SSL_ctrl(void *ssl, int command, long number, void *data) {
    LIBRARY;
    if (MAIN && !is_mode(command))
        tls_settle_session(lib, ssl);
    if (!nested)
        tls_mark_choice(lib, ssl, false, command, number, data);
    return lib->SSL_ctrl(ssl, command, number, data);
}

XCS_EXPORT void SSL_CTX_set_cert_verify_callback(void *context, void *callback, void *arg) {
    LIBRARY;
    if (!nested)
        tls_mark_odd(lib, context, true);
    lib->SSL_CTX_set_cert_verify_callback(context, callback, arg);
}

XCS_EXPORT void SSL_CTX_set_cert_cb(void *context, void *callback, void *arg) {
    LIBRARY;
    if (!nested)
        tls_mark_odd(lib, context, true);
    lib->SSL_CTX_set_cert_cb(context, callback, arg);
}

XCS_EXPORT void SSL_set_cert_cb(void *ssl, void *callback, void *arg) {
    SETTLED;
    if (!nested)
        tls_mark_odd(lib, ssl, false);
    lib->SSL_set_cert_cb(ssl, callback, arg);
}

XCS_EXPORT void SSL_CTX_set_msg_callback(void *context, void *callback) {
    LIBRARY;
    if (!nested)
        tls_mark_watched(lib, context, true);
    lib->SSL_CTX_set_msg_callback(context, callback);
}

XCS_EXPORT void SSL_set_msg_callback(void *ssl, void *callback) {
    LEFT_ALONE;
    if (!nested)
        tls_mark_watched(lib, ssl, false);
    lib->SSL_set_msg_callback(ssl, callback);
}

XCS_EXPORT int SSL_dane_enable(void *ssl, const char *domain) {
    SETTLED;
    if (!nested)
        tls_mark_odd(lib, ssl, false);
    return lib->SSL_dane_enable(ssl, domain);
}
