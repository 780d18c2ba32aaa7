/*
 * Continuations: copies of a run-ahead that stay at one call, wait for its real answer and go on with that. Called by the
 * interposed read and readiness families in a run-ahead. The engine asks for one (XCS_KEEP) before it sends the placeholder,
 * so the request for it is there when the placeholder is.
 *
 * A continuation is main's child, as the run-ahead is, with exit signal 0. It is under the run-ahead's filter from its
 * first instruction on. Raw system calls only: what the filter traps must carry the cookie.
 */
#include "raw.h"
#include "shim.h"
#include "trap.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include "signal_safe.h"

/* The last thing the engine asked for; false: nothing. */
static bool asked(uint64_t *node) {
    struct xcs_msg msg;
    bool any = false;
    while (xcs_sys6(SYS_recvfrom, ahead_self.channel, XCS_ARG(&msg), sizeof(msg), MSG_DONTWAIT, 0, 0) ==
           (long)sizeof(msg)) {
        if (msg.type == XCS_KEEP) {
            *node = msg.node;
            any = true;
        }
    }
    return any;
}

/* The copy's own channel, sockets and files in the place of those of the run-ahead. */
static bool become(int fd, uint64_t node, int channel) {
    if (xcs_sys6(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, XCS_COOKIE) != 0 ||
        xcs_sys6(SYS_getppid, 0, 0, 0, 0, 0, XCS_COOKIE) != ahead_self.main_pid ||
        xcs_sys3(SYS_dup3, channel, ahead_self.channel, O_CLOEXEC) < 0) {
        return false;
    }
    (void)xcs_sys1(SYS_close, channel);
    ahead_self.own_tid = (pid_t)xcs_sys6(SYS_gettid, 0, 0, 0, 0, 0, XCS_COOKIE);
    return quarantine_renew(fd, node);
}

/* True in the continuation. */
static bool leave(int fd, uint64_t node) {
    int pair[2], pidfd = -1;
    if (xcs_sys4(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    long pid = xcs_sys6(SYS_clone, CLONE_PARENT | CLONE_PIDFD, 0, XCS_ARG(&pidfd), 0, 0, XCS_COOKIE);
    if (pid == 0) {
        (void)xcs_sys1(SYS_close, pair[1]);
        if (!become(fd, node, pair[0])) {
            ahead_end("no continuation");
        }
        return true;
    }
    (void)xcs_sys1(SYS_close, pair[0]);
    if (pid > 0) {
        const struct xcs_msg msg = {.proto = XCS_PROTO, .type = XCS_KEPT, .node = node, .arg = (uint32_t)pid};
        const int fds[] = {pair[1], pidfd};
        (void)ahead_tell_fds(&msg, NULL, 0, fds, 2, 0);
    }
    close_raw(&pidfd);
    (void)xcs_sys1(SYS_close, pair[1]);
    return false;
}

void ahead_look(int fd, bool blocks) {
    struct timespec now = {0, 0};
    uint64_t node = 0;
    while (net_is_engine(fd)) {
        struct pollfd p = {fd, POLLIN, 0};
        if (xcs_sys5(SYS_ppoll, &p, 1, blocks ? NULL : &now, NULL, 0) != 1 || !asked(&node) || !leave(fd, node)) {
            return;
        }
        blocks = true;
    }
}
