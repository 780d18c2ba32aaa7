/* See tls.h. Functions that call the library do so without the state lock: the library's own reads and writes take it. */
#include "tls.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define PEERS 64
#define PEER_MAX 1500
#define RECONNECT_MS 5000

/* Numbered from 1. A peer is never forgotten: the engine knows it by its number. */
static struct peer {
    char name_and_key[PEER_MAX];
    size_t len;
    struct tls_witness witness;
} peers[PEERS];
static size_t npeers;

struct conn *tls_conn(const struct tls_lib *lib, const void *ssl) {
    if (xcs_mode != XCS_MODE_MAIN || !lib->usable)
        return NULL;
    int fd = lib->SSL_get_fd(ssl);
    struct conn *c = fd < 0 ? NULL : fdtab_get(fd);
    return c && c != XCS_OURS && c->tls && c->tls->ssl == ssl ? c : NULL;
}

void tls_begins(const struct tls_lib *lib, void *ssl) {
    sigset_t saved;
    int fd = lib->usable ? lib->SSL_get_fd(ssl) : -1;
    struct conn *c = fd < 0 ? NULL : conn_of(fd);
    if (!c || c == XCS_OURS || c->tls || !conn_mine())
        return;
    xcs_lock(&saved);
    c = conn_locked(fd);
    if (c && c->state == CONN_IDLE) {
        c->session = (struct tls){.lib = lib, .ssl = ssl};
        c->tls = &c->session;
    }
    xcs_unlock(&saved);
}

static bool left_alone(const struct tls_lib *lib, const void *ssl) {
    const unsigned char *alpn = NULL;
    unsigned n = 0;
    lib->SSL_get0_alpn_selected(ssl, &alpn, &n);
    return lib->SSL_get_certificate(ssl) || (alpn && !(n == 8 && memcmp(alpn, "http/1.1", 8) == 0));
}

/* "name\0key" of the session's peer; 0 when that cannot be had. */
static size_t describe_peer(const struct tls_lib *lib, const void *ssl, void *certificate, char *out) {
    const char *name = lib->SSL_get_servername(ssl, 0);
    size_t n = name ? strlen(name) : 0;
    const void *key = lib->X509_get_X509_PUBKEY(certificate);
    int len = key ? lib->i2d_X509_PUBKEY(key, NULL) : 0;
    if (len <= 0 || n > 255 || n + 1 + (size_t)len > PEER_MAX)
        return 0;
    unsigned char *p = (unsigned char *)out + n + 1;
    memcpy(out, name ? name : "", n + 1);
    lib->i2d_X509_PUBKEY(key, &p);
    return n + 1 + (size_t)len;
}

static int authorities(const struct tls_lib *lib, const void *ssl) {
    void *store = lib->SSL_CTX_get_cert_store(lib->SSL_get_SSL_CTX(ssl));
    void *objects = store ? lib->X509_STORE_get0_objects(store) : NULL;
    return objects ? lib->OPENSSL_sk_num(objects) : 0;
}

static void witness(struct tls_witness *w, const struct tls_lib *lib, void *ssl, void *certificate,
                    const struct xcs_addr *addr) {
    const unsigned char *alpn = NULL;
    unsigned n = 0;
    if (w->certificate)
        w->lib->X509_free(w->certificate);
    *w = (struct tls_witness){.addr = *addr,
                              .lib = lib,
                              .certificate = certificate,
                              .version = lib->SSL_get_version(ssl),
                              .cipher = lib->SSL_get_current_cipher(ssl),
                              .verify_result = lib->SSL_get_verify_result(ssl),
                              .verify_mode = lib->SSL_get_verify_mode(ssl),
                              .authorities = authorities(lib, ssl)};
    lib->SSL_get0_alpn_selected(ssl, &alpn, &n);
    if (alpn && n <= sizeof w->alpn) {
        memcpy(w->alpn, alpn, n);
        w->alpn_len = n;
    }
}

/* Needs the state lock. The certificate's reference is taken over. */
static uint32_t number_of(const struct tls_lib *lib, void *ssl, void *certificate, const struct xcs_addr *addr,
                          const char *text, size_t len) {
    size_t i = 0;
    while (i < npeers && !(peers[i].len == len && memcmp(peers[i].name_and_key, text, len) == 0 &&
                           memcmp(&peers[i].witness.addr, addr, sizeof *addr) == 0))
        i++;
    if (i == PEERS) {
        lib->X509_free(certificate);
        return 0;
    }
    if (i == npeers) {
        memcpy(peers[i].name_and_key, text, len);
        peers[i].len = len;
        npeers++;
    }
    witness(&peers[i].witness, lib, ssl, certificate, addr);
    return channel_trust((uint32_t)i + 1, peers[i].name_and_key, len) ? (uint32_t)i + 1 : 0;
}

void tls_opened(const struct tls_lib *lib, void *ssl) {
    sigset_t saved;
    char text[PEER_MAX];
    int fd = lib->SSL_get_fd(ssl), err = errno;
    uint32_t trust = 0;
    struct conn *c = tls_conn(lib, ssl);
    if (!c || c->tls->trust)
        return;
    lib->ERR_set_mark();
    void *certificate = left_alone(lib, ssl) ? NULL : tls_peer_certificate(lib, ssl);
    size_t len = certificate ? describe_peer(lib, ssl, certificate, text) : 0;
    lib->ERR_pop_to_mark();
    if (certificate && !len)
        lib->X509_free(certificate);
    xcs_lock(&saved);
    if (len && conn_locked(fd) == c)
        c->tls->trust = trust = number_of(lib, ssl, certificate, &c->addr, text, len);
    xcs_unlock(&saved);
    if (!trust)
        conn_forget(fd);
    errno = err;
}

const struct tls_witness *tls_witness_of(const struct tls_lib *lib, void *ssl, const struct xcs_addr *addr) {
    const char *name = lib->SSL_get_servername(ssl, 0);
    int mode = lib->SSL_get_verify_mode(ssl), known = authorities(lib, ssl);
    for (size_t i = 0; i < npeers; i++) {
        const struct tls_witness *w = &peers[i].witness;
        if (w->lib == lib && memcmp(&w->addr, addr, sizeof *addr) == 0 && w->verify_mode == mode &&
            w->authorities == known && strcmp(peers[i].name_and_key, name ? name : "") == 0 && !left_alone(lib, ssl) &&
            channel_trust_told((uint32_t)i + 1))
            return w;
    }
    return NULL;
}

uint32_t tls_witness_number(const struct tls_witness *w) {
    const struct peer *p = (const struct peer *)((const char *)w - offsetof(struct peer, witness));
    return (uint32_t)(p - peers) + 1;
}

uint32_t tls_trust(const struct conn *c) {
    return c->tls ? c->tls->trust : 0;
}

void tls_end(struct conn *c) {
    c->tls = NULL;
}

/* --- the session as a transport --- */

/* SSL_peek on a descriptor that does not block for the moment: session tickets are taken in, data stays. */
static int peek_now(const struct tls *t, int fd, bool *alive) {
    char byte;
    long flags = xcs_sys2(SYS_fcntl, fd, F_GETFL);
    t->lib->ERR_set_mark();
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    int r = t->lib->SSL_peek(t->ssl, &byte, 1);
    int error = r > 0 ? 0 : t->lib->SSL_get_error(t->ssl, r);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags);
    t->lib->ERR_pop_to_mark();
    *alive = r > 0 || error == TLS_ERROR_WANT_READ || error == TLS_ERROR_WANT_WRITE;
    return r;
}

bool tls_waits(struct conn *c) {
    bool alive;
    int fd = c->tls->lib->SSL_get_fd(c->tls->ssl), err = errno;
    int r = peek_now(c->tls, fd, &alive);
    errno = err;
    return r <= 0 && alive;
}

static int connect_again(const struct conn *c, int fd) {
    struct timeval limit = {RECONNECT_MS / 1000, 0};
    int one = 1;
    int fresh = (int)xcs_sys3(SYS_socket, c->addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)fd;
    if (fresh < 0)
        return -1;
    xcs_sys5(SYS_setsockopt, fresh, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    xcs_sys5(SYS_setsockopt, fresh, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    xcs_sys5(SYS_setsockopt, fresh, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (xcs_sys3(SYS_connect, fresh, &c->addr.u, c->addr.len) < 0) {
        xcs_sys1(SYS_close, fresh);
        return -1;
    }
    return fresh;
}

/*
 * The server has closed the session while calls were HITs: a new connection and handshake under the same SSL object, which
 * keeps the program's settings; the peer must be the one that the program knows.
 */
static bool revive(struct conn *c, int fd) {
    sigset_t saved;
    struct tls *t = c->tls;
    char text[PEER_MAX];
    long flags = xcs_sys2(SYS_fcntl, fd, F_GETFL);
    int fresh = connect_again(c, fd);
    if (fresh < 0)
        return false;
    xcs_lock(&saved);
    c->ino = conn_ino(fresh);
    conn_replace(c, fresh);
    xcs_unlock(&saved);
    xcs_sys1(SYS_close, fresh);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
    t->lib->ERR_set_mark();
    bool ok = t->lib->SSL_clear(t->ssl) == 1 && t->lib->SSL_connect(t->ssl) == 1;
    void *certificate = ok ? tls_peer_certificate(t->lib, t->ssl) : NULL;
    size_t len = certificate ? describe_peer(t->lib, t->ssl, certificate, text) : 0;
    const struct peer *known = &peers[t->trust - 1];
    ok = len == known->len && memcmp(text, known->name_and_key, len) == 0;
    if (certificate)
        t->lib->X509_free(certificate);
    t->lib->ERR_pop_to_mark();
    struct timeval none = {0, 0};
    xcs_sys5(SYS_setsockopt, fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    xcs_sys5(SYS_setsockopt, fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags);
    return ok;
}

ssize_t tls_send(struct conn *c, int fd, const void *p, size_t n) {
    struct tls *t = c->tls;
    bool alive = true;
    if (c->skipped && c->sent == 0 && t->trust) {
        peek_now(t, fd, &alive);
        if (!alive && !revive(c, fd)) {
            errno = ECONNRESET;
            return -1;
        }
        c->skipped = alive;
    }
    int r = t->lib->SSL_write(t->ssl, p, n > 1 << 30 ? 1 << 30 : (int)n);
    t->error = r > 0 ? 0 : t->lib->SSL_get_error(t->ssl, r);
    if (r > 0)
        return r;
    if (t->error == TLS_ERROR_WANT_READ || t->error == TLS_ERROR_WANT_WRITE)
        errno = EAGAIN;
    else if (t->error != TLS_ERROR_SYSCALL || errno == 0)
        errno = EPROTO;
    return -1;
}
