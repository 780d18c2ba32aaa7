/*
 * Continuations (shim/ahead_keep.c): copies that a run-ahead leaves at calls whose value matters, to the request of another call
 * or to the way that the program takes. One waits for the real value, goes on as main will, and issues the calls that needed it.
 *
 * Which call it is to wait for and which it may pass is read off the graph: it waits where a call that is still
 * dependent has an edge from. It ends when no such call is left, when main has passed it, and with its run-ahead's foresight.
 */
#ifndef XCS_KEEP_H
#define XCS_KEEP_H

#include "ahead.h"

/* The run-ahead is about to read a placeholder for n: asks it to leave a continuation if one is wanted there. */
void keep_ask(const struct ahead *a, const struct node *n);

/* The run-ahead has met n, whose request holds placeholders. */
void keep_dependent(struct session *s, const struct node *n);

/* The run-ahead has left one (XCS_KEPT). */
void keep_open(struct ahead *a, struct packet *p);

/* The continuation's connection on which it waits for its first value is there. */
void keep_begin(struct ahead *k, struct ahead_conn *c, uint64_t node);

/* Its next model call. Takes the request over. */
void keep_call(struct ahead *k, struct ahead_conn *c, const struct xcs_addr *addr, uint32_t trust, struct request *r,
               struct call call);

/* n's response is there / will never be. */
void keep_value(struct session *s, struct node *n);
void keep_lost(struct session *s, const struct node *n);

/* Main asks for its next call: a continuation that it has caught up with is of no use any more. */
void keep_passed(struct session *s);

/* Told by ahead_close. */
void keep_ended(struct ahead *k);
void keep_close_all(struct session *s, const char *why);

#endif
