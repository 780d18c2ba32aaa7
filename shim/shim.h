/*
 * What every file of the shim shares: which process this is, and how XCS turns itself off.
 *
 * The mode is written by the constructor, by the copy right after its clone and by nobody else, so it is read without
 * a lock.
 */
#ifndef XCS_SHIM_H
#define XCS_SHIM_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define XCS_EXPORT __attribute__((visibility("default")))
/* Kept out of a wrapper's hot path, with its stack frame. */
#define XCS_COLD __attribute__((noinline))
#define XCS_LIKELY(x) __builtin_expect(!!(x), 1)
#define XCS_UNLIKELY(x) __builtin_expect(!!(x), 0)

enum xcs_mode {
    XCS_MODE_OFF = 0, /* before the constructor, with XCS=off, or in a run-ahead's unsealed moments */
    XCS_MODE_MAIN,    /* the user's process */
    XCS_MODE_AHEAD    /* a run-ahead: every call goes to the kernel, the filter and its handler do the rest */
};

extern enum xcs_mode xcs_mode;

/* The process that the shim's state belongs to; a vfork or raw-clone child sees another from the kernel. */
extern pid_t xcs_pid;

/* This thread is in a call of libcurl's that has been looked up as a whole: its connections are not looked at. */
extern __thread bool xcs_inside_curl;

/* glibc 2.32: true as long as the process has never had a second thread. */
extern char __libc_single_threaded __attribute__((weak));

static inline bool xcs_threaded(void) {
    return !&__libc_single_threaded || !__libc_single_threaded;
}

/* XCS_DEBUG=1 was set when the process started. */
extern bool xcs_debug;

/*
 * Something of XCS failed: from now on nothing is held or forked any more. What is under way ends as it would have.
 * Silent, permanent, safe to call again and from any thread. `reason` is a constant text for XCS_DEBUG.
 */
void xcs_give_up(const char *reason);
bool xcs_gave_up(void);

/* The program ends or becomes another: XCS's processes are ended and, for a short while, waited for. */
void xcs_end(void);

/*
 * A HIT has come to nothing. Where that is because another thread ends the program, this one goes with it and nothing goes out any more:
 * waits for that, shortly, in case that it does not come (an exec that fails). Not under the state lock.
 */
void xcs_await_end(void);

/* The state lock: guards connections and channel. Signals are blocked while it is held, so that interposed functions
 * stay async-signal-safe; nothing that may block on the program's peers is done under it. */
void xcs_lock(sigset_t *saved);
void xcs_unlock(const sigset_t *saved);

#endif
