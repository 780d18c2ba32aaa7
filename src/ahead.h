/*
 * The engine's side of a run-ahead: it is the far end of all its connections.
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
    bool superseded;     /* ended by us, not to be judged */
    struct ahead_conn *conns;
};

/* Registers a run-ahead forked at main's call n; takes both descriptors over. */
void ahead_open(struct session *s, struct node *n, uint32_t id, int channel, int pidfd);

/* Kills it if it lives, closes all its connections and judges what it found. `why` is for XCS_DEBUG. */
void ahead_close(struct ahead *a, const char *why);

/* A node that waited for room has been issued: the run-ahead that waits at it goes on. */
void ahead_answer(struct ahead *a, struct node *n);

/* The node leaves the pending list: nothing may refer to it any more. */
void ahead_forget(struct ahead *a, struct node *n);

#endif
