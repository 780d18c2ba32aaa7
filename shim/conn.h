/*
 * A TCP connection of the program's that may carry model calls, and what is done to its bytes.
 *
 * Main's connections stay real. A request that looks like a model call is held until it is complete, then looked up: on a
 * MISS it goes out on the real connection, on a HIT the response is read from a socket of the engine's that takes
 * the descriptor's place (the swap) until the response has been read. The request is kept until then, so that a
 * HIT can be reverted: the request goes out after all. Everything else passes.
 *
 * One struct conn is one open file description: descriptors that were dup'ed share it. Functions named conn_* take
 * and release the state lock themselves, and hold it over nothing that waits for the program's peer.
 * errno and return values are those of the call that is stood for.
 */
#ifndef XCS_CONN_H
#define XCS_CONN_H

#include "fdtab.h"
#include "protocol.h"
#include "request.h"
#include "tunnel.h"
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum conn_state {
    CONN_FREE = 0,
    CONN_IDLE,   /* between requests: the next bytes begin one */
    CONN_HOLD,   /* a request's first bytes are held */
    CONN_SEND,   /* being sent for real: first what is held, then what the program still brings */
    CONN_WAIT,   /* a model call's request is out, no byte of its answer has been read */
    CONN_TUNNEL, /* a CONNECT is out, its answer has not been read to the end: `held` has what there is of it */
    CONN_HIT,    /* swapped */
    CONN_EOF     /* still swapped: a response after which the server closes has been read */
};

enum conn_after {
    AFTER_FORGET,
    AFTER_IDLE,
    AFTER_TUNNEL,
    AFTER_WAIT
};

/* Has the handshake that the program was told is done been made? */
enum tls_lazy {
    TLS_REAL = 0,
    TLS_LAZY, /* put off: nothing has gone out (tls_lazy.h) */
    TLS_LATE  /* under way, behind the program's back */
};

/* The TLS session that the program runs on a connection. */
struct tls {
    const struct tls_kind *kind;
    const void *lib; /* the library's functions, of the kind's own type */
    void *ssl;       /* the session, as the program knows it */
    void *joint;     /* what joined it to its descriptor when it began (struct tls_kind) */
    uint32_t trust;  /* number of the peer that the handshake accepted; 0: not done */
    int error;       /* what SSL_get_error has to say of the last call, when that call was ours; else 0 */
    enum tls_lazy lazy;
    void *verify;    /* late: the program's callback, in whose place ours answers */
    long verified;   /* lazy: the result of the verification that the program has seen */
    bool ended;      /* the program has ended the session; lazy: the server knows nothing of it */
    bool asked;      /* lazy: the program has been told of its peer's certificate, and may have accepted it by itself */
    bool unfinished; /* the program's last write has to come again: it waits to write, not for an answer */
};

/* How long a poll may take. */
enum poll_time {
    POLL_GLANCE, /* no time at all */
    POLL_TURN,   /* not long enough for an answer */
    POLL_WAITS
};

struct conn {
    enum conn_state state;
    enum conn_after after; /* CONN_SEND: what comes when the request is out */
    int refs;              /* descriptors */
    _Atomic int sleepers;  /* threads in a call that waits on it */
    _Atomic int pollers;   /* those of them that poll */
    pid_t thread;          /* that opened it, or began the last request */
    unsigned reverts;      /* HITs given up: who slept on one meanwhile has no answer */
    ino_t ino;             /* of the real socket: a number reused behind our back is found out */
    struct xcs_addr addr;

    struct request req;
    char *held; /* the whole request so far; mapped, not allocated (send is async-signal-safe) */
    size_t held_len, held_cap;
    size_t claimed; /* bytes of it that the program was told are sent */
    size_t sent;    /* bytes of it that are */
    bool pushing;   /* a thread sends the others now */
    int64_t
        fresh; /* HOLD: until when (conn_ms) a look for input cannot see what its last bytes have caused; 0: has looked */

    uint64_t node;
    bool verdict_pending; /* the first lookup's answer has not been read */
    bool may_fork;
    size_t learn;    /* so many bytes of the answer does the engine want to see yet */
    struct tls *tls; /* &session, or NULL: plain text */
    struct tls session;
    struct tunnel *tunnel; /* that was asked for, or, once IDLE again, leads to the server; NULL: none */
    bool spoken;  /* bytes have passed in the clear: a TLS session that begins now is looked at only in a tunnel */
    bool skipped; /* the last call was a HIT, so the real connection lay idle for longer than the program thinks */

    int real;       /* HIT: the real connection's hidden descriptor */
    ino_t swap_ino; /* HIT: the swapped-in socket's */
    int copy;       /* HIT: memfd with the whole response, or -1 */
    bool sized, closes;
    bool broken;               /* HIT: the stream ended without the engine telling its length */
    uint64_t length, consumed; /* HIT: response bytes in all (when sized), read by the program */
};

/* The connection behind fd if XCS looks at it, else NULL: the check that every wrapper starts with. */
static inline struct conn *conn_of(int fd) {
    if (XCS_UNLIKELY(xcs_mode != XCS_MODE_MAIN))
        return NULL;
    return fdtab_get(fd);
}

/* The records of a TLS session pass: what they carry is looked at above. */
static inline bool conn_below_tls(int fd) {
    const struct conn *c = conn_of(fd);
    return c && c->tls;
}

/* False in a child that shares or copies main's memory without our atfork handler: the call must simply pass. */
bool conn_mine(void);

/* Would a read of it wait? */
bool conn_is_blocking(int fd);

/* connect(2) has returned: 0, EINPROGRESS, or another error. */
void conn_tried(int fd, const struct sockaddr *addr, socklen_t len, int err);

/* The program has asked for the socket's error: how its connect(2) ended, if it was in progress. */
void conn_connected(int fd, int err);

/* Who brings the bytes: the program's own socket calls, or its calls of a TLS library. */
enum conn_via {
    VIA_SOCKET,
    VIA_TLS
};

/* The send family; the iovec is the program's. Returns false when the real call has to be made. */
bool conn_send(int fd, enum conn_via via, const struct iovec *iov, size_t iovcnt, int flags, ssize_t *result);

/* The receive family. False: make the real call, and tell conn_received what it gave. */
bool conn_receive(int fd, enum conn_via via, struct msghdr *msg, int flags, ssize_t *result);

/* After a real receive call on a connection that waited. True: it has to be done again. */
bool conn_received(int fd, enum conn_via via, ssize_t result, int err);

/* And when it stands: what it read. The answer to a CONNECT is read here too. */
void conn_show(int fd, enum conn_via via, const struct iovec *iov, ssize_t n, int flags);

/*
 * Readiness family, for each descriptor that is polled for input. Before the real call; false: a signal handler has run
 * meanwhile, the call fails with EINTR. After it: true when the answer does not stand, the real call has to be made again with its
 * full limit.
 */
bool conn_before_poll(int fd, enum poll_time time);
bool conn_after_poll(int fd, bool ready, bool timed_out);

/* Claimed bytes are waiting for room: the descriptor must be polled for output too. */
bool conn_wants_room(int fd);

/* XCS stops looking at this connection, which becomes what it would be without XCS. */
void conn_forget(int fd);

/*
 * Around a call that ends the TLS session on it, which is said on the real connection also while a response of ours is read: between
 * the two the descriptor is that connection, then the response again. -1: no response, the connection is to be forgotten.
 */
int conn_ending(int fd);
void conn_ended(int fd, int response);

/* close(2) and dup2(2) over it: call before the real one. False: fd is ours and must look closed (EBADF). */
bool conn_closing(int fd);
void conn_duped(int fd, int copy);

/* shutdown(2) comes next. */
void conn_shutting(int fd, int how);

/*
 * The descriptor is read or waited for in a way that follows its open file and would not notice a swap (stdio, an epoll set): if it is
 * a socket, no connection on it will be looked at.
 */
void conn_foreign(int fd);

/*
 * Around a call that may block on the connection: while another thread sleeps there it must not be swapped. A swap that is under way is
 * waited for; a read has to look at the connection after that.
 */
enum conn_wait {
    WAIT_READ,
    WAIT_POLL
};
struct conn *conn_count_in(int fd, enum conn_wait how);
void conn_count_out(struct conn *c, enum conn_wait how);

static inline struct conn *conn_enter(int fd, enum conn_wait how) {
    return xcs_threaded() ? conn_count_in(fd, how) : NULL;
}
static inline void conn_leave(struct conn *c, enum conn_wait how) {
    if (c)
        conn_count_out(c, how);
}

/*
 * fork(2) comes next: no byte may be held twice, nor a connection be one thing here and another there. What other threads are at goes on
 * here alone, and is left to them.
 */
void conn_before_fork(void);

/* The real connection's descriptor while fd is swapped, else fd. */
int conn_real_fd(int fd);

/* In the child of a fork: nothing of the parent's XCS belongs to it. */
void conn_child_reset(void);

/* Fills the run-ahead's plan with all connections that can become engine sockets. Needs the state lock. */
struct ahead_plan;
void conn_fill_plan(struct ahead_plan *plan, const struct conn *waiting);

#endif
