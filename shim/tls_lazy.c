/* See tls_lazy.h. */
#include "tls_lazy.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "tls_terms.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define SETTLE_MS 5000

static bool is_connected(int fd) {
    struct pollfd p = {fd, POLLOUT, 0};
    struct timespec now = {0, 0};
    return xcs_sys5(SYS_ppoll, &p, 1, &now, 0, 0) == 1 && p.revents == POLLOUT;
}

/* A handshake has not begun and may be put off, as far as the session itself tells. */
static bool may_wait(const struct tls_lib *lib, void *ssl, bool connects, const struct conn *c) {
    struct tls_terms terms;
    if (!lib->lazy || c->state != CONN_IDLE || c->tunnel || c->tls->trust || !lib->SSL_in_before(ssl) ||
        (!connects && lib->SSL_is_server(ssl)))
        return false;
    terms = tls_terms_of(lib, ssl);
    return tls_terms_plain(lib, ssl, &terms);
}

/* What is known of the peer; certificate NULL: it has not been met, or nothing waits for main. */
static struct tls_witness met_and_awaited(const struct tls_lib *lib, void *ssl, const struct conn *c,
                                          uint32_t *number) {
    sigset_t saved;
    struct tls_witness w = {.certificate = NULL};
    xcs_lock(&saved);
    const struct tls_witness *met = tls_witness_of(&tls_openssl, lib, ssl, &c->addr, false);
    *number = met ? tls_witness_number(met) : 0;
    if (met && !met->stapled && channel_foreseen(*number))
        w = *met;
    xcs_unlock(&saved);
    return w;
}

/* What goes through the library's own layers (BIO_f_ssl) makes it shake hands by itself. */
static bool is_put_off(const struct tls *t) {
    const struct tls_lib *lib = t->lib;
    return t->lazy == TLS_LAZY && lib->SSL_in_before(t->ssl);
}

bool tls_put_off(const struct tls_lib *lib, void *ssl, bool connects, const void *caller) {
    uint32_t number;
    struct conn *c = tls_conn(lib, ssl);
    int err = errno;
    if (!c)
        return false;
    /* It has been told that it is done, and does not believe it. While a response of ours is read nothing else can be told. */
    if (c->tls->lazy && (c->state == CONN_HIT || c->state == CONN_EOF))
        return true;
    if (c->tls->lazy) {
        tls_settle(c, lib->SSL_get_fd(ssl));
        return false;
    }
    if (!may_wait(lib, ssl, connects, c) || !is_connected(lib->SSL_get_fd(ssl)) || tls_lib_calls(lib, caller))
        return false;
    struct tls_witness w = met_and_awaited(lib, ssl, c, &number);
    bool wait = w.certificate && tls_terms_accept(lib, ssl, w.certificate, w.chain, false);
    if (wait) {
        if (connects)
            lib->SSL_set_connect_state(ssl);
        c->tls->trust = number;
        c->tls->verified = lib->SSL_get_verify_result(ssl);
        c->tls->lazy = TLS_LAZY;
    }
    errno = err;
    return wait;
}

/*
 * The program's callback has seen this verification, when the handshake was put off, and has let it pass each time it was asked. It must not
 * see it again; but what the server shows now may be something else.
 */
static int verify_late(int ok, void *verification) {
    const struct tls_lib *lib = tls_lib_in_use;
    void *ssl = lib->X509_STORE_CTX_get_ex_data(verification, lib->SSL_get_ex_data_X509_STORE_CTX_idx());
    struct conn *c = ssl ? tls_conn(lib, ssl) : NULL;
    if (!c || !c->tls->verify)
        return ok;
    const struct tls_witness *w = tls_witness_at(c->tls->trust);
    if (tls_terms_shown(lib, verification, w->certificate, w->chain))
        return 1;
    int (*callback)(int, void *) = (int (*)(int, void *))c->tls->verify;
    c->tls->verified = -1;
    return callback(ok, verification);
}

void tls_verify_once(struct tls *t) {
    const struct tls_lib *lib = t->lib;
    t->verify = lib->SSL_get_verify_callback(t->ssl);
    if (t->verify)
        lib->SSL_set_verify(t->ssl, lib->SSL_get_verify_mode(t->ssl), (void *)verify_late);
}

/* After the handshake all is as the program has set it, and as it has seen it. */
void tls_verify_over(struct tls *t, bool done) {
    const struct tls_lib *lib = t->lib;
    if (!t->verify)
        return;
    lib->SSL_set_verify(t->ssl, lib->SSL_get_verify_mode(t->ssl), t->verify);
    if (done && t->verified >= 0)
        lib->SSL_set_verify_result(t->ssl, t->verified);
    t->verify = NULL;
}

/* A server that has waited too long for the handshake has closed the connection: nothing was said on it, a new one will do. */
static void begin(struct conn *c, int fd) {
    sigset_t saved;
    xcs_lock(&saved);
    if (conn_locked(fd) == c)
        conn_refresh(c, fd);
    c->skipped = false;
    c->tls->lazy = TLS_LATE;
    xcs_unlock(&saved);
}

/* The lookup was made for another peer than the one that has come. */
static void tell(uint32_t trust) {
    sigset_t saved;
    xcs_lock(&saved);
    channel_trust_tell(trust);
    xcs_unlock(&saved);
}

bool tls_become_real(struct conn *c, int fd) {
    struct tls *t = c->tls;
    const struct tls_lib *lib = t->lib;
    void *ssl = t->ssl;
    tls_lib_in_use = lib;
    if (t->lazy == TLS_LAZY) {
        begin(c, fd);
        tls_verify_once(t);
        if (t->ended)
            lib->SSL_set_shutdown(ssl, 0); /* of which the server knows nothing */
        t->ended = false;
    }
    int r = lib->SSL_do_handshake(ssl);
    t->error = r == 1 ? 0 : lib->SSL_get_error(ssl, r);
    if (t->error == TLS_ERROR_WANT_READ || t->error == TLS_ERROR_WANT_WRITE) {
        errno = EAGAIN;
        return false;
    }
    uint32_t expected = t->trust;
    int err = t->error == TLS_ERROR_SYSCALL && errno ? errno : EPROTO;
    t->lazy = TLS_REAL;
    if (r == 1 && t->asked && !tls_is_expected(c, fd)) {
        r = -1;
        t->error = TLS_ERROR_SYSCALL;
        err = ECONNRESET;
    }
    /* From here on the library speaks for the session. */
    tls_verify_over(t, r == 1);
    t->trust = 0;
    if (r == 1) {
        err = EBADF;
        tls_opened(&tls_openssl, lib, ssl);
        if (tls_conn(lib, ssl) == c) {
            if (t->trust != expected)
                tell(t->trust);
            return true;
        }
    }
    errno = err;
    return false;
}

void tls_settle(struct conn *c, int fd) {
    int err = errno;
    while (c->tls && c->tls->lazy && !tls_become_real(c, fd) && errno == EAGAIN) {
        struct pollfd p = {fd, c->tls->error == TLS_ERROR_WANT_READ ? POLLIN : POLLOUT, 0};
        struct timespec limit = {SETTLE_MS / 1000, 0};
        if (xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0) == 0)
            break;
    }
    errno = err;
}

void tls_settle_session(const struct tls_lib *lib, const void *ssl) {
    struct conn *c = tls_conn(lib, ssl);
    if (!c || c->tls->lazy != TLS_LAZY || !(c->state == CONN_IDLE || c->state == CONN_HOLD))
        return;
    int fd = lib->SSL_get_fd(ssl);
    void *session = c->tls->ssl;
    bool ended = c->tls->ended;
    tls_settle(c, fd);
    if (ended) {
        conn_forget(fd);
        lib->SSL_shutdown(session);
    }
}

void tls_gone(const struct tls_lib *lib, void *ssl) {
    struct conn *c = tls_conn(lib, ssl);
    if (!c)
        return;
    int fd = lib->SSL_get_fd(ssl);
    if (c->state == CONN_HOLD || c->state == CONN_SEND)
        tls_settle(c, fd);
    tls_freed(fd, ssl);
}

const struct tls_witness *tls_lazy_witness(const struct tls_lib *lib, const void *ssl) {
    const struct conn *c = tls_conn(lib, ssl);
    return c && is_put_off(c->tls) ? tls_witness_at(c->tls->trust) : NULL;
}

const struct tls_witness *tls_lazy_judged(const struct tls_lib *lib, const void *ssl) {
    const struct tls_witness *w = tls_lazy_witness(lib, ssl);
    struct conn *c = w ? tls_conn(lib, ssl) : NULL;
    if (c)
        c->tls->asked = true;
    return w;
}

bool tls_end_unused(const struct tls_lib *lib, void *ssl, int *result) {
    struct conn *c = tls_conn(lib, ssl);
    int done = lib->usable ? lib->SSL_get_shutdown(ssl) & TLS_RECEIVED_SHUTDOWN : 0; /* told by a HIT's end */
    /* After an answer with which the server ends the session its part is on the way. */
    if (c && c->tls->ended && c->state == CONN_EOF)
        done = TLS_RECEIVED_SHUTDOWN;
    if (!c || !is_put_off(c->tls) || (c->tls->ended && !done) ||
        !(c->state == CONN_IDLE || c->state == CONN_EOF || c->state == CONN_HIT)) {
        tls_settle_session(lib, ssl); /* it waits for the server's part */
        return false;
    }
    if (lib->SSL_get_quiet_shutdown(ssl))
        done = TLS_RECEIVED_SHUTDOWN;
    lib->SSL_set_shutdown(ssl, TLS_SENT_SHUTDOWN | done);
    c->tls->ended = true;
    c->tls->error = 0;
    *result = done != 0;
    return true;
}
