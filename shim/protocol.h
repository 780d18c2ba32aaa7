/*
 * The contract between libxcs.so (in the user's process and its run-aheads) and the engine.
 *
 * Both sides include this file and nothing else of each other. The shim knows nothing of the graph;
 * the engine knows nothing of interposition.
 *
 * Channels. A channel is a connected AF_UNIX SOCK_SEQPACKET socket. Each packet is one struct xcs_msg,
 * optionally followed by `len` payload bytes (inline, at most XCS_INLINE_MAX) or, when XCS_F_MEMFD is set,
 * accompanied by a memfd that holds them. Descriptors travel with SCM_RIGHTS in the order given below.
 * Both sides are of one machine: integers are native-endian.
 *
 *   main's channel (one per process): strictly request and reply. The engine never speaks unasked.
 *     main -> engine                                            engine -> main
 *     HELLO     node=pid, flags DEBUG [fd: stderr if DEBUG]     WELCOME  payload: seccomp filter (sock_filter[])
 *     TUNNEL    arg=number of the TRUST that follows, addr of a (no reply)
 *               proxy, payload: the head of a CONNECT as the
 *               program sent it, a zero, the head of the answer:
 *               that peer is at the end of such a tunnel
 *     TRUST     arg=its number, payload: server name, a zero,   (no reply)
 *               the DER public key (SubjectPublicKeyInfo) of the
 *               peer that the program's handshake accepted
 *     LOOKUP    addr, arg=trust (0: plain text), node=thread,   VERDICT
 *               payload: one whole raw HTTP request                      verdict, node, flags FORK, ENDED, LEARN [fd: HIT socket]
 *     PROGRESS  node=run-ahead id                               STATE    node=calls seen, flags ALIVE
 *     FORESEEN  arg=trust                                       STATE    node: the next call foreseen, if it is issued,
 *                                                                        and to that peer; else 0
 *     AHEAD     node=fork point's node, arg=run-ahead id,       (no reply)
 *               [fds: run-ahead's channel, pidfd]
 *     ANSWERED  node: first byte of a MISS's answer was read    (no reply)
 *     READ      node, payload: bytes of its answer, as main     (no reply)
 *               reads them; only where the verdict said LEARN
 *     REVERT    node: a HIT was given up, the request goes out  (no reply)
 *     DROP      arg=run-ahead id: stuck, kill it                (no reply)
 *     REAP      arg=room for so many, flags LAST: all end now   STATE    payload: process numbers (int32_t each) of
 *                                                                        continuations that have ended, or end now
 *     NOTE      payload: text for XCS_DEBUG                     (no reply)
 *
 *   a run-ahead's or continuation's channel: no replies at all.
 *     engine -> run-ahead
 *     KEEP      node: leave a continuation at the call whose answer is about to come
 *     run-ahead -> engine
 *     CONN      addr, node=node whose answer is awaited on it or 0, arg=the TLS peer that it has met already or 0
 *               [fd: far end of a stream socket]
 *     BARRIER   payload: the reason (a system call's name, …); the run-ahead ends itself afterwards
 *     TRUST     arg: the TLS peer (its number in main's session) that the next request is meant for
 *     KEPT      node (of KEEP), arg=its process number [fds: the continuation's channel, pidfd]
 *     RANDOM    randomness was drawn (sent at most once between two calls; the engine resets on a call)
 *     end of file: the run-ahead has ended
 *
 * Run-ahead connections (CONN) are AF_UNIX SOCK_STREAM sockets on which the program talks plain HTTP to the
 * engine as if it were the server at `addr`. The engine answers with a placeholder, with the real response when
 * that is already there, or not at all (the flow control). What begins with a CONNECT that main has told of (TUNNEL) is answered as
 * main was.
 *
 * HIT sockets are AF_UNIX SOCK_STREAM. The engine writes nothing before the response is complete, or, where the request asks
 * for a stream, has begun with success; then the
 * raw response as the server sent it (status line, headers, body with its transfer coding). The first bytes carry, as
 * SCM_RIGHTS, a memfd: struct xcs_response, then the same raw bytes; with it an engine killed half-way loses
 * nothing of what had arrived. While a stream goes on, the memfd's head says XCS_LENGTH_UNKNOWN; end of file
 * while it does: the connection was reset. End of file before any byte: the call failed, main's own request must go out. After the last byte the
 * engine shuts its side down if XCS_R_CLOSE is set, and otherwise keeps it open until the shim closes.
 *
 * A whole libcurl call takes the place of a request and of its response where `addr` says so: curl_call.h.
 *
 * Versions: a HELLO with another `proto` closes the channel; a WELCOME likewise turns XCS off.
 */
#ifndef XCS_PROTOCOL_H
#define XCS_PROTOCOL_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define XCS_PROTO 0x58435302u /* "XCS", 2 */
#define XCS_INLINE_MAX (48u * 1024u)
#define XCS_REQUEST_MAX (64u * 1024u * 1024u)  /* a longer request is never held */
#define XCS_RESPONSE_MAX (64u * 1024u * 1024u) /* a longer response fails the future */
#define XCS_ENGINE_FD 3                        /* main's channel, when the shim starts `xcs engine --fd 3` */

enum xcs_type {
    XCS_HELLO = 1,
    XCS_WELCOME,
    XCS_LOOKUP,
    XCS_VERDICT,
    XCS_AHEAD,
    XCS_ANSWERED,
    XCS_REVERT,
    XCS_PROGRESS,
    XCS_STATE,
    XCS_DROP,
    XCS_NOTE,
    XCS_CONN,
    XCS_BARRIER,
    XCS_RANDOM,
    XCS_TRUST,
    XCS_KEEP,
    XCS_KEPT,
    XCS_REAP,
    XCS_READ,
    XCS_FORESEEN,
    XCS_TUNNEL
};

enum xcs_verdict {
    XCS_PASS = 0, /* not a model call after all: send it on, no node */
    XCS_MISS,     /* send it on */
    XCS_HIT       /* read the response from the socket that comes along */
};

#define XCS_F_DEBUG 1u               /* HELLO: explain decisions on the stderr passed along */
#define XCS_F_MEMFD 2u               /* payload is in a memfd (the first descriptor) */
#define XCS_F_FORK 4u                /* VERDICT: a run-ahead may be forked at the next blocking read */
#define XCS_F_ALIVE 8u               /* STATE: the run-ahead is alive */
#define XCS_F_ENDED 16u              /* VERDICT: continuations have ended, REAP tells which */
#define XCS_F_LAST 32u               /* REAP: main ends, so do they */
#define XCS_F_LEARN 64u              /* VERDICT: the engine wants to know what the answer looks like */
#define XCS_LEARN_MAX (256u * 1024u) /* so much of it and no more */

#define XCS_AF_CALL 0x5843 /* no family of the kernel's: curl_call.h */

/* A peer of a TCP connection. `len` 0: none. */
struct xcs_addr {
    uint32_t len;
    union {
        struct sockaddr sa;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } u;
};

struct xcs_msg {
    uint32_t proto;
    uint16_t type;
    uint16_t verdict;
    uint32_t flags;
    uint32_t arg;
    uint64_t node;
    uint64_t len;
    struct xcs_addr addr;
};

#define XCS_R_CLOSE 1u /* the server closes after this response (or its end is the end of the connection) */

/* Head of the memfd that comes with a HIT's first bytes. */
struct xcs_response {
    uint32_t proto;
    uint32_t flags;
    uint64_t len; /* raw response bytes, which follow this struct */
};
#define XCS_LENGTH_UNKNOWN UINT64_MAX /* more may follow */

#endif
