/*
 * The graph of one session: a node is one model call, an edge a data dependency (a request holds a placeholder of another call).
 *
 * Nodes that a run-ahead has found and main has not reached yet are pending, in program order. A node lives as
 * long as it is pending or its response is being delivered.
 */
#ifndef XCS_GRAPH_H
#define XCS_GRAPH_H

#include "canary.h"
#include "detect.h"
#include "dispatch.h"
#include "intake.h"
#include <uthash.h>

enum node_state {
    NODE_MAIN,      /* main's own call: a MISS */
    NODE_HELD,      /* the same, held back until its origin is free of ours */
    NODE_DEPENDENT, /* found ahead; its request holds a canary */
    NODE_LEFT,      /* found ahead and independent, but left to main: decided against */
    NODE_READY,     /* found ahead and independent, but the window is full */
    NODE_ISSUED,
    NODE_DONE,
    NODE_FAILED
};

struct origin; /* decide.h */
struct site;
struct hit; /* hit.h */

struct edge {
    uint64_t from; /* the node whose placeholder was found */
    struct edge *next;
};

struct node {
    uint64_t id; /* unique in the engine, in the order of discovery */
    enum node_state state;
    struct xcs_addr addr;
    uint32_t trust; /* the TLS peer's number in the session, 0: plain text */
    struct request *request;
    struct call call;
    uint64_t hash; /* of all that has to be equal */
    struct origin *origin;
    struct site *site;
    struct site *forked_at; /* the site that the run-ahead which found it was forked at */
    bool doubtful;          /* randomness was drawn before it */
    bool has_place;         /* FAILED, and counted in the window until main is there */
    uint32_t seen_by;       /* the run-ahead that walked over it last */
    struct edge *edges;
    struct buf placeholder;
    bool shaped;     /* the placeholder was made when its site's shape was known */
    bool has_leaves; /* canaries of its placeholder are known */
    char *raw;       /* the response; what has arrived of it while it is a stream */
    size_t raw_len;
    bool closes;
    uint64_t asked_ns, started_ns, finished_ns;
    struct hit *hit;
    struct node *prev, *next; /* pending */
    UT_hash_handle hh;        /* by id */
};

struct leaf { /* a canary and the node it stands for text of */
    char prefix[CANARY_LEN + 1];
    uint64_t node;
    UT_hash_handle hh;
};

struct graph {
    struct canaries canaries;
    struct node *by_id, *pending;
    struct leaf *leaves;
};

void graph_init(struct graph *g);
void graph_free(struct graph *g);

/* Takes the request (and the call's body) over. */
struct node *graph_add(struct graph *g, uint64_t id, const struct xcs_addr *addr, struct request *r, struct call call);
void graph_remove(struct graph *g, struct node *n);
struct node *graph_find(struct graph *g, uint64_t id);

/* Program order: puts n after `after`, first when that is NULL. */
void graph_pend(struct graph *g, struct node *n, struct node *after);
void graph_unpend(struct graph *g, struct node *n);

/* Builds the node's placeholder, if it is not there or its site's shape is known only now, and remembers its canaries. NULL: it would be too large. */
const struct buf *graph_placeholder(struct graph *g, struct node *n);

/* Adds the edges that the canaries in the node's request tell of. False: there are none, it is independent. */
bool graph_link(struct graph *g, struct node *n);

/* Does the request hold a placeholder, of whatever call? Then it must not reach a server. */
bool graph_holds_canary(const struct graph *g, const struct request *r);

/* Equality of requests; headers that trace a single request do not count. `why` (may be NULL) names the first difference. */
bool request_same(const struct xcs_addr *addr_a, const struct request *a, const struct xcs_addr *addr_b,
                  const struct request *b, char *why, size_t why_len);
uint64_t request_hash(const struct xcs_addr *addr, const struct request *r);

/* Do both name the same peer? */
bool addr_same(const struct xcs_addr *a, const struct xcs_addr *b);

/* A dependent call's request is known now: takes it over. */
void graph_fill(struct node *n, struct request *r, struct call call);

/* Could r be what n's request becomes once its canaries are known? */
bool graph_fits(const struct graph *g, const struct node *n, const struct xcs_addr *addr, const struct request *r);

#endif
