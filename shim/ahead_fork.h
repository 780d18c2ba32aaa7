/*
 * Main's side of a run-ahead: take the copy, watch that it gets going, reap it.
 */
#ifndef XCS_AHEAD_FORK_H
#define XCS_AHEAD_FORK_H

#include "conn.h"
#include <stdbool.h>

/*
 * Main is about to block for the answer to c's MISS on fd: forks a run-ahead if that is allowed. Returns in main and,
 * with xcs_mode XCS_MODE_AHEAD, in the sealed copy. False: a signal came meanwhile for which the call that is
 * stood for fails with EINTR (`always`: it does so even under SA_RESTART). Without the state lock.
 */
bool main_run_ahead(struct conn *c, int fd, bool always);

/* Reaps the run-aheads, continuations and the holder that have ended; how many are left. Needs the state lock. */
int ahead_reap(void);

/* The same where no lookup may come for long that would do it. Takes the lock. */
void ahead_tidy(void);

/* Kills the run-aheads and continuations: main ends. */
void ahead_kill(void);

/* In the child of a fork: they are not its children. */
void ahead_child_reset(void);

#endif
