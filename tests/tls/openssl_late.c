/*
 * A mode of openssl_client.c, "late": what a program may ask of a session, and do to it, right after its handshake. With XCS that handshake
 * may have been put off; nothing here may show it.
 */
#include "openssl_session.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int told(const unsigned char *bytes, size_t n) {
    static const unsigned char none[64];
    return (int)n + 1000 * (memcmp(bytes, none, n) != 0);
}

/* --- questions --- */

static long client_random(SSL *ssl) {
    unsigned char bytes[32] = {0};
    return told(bytes, SSL_get_client_random(ssl, bytes, sizeof bytes));
}

static long server_random(SSL *ssl) {
    unsigned char bytes[32] = {0};
    return told(bytes, SSL_get_server_random(ssl, bytes, sizeof bytes));
}

static long shared_ciphers(SSL *ssl) {
    char names[4096];
    return SSL_get_shared_ciphers(ssl, names, sizeof names) ? (long)strlen(names) : -1;
}

static long signature(SSL *ssl) {
    int nid = -1;
    return SSL_get_peer_signature_nid(ssl, &nid) * 10000 + nid;
}

static long signature_type(SSL *ssl) {
    int nid = -1;
    return SSL_get_peer_signature_type_nid(ssl, &nid) * 10000 + nid;
}

static long tmp_key(SSL *ssl) {
    EVP_PKEY *key = NULL;
    long r = SSL_get_peer_tmp_key(ssl, &key);
    r = r * 10000 + (key ? EVP_PKEY_bits(key) : -1);
    EVP_PKEY_free(key);
    return r;
}

static long early_data(SSL *ssl) {
    return SSL_get_early_data_status(ssl);
}

static long version(SSL *ssl) {
    return SSL_version(ssl);
}

static long client_version(SSL *ssl) {
    return SSL_client_version(ssl);
}

static long is_dtls(SSL *ssl) {
    return SSL_is_dtls(ssl);
}

static long descriptors(SSL *ssl) {
    return (SSL_get_rfd(ssl) == SSL_get_fd(ssl)) + 2 * (SSL_get_wfd(ssl) == SSL_get_fd(ssl)) +
           4 * (SSL_get_fd(ssl) > 2);
}

static long in_init(SSL *ssl) {
    return SSL_in_init(ssl);
}

static long in_before(SSL *ssl) {
    return SSL_in_before(ssl);
}

static long state(SSL *ssl) {
    return SSL_get_state(ssl);
}

static long wants(SSL *ssl) {
    return SSL_want(ssl) + 10 * (SSL_rstate_string(ssl)[1] == 'H');
}

static long peer_name(SSL *ssl) {
    const char *name = SSL_get0_peername(ssl);
    return name ? (long)strlen(name) : -1;
}

static long extended_master(SSL *ssl) {
    return SSL_get_extms_support(ssl);
}

static long renegotiation_support(SSL *ssl) {
    return SSL_get_secure_renegotiation_support(ssl);
}

static long renegotiations(SSL *ssl) {
    return SSL_total_renegotiations(ssl) + 10 * SSL_renegotiate_pending(ssl);
}

static long shared_group(SSL *ssl) {
    return SSL_get_shared_group(ssl, -1);
}

static long sigalgs(SSL *ssl) {
    return SSL_get_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL) * 100 +
           SSL_get_shared_sigalgs(ssl, -1, NULL, NULL, NULL, NULL, NULL);
}

static long supported_ciphers(SSL *ssl) {
    STACK_OF(SSL_CIPHER) *list = SSL_get1_supported_ciphers(ssl);
    long n = sk_SSL_CIPHER_num(list);
    sk_SSL_CIPHER_free(list);
    return n;
}

static long pending_cipher(SSL *ssl) {
    const SSL_CIPHER *cipher = SSL_get_pending_cipher(ssl);
    return cipher ? (long)SSL_CIPHER_get_id(cipher) : -1;
}

static long method(SSL *ssl) {
    return SSL_get_ssl_method(ssl) == TLS_client_method();
}

static long stapled(SSL *ssl) {
    unsigned char *response = NULL;
    return SSL_get_tlsext_status_ocsp_resp(ssl, &response);
}

static long key_update_type(SSL *ssl) {
    return SSL_get_key_update_type(ssl);
}

static long next_protocol(SSL *ssl) {
    const unsigned char *name = NULL;
    unsigned n = 7;
    SSL_get0_next_proto_negotiated(ssl, &name, &n);
    return n;
}

static long psk(SSL *ssl) {
    return SSL_get_psk_identity(ssl) != NULL;
}

static long session_protocol(SSL *ssl) {
    SSL_SESSION *session = SSL_get0_session(ssl);
    return session ? SSL_SESSION_get_protocol_version(session) : -1;
}

static long resumed(SSL *ssl) {
    return SSL_session_reused(ssl);
}

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static long certificate(SSL *ssl) {
    return SSL_get0_peer_certificate(ssl) != NULL;
}

static long group(SSL *ssl) {
    return SSL_get_negotiated_group(ssl);
}
#endif

/* --- settings, which come too late for the handshake --- */

static long refuse(int ok, X509_STORE_CTX *store) {
    (void)ok;
    (void)store;
    say("the callback has been asked\n");
    return 0;
}

static long verify(SSL *ssl) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, (SSL_verify_cb)(void (*)(void))refuse);
    return SSL_get_verify_mode(ssl);
}

static long no_verify(SSL *ssl) {
    SSL_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    return SSL_get_verify_result(ssl);
}

static long depth(SSL *ssl) {
    SSL_set_verify_depth(ssl, 0);
    return 0;
}

static long result(SSL *ssl) {
    SSL_set_verify_result(ssl, 7);
    return SSL_get_verify_result(ssl);
}

static long other_host(SSL *ssl) {
    return SSL_set1_host(ssl, "elsewhere.invalid");
}

static long one_more_host(SSL *ssl) {
    return SSL_add1_host(ssl, "elsewhere.invalid");
}

static long other_name(SSL *ssl) {
    return SSL_set_tlsext_host_name(ssl, "elsewhere.invalid");
}

static long parameters(SSL *ssl) {
    return X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), "elsewhere.invalid", 0);
}

static long other_parameters(SSL *ssl) {
    X509_VERIFY_PARAM *p = X509_VERIFY_PARAM_new();
    X509_VERIFY_PARAM_set1_host(p, "elsewhere.invalid", 0);
    long r = SSL_set1_param(ssl, p);
    X509_VERIFY_PARAM_free(p);
    return r;
}

static long old_ciphers(SSL *ssl) {
    return SSL_set_cipher_list(ssl, "AES128-SHA");
}

static long new_ciphers(SSL *ssl) {
    return SSL_set_ciphersuites(ssl, "TLS_CHACHA20_POLY1305_SHA256");
}

static long security(SSL *ssl) {
    SSL_set_security_level(ssl, 5);
    return SSL_get_security_level(ssl);
}

static long old_versions(SSL *ssl) {
    return SSL_set_max_proto_version(ssl, TLS1_VERSION);
}

static long options(SSL *ssl) {
    return SSL_set_options(ssl, SSL_OP_NO_TLSv1_3 | SSL_OP_NO_TLSv1_2) != 0;
}

static long groups(SSL *ssl) {
    return SSL_set1_groups_list(ssl, "P-521");
}

static long protocols(SSL *ssl) {
    static const unsigned char other[] = "\x08http/0.9";
    return SSL_set_alpn_protos(ssl, other, sizeof other - 1);
}

static void watch(const SSL *ssl, int where, int ret) {
    (void)ssl;
    (void)ret;
    if (where & SSL_CB_HANDSHAKE_START)
        say("a handshake begins\n");
}

static long watched(SSL *ssl) {
    SSL_set_info_callback(ssl, watch);
    return 0;
}

static long own_certificate(SSL *ssl) {
    const char *pem = getenv("CLIENT_PEM"), *key = getenv("CLIENT_KEY");
    return (pem ? SSL_use_certificate_file(ssl, pem, SSL_FILETYPE_PEM) : 1) +
           10 * (key ? SSL_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) : 1);
}

static long other_context(SSL *ssl) {
    SSL_CTX *empty = SSL_CTX_new(TLS_client_method());
    long r = SSL_set_SSL_CTX(ssl, empty) == empty;
    SSL_CTX_free(empty);
    return r;
}

static long early_write(SSL *ssl) {
    size_t n = 0;
    return SSL_write_early_data(ssl, "x", 1, &n);
}

static long post_handshake(SSL *ssl) {
    SSL_set_post_handshake_auth(ssl, 1);
    return 0;
}

/* --- what is done with it, and a call on it afterwards --- */

static long key_update(SSL *ssl) {
    return SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
}

static long renegotiate(SSL *ssl) {
    return SSL_renegotiate(ssl) + 10 * SSL_renegotiate_pending(ssl);
}

static long duplicate(SSL *ssl) {
    SSL *copy = SSL_dup(ssl);
    long same = copy == ssl;
    SSL_free(copy);
    return same;
}

static long other_fd(SSL *ssl) {
    return SSL_set_fd(ssl, dup(SSL_get_fd(ssl)));
}

static long other_bio(SSL *ssl) {
    BIO *bio = BIO_new_socket(dup(SSL_get_fd(ssl)), BIO_CLOSE);
    SSL_set_bio(ssl, bio, bio);
    return 0;
}

static long other_halves(SSL *ssl) {
    int fd = dup(SSL_get_fd(ssl));
    SSL_set0_rbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    SSL_set0_wbio(ssl, BIO_new_socket(fd, BIO_CLOSE));
    return 0;
}

static const struct {
    const char *name;
    long (*step)(SSL *);
    bool then_calls;
} steps[] = {{"client random", client_random, false},
             {"server random", server_random, false},
             {"shared ciphers", shared_ciphers, false},
             {"signature", signature, false},
             {"signature type", signature_type, false},
             {"temporary key", tmp_key, false},
             {"early data", early_data, false},
             {"version", version, false},
             {"client's version", client_version, false},
             {"datagrams", is_dtls, false},
             {"descriptors", descriptors, false},
             {"in init", in_init, false},
             {"in before", in_before, false},
             {"state", state, false},
             {"wants", wants, false},
             {"peer's name", peer_name, false},
             {"extended master secret", extended_master, false},
             {"renegotiation support", renegotiation_support, false},
             {"renegotiations", renegotiations, false},
             {"shared group", shared_group, false},
             {"signature algorithms", sigalgs, false},
             {"supported ciphers", supported_ciphers, false},
             {"pending cipher", pending_cipher, false},
             {"method", method, false},
             {"stapled", stapled, false},
             {"key update type", key_update_type, false},
             {"next protocol", next_protocol, false},
             {"pre-shared key", psk, false},
             {"session's protocol", session_protocol, false},
             {"resumed", resumed, false},
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
             {"certificate", certificate, false},
             {"group", group, false},
#endif
             {"verify", verify, false},
             {"no verify", no_verify, false},
             {"depth", depth, false},
             {"result", result, false},
             {"other host", other_host, false},
             {"one more host", one_more_host, false},
             {"other name", other_name, false},
             {"parameters", parameters, false},
             {"other parameters", other_parameters, false},
             {"old ciphers", old_ciphers, false},
             {"new ciphers", new_ciphers, false},
             {"security", security, false},
             {"old versions", old_versions, false},
             {"options", options, false},
             {"groups", groups, false},
             {"protocols", protocols, false},
             {"watched", watched, false},
             {"own certificate", own_certificate, false},
             {"other context", other_context, false},
             {"early write", early_write, false},
             {"post-handshake authentication", post_handshake, false},
             {"renegotiation", renegotiate, false},
             {"key update", key_update, true},
             {"duplicate", duplicate, true},
             {"other descriptor", other_fd, true},
             {"other BIO", other_bio, true},
             {"other halves", other_halves, true}};

/* The session works: nginx itself answers a request that lacks its host. */
static void say_works(struct session *s) {
    static const char get[] = "GET / HTTP/1.1\r\n\r\n";
    char room[64];
    write_all(s, get, sizeof get - 1);
    int r = SSL_read(s->ssl, room, sizeof room);
    say("works: %s\n", r > 8 && memcmp(room, "HTTP/1.1", 8) == 0 ? "yes" : "no");
    say_queue("works");
}

static void take(SSL_CTX *ctx, const struct way *way, size_t i) {
    struct session s;
    open_session(&s, ctx, dial(url), way);
    say("%s: ", steps[i].name);
    say("%ld\n", steps[i].step(s.ssl));
    say_queue(steps[i].name);
    say("verify result %ld, version %s\n", SSL_get_verify_result(s.ssl), SSL_get_version(s.ssl));
    if (steps[i].then_calls)
        free(ask(&s, steps[i].name, steps[i].name));
    else
        say_works(&s);
    show_text();
    close_session(&s);
}

/* The steps are taken when 350 ms have passed, which they have in no run-ahead: in main, after the first call. */
void mode_late(SSL_CTX *ctx, const struct way *way) {
    double began = seconds();
    struct session s;
    open_session(&s, ctx, dial(url), way);
    free(ask(&s, "first", "first"));
    close_session(&s);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool late = seconds() - began > 0.35;
        if (late) {
            take(ctx, way, i);
        } else if (steps[i].then_calls) {
            open_session(&s, ctx, dial(url), way);
            free(ask(&s, steps[i].name, steps[i].name));
            close_session(&s);
        }
    }
}
