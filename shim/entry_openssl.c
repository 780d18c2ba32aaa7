/*
 * Interposed: OpenSSL's handshake and record API (SSL_connect(3), SSL_read(3), SSL_write(3), SSL_get_error(3)).
 *
 * On a connection that XCS looks at, requests go through conn_send and responses come through conn_receive, as on a plain
 * socket; the results are turned into OpenSSL's: -1 with SSL_ERROR_WANT_READ where a non-blocking descriptor has nothing, 0 with
 * SSL_ERROR_ZERO_RETURN at the end. The error queue stays as it is. Everything else passes to the caller's own library.
 */
#include "entry_openssl.h"
#include "raw.h"
#include <asm/ioctls.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#define RECORD_MAX 16384
#define LATE_NS 10000000

/* --- handshakes --- */

static int handshake(const struct tls_lib *lib, int (*real)(void *), void *ssl, const void *caller) {
    tls_begins(&tls_openssl, lib, ssl);
    if (tls_put_off(lib, ssl, real == lib->SSL_connect, caller))
        return 1;
    int r = real(ssl);
    if (r == 1)
        tls_opened(&tls_openssl, lib, ssl);
    return r;
}

XCS_EXPORT int SSL_connect(void *ssl) {
    LIBRARY;
    if (AHEAD && ahead_tls_connect(&tls_openssl, lib, ssl))
        return 1;
    return MAIN ? handshake(lib, lib->SSL_connect, ssl, __builtin_return_address(0)) : lib->SSL_connect(ssl);
}

XCS_EXPORT int SSL_do_handshake(void *ssl) {
    LIBRARY;
    if (AHEAD && ahead_tls_connect(&tls_openssl, lib, ssl))
        return 1;
    return MAIN ? handshake(lib, lib->SSL_do_handshake, ssl, __builtin_return_address(0)) : lib->SSL_do_handshake(ssl);
}

/* --- records --- */

/* In a run-ahead: the plain socket's answer as SSL_read's or SSL_write's. */
static int ahead_result(ssize_t r) {
    if (r > 0)
        ahead_tls_error(0);
    else if (r == 0)
        ahead_tls_error(TLS_ERROR_ZERO_RETURN);
    else
        ahead_tls_error(errno == EAGAIN || errno == EINTR ? TLS_ERROR_WANT_READ : TLS_ERROR_SYSCALL);
    return r > INT_MAX ? INT_MAX : (int)r;
}

/* The same in main, where the answer was ours. An error that the library has given on the way stays. */
static int main_result(struct conn *c, ssize_t r) {
    if (r > 0)
        c->tls->error = 0;
    else if (r == 0)
        c->tls->error = TLS_ERROR_ZERO_RETURN;
    else if (errno != EAGAIN && errno != EINTR)
        c->tls->error = TLS_ERROR_SYSCALL;
    else if (!c->tls->error)
        c->tls->error = TLS_ERROR_WANT_READ;
    return r > INT_MAX ? INT_MAX : (int)r;
}

/*
 * A write on a session whose handshake is done never waits for the peer, and not every program can deal with that (PHP's streams lose
 * what they were writing). So where a late handshake goes on, there seems to be no room; whoever comes again for that has slept a little.
 */
static void wait_late(struct conn *c, int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    struct timespec limit = {0, LATE_NS};
    if (c->tls->lazy != TLS_LATE || c->tls->error != TLS_ERROR_WANT_READ)
        return;
    xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0);
    c->tls->error = TLS_ERROR_WANT_WRITE;
}

/* True: *result is the answer. */
XCS_COLD static bool write_ours(const struct tls_lib *lib, void *ssl, const void *buf, size_t n, ssize_t *result) {
    struct conn *c = tls_conn(lib, ssl);
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    int fd;
    if (xcs_mode == XCS_MODE_AHEAD && ahead_tls_plain(lib, ssl, &fd)) {
        if (n == 0) {
            ahead_tls_error(TLS_ERROR_SYSCALL);
            *result = 0;
            return true;
        }
        ahead_tls_writes(fd);
        *result = ahead_result(send(fd, buf, n, MSG_NOSIGNAL));
        return true;
    }
    if (!c || !c->tls->trust || c->tls->ended)
        return false;
    c->tls->error = 0;
    if (n == 0)
        return false;
    c->tls->unfinished = false;
    if (!conn_send(lib->SSL_get_fd(ssl), VIA_TLS, &iov, 1, 0, result))
        return false;
    if (!(c = tls_conn(lib, ssl)))
        return true;
    /* An error of the library's own is the library's to report. */
    if (!(*result <= 0 && c->tls->error))
        *result = main_result(c, *result);
    if (*result < 0)
        wait_late(c, lib->SSL_get_fd(ssl));
    c->tls->unfinished = c->tls->error == TLS_ERROR_WANT_READ || c->tls->error == TLS_ERROR_WANT_WRITE;
    return true;
}

enum read_by {
    BY_US,
    BY_LIBRARY
};

/*
 * The end, or a read of nothing, which is no end to OpenSSL. Afterwards the session says of itself that the server has ended it, as
 * it would have after a read of its own.
 */
static void main_read_none(const struct tls_lib *lib, void *ssl, struct conn *c, bool end) {
    c->tls->error = end ? TLS_ERROR_ZERO_RETURN : TLS_ERROR_SYSCALL;
    if (end)
        lib->SSL_set_shutdown(ssl, lib->SSL_get_shutdown(ssl) | TLS_RECEIVED_SHUTDOWN);
}

static enum read_by read_ours(const struct tls_lib *lib, void *ssl, void *buf, size_t n, int flags, ssize_t *result) {
    struct iovec iov = {buf, n};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    int fd;
    if (xcs_mode == XCS_MODE_AHEAD && ahead_tls_plain(lib, ssl, &fd)) {
        *result = ahead_result(n ? recv(fd, buf, n, flags) : 0);
        if (n == 0)
            ahead_tls_error(TLS_ERROR_SYSCALL);
        return BY_US;
    }
    struct conn *c = tls_conn(lib, ssl);
    if (!c || !c->tls->trust)
        return BY_LIBRARY;
    c->tls->error = 0;
    c->tls->unfinished = false;
    tls_settle_session(lib, ssl);
    if (conn_receive(lib->SSL_get_fd(ssl), VIA_TLS, &m, flags, result)) {
        if ((c = tls_conn(lib, ssl)) && *result == 0)
            main_read_none(lib, ssl, c, n > 0);
        else if (c)
            *result = main_result(c, *result);
        return BY_US;
    }
    /* The run-ahead was forked in there. */
    return xcs_mode == XCS_MODE_AHEAD ? read_ours(lib, ssl, buf, n, flags, result) : BY_LIBRARY;
}

/* After a real read; true: once more. */
static bool read_again(const struct tls_lib *lib, void *ssl, int r) {
    struct conn *c = tls_conn(lib, ssl);
    if (!c || c->state != CONN_WAIT)
        return false;
    int err = errno;
    int error = r > 0 ? 0 : lib->SSL_get_error(ssl, r);
    bool waits = error == TLS_ERROR_WANT_READ || error == TLS_ERROR_WANT_WRITE;
    bool again = !waits && conn_received(lib->SSL_get_fd(ssl), VIA_TLS, r > 0 ? r : 0, 0);
    errno = err;
    return again;
}

/* What was read of an answer that the engine wants to see. */
static void show(const struct tls_lib *lib, void *ssl, void *buf, ssize_t n, int flags) {
    struct conn *c = n > 0 ? tls_conn(lib, ssl) : NULL;
    struct iovec iov = {buf, (size_t)n};
    if (c && c->learn)
        conn_show(lib->SSL_get_fd(ssl), VIA_TLS, &iov, n, flags);
}

/* A session that is none of our business. */
static inline bool is_other(const struct tls_lib *lib, const void *ssl) {
    const struct conn *c = tls_conn(lib, ssl);
    return (!c || !c->tls->trust) && xcs_mode == XCS_MODE_MAIN;
}

/* Nothing is known to be read here, nor waited for: the record goes by. This is all that it costs. */
static inline bool goes_by(const struct tls_lib *lib, const void *ssl) {
    struct conn *c = tls_conn(lib, ssl);
    if (!c || !c->tls->trust)
        return xcs_mode == XCS_MODE_MAIN;
    if (c->state != CONN_IDLE || c->tls->lazy || c->learn)
        return false;
    c->tls->error = 0;
    c->tls->unfinished = false;
    return true;
}

XCS_COLD static int read_int(const struct tls_lib *lib, int (*real)(void *, void *, int), void *ssl, void *buf, int n,
                             int flags) {
    for (;;) {
        ssize_t r;
        if (n >= 0 && read_ours(lib, ssl, buf, (size_t)n, flags, &r) == BY_US)
            return (int)r;
        int got = real(ssl, buf, n);
        if (n <= 0 || !read_again(lib, ssl, got)) {
            show(lib, ssl, buf, got, flags);
            return got;
        }
    }
}

XCS_COLD static int read_ex(const struct tls_lib *lib, int (*real)(void *, void *, size_t, size_t *), void *ssl,
                            void *buf, size_t n, size_t *done, int flags) {
    for (;;) {
        ssize_t r;
        if (read_ours(lib, ssl, buf, n, flags, &r) == BY_US) {
            if (r > 0)
                *done = (size_t)r;
            return r > 0;
        }
        int got = real(ssl, buf, n, done);
        if (n == 0 || !read_again(lib, ssl, got > 0 ? 1 : got)) {
            show(lib, ssl, buf, got > 0 ? (ssize_t)*done : 0, flags);
            return got;
        }
    }
}

#define WRITE_PASSES (nested || !xcs_mode || is_other(lib, ssl))
#define PASSES (nested || !xcs_mode || goes_by(lib, ssl))

XCS_EXPORT int SSL_read(void *ssl, void *buf, int n) {
    LIBRARY;
    return PASSES ? lib->SSL_read(ssl, buf, n) : read_int(lib, lib->SSL_read, ssl, buf, n, 0);
}

XCS_EXPORT int SSL_peek(void *ssl, void *buf, int n) {
    LIBRARY;
    return PASSES ? lib->SSL_peek(ssl, buf, n) : read_int(lib, lib->SSL_peek, ssl, buf, n, MSG_PEEK);
}

XCS_EXPORT int SSL_read_ex(void *ssl, void *buf, size_t n, size_t *done) {
    LIBRARY;
    return PASSES ? lib->SSL_read_ex(ssl, buf, n, done) : read_ex(lib, lib->SSL_read_ex, ssl, buf, n, done, 0);
}

XCS_EXPORT int SSL_peek_ex(void *ssl, void *buf, size_t n, size_t *done) {
    LIBRARY;
    return PASSES ? lib->SSL_peek_ex(ssl, buf, n, done) : read_ex(lib, lib->SSL_peek_ex, ssl, buf, n, done, MSG_PEEK);
}

XCS_EXPORT int SSL_write(void *ssl, const void *buf, int n) {
    LIBRARY;
    ssize_t r;
    if (!WRITE_PASSES && n >= 0 && write_ours(lib, ssl, buf, (size_t)n, &r))
        return (int)r;
    return lib->SSL_write(ssl, buf, n);
}

XCS_EXPORT int SSL_write_ex(void *ssl, const void *buf, size_t n, size_t *done) {
    LIBRARY;
    ssize_t r;
    if (!WRITE_PASSES && n < INT_MAX && write_ours(lib, ssl, buf, n, &r)) {
        bool ok = r > 0 || n == 0;
        if (ok)
            *done = (size_t)r;
        return ok;
    }
    return lib->SSL_write_ex(ssl, buf, n, done);
}

XCS_EXPORT int SSL_get_error(const void *ssl, int ret) {
    LIBRARY;
    int fd;
    struct conn *c = nested ? NULL : tls_conn(lib, ssl);
    if (AHEAD && ahead_tls_plain(lib, ssl, &fd))
        return ret > 0 ? 0 : ahead_tls_last_error();
    return c && ret <= 0 && c->tls->error ? c->tls->error : lib->SSL_get_error(ssl, ret);
}

/*
 * What is swapped in has nothing buffered above the descriptor. Once a read has begun the response, what is there counts as the
 * rest of the record that it came in: programs drain a record with SSL_pending. -1: the library is to be asked.
 */
static int pending_ours(const struct tls_lib *lib, const void *ssl) {
    int fd, n = 0;
    if (xcs_mode == XCS_MODE_AHEAD) {
        if (!ahead_tls_plain(lib, ssl, &fd))
            return -1;
    } else {
        const struct conn *c = tls_conn(lib, ssl);
        if (!c || c->state != CONN_HIT)
            return -1;
        if (c->copy < 0)
            return 0;
        fd = lib->SSL_get_fd(ssl);
    }
    xcs_sys3(SYS_ioctl, fd, FIONREAD, &n);
    return n < RECORD_MAX ? n : RECORD_MAX;
}

XCS_EXPORT int SSL_pending(const void *ssl) {
    LIBRARY;
    int n = nested ? -1 : pending_ours(lib, ssl);
    return n >= 0 ? n : lib->SSL_pending(ssl);
}

XCS_EXPORT int SSL_has_pending(const void *ssl) {
    LIBRARY;
    int n = nested ? -1 : pending_ours(lib, ssl);
    return n >= 0 ? n > 0 : lib->SSL_has_pending(ssl);
}

/* --- the session's end --- */

XCS_EXPORT int SSL_shutdown(void *ssl) {
    LIBRARY;
    int fd, result;
    if (AHEAD && ahead_tls_plain(lib, ssl, &fd))
        return 1;
    if (MAIN && tls_end_unused(lib, ssl, &result))
        return result;
    struct conn *c = MAIN ? tls_conn(lib, ssl) : NULL;
    if (!c)
        return lib->SSL_shutdown(ssl);
    /* The second step: with its response the server has ended the session too; on the real connection it need not say so. */
    if (c->state == CONN_EOF && (lib->SSL_get_shutdown(ssl) & TLS_SENT_SHUTDOWN))
        lib->SSL_set_shutdown(ssl, TLS_SENT_SHUTDOWN | TLS_RECEIVED_SHUTDOWN);
    c->tls->error = 0;
    fd = lib->SSL_get_fd(ssl);
    int response = conn_ending(fd);
    if (response < 0)
        conn_forget(fd);
    result = lib->SSL_shutdown(ssl);
    conn_ended(fd, response);
    return result;
}

XCS_EXPORT void SSL_free(void *ssl) {
    LIBRARY;
    if (MAIN && ssl)
        tls_gone(lib, ssl);
    lib->SSL_free(ssl);
}

/* The library does the same before each handshake. */
XCS_EXPORT int SSL_clear(void *ssl) {
    LIBRARY;
    if (MAIN && !tls_lib_calls(lib, __builtin_return_address(0))) {
        tls_settle_session(lib, ssl);
        tls_gone(lib, ssl);
    }
    return lib->SSL_clear(ssl);
}
