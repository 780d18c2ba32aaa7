/*
 * The shim's beginning and end in a process: constructor, fork, giving up. The constructor runs in every
 * program that the preload reaches, most of which make no model call: it must stay cheap.
 */
#include "ahead_fork.h"
#include "channel.h"
#include "conn.h"
#include "curl_handle.h"
#include "engine_start.h"
#include "gnutls_session.h"
#include "raw.h"
#include "real.h"
#include "shim.h"
#include "tls_lib.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define END_MS 200
#define LAST_MS 1000

enum xcs_mode xcs_mode;
pid_t xcs_pid;
bool xcs_debug;

static pthread_mutex_t state_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool given_up;
static _Atomic pid_t ends; /* the thread that ends the program */

void xcs_lock(sigset_t *saved) {
    sigset_t all;
    sigfillset(&all);
    sigemptyset(saved);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, &all, saved, 8);
    pthread_mutex_lock(&state_lock);
}

void xcs_unlock(const sigset_t *saved) {
    pthread_mutex_unlock(&state_lock);
    xcs_sys4(SYS_rt_sigprocmask, SIG_SETMASK, saved, 0, 8);
}

bool xcs_gave_up(void) {
    return atomic_load_explicit(&given_up, memory_order_relaxed);
}

void xcs_give_up(const char *reason) {
    if (!atomic_exchange(&given_up, true))
        channel_note(reason);
}

static void before_fork(void) {
    if (xcs_mode != XCS_MODE_MAIN)
        return;
    ahead_tidy(); /* a server that has called a model and now forks may do nothing but wait from here on */
    conn_before_fork();
}

/* fork(): the child is a program of its own, with an engine of its own if it ever makes a model call. */
static void in_child(void) {
    if (xcs_mode != XCS_MODE_MAIN)
        return;
    pthread_mutex_init(&state_lock, NULL);
    tls_child_reset();
    gnutls_child_reset();
    xcs_inside_curl = false;
    curl_real_child_reset();
    curl_handle_child_reset();
    xcs_pid = (pid_t)xcs_sys0(SYS_getpid);
    atomic_store(&ends, 0);
    channel_close();
    conn_child_reset();
    ahead_child_reset();
}

/*
 * exit(): the run-ahead, the engine and its holder end with their channel; they are waited for shortly, so that no zombie is
 * left to whoever is process 1. After a signal they end by themselves.
 */
__attribute__((destructor)) static void end(void) {
    xcs_end();
}

void xcs_end(void) {
    if (xcs_mode != XCS_MODE_MAIN || xcs_sys0(SYS_getpid) != xcs_pid)
        return;
    atomic_store(&ends, (pid_t)xcs_sys0(SYS_gettid));
    ahead_kill();
    channel_close();
    for (int waited = 0; waited < END_MS && ahead_reap() > 0; waited++)
        xcs_nap(1000000);
}

void xcs_await_end(void) {
    pid_t by = atomic_load(&ends);
    if (!by || by == xcs_sys0(SYS_gettid))
        return;
    for (int waited = 0; waited < LAST_MS; waited++)
        xcs_nap(1000000);
    atomic_store(&ends, 0); /* it goes on: the exec has failed */
}

__attribute__((constructor)) static void start(void) {
    const char *off = getenv("XCS");
    const char *debug = getenv("XCS_DEBUG");
    if (off && strcmp(off, "off") == 0)
        return;
    xcs_debug = debug && strcmp(debug, "1") == 0;
    xcs_pid = (pid_t)xcs_sys0(SYS_getpid);
    xcs_real_bind_early();
    engine_start_init();
    pthread_atfork(before_fork, NULL, in_child);
    xcs_mode = XCS_MODE_MAIN;
}
