/*
 * The OpenSSL that a caller uses: 1.1 or 3, one or several in a process, none linked by us.
 *
 * dlsym(RTLD_NEXT) does not see a library that was loaded RTLD_LOCAL (Python's _ssl, PHP's openssl), so the real
 * functions are looked up in the dependency scope of the object that called, once for each calling address. A library's own
 * tail call (SSL_connect to SSL_do_handshake) shows the shim as the caller, and a binding's tail call (Ruby's free functions)
 * shows its runtime, which has no OpenSSL in its scope; then the library in use in this thread, or process, goes on.
 *
 * Types are OpenSSL's, opaque here: SSL *, X509 * and so on are void *. Sources: the manual pages of the functions (section 3ssl).
 */
#ifndef XCS_TLS_LIB_H
#define XCS_TLS_LIB_H

#include "shim.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* result, name, arguments, needed (1: without it the library is passed through; 2: no handshake is put off) */
#define XCS_TLS_FUNCTIONS(X)                                                                                           \
    X(int, SSL_connect, (void *), 1)                                                                                   \
    X(int, SSL_do_handshake, (void *), 1)                                                                              \
    X(int, SSL_read, (void *, void *, int), 1)                                                                         \
    X(int, SSL_read_ex, (void *, void *, size_t, size_t *), 1)                                                         \
    X(int, SSL_peek, (void *, void *, int), 1)                                                                         \
    X(int, SSL_peek_ex, (void *, void *, size_t, size_t *), 1)                                                         \
    X(int, SSL_write, (void *, const void *, int), 1)                                                                  \
    X(int, SSL_write_ex, (void *, const void *, size_t, size_t *), 1)                                                  \
    X(int, SSL_pending, (const void *), 1)                                                                             \
    X(int, SSL_has_pending, (const void *), 1)                                                                         \
    X(int, SSL_get_error, (const void *, int), 1)                                                                      \
    X(int, SSL_shutdown, (void *), 1)                                                                                  \
    X(int, SSL_get_shutdown, (const void *), 1)                                                                        \
    X(void, SSL_set_shutdown, (void *, int), 1)                                                                        \
    X(void, SSL_free, (void *), 1)                                                                                     \
    X(int, SSL_clear, (void *), 1)                                                                                     \
    X(int, SSL_get_fd, (const void *), 1)                                                                              \
    X(void *, SSL_get_rbio, (const void *), 1)                                                                         \
    X(int, SSL_is_init_finished, (const void *), 1)                                                                    \
    X(int, SSL_get_verify_mode, (const void *), 1)                                                                     \
    X(long, SSL_get_verify_result, (const void *), 1)                                                                  \
    X(const char *, SSL_get_servername, (const void *, int), 1)                                                        \
    X(void *, SSL_get_certificate, (const void *), 1)                                                                  \
    X(void *, SSL_get_SSL_CTX, (const void *), 1)                                                                      \
    X(void *, SSL_CTX_get_cert_store, (const void *), 1)                                                               \
    X(int, OPENSSL_sk_num, (const void *), 1)                                                                          \
    X(void, SSL_SESSION_free, (void *), 1)                                                                             \
    X(const char *, SSL_get_version, (const void *), 1)                                                                \
    X(const void *, SSL_get_current_cipher, (const void *), 1)                                                         \
    X(void, SSL_get0_alpn_selected, (const void *, const unsigned char **, unsigned *), 1)                             \
    X(void *, SSL_get1_peer_certificate, (const void *), 0)                                                            \
    X(void *, SSL_get_peer_certificate, (const void *), 0)                                                             \
    X(int, X509_up_ref, (void *), 1)                                                                                   \
    X(void, X509_free, (void *), 1)                                                                                    \
    X(void *, X509_get_X509_PUBKEY, (const void *), 1)                                                                 \
    X(int, i2d_X509_PUBKEY, (const void *, unsigned char **), 1)                                                       \
    X(int, ERR_set_mark, (void), 1)                                                                                    \
    X(int, ERR_pop_to_mark, (void), 1)                                                                                 \
    /* for handshakes that are put off */                                                                              \
    X(int, SSL_get_quiet_shutdown, (const void *), 2)                                                                  \
    X(int, SSL_is_server, (const void *), 2)                                                                           \
    X(int, SSL_in_init, (const void *), 2)                                                                             \
    X(int, SSL_get_state, (const void *), 2)                                                                           \
    X(int, SSL_key_update, (void *, int), 0)                                                                           \
    X(int, SSL_renegotiate, (void *), 0)                                                                               \
    X(int, SSL_renegotiate_abbreviated, (void *), 0)                                                                   \
    X(void *, SSL_get0_peer_certificate, (const void *), 0)                                                            \
    X(int, SSL_in_before, (const void *), 2)                                                                           \
    X(const char *, SSL_state_string, (const void *), 2)                                                               \
    X(const char *, SSL_state_string_long, (const void *), 2)                                                          \
    X(long, SSL_ctrl, (void *, int, long, void *), 2)                                                                  \
    X(long, SSL_CTX_ctrl, (void *, int, long, void *), 2)                                                              \
    X(uint64_t, SSL_get_options, (const void *), 2)                                                                    \
    X(void *, SSL_get_ciphers, (const void *), 2)                                                                      \
    X(int, SSL_get_security_level, (const void *), 2)                                                                  \
    X(void *, SSL_get_security_callback, (const void *), 2)                                                            \
    X(void *, SSL_get_info_callback, (const void *), 2)                                                                \
    X(void *, SSL_CTX_get_keylog_callback, (const void *), 2)                                                          \
    X(void *, SSL_CTX_get_client_cert_cb, (void *), 2)                                                                 \
    X(int, SSL_CTX_set_alpn_protos, (void *, const unsigned char *, unsigned), 2)                                      \
    X(int, SSL_set_alpn_protos, (void *, const unsigned char *, unsigned), 2)                                          \
    X(void, SSL_CTX_set_cert_verify_callback, (void *, void *, void *), 2)                                             \
    X(void, SSL_CTX_set_cert_cb, (void *, void *, void *), 2)                                                          \
    X(void, SSL_set_cert_cb, (void *, void *, void *), 2)                                                              \
    X(void, SSL_CTX_set_msg_callback, (void *, void *), 2)                                                             \
    X(void, SSL_set_msg_callback, (void *, void *), 2)                                                                 \
    X(int, SSL_dane_enable, (void *, const char *), 2)                                                                 \
    X(int, SSL_ct_is_enabled, (const void *), 0)                                                                       \
    X(void *, SSL_get_verify_callback, (const void *), 2)                                                              \
    X(int, SSL_get_ex_data_X509_STORE_CTX_idx, (void), 2)                                                              \
    X(void *, SSL_get_ex_data, (const void *, int), 2)                                                                 \
    X(int, SSL_set_ex_data, (void *, int, void *), 2)                                                                  \
    X(void *, SSL_CTX_get_ex_data, (const void *, int), 2)                                                             \
    X(int, SSL_CTX_set_ex_data, (void *, int, void *), 2)                                                              \
    X(int, CRYPTO_get_ex_new_index, (int, long, void *, void *, void *, void *), 2)                                    \
    X(void, OPENSSL_sk_pop_free, (void *, void (*)(void *)), 2)                                                        \
    X(void *, OPENSSL_sk_value, (const void *, int), 2)                                                                \
    X(void *, X509_chain_up_ref, (void *), 2)                                                                          \
    X(int, X509_cmp, (const void *, const void *), 2)                                                                  \
    X(int, X509_verify_cert, (void *), 2)                                                                              \
    X(void *, X509_STORE_CTX_new, (void), 2)                                                                           \
    X(void, X509_STORE_CTX_free, (void *), 2)                                                                          \
    X(int, X509_STORE_CTX_init, (void *, void *, void *, void *), 2)                                                   \
    X(void *, X509_STORE_CTX_get0_cert, (const void *), 2)                                                             \
    X(void *, X509_STORE_CTX_get0_untrusted, (const void *), 2)                                                        \
    X(void *, X509_STORE_CTX_get_ex_data, (const void *, int), 2)                                                      \
    X(void *, X509_STORE_get_verify_cb, (const void *), 2)                                                             \
    X(void *, SSL_CTX_sess_get_new_cb, (void *), 2)                                                                    \
    X(void *, X509_STORE_CTX_get0_param, (void *), 2)                                                                  \
    X(void, X509_STORE_CTX_set_flags, (void *, unsigned long), 2)                                                      \
    X(int, X509_STORE_CTX_set_ex_data, (void *, int, void *), 2)                                                       \
    X(int, X509_STORE_CTX_set_default, (void *, const char *), 2)                                                      \
    X(void, X509_STORE_CTX_set_verify_cb, (void *, void *), 2)                                                         \
    X(int, X509_STORE_CTX_get_error, (const void *), 2)                                                                \
    X(int, X509_VERIFY_PARAM_set1, (void *, const void *), 2)                                                          \
    X(void, X509_VERIFY_PARAM_set_auth_level, (void *, int), 2)                                                        \
    X(void, X509_VERIFY_PARAM_move_peername, (void *, void *), 2)

/*
 * Of a session whose handshake has been put off: before these the handshake is made (entry_openssl_settle.c).
 * result, name, parameters (the session is `ssl`), arguments, needed as above
 */
#define XCS_TLS_SETTLED(X)                                                                                             \
    /* what only a real session can tell */                                                                            \
    X(void *, SSL_get_session, (const void *ssl), (ssl), 1)                                                            \
    X(void *, SSL_get1_session, (void *ssl), (ssl), 1)                                                                 \
    X(int, SSL_session_reused, (const void *ssl), (ssl), 1)                                                            \
    X(void *, SSL_get_peer_cert_chain, (const void *ssl), (ssl), 1)                                                    \
    X(void *, SSL_get0_verified_chain, (const void *ssl), (ssl), 2)                                                    \
    X(const char *, SSL_get0_peername, (void *ssl), (ssl), 0)                                                          \
    X(size_t, SSL_get_finished, (const void *ssl, void *buf, size_t n), (ssl, buf, n), 2)                              \
    X(size_t, SSL_get_peer_finished, (const void *ssl, void *buf, size_t n), (ssl, buf, n), 2)                         \
    X(int, SSL_export_keying_material,                                                                                 \
      (void *ssl, void *out, size_t n, const char *label, size_t m, const void *context, size_t k, int use),           \
      (ssl, out, n, label, m, context, k, use), 2)                                                                     \
    X(size_t, SSL_get_client_random, (const void *ssl, void *out, size_t n), (ssl, out, n), 0)                         \
    X(size_t, SSL_get_server_random, (const void *ssl, void *out, size_t n), (ssl, out, n), 0)                         \
    X(int, SSL_version, (const void *ssl), (ssl), 0)                                                                   \
    X(int, SSL_client_version, (const void *ssl), (ssl), 0)                                                            \
    X(int, SSL_get_peer_signature_type_nid, (const void *ssl, int *nid), (ssl, nid), 0)                                \
    X(int, SSL_get_signature_type_nid, (const void *ssl, int *nid), (ssl, nid), 0)                                     \
    X(int, SSL_get_sigalgs, (void *ssl, int i, int *a, int *b, int *c, void *d, void *e), (ssl, i, a, b, c, d, e), 0)  \
    X(int, SSL_get_shared_sigalgs, (void *ssl, int i, int *a, int *b, int *c, void *d, void *e),                       \
      (ssl, i, a, b, c, d, e), 0)                                                                                      \
    X(char *, SSL_get_shared_ciphers, (const void *ssl, char *out, int n), (ssl, out, n), 0)                           \
    X(void *, SSL_get1_supported_ciphers, (void *ssl), (ssl), 0)                                                       \
    X(const void *, SSL_get_pending_cipher, (const void *ssl), (ssl), 0)                                               \
    X(const void *, SSL_get_ssl_method, (const void *ssl), (ssl), 0)                                                   \
    X(int, SSL_get_early_data_status, (const void *ssl), (ssl), 0)                                                     \
    X(void, SSL_get0_next_proto_negotiated, (const void *ssl, const unsigned char **p, unsigned *n), (ssl, p, n), 0)   \
    X(const char *, SSL_get_psk_identity, (const void *ssl), (ssl), 0)                                                 \
    X(const void *, SSL_get0_peer_scts, (void *ssl), (ssl), 0)                                                         \
    X(int, SSL_copy_session_id, (void *to, const void *ssl), (to, ssl), 0)                                             \
    /* what comes too late for a handshake that has been made */                                                       \
    X(void *, SSL_get0_param, (void *ssl), (ssl), 2)                                                                   \
    X(int, SSL_set1_param, (void *ssl, void *param), (ssl, param), 0)                                                  \
    X(void, SSL_set_verify, (void *ssl, int mode, void *callback), (ssl, mode, callback), 2)                           \
    X(void, SSL_set_verify_depth, (void *ssl, int depth), (ssl, depth), 0)                                             \
    X(void, SSL_set_verify_result, (void *ssl, long result), (ssl, result), 2)                                         \
    X(int, SSL_set1_host, (void *ssl, const char *name), (ssl, name), 0)                                               \
    X(int, SSL_add1_host, (void *ssl, const char *name), (ssl, name), 0)                                               \
    X(void, SSL_set_hostflags, (void *ssl, unsigned flags), (ssl, flags), 0)                                           \
    X(int, SSL_set_purpose, (void *ssl, int purpose), (ssl, purpose), 0)                                               \
    X(int, SSL_set_trust, (void *ssl, int trust), (ssl, trust), 0)                                                     \
    X(int, SSL_set_session, (void *ssl, void *session), (ssl, session), 0)                                             \
    X(int, SSL_set_cipher_list, (void *ssl, const char *list), (ssl, list), 0)                                         \
    X(int, SSL_set_ciphersuites, (void *ssl, const char *list), (ssl, list), 0)                                        \
    X(void, SSL_set_security_level, (void *ssl, int level), (ssl, level), 0)                                           \
    X(uint64_t, SSL_set_options, (void *ssl, uint64_t options), (ssl, options), 0)                                     \
    X(uint64_t, SSL_clear_options, (void *ssl, uint64_t options), (ssl, options), 0)                                   \
    X(void, SSL_set_info_callback, (void *ssl, void *callback), (ssl, callback), 0)                                    \
    X(long, SSL_callback_ctrl, (void *ssl, int command, void *callback), (ssl, command, callback), 0)                  \
    X(void, SSL_set_post_handshake_auth, (void *ssl, int on), (ssl, on), 0)                                            \
    X(void *, SSL_set_SSL_CTX, (void *ssl, void *context), (ssl, context), 0)                                          \
    X(int, SSL_use_certificate, (void *ssl, void *certificate), (ssl, certificate), 0)                                 \
    X(int, SSL_use_certificate_ASN1, (void *ssl, const void *der, int n), (ssl, der, n), 0)                            \
    X(int, SSL_use_certificate_file, (void *ssl, const char *name, int type), (ssl, name, type), 0)                    \
    X(int, SSL_use_certificate_chain_file, (void *ssl, const char *name), (ssl, name), 0)                              \
    X(int, SSL_use_PrivateKey, (void *ssl, void *key), (ssl, key), 0)                                                  \
    X(int, SSL_use_PrivateKey_ASN1, (int type, void *ssl, const void *der, long n), (type, ssl, der, n), 0)            \
    X(int, SSL_use_PrivateKey_file, (void *ssl, const char *name, int type), (ssl, name, type), 0)                     \
    X(int, SSL_use_cert_and_key, (void *ssl, void *certificate, void *key, void *chain, int over),                     \
      (ssl, certificate, key, chain, over), 0)                                                                         \
    /* what is done to or with a session that is there */                                                              \
    X(int, SSL_set_fd, (void *ssl, int fd), (ssl, fd), 0)                                                              \
    X(int, SSL_set_rfd, (void *ssl, int fd), (ssl, fd), 0)                                                             \
    X(int, SSL_set_wfd, (void *ssl, int fd), (ssl, fd), 0)                                                             \
    X(void, SSL_set_bio, (void *ssl, void *in, void *out), (ssl, in, out), 0)                                          \
    X(void, SSL_set0_rbio, (void *ssl, void *in), (ssl, in), 0)                                                        \
    X(void, SSL_set0_wbio, (void *ssl, void *out), (ssl, out), 0)                                                      \
    X(void, SSL_set_connect_state, (void *ssl), (ssl), 2)                                                              \
    X(void, SSL_set_accept_state, (void *ssl), (ssl), 0)                                                               \
    X(void *, SSL_dup, (void *ssl), (ssl), 0)                                                                          \
    X(int, SSL_write_early_data, (void *ssl, const void *p, size_t n, size_t *done), (ssl, p, n, done), 0)             \
    X(int, SSL_get_key_update_type, (const void *ssl), (ssl), 0)

struct tls_lib {
#define X(type, name, args, needed) type(*name) args;
    XCS_TLS_FUNCTIONS(X)
#undef X
#define X(type, name, params, args, needed) type(*name) params;
    XCS_TLS_SETTLED(X)
#undef X
    bool usable;                    /* has all that is needed: else its calls only pass */
    bool lazy;                      /* handshakes can be put off */
    int session_mark, context_mark; /* lazy: where an SSL and an SSL_CTX keep their marks (tls_terms.h) */
    void *id;                       /* SSL_read's address: which copy this is */
    uintptr_t code, code_end;       /* where its code lies */
};

/* Which library a calling address uses: a cache, refilled when two addresses share a slot. */
#define TLS_CALLERS 512
struct tls_caller {
    _Atomic(void *) address;
    _Atomic(const struct tls_lib *) lib;
};
extern struct tls_caller tls_callers[TLS_CALLERS];
extern __thread const struct tls_lib *tls_lib_in_use __attribute__((tls_model("initial-exec")));
const struct tls_lib *tls_lib_find(void *caller, bool *nested);

/*
 * The library of the object that `caller` (a return address) lies in. `nested`: the call came from the library itself,
 * through our own call of it, and must pass.
 */
static inline const struct tls_lib *tls_lib_of(void *caller, bool *nested) {
    const struct tls_caller *known = &tls_callers[((uintptr_t)caller >> 2) % TLS_CALLERS];
    const struct tls_lib *lib = atomic_load_explicit(&known->lib, memory_order_acquire);
    *nested = false;
    if (XCS_UNLIKELY(atomic_load_explicit(&known->address, memory_order_acquire) != caller || !lib))
        return tls_lib_find(caller, nested);
    tls_lib_in_use = lib;
    return lib;
}

/* Is the caller (a return address) the library itself? Its own layers (BIO_f_ssl) call below the functions that we stand before. */
static inline bool tls_lib_calls(const struct tls_lib *lib, const void *caller) {
    return (uintptr_t)caller - lib->code < lib->code_end - lib->code;
}

/* For other libraries' tables: where a caller finds its functions, and a function there that is not ours. */
void *tls_scope_of(void *caller, const void **base);
void *tls_look_up(void *scope, const char *name);

/* In the child of a fork. */
void tls_child_reset(void);

/* The peer's certificate with a reference of its own, whatever the version calls that. */
void *tls_peer_certificate(const struct tls_lib *lib, const void *ssl);

#define TLS_ERROR_SSL 1
#define TLS_ERROR_WANT_READ 2
#define TLS_ERROR_WANT_WRITE 3
#define TLS_ERROR_SYSCALL 5
#define TLS_ERROR_ZERO_RETURN 6
#define TLS_SENT_SHUTDOWN 1
#define TLS_RECEIVED_SHUTDOWN 2

#endif
