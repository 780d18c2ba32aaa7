/* OpenSSL's row of struct tls_kind (tls.h): how a session of it is looked at, written to and begun again. */
#include "tls_lazy.h"
#include <errno.h>
#include <string.h>

static int session_fd(const void *functions, const void *ssl) {
    const struct tls_lib *lib = functions;
    return lib->usable ? lib->SSL_get_fd(ssl) : -1;
}

static void *joint(const void *functions, const void *ssl) {
    const struct tls_lib *lib = functions;
    return lib->SSL_get_rbio(ssl);
}

static bool left_alone(const struct tls_lib *lib, void *ssl) {
    const unsigned char *alpn = NULL;
    unsigned n = 0;
    lib->SSL_get0_alpn_selected(ssl, &alpn, &n);
    return lib->SSL_get_certificate(ssl) || tls_terms_watched(lib, ssl) ||
           (alpn && !(n == 8 && memcmp(alpn, "http/1.1", 8) == 0));
}

/* "name\0key" of the session's peer; 0 when that cannot be had. */
static size_t describe_peer(const struct tls_lib *lib, const void *ssl, void *certificate, char *out, size_t size) {
    const char *name = lib->SSL_get_servername(ssl, 0);
    size_t n = name ? strlen(name) : 0;
    const void *key = lib->X509_get_X509_PUBKEY(certificate);
    int len = key ? lib->i2d_X509_PUBKEY(key, NULL) : 0;
    if (len <= 0 || n > 255 || n + 1 + (size_t)len > size)
        return 0;
    unsigned char *p = (unsigned char *)out + n + 1;
    memcpy(out, name ? name : "", n + 1);
    lib->i2d_X509_PUBKEY(key, &p);
    return n + 1 + (size_t)len;
}

static void witness(struct tls_witness *w, const struct tls_lib *lib, void *ssl, void *certificate) {
    const unsigned char *alpn = NULL;
    unsigned n = 0;
    *w = (struct tls_witness){.lib = lib,
                              .certificate = certificate,
                              .version = lib->SSL_get_version(ssl),
                              .cipher = lib->SSL_get_current_cipher(ssl)};
    void *chain = lib->lazy ? lib->SSL_get_peer_cert_chain(ssl) : NULL;
    if (chain) {
        w->chain = lib->X509_chain_up_ref(chain);
        w->stapled = tls_terms_stapled(lib, ssl);
        w->terms = tls_terms_of(lib, ssl);
    }
    lib->SSL_get0_alpn_selected(ssl, &alpn, &n);
    if (alpn && n <= sizeof w->alpn) {
        memcpy(w->alpn, alpn, n);
        w->alpn_len = n;
    }
}

static size_t describe(const void *functions, void *ssl, char *out, size_t size, struct tls_witness *w) {
    const struct tls_lib *lib = functions;
    lib->ERR_set_mark();
    void *certificate = left_alone(lib, ssl) ? NULL : tls_peer_certificate(lib, ssl);
    size_t len = certificate ? describe_peer(lib, ssl, certificate, out, size) : 0;
    if (len && w)
        witness(w, lib, ssl, certificate);
    else if (certificate)
        lib->X509_free(certificate);
    lib->ERR_pop_to_mark();
    return len;
}

static void forget(struct tls_witness *w) {
    const struct tls_lib *lib = w->lib;
    lib->X509_free(w->certificate);
    if (w->chain)
        lib->OPENSSL_sk_pop_free(w->chain, lib->X509_free);
}

static bool shown(const struct tls_witness *a, const struct tls_witness *b) {
    const struct tls_lib *lib = a->lib;
    return lib == b->lib && lib->lazy && !a->chain == !b->chain && lib->X509_cmp(a->certificate, b->certificate) == 0;
}

static bool accepts(const struct tls_witness *w, void *ssl) {
    return tls_terms_accept(w->lib, ssl, w->certificate, w->chain, w->stapled);
}

/* Without what the peer has shown, as after a session that was resumed from a file, nobody can say whether another would accept it. */
static bool same(const struct tls_witness *w, const char *met, void *ssl) {
    const struct tls_lib *lib = w->lib;
    const char *name = lib->SSL_get_servername(ssl, 0);
    if (!w->chain || strcmp(met, name ? name : "") != 0 || left_alone(lib, ssl))
        return false;
    struct tls_terms terms = tls_terms_of(lib, ssl);
    return memcmp(&terms, &w->terms, sizeof terms) == 0;
}

static int peek(struct tls *t, bool *alive) {
    const struct tls_lib *lib = t->lib;
    char byte;
    lib->ERR_set_mark();
    int r = lib->SSL_peek(t->ssl, &byte, 1);
    int error = r > 0 ? 0 : lib->SSL_get_error(t->ssl, r);
    lib->ERR_pop_to_mark();
    *alive = r > 0 || error == TLS_ERROR_WANT_READ || error == TLS_ERROR_WANT_WRITE;
    return r;
}

static ssize_t send_bytes(struct tls *t, const void *p, size_t n) {
    const struct tls_lib *lib = t->lib;
    int r = lib->SSL_write(t->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    t->error = r > 0 ? 0 : lib->SSL_get_error(t->ssl, r);
    if (r > 0)
        return r;
    if (t->error == TLS_ERROR_WANT_READ || t->error == TLS_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (t->error != TLS_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    return -1;
}

static void tell_nobody(const void *ssl, int where, int ret) {
    (void)ssl;
    (void)where;
    (void)ret;
}

/* The program has seen its handshake, and sees nothing of this one. */
static bool again(struct tls *t, int fd) {
    const struct tls_lib *lib = t->lib;
    bool unseen = lib->lazy && lib->SSL_set_info_callback, verifies = unseen && !t->verify; /* else it is so already */
    void *info = unseen ? lib->SSL_get_info_callback(t->ssl) : NULL;
    (void)fd;
    tls_lib_in_use = lib;
    lib->ERR_set_mark();
    if (unseen)
        lib->SSL_set_info_callback(t->ssl, (void *)tell_nobody);
    if (verifies) {
        t->verified = lib->SSL_get_verify_result(t->ssl);
        tls_verify_once(t);
    }
    bool ok = lib->SSL_clear(t->ssl) == 1 && lib->SSL_connect(t->ssl) == 1;
    if (verifies)
        tls_verify_over(t, ok);
    if (unseen)
        lib->SSL_set_info_callback(t->ssl, info);
    lib->ERR_pop_to_mark();
    return ok;
}

const struct tls_kind tls_openssl = {.fd = session_fd,
                                     .joint = joint,
                                     .describe = describe,
                                     .same = same,
                                     .forget = forget,
                                     .accepts = accepts,
                                     .shown = shown,
                                     .peek = peek,
                                     .send = send_bytes,
                                     .again = again};
