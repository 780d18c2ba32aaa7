/*
 * Run-ahead: the copy of main that goes on past a blocked call.
 *
 * main_* functions run in the user's process, ahead_* ones only in the copy. Nothing between the clone and the
 * installed filter, and nothing in the SIGSYS handler, may allocate, lock, use stdio or errno, or call a libc function
 * that is interposed: only raw.h and the string functions.
 */
#ifndef XCS_AHEAD_H
#define XCS_AHEAD_H

#include "protocol.h"
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define XCS_AHEAD_CONNS 256

/* A connection of main's to a model origin: becomes a socket to the engine in the copy. */
struct ahead_conn {
    int fd;
    uint64_t node;  /* the node whose answer main waits for on it, or 0 */
    uint32_t trust; /* the TLS peer on it, 0: none */
    struct xcs_addr addr;
};

/* Prepared by main before the clone, only read in the copy. */
struct ahead_plan {
    int channel; /* the run-ahead's own channel end */
    pid_t main_pid, main_tid, main_ppid;
    struct sock_fprog filter;
    size_t nconns;
    struct ahead_conn conns[XCS_AHEAD_CONNS];
};

/*
 * Runs in the copy, first thing after the clone: all steps of the quarantine, in order. Returns true when the
 * copy is sealed (and the engine knows of its connections); otherwise the copy must end, with ahead_exit().
 */
bool ahead_quarantine(const struct ahead_plan *plan);

/*
 * In a run-ahead, before it reads from fd or waits for it: leaves a continuation there if the engine asks for one (then this
 * returns in both, in the continuation when its real answer is there). `blocks`: the call that follows may wait; otherwise
 * this does not wait either.
 */
void ahead_look(int fd, bool blocks);

/* Ends the run-ahead: tells the engine `reason` (a short constant text) and leaves. Async-signal-safe. */
void ahead_end(const char *reason) __attribute__((noreturn));

#endif
