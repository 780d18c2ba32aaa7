/*
 * The engine's side of a run-ahead, or of a continuation of one (keep.h): it is the far end of all its connections.
 */
#ifndef XCS_AHEAD_H_ENGINE
#define XCS_AHEAD_H_ENGINE

#include "session.h"

struct ahead {
    struct source channel, process; /* process: its pidfd, readable when it has ended */
    struct session *session;
    uint32_t id;
    struct site *site;      /* of the call where it was forked */
    struct node *forked_at; /* main's call; NULL once answered and gone */
    struct node *cursor;    /* the pending node it walked over last; NULL: none, or main has passed it */
    unsigned calls, issued;
    uint32_t trust;      /* the TLS peer that its next request is meant for, as it told; 0: plain text */
    unsigned dependents; /* calls in a row that waited for answers */
    bool random;         /* randomness was drawn since its last call */
    bool guessed;        /* its last call decides the way, and it knows only a placeholder */
    bool superseded;     /* ended by us, not to be judged */
    bool closed;
    uint64_t seen_last; /* the call that it made last */

    bool is_kept;          /* a continuation */
    int32_t pid;           /* its process, which main has to reap */
    uint64_t held[WINDOW]; /* the calls whose real values it has or waits for */
    size_t nheld;
    struct ahead *prev, *next; /* in the session's continuations */
    struct ahead_conn *conns;
};

/* Registers a run-ahead forked at main's call n; takes both descriptors over. */
void ahead_open(struct session *s, struct node *n, uint32_t id, int channel, int pidfd);

/* By its pidfd. */
void ahead_kill(int pidfd);

/* Kills it if it lives, closes all its connections and judges what it found. `why` is for XCS_DEBUG. */
void ahead_close(struct ahead *a, const char *why);

/* The same for the live run-ahead, if there is one, without judging it: it was right, or nobody can tell. */
void ahead_supersede(struct session *s, const char *why);

/* A node that waited for room has been issued: the run-ahead that waits at it goes on. */
void ahead_answer(struct ahead *a, struct node *n);

/* The node leaves the pending list: no run-ahead and no continuation stands at it any more. */
void aheads_forget(struct session *s, struct node *n);

/* For keep.c. A connection's request is answered: with the real response if it is there, else with the placeholder; or later. */
struct ahead_conn;
void ahead_answer_on(struct ahead_conn *c, struct node *n);
void ahead_wait_on(struct ahead_conn *c, struct node *n);
bool ahead_waits(const struct ahead *a, const struct node *n);
struct ahead *ahead_new(struct session *s, struct node *n, uint32_t id, int channel, int pidfd);
struct node *ahead_new_node(struct ahead *a, const struct xcs_addr *addr, uint32_t trust, struct request *r,
                            struct call call);

#endif
