/*
 * A session: one process of the user's (main), from its HELLO to the end of its channel, with its graph, its decisions and its
 * run-ahead.
 */
#ifndef XCS_SESSION_H
#define XCS_SESSION_H

#include "decide.h"
#include "graph.h"
#include "lesson.h"
#include "loop.h"
#include "stats.h"
#include "trust.h"
#include "wire.h"

struct ahead;

struct session {
    struct source channel;
    unsigned number;
    int debug_fd; /* main's stderr, or -1 */
    bool greeted;
    struct trust trusts[TRUSTS]; /* by their numbers, from 1 */
    struct graph graph;
    struct decisions decisions;
    struct ahead *ahead; /* the live run-ahead, or NULL */
    struct ahead *kept;  /* the live continuations, oldest first */
    struct kept_state {
        unsigned alive;
        uint32_t made;
        bool open;                 /* one was left and no call that depends on its value has been met since */
        int32_t ended[WINDOW * 2]; /* process numbers that main has to reap */
        size_t nended;
    } keeping;
    struct previous { /* main's previous call */
        struct site *site;
        bool guessed; /* a run-ahead has gone on from it with a placeholder */
    } previous;
    struct lesson lesson;
    struct site *unproven; /* may never repeat, or may only branch */
    unsigned strayed;      /* calls in a row that were not foreseen, while others still are */
    uint64_t asked_last;   /* identity of main's last call */
    uint64_t thread;       /* of main's, that made it */
    bool threaded;         /* another one has made calls too */
    struct node *awaited;  /* main's unanswered MISSes, through `next` */
    struct stats stats;
    uint64_t began_ns, waited_until_ns;
    uint64_t repaid_ns; /* of the time saved: what main has waited for its turn at limited origins */
    struct session *prev, *next;
};

/* Takes the channel over. */
void session_open(int channel);

/* Ends all sessions, adding what they gained to the total. */
void sessions_close(void);
const struct stats *sessions_total(void);
bool sessions_any(void);

/* Told by the engine: a call that the dispatcher issued has ended. Takes r->raw over. */
struct dispatch_result;
void sessions_result(struct dispatch_result *r);

/* One line on main's stderr when it asked for that (XCS_DEBUG=1). */
void session_debug(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Issues what the windows have room for, in program order, and answers the run-ahead that waits for it. */
void session_pump(struct session *s);

/* A call found ahead that main will not use: cancelled, counted and removed. */
void session_waste(struct session *s, struct node *n);

/* The next node number, unique in the process. */
uint64_t session_next_id(void);

/*
 * How long main waits for a HIT that gets nowhere, in nanoseconds (session_stall.c): between two looks at it, when the server has not
 * taken our connection, and when it may have. Changed by tests only.
 */
extern struct stall_patience { uint64_t look, unserved, sent; } session_patience;

#endif
