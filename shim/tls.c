/* See tls.h. Functions that call the library do so without the state lock: the library's own reads and writes take it. */
#include "tls.h"
#include "channel.h"
#include "conn_impl.h"
#include "raw.h"
#include "tls_lazy.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define PEERS 64
#define PEER_MAX 1500
#define RECONNECT_MS 5000
#define MACHINES 8 /* connections tried, to find one of several behind a name */

/* Numbered from 1. A peer is never forgotten: the engine knows it by its number. */
static struct peer {
    char name_and_key[PEER_MAX];
    size_t len;
    uint64_t met;                /* when last, counted in handshakes */
    const struct tunnel *tunnel; /* at whose end it is, or NULL */
    struct tls_witness witness;
} peers[PEERS];
static size_t npeers;
static uint64_t handshakes;

_Atomic uint32_t tls_places[TLS_PLACES];

void tls_begins(const struct tls_kind *kind, const void *lib, void *session) {
    sigset_t saved;
    int fd = kind->fd(lib, session);
    struct conn *c = fd < 0 ? NULL : conn_of(fd);
    if (!c || c == XCS_OURS || c->tls || !conn_mine())
        return;
    xcs_lock(&saved);
    c = conn_locked(fd);
    bool idle = c && c->state == CONN_IDLE;
    /* What was said is lacking on any other connection to this address, the engine's or a new one of main's; a tunnel can be made again. */
    if (c && (c->state == CONN_TUNNEL || (idle && c->spoken && !c->tunnel))) {
        conn_untrack(c);
    } else if (idle) {
        c->session = (struct tls){.kind = kind, .lib = lib, .ssl = session};
        c->session.joint = kind->joint ? kind->joint(lib, session) : NULL;
        c->tls = &c->session;
        _Atomic uint32_t *place = tls_place(session);
        atomic_store(place, ((atomic_load(place) >> 16) + 1) << 16 | (uint32_t)fd);
    }
    xcs_unlock(&saved);
}

/* Needs the state lock. What the witness held before is left in *w, to be forgotten without the lock. */
static uint32_t number_of(const struct tls_kind *kind, const struct conn *c, const char *text, size_t len,
                          struct tls_witness *w) {
    size_t i = 0;
    while (i < npeers && !(peers[i].len == len && memcmp(peers[i].name_and_key, text, len) == 0 &&
                           memcmp(&peers[i].witness.addr, &c->addr, sizeof c->addr) == 0 &&
                           peers[i].tunnel == c->tunnel && peers[i].witness.lib == w->lib))
        i++;
    if (i == PEERS)
        return 0;
    if (i == npeers) {
        memcpy(peers[i].name_and_key, text, len);
        peers[i].len = len;
        peers[i].tunnel = c->tunnel;
        npeers++;
    }
    peers[i].met = ++handshakes;
    struct tls_witness old = peers[i].witness;
    peers[i].witness = *w;
    peers[i].witness.addr = c->addr;
    if (kind->shown && old.lib && kind->shown(&old, w)) {
        peers[i].witness.certificate = old.certificate;
        peers[i].witness.chain = old.chain;
    } else if (kind->shown) {
        w->lib = NULL; /* nothing to forget */
    } else {
        *w = old;
    }
    return channel_trust((uint32_t)i + 1, peers[i].name_and_key, len, c->tunnel) ? (uint32_t)i + 1 : 0;
}

void tls_opened(const struct tls_kind *kind, const void *lib, void *session) {
    sigset_t saved;
    char text[PEER_MAX];
    struct tls_witness w = {.lib = lib};
    int fd = kind->fd(lib, session), err = errno;
    uint32_t trust = 0;
    struct conn *c = tls_conn_at(fd, session);
    if (!c || c->tls->trust)
        return;
    size_t len = kind->describe(lib, session, text, sizeof text, &w);
    xcs_lock(&saved);
    if (len && conn_locked(fd) == c && c->tls)
        c->tls->trust = trust = number_of(kind, c, text, len, &w);
    xcs_unlock(&saved);
    if (len && w.lib)
        kind->forget(&w);
    if (!trust)
        conn_forget(fd);
    errno = err;
}

const struct tls_witness *tls_witness_of(const struct tls_kind *kind, const void *lib, void *session,
                                         const struct xcs_addr *addr, bool tunnels) {
    const struct peer *last = NULL; /* a server may have changed its key meanwhile */
    for (size_t i = 0; i < npeers; i++) {
        const struct tls_witness *w = &peers[i].witness;
        if (w->lib == lib && (tunnels || !peers[i].tunnel) && memcmp(&w->addr, addr, sizeof *addr) == 0 &&
            (!last || peers[i].met > last->met) && kind->same(w, peers[i].name_and_key, session) &&
            channel_trust_told((uint32_t)i + 1))
            last = &peers[i];
    }
    return last ? &last->witness : NULL;
}

uint32_t tls_witness_number(const struct tls_witness *w) {
    const struct peer *p = (const struct peer *)((const char *)w - offsetof(struct peer, witness));
    return (uint32_t)(p - peers) + 1;
}

const struct tls_witness *tls_witness_at(uint32_t number) {
    return &peers[number - 1].witness;
}

uint32_t tls_trust(const struct conn *c) {
    return c->tls ? c->tls->trust : 0;
}

void tls_end(struct conn *c) {
    if (c->tls)
        atomic_fetch_sub(tls_place(c->tls->ssl), 1 << 16);
    c->tls = NULL;
}

void tls_freed(int fd, const void *session) {
    sigset_t saved;
    xcs_lock(&saved);
    struct conn *c = conn_locked(fd);
    if (c && c->tls && c->tls->ssl == session && c->state == CONN_HIT)
        c->state = CONN_EOF; /* nobody can read the answer any more: it is not asked for again */
    xcs_unlock(&saved);
    conn_forget(fd);
    xcs_lock(&saved);
    c = conn_locked(fd);
    /* Still looked at: in the middle of a response, or there is no room for what should go out. */
    if (c && c->tls && c->tls->ssl == session && c->state == CONN_EOF)
        tls_end(c);
    else if (c && c->tls && c->tls->ssl == session)
        conn_untrack(c);
    xcs_unlock(&saved);
}

/* --- the session as a transport --- */

/* On a descriptor that does not block for the moment: session tickets are taken in, data stays. */
static int peek_now(struct tls *t, int fd, bool *alive) {
    long flags = xcs_sys2(SYS_fcntl, fd, F_GETFL);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
    int r = t->kind->peek(t, alive);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags);
    return r;
}

bool tls_waits(struct conn *c) {
    bool alive;
    int fd = c->tls->kind->fd(c->tls->lib, c->tls->ssl), err = errno;
    if (c->tls->kind->waits)
        return c->tls->kind->waits(c->tls, fd);
    int r = peek_now(c->tls, fd, &alive);
    errno = err;
    return r <= 0 && alive;
}

static const int limits[] = {SO_SNDTIMEO, SO_RCVTIMEO};

/* As the program has set up the one before, and never without a time limit. */
static int connect_again(const struct conn *c, int fd) {
    struct timeval limit = {RECONNECT_MS / 1000, 0};
    int fresh = (int)xcs_sys3(SYS_socket, c->addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fresh < 0)
        return -1;
    for (size_t i = 0; i < 2; i++)
        xcs_sys5(SYS_setsockopt, fresh, SOL_SOCKET, limits[i], &limit, sizeof limit);
    conn_copy_options(fd, fresh);
    if (xcs_sys3(SYS_connect, fresh, &c->addr.u, c->addr.len) < 0 ||
        (c->tunnel && !tunnel_again(c->tunnel, fresh, RECONNECT_MS))) {
        xcs_sys1(SYS_close, fresh);
        return -1;
    }
    return fresh;
}

/* Is the session's peer the one that was accepted before? */
static bool is_known(const struct tls *t) {
    char text[PEER_MAX];
    size_t len = t->kind->describe(t->lib, t->ssl, text, sizeof text, NULL);
    const struct peer *known = &peers[t->trust - 1];
    return len == known->len && memcmp(text, known->name_and_key, len) == 0;
}

/*
 * The server has closed the session while calls were HITs: a new connection and handshake for the same session, which
 * keeps the program's settings; the peer must be the one that the program knows.
 */
static bool revive(struct conn *c, int fd) {
    sigset_t saved;
    struct tls *t = c->tls;
    struct timeval own[2] = {{0, 0}, {0, 0}};
    socklen_t len = sizeof *own;
    for (size_t i = 0; i < 2; i++)
        xcs_sys5(SYS_getsockopt, fd, SOL_SOCKET, limits[i], &own[i], &len);
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
    bool ok = t->kind->again(t, fd) && is_known(t);
    if (!ok)
        xcs_sys2(SYS_shutdown, fd, SHUT_RDWR); /* whoever this is, nothing more goes there */
    for (size_t i = 0; i < 2; i++)
        xcs_sys5(SYS_setsockopt, fd, SOL_SOCKET, limits[i], &own[i], sizeof own[i]);
    xcs_sys3(SYS_fcntl, fd, F_SETFL, flags);
    return ok;
}

bool tls_is_expected(struct conn *c, int fd) {
    bool ok = is_known(c->tls);
    if (!ok)
        xcs_sys2(SYS_shutdown, fd, SHUT_RDWR);
    int64_t until = conn_ms() + RECONNECT_MS;
    for (int i = 0; !ok && i < MACHINES && conn_ms() < until; i++)
        ok = revive(c, fd);
    return ok;
}

ssize_t tls_send(struct conn *c, int fd, const void *p, size_t n) {
    struct tls *t = c->tls;
    bool alive = true;
    if (t->lazy && !tls_become_real(c, fd))
        return -1;
    /* While another thread sleeps in a read of the session it must neither be read nor replaced. */
    if (c->skipped && c->sent == 0 && t->trust && atomic_load(&c->sleepers) == 0) {
        peek_now(t, fd, &alive);
        alive &= !t->ended; /* the answer to a request that the program sent before that was not to be had */
        if (!alive && !revive(c, fd)) {
            errno = ECONNRESET;
            return -1;
        }
        t->ended = false;
        c->skipped = alive;
    }
    return t->kind->send(t, p, n);
}
