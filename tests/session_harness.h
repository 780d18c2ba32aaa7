/*
 * A session of the engine driven by hand: this is main, its run-aheads, and the dispatcher, all in one thread. For the tests of
 * sessions; linked in place of dispatch.c and engine.c.
 */
#ifndef XCS_TEST_SESSION_HARNESS_H
#define XCS_TEST_SESSION_HARNESS_H

#include "../shim/protocol.h"
#include "../src/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct verdict {
    enum xcs_verdict kind;
    uint64_t node;
    bool fork;
    int hit; /* socket, or -1 */
};

/* A run-ahead as the engine sees it: a channel, a process, and one connection. */
struct runner {
    uint32_t id;
    pid_t pid;
    int channel, conn;
};

/* cmocka's setup and teardown: a greeted session; nothing may be left of it. */
int session_setup(void **state);
int session_teardown(void **state);

/* --- main --- */

extern int main_channel;

/* Where main's lookups and the run-aheads' connections go, the TLS peer of the lookups, and the thread of main's that makes them; set
 * anew by the setup. */
extern struct xcs_addr harness_origin;
extern uint32_t harness_trust;
extern uint64_t harness_thread;

/* What there is to do for the engine by now, time included. */
void harness_settle(void);
/* The same for so long. */
void harness_pass(unsigned ms);

/* What the dispatcher says of every call that has no answer. */
extern enum dispatch_served harness_served;

void main_tell(enum xcs_type type, uint64_t node, uint32_t arg);
void main_trusts(uint32_t number, const char *name, const char *key);
/* Before main_trusts: that peer is at the end of a tunnel of the proxy at harness_origin. */
void main_tunnels(uint32_t number, const char *ask, const char *answer);
/* A message with a descriptor; what it says of itself is sent as it is. */
void main_pass(struct xcs_msg m, int fd);
struct verdict main_ask_raw(const void *request, size_t len);
struct verdict main_ask(const char *prompt);
struct verdict main_ask_with(const char *header, const char *prompt);
/* The channel's end; returns what this session came to. */
struct stats main_end(void);
/* The engine has closed the channel. */
bool main_is_cut_off(void);

/* Asks which processes main has to reap; how many. */
size_t main_reap(int32_t *pids, size_t max, bool last);

/* The next call foreseen, if it is issued and to that TLS peer, else 0. */
uint64_t main_foresees(uint32_t trust);

/* The HIT's whole response into text; 0 at its end without one, -1 when there is nothing yet. */
ssize_t hit_read(int hit, char *text, size_t size);

/* --- a run-ahead --- */

/* Forked at main's call `node`: its connection awaits that call's answer. */
struct runner runner_fork(uint64_t node);
/* The same with another connection, which the caller closes. */
struct runner runner_beside(const struct runner *r);
/* A new connection in place of the one that it has. */
void runner_dials(struct runner *r);
void runner_tell(const struct runner *r, enum xcs_type type, const char *payload);
void runner_send(const struct runner *r, const char *bytes);
void runner_ask(const struct runner *r, const char *prompt);
/* Asks, is given a placeholder and goes on. */
void runner_guess(const struct runner *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The call at which the engine has asked it to leave a continuation; 0: at none. */
uint64_t runner_asked(const struct runner *r);
/* Leaves one at `node`. */
struct runner runner_keep(const struct runner *r, uint64_t node);
/* The answer to its request, NULL if there is none yet. Valid until the next call. */
const char *runner_answer(const struct runner *r);
/* The text in the placeholder that came last. */
const char *runner_text(void);
/* The process was killed. */
bool runner_is_dead(const struct runner *r);
void runner_free(struct runner *r);

/* --- the dispatcher --- */

/* The i-th call issued since setup: its id, 0 if there is none. */
uint64_t issued(size_t i);
size_t issued_count(void);
const char *issued_body(size_t i);
const char *issued_tls_name(size_t i); /* NULL: in the clear */
const char *issued_tunnel(size_t i);   /* NULL: none */
bool cancelled(size_t i);
/*
 * How long the next call to end took, for how many seconds its server wants to be left alone, and whether a broken one was not let in, and
 * if so by a proxy;
 * set anew by the setup.
 */
extern uint64_t harness_latency_ns;
extern unsigned harness_retry_after;
extern bool harness_refused, harness_no_tunnel;

/* The i-th call ends with that status (0: broken transfer). */
void finish(size_t i, int status, const char *body);

/* --- calls --- */

/* Main's first call: a MISS from which a run-ahead is forked, which has read its placeholder. */
struct runner start(uint64_t *node);
/* Main's next call is a MISS, at which it may fork or not, and is answered. */
void check_miss(const char *prompt, bool fork);
/* It is a HIT: the socket. */
int ask_hit(const char *prompt);
/* Reads it, and closes it. */
void check_hit_text(int hit, const char *body);

#endif
