/*
 * The GnuTLS that a caller uses: none linked by us, found as OpenSSL is (tls_lib.h). Used by the entry points and by GnuTLS's row of
 * struct tls_kind.
 *
 * Types are GnuTLS's, opaque here: gnutls_session_t and so on are void *. Source: gnutls/gnutls.h and the manual pages (section 3).
 */
#ifndef XCS_GNUTLS_LIB_H
#define XCS_GNUTLS_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct gnutls_datum {
    unsigned char *data;
    unsigned size;
};

struct gnutls_typed {
    int type;
    unsigned char *data;
    unsigned size;
};

typedef int gnutls_judge(void *session); /* gnutls_certificate_verify_function */

/* What a client asks about its session that is one number: answered in a run-ahead as main's own session did. */
#define XCS_GNUTLS_FACTS(X)                                                                                            \
    X(gnutls_protocol_get_version)                                                                                     \
    X(gnutls_cipher_get)                                                                                               \
    X(gnutls_kx_get)                                                                                                   \
    X(gnutls_mac_get)                                                                                                  \
    X(gnutls_group_get)                                                                                                \
    X(gnutls_ecc_curve_get)                                                                                            \
    X(gnutls_certificate_type_get)                                                                                     \
    X(gnutls_auth_get_type)                                                                                            \
    X(gnutls_auth_server_get_type)                                                                                     \
    X(gnutls_session_is_resumed)                                                                                       \
    X(gnutls_session_get_verify_cert_status)

/* Without one of these the library is passed through. */
#define XCS_GNUTLS_FUNCTIONS(X)                                                                                        \
    X(int, gnutls_init, (void **, unsigned))                                                                           \
    X(void, gnutls_deinit, (void *))                                                                                   \
    X(int, gnutls_handshake, (void *))                                                                                 \
    X(int, gnutls_bye, (void *, int))                                                                                  \
    X(ssize_t, gnutls_record_send, (void *, const void *, size_t))                                                     \
    X(ssize_t, gnutls_record_send2, (void *, const void *, size_t, size_t, unsigned))                                  \
    X(ssize_t, gnutls_record_recv, (void *, void *, size_t))                                                           \
    X(size_t, gnutls_record_check_pending, (void *))                                                                   \
    X(int, gnutls_record_get_direction, (void *))                                                                      \
    X(size_t, gnutls_record_get_max_size, (void *))                                                                    \
    X(void, gnutls_transport_get_ptr2, (void *, void **, void **))                                                     \
    X(int, gnutls_server_name_set, (void *, int, const void *, size_t))                                                \
    X(void, gnutls_session_set_verify_function, (void *, gnutls_judge *))                                              \
    X(void, gnutls_session_set_verify_cert, (void *, const char *, unsigned))                                          \
    X(int, gnutls_priority_set, (void *, void *))                                                                      \
    X(int, gnutls_priority_set_direct, (void *, const char *, const char **))                                          \
    X(int, gnutls_set_default_priority, (void *))                                                                      \
    X(int, gnutls_set_default_priority_append, (void *, const char *, const char **, unsigned))                        \
    X(int, gnutls_alpn_set_protocols, (void *, const struct gnutls_datum *, unsigned, unsigned))                       \
    X(int, gnutls_credentials_set, (void *, int, void *))                                                              \
    X(int, gnutls_credentials_get, (void *, int, void **))                                                             \
    X(int, gnutls_certificate_allocate_credentials, (void **))                                                         \
    X(void, gnutls_certificate_free_credentials, (void *))                                                             \
    X(void, gnutls_certificate_set_verify_function, (void *, gnutls_judge *))                                          \
    X(int, gnutls_certificate_get_crt_raw, (void *, unsigned, unsigned, struct gnutls_datum *))                        \
    X(int, gnutls_session_get_data, (void *, void *, size_t *))                                                        \
    X(int, gnutls_session_get_data2, (void *, struct gnutls_datum *))                                                  \
    X(int, gnutls_alpn_get_selected_protocol, (void *, struct gnutls_datum *))                                         \
    X(const struct gnutls_datum *, gnutls_certificate_get_peers, (void *, unsigned *))                                 \
    X(const struct gnutls_datum *, gnutls_certificate_get_ours, (void *))                                              \
    X(unsigned, gnutls_certificate_client_get_request_status, (void *))                                                \
    X(int, gnutls_certificate_verify_peers, (void *, struct gnutls_typed *, unsigned, unsigned *))                     \
    X(int, gnutls_certificate_verify_peers2, (void *, unsigned *))                                                     \
    X(int, gnutls_certificate_verify_peers3, (void *, const char *, unsigned *))                                       \
    X(const char *, gnutls_protocol_get_name, (int))                                                                   \
    X(const char *, gnutls_cipher_get_name, (int))                                                                     \
    X(int, gnutls_x509_crt_init, (void **))                                                                            \
    X(int, gnutls_x509_crt_import, (void *, const struct gnutls_datum *, int))                                         \
    X(void, gnutls_x509_crt_deinit, (void *))                                                                          \
    X(int, gnutls_pubkey_init, (void **))                                                                              \
    X(int, gnutls_pubkey_import_x509, (void *, void *, unsigned))                                                      \
    X(int, gnutls_pubkey_export, (void *, int, void *, size_t *))                                                      \
    X(void, gnutls_pubkey_deinit, (void *))

/*
 * What XCS does not follow: other ways to move records, other parties to the session's keys, other transports. A session
 * that uses one is left alone from there; a run-ahead ends.
 */
#define XCS_GNUTLS_UNFOLLOWED(X)                                                                                       \
    X(ssize_t, gnutls_record_recv_packet, (void *session, void **packet), (session, packet))                           \
    X(ssize_t, gnutls_record_recv_seq, (void *session, void *p, size_t n, unsigned char *seq), (session, p, n, seq))   \
    X(ssize_t, gnutls_record_send_range, (void *session, const void *p, size_t n, const void *range),                  \
      (session, p, n, range))                                                                                          \
    X(ssize_t, gnutls_record_send_file, (void *session, int in, off_t *at, size_t n), (session, in, at, n))            \
    X(ssize_t, gnutls_record_send_early_data, (void *session, const void *p, size_t n), (session, p, n))               \
    X(size_t, gnutls_record_discard_queued, (void *session), (session))                                                \
    X(void, gnutls_record_cork, (void *session), (session))                                                            \
    X(int, gnutls_record_uncork, (void *session, unsigned flags), (session, flags))                                    \
    X(void, gnutls_record_set_timeout, (void *session, unsigned ms), (session, ms))                                    \
    X(int, gnutls_rehandshake, (void *session), (session))                                                             \
    X(int, gnutls_reauth, (void *session, unsigned flags), (session, flags))                                           \
    X(int, gnutls_session_key_update, (void *session, unsigned flags), (session, flags))                               \
    X(int, gnutls_session_channel_binding, (void *session, int type, struct gnutls_datum *cb), (session, type, cb))    \
    X(int, gnutls_prf,                                                                                                 \
      (void *session, size_t nlabel, const char *label, int first, size_t nextra, const char *extra, size_t n,         \
       char *out),                                                                                                     \
      (session, nlabel, label, first, nextra, extra, n, out))                                                          \
    X(int, gnutls_prf_raw,                                                                                             \
      (void *session, size_t nlabel, const char *label, size_t nseed, const char *seed, size_t n, char *out),          \
      (session, nlabel, label, nseed, seed, n, out))                                                                   \
    X(int, gnutls_prf_rfc5705,                                                                                         \
      (void *session, size_t nlabel, const char *label, size_t ncontext, const char *context, size_t n, char *out),    \
      (session, nlabel, label, ncontext, context, n, out))                                                             \
    X(int, gnutls_alert_send, (void *session, int level, int what), (session, level, what))                            \
    X(int, gnutls_alert_send_appropriate, (void *session, int error), (session, error))                                \
    X(int, gnutls_heartbeat_ping, (void *session, size_t n, unsigned tries, unsigned flags),                           \
      (session, n, tries, flags))                                                                                      \
    X(int, gnutls_server_name_set_raw, (void *session, int type, const void *name, size_t n),                          \
      (session, type, name, n))                                                                                        \
    X(void, gnutls_session_set_verify_cert2, (void *session, struct gnutls_typed *data, unsigned n, unsigned flags),   \
      (session, data, n, flags))                                                                                       \
    X(void, gnutls_transport_set_push_function, (void *session, void *f), (session, f))                                \
    X(void, gnutls_transport_set_vec_push_function, (void *session, void *f), (session, f))                            \
    X(void, gnutls_transport_set_pull_function, (void *session, void *f), (session, f))

/* Calls that give a session another descriptor. */
#define XCS_GNUTLS_MOVES(X)                                                                                            \
    X(void, gnutls_transport_set_ptr, (void *session, void *p), (session, p))                                          \
    X(void, gnutls_transport_set_ptr2, (void *session, void *in, void *out), (session, in, out))                       \
    X(void, gnutls_transport_set_int2, (void *session, int in, int out), (session, in, out))

/* Calls after which credentials may judge a peer otherwise than before. */
#define XCS_GNUTLS_CHANGES(X)                                                                                          \
    X(int, gnutls_certificate_set_x509_trust, (void *credentials, void **list, int n), (credentials, list, n))         \
    X(int, gnutls_certificate_set_x509_trust_file, (void *credentials, const char *file, int format),                  \
      (credentials, file, format))                                                                                     \
    X(int, gnutls_certificate_set_x509_trust_dir, (void *credentials, const char *directory, int format),              \
      (credentials, directory, format))                                                                                \
    X(int, gnutls_certificate_set_x509_trust_mem, (void *credentials, const struct gnutls_datum *text, int format),    \
      (credentials, text, format))                                                                                     \
    X(int, gnutls_certificate_set_x509_system_trust, (void *credentials), (credentials))                               \
    X(void, gnutls_certificate_set_trust_list, (void *credentials, void *list, unsigned flags),                        \
      (credentials, list, flags))                                                                                      \
    X(void, gnutls_certificate_get_trust_list, (void *credentials, void **list), (credentials, list))                  \
    X(int, gnutls_certificate_set_x509_crl, (void *credentials, void **list, int n), (credentials, list, n))           \
    X(int, gnutls_certificate_set_x509_crl_file, (void *credentials, const char *file, int format),                    \
      (credentials, file, format))                                                                                     \
    X(int, gnutls_certificate_set_x509_crl_mem, (void *credentials, const struct gnutls_datum *text, int format),      \
      (credentials, text, format))                                                                                     \
    X(void, gnutls_certificate_set_verify_flags, (void *credentials, unsigned flags), (credentials, flags))            \
    X(void, gnutls_certificate_set_verify_limits, (void *credentials, unsigned bits, unsigned depth),                  \
      (credentials, bits, depth))                                                                                      \
    X(void, gnutls_certificate_free_cas, (void *credentials), (credentials))                                           \
    X(void, gnutls_certificate_free_crls, (void *credentials), (credentials))

enum gnutls_fact {
#define X(name) FACT_##name,
    XCS_GNUTLS_FACTS(X)
#undef X
    FACTS
};

struct gnutls_lib {
#define X(type, name, args) type(*name) args;
    XCS_GNUTLS_FUNCTIONS(X)
#undef X
    int (*facts[FACTS])(void *);
#define X(type, name, parameters, arguments) type(*name) parameters;
    XCS_GNUTLS_UNFOLLOWED(X)
    XCS_GNUTLS_MOVES(X)
    XCS_GNUTLS_CHANGES(X)
#undef X
    bool usable;
};

/*
 * The library of the object that `caller` (a return address) lies in; never NULL in a program that has one. `pass`: the call must
 * pass, since it is the library's own, or that of a libcurl, whose sessions are left alone.
 */
const struct gnutls_lib *gnutls_lib_of(void *caller, bool *pass);

#define GNUTLS_OK 0
#define GNUTLS_INVALID_SESSION (-10)
#define GNUTLS_WARNING_ALERT (-16)
#define GNUTLS_AGAIN (-28)
#define GNUTLS_SHORT_BUFFER (-51)
#define GNUTLS_CERTIFICATE_REFUSED (-43)
#define GNUTLS_INTERRUPTED (-52)
#define GNUTLS_PUSH_ERROR (-53)
#define GNUTLS_PULL_ERROR (-54)
#define GNUTLS_NOT_AVAILABLE (-56)
#define GNUTLS_PREMATURE_END (-110)
#define GNUTLS_DER 0
#define GNUTLS_CLIENT_SIDE 2u
#define GNUTLS_DTLS 4u
#define GNUTLS_SHUT_WR 1
#define GNUTLS_QUIET (1u << 6) /* GNUTLS_NO_SIGNAL */
#define GNUTLS_CERTIFICATE 1
#define GNUTLS_NAME_DNS 1

#endif
