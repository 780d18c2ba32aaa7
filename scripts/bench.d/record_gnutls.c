/* GnuTLS's row of the benchmark's record.c. */
#include "record.h"
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <time.h>

static void must(int result) {
    if (result < 0)
        exit(1);
}

static gnutls_certificate_credentials_t credentials(void) {
    gnutls_certificate_credentials_t c;
    must(gnutls_certificate_allocate_credentials(&c));
    return c;
}

static gnutls_certificate_credentials_t server_credentials(void) {
    gnutls_certificate_credentials_t c = credentials();
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    must(gnutls_x509_privkey_init(&key));
    must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    must(gnutls_x509_crt_init(&certificate));
    must(gnutls_x509_crt_set_version(certificate, 3));
    must(gnutls_x509_crt_set_serial(certificate, "\1", 1));
    must(gnutls_x509_crt_set_activation_time(certificate, time(NULL) - 3600));
    must(gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3600));
    must(gnutls_x509_crt_set_key(certificate, key));
    must(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0));
    must(gnutls_certificate_set_x509_key(c, &certificate, 1, key));
    return c;
}

static gnutls_session_t session_on(unsigned flags, gnutls_certificate_credentials_t c, int fd) {
    gnutls_session_t session;
    must(gnutls_init(&session, flags | GNUTLS_NONBLOCK));
    must(gnutls_set_default_priority(session));
    must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, c));
    gnutls_transport_set_int(session, fd);
    return session;
}

static struct pair open_pair(int client, int server) {
    gnutls_session_t near = session_on(GNUTLS_CLIENT, credentials(), client);
    gnutls_session_t far = session_on(GNUTLS_SERVER, server_credentials(), server);
    for (int r = GNUTLS_E_AGAIN, s = GNUTLS_E_AGAIN; r != 0 || s != 0;) {
        r = r != 0 ? gnutls_handshake(near) : 0;
        s = s != 0 ? gnutls_handshake(far) : 0;
        if (gnutls_error_is_fatal(r) || gnutls_error_is_fatal(s))
            exit(1);
    }
    return (struct pair){near, far};
}

static long send_record(void *session, const void *p, size_t n) {
    return gnutls_record_send(session, p, n);
}

static long receive_record(void *session, void *p, size_t n) {
    return gnutls_record_recv(session, p, n);
}

const struct library gnutls = {"gnutls", open_pair, send_record, receive_record};
