/*
 * Main's channel to the engine (protocol.h): start it at the first model call, ask, tell.
 *
 * All functions need the state lock. Any failure gives XCS up: the verdict is then a MISS, and the program
 * goes on as without XCS. No reply is waited for longer than a bounded time.
 */
#ifndef XCS_CHANNEL_H
#define XCS_CHANNEL_H

#include "protocol.h"
#include "tunnel.h"
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct verdict {
    enum xcs_verdict kind;
    uint64_t node;
    bool may_fork;
    bool learn; /* the engine wants to see the answer (channel_show) */
    int fd;     /* HIT: the socket to read the response from, the caller's to close; else -1 */
};

/*
 * Looks a whole request up. The very first one starts the engine and does not wait for it: nothing can have been
 * issued yet, so it is a MISS whose node and fork permission are fetched later with channel_first_verdict.
 */
struct verdict channel_lookup(const struct xcs_addr *addr, uint32_t trust, const void *request, size_t len,
                              bool *pending);

/* Tells the engine what `trust` numbers from now on: the peer that the program's own handshake has accepted, at the end of `tunnel` if that is
 * not NULL. Starts no engine: kept until there is one. False: no room. `payload` must stay. */
bool channel_trust(uint32_t trust, const void *payload, size_t len, const struct tunnel *tunnel);
bool channel_trust_told(uint32_t trust);

/* Now: a run-ahead may need it before main's next lookup. */
void channel_trust_tell(uint32_t trust);

/* The descriptor that becomes readable when the first verdict is there; -1 when none is awaited. */
int channel_pending_fd(void);

/* Reads WELCOME and the first verdict. False when the engine did not answer in time. */
bool channel_first_verdict(struct verdict *out);

/* Tells the engine something that has no reply. `fds` are not closed. */
void channel_tell(enum xcs_type type, uint64_t node, uint32_t arg, const int *fds, size_t nfds);
void channel_note(const char *text);

/* ANSWERED; while the first verdict is awaited it is kept until that call's node is known. */
void channel_answered(uint64_t node, bool first_call);

/* Bytes of a MISS's answer, as main has read them. */
void channel_show(uint64_t node, const void *bytes, size_t len);

/* Has the run-ahead made a call yet, or ended? True also when that cannot be known. */
bool channel_made_progress(uint32_t ahead_id);

/*
 * The process numbers of continuations that have ended and are main's to reap; how many, at most `max`. `last`: main ends,
 * they all do now; otherwise this asks the engine only when there are some.
 */
size_t channel_ended(int32_t *pids, size_t max, bool last);

/* Is the answer to the call that main is expected to make next on its way, from that TLS peer? */
bool channel_foreseen(uint32_t trust);

/* The seccomp filter from WELCOME; len 0 when there is none. */
struct sock_fprog channel_filter(void);

/* Closes the channel; after a fork in the child, and when XCS is given up. */
void channel_close(void);

#endif
