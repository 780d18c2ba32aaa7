/*
 * A mode of openssl_client.c, "stricter", with STRICTER in the environment: two calls to a server that the program accepts, and one under terms on which it does not. With
 * XCS the third may not be sent by a run-ahead either, which has met the server on the others' terms.
 */
#include "openssl_session.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int refuse_all(X509_STORE_CTX *verification, void *arg) {
    (void)arg;
    X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static int accept_all(X509_STORE_CTX *verification, void *arg) {
    (void)verification;
    (void)arg;
    return 1;
}

static int refuse(int ok, X509_STORE_CTX *verification) {
    (void)ok;
    X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static void by_function(SSL_CTX *ctx) {
    SSL_CTX_set_cert_verify_callback(ctx, refuse_all, NULL);
}

static void by_callback(SSL_CTX *ctx) {
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, refuse);
}

static void by_store(SSL_CTX *ctx) {
    X509_STORE_set_verify_cb(SSL_CTX_get_cert_store(ctx), refuse);
}

static void by_version(SSL_CTX *ctx) {
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_CCM_8_SHA256");
}

static void by_revocation(SSL_CTX *ctx) {
    X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_CRL_CHECK);
}

static void by_time(SSL_CTX *ctx) {
    X509_VERIFY_PARAM_set_time(SSL_CTX_get0_param(ctx), time(NULL) + 1000L * 24 * 3600);
}

static void by_authorities(SSL_CTX *ctx) {
    SSL_CTX_set_cert_store(ctx, X509_STORE_new());
}

static void by_log(SSL_CTX *ctx) {
    SSL_CTX_enable_ct(ctx, SSL_CT_VALIDATION_STRICT);
}

static const struct {
    const char *name;
    void (*set)(SSL_CTX *);
} terms[] = {{"function", by_function},
             {"callback", by_callback},
             {"store", by_store},
             {"version", by_version},
             {"time", by_time},
             {"revocation", by_revocation},
             {"authorities", by_authorities},
             {"log", by_log}};

static void call(SSL_CTX *ctx, const struct way *way, const char *prompt) {
    struct session s;
    open_session(&s, ctx, dial(url), way);
    free(ask(&s, prompt, prompt));
    close_session(&s);
}

/* The program sends what it has to say to whom it accepts. */
static void try(SSL_CTX *ctx, const struct way *way, const char *prompt) {
    struct session s = {.way = way, .ssl = SSL_new(ctx), .fd = dial(url)};
    SSL_set_fd(s.ssl, s.fd);
    SSL_set_tlsext_host_name(s.ssl, "localhost");
    int r = SSL_connect(s.ssl);
    say("connected %d, result %ld\n", r, SSL_get_verify_result(s.ssl));
    ERR_clear_error();
    if (r == 1)
        free(ask(&s, prompt, prompt));
    show_text();
    SSL_free(s.ssl);
    close(s.fd);
}

void mode_stricter(SSL_CTX *ctx, const struct way *way) {
    const char *by = getenv("STRICTER");
    for (size_t i = 0; by && i < sizeof terms / sizeof *terms; i++) {
        if (strcmp(terms[i].name, by) != 0)
            continue;
        SSL_CTX *second = new_context();
        if (i == 0)
            SSL_CTX_set_cert_verify_callback(ctx, accept_all, NULL);
        terms[i].set(second);
        call(ctx, way, "first");
        call(ctx, way, "second");
        try(second, way, "third");
        SSL_CTX_free(second);
    }
}
