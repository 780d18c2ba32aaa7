/* What the files of the session share. */
#ifndef XCS_SESSION_IMPL_H
#define XCS_SESSION_IMPL_H

#include "session.h"

/* session.c: whose node it is, NULL when there is none. */
struct session *session_of(uint64_t node);
struct session *sessions_first(void); /* the others through `next` */

/* The site of a call. */
struct site *session_site(struct session *s, const struct request *r, const struct call *call);

/* The TLS peer of that number. NULL: main has not told of it, or the number is 0. */
const struct trust *session_trust(const struct session *s, uint32_t number);

/* Where a call goes: the peer's address, or a tunnel of the proxy that is there. */
struct origin *session_origin(struct session *s, const struct xcs_addr *addr, uint32_t trust);

/* session_lookup.c: main asks about a request (XCS_LOOKUP). */
void session_lookup(struct session *s, struct packet *p);

/* The program makes calls at the same time itself. `n`: main's call, if it was foreseen. */
void session_is_concurrent(struct session *s, const struct node *n);

/* session_issue.c: calls found ahead. */
bool session_is_ahead(const struct node *n); /* issued, and main has not reached it */
void session_recall(struct node *n);         /* issued: its answer is not wanted any more */
void session_unpend(struct session *s, struct node *n);
void session_waste_all(struct session *s);

/* session_hit.c: main's calls are answered. */
void session_reply(struct session *s, enum xcs_verdict verdict, uint64_t node, uint32_t flags, int fd);
bool session_hit(struct session *s, struct node *n);
void session_account_hit(struct session *s, const struct node *n);
void session_count_round(struct session *s, uint64_t issued_at);

/* False: the call may go out at once. True: main was told to wait for its turn, or waits on: the call behind its HIT has failed. */
bool session_hold_back(struct session *s, struct node *n);
bool session_hold_refused(struct session *s, struct node *n);
void session_release_held(void);
void session_go_on(struct session *s, struct node *n); /* a held call's request goes out now */
void sessions_tick(void);                              /* for loop_wake: looks after all that waits for its time */

/* session_stall.c: looks after the HITs and the turns that main waits for, and again later while there are some. */
void session_watch_stalls(void);

/* Main does not wait for a HIT any longer: its time limit has run out, or it goes on in another way. */
void session_reverted(struct session *s, struct node *n);

/* Main goes on: a request of its own that went out beside ours has been answered. */
void session_past_probe(struct session *s);

#endif
