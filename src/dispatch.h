/*
 * Dispatcher: issues calls through libcurl's multi interface in a thread of its own and hands whole raw
 * responses back. One per engine process. All functions are for the engine's main thread; only what
 * the dispatcher keeps behind its lock is shared with the dispatcher's thread.
 *
 * A call of the family XCS_AF_CALL is one of libcurl's, with the program's own options (shim/curl_call.h); its result is frames. Of all others:
 * no retries, no redirects, no proxies or cookies from the environment: a call is issued exactly as the program would have,
 * to the very address that the program had connected to.
 */
#ifndef XCS_DISPATCH_H
#define XCS_DISPATCH_H

#include "../shim/protocol.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dispatch;

/* One call. The dispatcher copies what it needs before dispatch_submit returns. */
struct dispatch_call {
    uint64_t id;          /* the caller's name for the call (node id), unique in the process */
    struct xcs_addr addr; /* where to connect: to the server, or to a proxy */
    const char *tunnel;   /* NULL, or the head of the CONNECT that makes the proxy lead on to the server */
    uint64_t peer;        /* whose connections may carry it: a number unique in the process, 0 for all in plain text */
    const char *method;   /* "POST" */
    const char *target;   /* request target as in the request line (origin or absolute form) */
    bool http10;          /* the request line said HTTP/1.0 */
    const char *const
        *headers; /* "Name: value" lines as the program sent them, in order, without framing headers removed */
    size_t nheaders;
    const void *body; /* decoded body (no chunk framing) */
    size_t body_len;
    const char *tls_name; /* NULL: plain text; else the server name that the program's handshake sent, may be "" */
    const char *tls_key;  /* file with the DER public key of the only peer to be accepted */
    bool chunked;         /* the program sent it chunked: so does the dispatcher */
    bool streams;         /* a successful response is wanted as it arrives */
};

/*
 * A finished call; or, of a call that streams, what has arrived since the last piece (`more`), and at its end the rest. `raw` is
 * malloc'ed and belongs to the receiver; NULL when the transfer failed, but for the rest of a stream that broke after a piece.
 */
struct dispatch_result {
    uint64_t id;
    int status; /* HTTP status, 0 when the transfer failed */
    char *raw;  /* status line, headers, empty line, body with its transfer coding: as received */
    size_t raw_len;
    bool more;       /* a piece: others follow, and the end */
    size_t head_len; /* bytes of raw up to and with the empty line */
    bool refused;    /* transfer failed: the server closed, before a byte of an answer, a connection that was new */
    bool no_tunnel;  /* refused, and by the proxy: it has not made the tunnel that the call was to take */
    bool closes;     /* the server closes after it, or its end is the end of the connection, even if too soon */
    char error[80];  /* transfer failed: why, one line, no secrets */
    uint64_t retry_after;             /* what the server asked for, in seconds */
    uint64_t started_ns, finished_ns; /* CLOCK_MONOTONIC */
};

/* Starts the thread; NULL with errno on failure. libcurl is loaded in the thread (dlopen), so this returns at once. */
struct dispatch *dispatch_start(void);

/* Becomes readable (poll) when results wait. Owned by the dispatcher. */
int dispatch_fd(const struct dispatch *d);

/* False (errno) only when out of memory or libcurl could not be loaded. */
bool dispatch_submit(struct dispatch *d, const struct dispatch_call *call);

/* The call's result is not wanted any more; its transfer is closed and no result comes for it. Unknown ids are ignored. */
void dispatch_cancel(struct dispatch *d, uint64_t id);

/* How far has a call come that no byte of an answer was received for? Looked at once a second. Unknown ids are SENT. */
enum dispatch_served {
    DISPATCH_SENT = 0, /* it may be with the server, or be waiting for it */
    DISPATCH_UNSERVED, /* its server has not taken the connection yet, or nothing was said on it */
    DISPATCH_SERVED    /* its server has taken the connection: there was a handshake */
};
enum dispatch_served dispatch_served(struct dispatch *d, uint64_t id);

/* Takes one result; false when none waits. Clears dispatch_fd's readiness when the last was taken. */
bool dispatch_next(struct dispatch *d, struct dispatch_result *out);

/* Cancels everything, joins the thread, frees. */
void dispatch_stop(struct dispatch *d);

#endif
