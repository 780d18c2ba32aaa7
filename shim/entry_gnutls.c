/*
 * Interposed: GnuTLS's sessions and records (gnutls_record_send(3), gnutls_record_recv(3)).
 *
 * As in entry_openssl.c, requests go through conn_send and responses come through conn_receive; the results are turned into GnuTLS's
 * error codes. Sessions without a record (gnutls_session.h), and all calls of the library's own, pass.
 *
 * A GnuTLS program may judge its peer after the handshake, with questions of its own. So a peer counts as accepted only when the
 * program begins to send, and not before: one that refuses never does.
 */
#include "entry_gnutls.h"
#include "ahead.h"
#include "raw.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define RECORD_MAX 16384u

/* What the library sends next must come after all that the program was told is sent: for that, this waits. */
static void settle(int fd, const void *freed) {
    long flags = xcs_sys2(SYS_fcntl, fd, F_GETFL);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK);
    if (freed)
        tls_freed(fd, freed);
    else
        conn_forget(fd);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags);
}

static void forget(int fd) {
    settle(fd, NULL);
}

/* --- the session's life --- */

XCS_EXPORT int gnutls_init(void **session, unsigned flags) {
    LIBRARY;
    int r = lib->gnutls_init(session, flags);
    if (r == GNUTLS_OK && !pass && xcs_mode && (flags & GNUTLS_CLIENT_SIDE) && !(flags & GNUTLS_DTLS))
        gnutls_session_new(lib, *session, flags);
    return r;
}

/* The program's own callback judges the peer in the handshake, also in the one that a run-ahead skips. */
static int handshake_ahead(struct gnutls_seen *s, void *session) {
    const struct gnutls_witness *w = gnutls_witness_of(s, session);
    gnutls_judge *judge = w ? w->way.judge : NULL;
    if (judge && judge(session) != 0)
        return GNUTLS_CERTIFICATE_REFUSED;
    gnutls_judged(s, session);
    s->open = true;
    return GNUTLS_OK;
}

XCS_EXPORT int gnutls_handshake(void *session) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    int fd = -1;
    if (!s)
        return lib->gnutls_handshake(session);
    if (xcs_mode == XCS_MODE_AHEAD && !s->open && ahead_tls_connect(&tls_gnutls, lib, session))
        return handshake_ahead(s, session);
    if (s->open && gnutls_conn(s, session, &fd))
        forget(fd); /* once more: the peer may be another one now */
    else if (xcs_mode == XCS_MODE_MAIN)
        tls_begins(&tls_gnutls, lib, session);
    int r = lib->gnutls_handshake(gnutls_live(s, session));
    if (r == GNUTLS_OK) {
        gnutls_judged(s, session);
        s->open = true;
    }
    return r;
}

XCS_EXPORT int gnutls_bye(void *session, int how) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    int fd = -1, response = -1;
    if (s && gnutls_plain(s, session, &fd))
        return GNUTLS_OK;
    const struct conn *c = s ? gnutls_conn(s, session, &fd) : NULL;
    if (c && c->state == CONN_EOF) /* the server has ended the session too, with its response */
        how = GNUTLS_SHUT_WR;
    if (c && (response = conn_ending(fd)) < 0)
        forget(fd);
    int r = lib->gnutls_bye(s ? gnutls_live(s, session) : session, how);
    conn_ended(fd, response);
    return r;
}

XCS_EXPORT void gnutls_deinit(void *session) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    int fd = -1;
    if (s && gnutls_conn(s, session, &fd))
        settle(fd, session);
    if (s)
        gnutls_session_drop(s);
    lib->gnutls_deinit(session);
}

/* --- writing --- */

static ssize_t as_gnutls(ssize_t r, int otherwise) {
    return r >= 0 ? r : errno == EAGAIN ? GNUTLS_AGAIN : errno == EINTR ? GNUTLS_INTERRUPTED : otherwise;
}

/* The connection of an open session, whose peer the program accepts by sending to it. */
static struct conn *accepted(struct gnutls_seen *s, void *session, int *fd) {
    struct conn *c = s->open ? gnutls_conn(s, session, fd) : NULL;
    if (c && !c->tls->trust)
        tls_opened(&tls_gnutls, s->lib, session);
    return c ? gnutls_conn(s, session, fd) : NULL;
}

/* False: the library's to write. */
static bool write_ours(struct gnutls_seen *s, void *session, const void *p, size_t n, ssize_t *result) {
    struct iovec iov = {(void *)(uintptr_t)p, n};
    int fd = -1;
    if (gnutls_plain(s, session, &fd)) {
        ahead_tls_writes(fd);
        *result = as_gnutls(send(fd, p, n, MSG_NOSIGNAL), GNUTLS_PUSH_ERROR);
        return true;
    }
    struct conn *c = accepted(s, session, &fd);
    if (!c)
        return false;
    c->tls->error = 0;
    if (!conn_send(fd, VIA_TLS, &iov, 1, 0, result))
        return false;
    c = *result < 0 ? gnutls_conn(s, session, &fd) : NULL;
    *result = c && c->tls->error ? c->tls->error : as_gnutls(*result, GNUTLS_PUSH_ERROR);
    return true;
}

/* After GNUTLS_E_AGAIN the program may go on with no buffer: what it brought is kept for that. */
static void keep_unsent(struct gnutls_seen *s, const void *p, size_t n, ssize_t r) {
    if (r != GNUTLS_AGAIN && r != GNUTLS_INTERRUPTED) {
        s->nunsent = 0;
    } else if (p != s->unsent && (s->unsent || (s->unsent = malloc(RECORD_MAX)))) {
        memcpy(s->unsent, p, n);
        s->nunsent = n;
    }
}

static ssize_t write_any(struct gnutls_seen *s, void *session, const void *p, size_t n, size_t pad, unsigned flags) {
    ssize_t r;
    if (n == 0 && s->nunsent) {
        p = s->unsent;
        n = s->nunsent;
    }
    if (xcs_mode == XCS_MODE_MAIN && !s->nunsent && tls_unknown(session))
        return s->lib->gnutls_record_send2(gnutls_live(s, session), p, n, pad, flags);
    size_t max = s->lib->gnutls_record_get_max_size(session);
    size_t take = n < max && n < RECORD_MAX ? n : max < RECORD_MAX ? max : RECORD_MAX;
    if (n > 0 && xcs_mode && write_ours(s, session, p, take, &r)) {
        keep_unsent(s, p, take, r);
        return r;
    }
    s->nunsent = 0;
    return s->lib->gnutls_record_send2(gnutls_live(s, session), p, n, pad, flags);
}

XCS_EXPORT ssize_t gnutls_record_send(void *session, const void *p, size_t n) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    return s ? write_any(s, session, p, n, 0, 0) : lib->gnutls_record_send(session, p, n);
}

XCS_EXPORT ssize_t gnutls_record_send2(void *session, const void *p, size_t n, size_t pad, unsigned flags) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    return s ? write_any(s, session, p, n, pad, flags) : lib->gnutls_record_send2(session, p, n, pad, flags);
}

/* --- reading --- */

/* Nothing is known to be read here, nor waited for: the record goes by. */
static bool goes_by(const struct gnutls_seen *s, const void *session) {
    int fd = -1;
    if (xcs_mode != XCS_MODE_MAIN)
        return !xcs_mode;
    const struct conn *c = gnutls_conn(s, session, &fd);
    return !c || !c->tls->trust || (c->state == CONN_IDLE && !c->learn);
}

XCS_COLD static ssize_t read_any(struct gnutls_seen *s, void *session, void *p, size_t n) {
    for (;;) {
        struct iovec iov = {p, n};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        ssize_t r;
        int fd = -1;
        if (gnutls_plain(s, session, &fd))
            return as_gnutls(recv(fd, p, n, 0), GNUTLS_PULL_ERROR);
        struct conn *c = gnutls_conn(s, session, &fd);
        bool ours = c && c->tls->trust;
        /* After a response that the server ends by closing, the end is still ours to tell. */
        if (ours && c->state == CONN_EOF)
            return as_gnutls(recv(fd, p, n, 0), GNUTLS_PULL_ERROR);
        if (ours && conn_receive(fd, VIA_TLS, &m, 0, &r))
            return as_gnutls(r, GNUTLS_PULL_ERROR);
        if (ours && xcs_mode == XCS_MODE_AHEAD)
            continue; /* the run-ahead was forked in there */
        r = s->lib->gnutls_record_recv(gnutls_live(s, session), p, n);
        bool over = r == 0 || r == GNUTLS_PREMATURE_END || r == GNUTLS_PULL_ERROR;
        if (!ours || !(r > 0 || over) || !conn_received(fd, VIA_TLS, r > 0 ? r : 0, errno)) {
            if (ours && r > 0)
                conn_show(fd, VIA_TLS, &iov, r, 0);
            return r;
        }
    }
}

XCS_EXPORT ssize_t gnutls_record_recv(void *session, void *p, size_t n) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    if (s && n && !goes_by(s, session))
        return read_any(s, session, p, n);
    return lib->gnutls_record_recv(s ? gnutls_live(s, session) : session, p, n);
}

XCS_EXPORT size_t gnutls_record_check_pending(void *session) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    int fd = -1;
    if (!s)
        return lib->gnutls_record_check_pending(session);
    if (gnutls_plain(s, session, &fd))
        return 0;
    const struct conn *c = gnutls_conn(s, session, &fd);
    /* What is swapped in has nothing buffered above the descriptor. */
    return c && c->state == CONN_HIT ? 0 : lib->gnutls_record_check_pending(gnutls_live(s, session));
}

/* After GNUTLS_E_AGAIN: 1 when it was a write that would have had to wait. */
XCS_EXPORT int gnutls_record_get_direction(void *session) {
    LIBRARY;
    struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);
    int fd = -1;
    if (!s)
        return lib->gnutls_record_get_direction(session);
    const struct conn *c = gnutls_conn(s, session, &fd);
    if (gnutls_plain(s, session, &fd) || (c && c->tls->trust && (s->nunsent || c->state == CONN_HIT)))
        return s->nunsent != 0;
    return lib->gnutls_record_get_direction(gnutls_live(s, session));
}

/* --- what is not followed --- */

static void *leave(struct gnutls_seen *s, void *session) {
    int fd = -1;
    if (gnutls_plain(s, session, &fd))
        ahead_end("a GnuTLS call that is not followed");
    const struct conn *c = gnutls_conn(s, session, &fd);
    if (c)
        forget(fd);
    /* In the middle of a response of ours the rest of it is still to be read as it began. */
    c = gnutls_conn(s, session, &fd);
    s->left = !c || c->state != CONN_EOF;
    return gnutls_live(s, session);
}

#define X(type, name, parameters, arguments)                                                                           \
    XCS_EXPORT type name parameters {                                                                                  \
        LIBRARY;                                                                                                       \
        struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);                                              \
        if (s)                                                                                                         \
            session = leave(s, session);                                                                               \
        return lib->name arguments;                                                                                    \
    }
XCS_GNUTLS_UNFOLLOWED(X)
#undef X

#define X(type, name, parameters, arguments)                                                                           \
    XCS_EXPORT type name parameters {                                                                                  \
        LIBRARY;                                                                                                       \
        struct gnutls_seen *s = pass ? NULL : gnutls_session_of(session);                                              \
        int fd = -1;                                                                                                   \
        if (s && gnutls_conn(s, session, &fd))                                                                         \
            forget(fd);                                                                                                \
        lib->name arguments;                                                                                           \
    }
XCS_GNUTLS_MOVES(X)
#undef X
