/* OpenSSL's row of the benchmark's record.c. */
#include "record.h"
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

static SSL_CTX *server_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    if (!context || X509_sign(certificate, key, EVP_sha256()) <= 0 ||
        SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1)
        exit(1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static SSL *session_on(SSL_CTX *context, int fd) {
    SSL *ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        exit(1);
    return ssl;
}

static struct pair open_pair(int client, int server) {
    SSL *near = session_on(SSL_CTX_new(TLS_client_method()), client), *far = session_on(server_context(), server);
    for (int done = 0; !done;) {
        int connected = SSL_connect(near);
        done = SSL_accept(far) == 1 && connected == 1;
    }
    return (struct pair){near, far};
}

static long send_record(void *session, const void *p, size_t n) {
    return SSL_write(session, p, (int)n);
}

static long receive_record(void *session, void *p, size_t n) {
    return SSL_read(session, p, (int)n);
}

const struct library openssl = {"openssl", open_pair, send_record, receive_record};
