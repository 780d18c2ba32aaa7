/*
 * A run-ahead's system calls that its filter does not let through: what quarantine.c and the trap_*.c files share.
 *
 * Everything here runs only in the copy: before the filter (quarantine) or in the SIGSYS handler. No allocation, no
 * lock but the handler's own, no stdio, no errno: raw.h and the string functions only.
 */
#ifndef XCS_TRAP_H
#define XCS_TRAP_H

#include "ahead.h"
#include "raw.h"

#include <errno.h>
#include <linux/limits.h>
#include <stdint.h>
#include <ucontext.h>

/* Marks a stand-in for a descriptor whose peer is not the engine. On the socket itself, so that dup carries it. */
#define AHEAD_FOREIGN 5 /* as SO_PRIORITY, which means nothing on AF_UNIX */

struct ahead_self {
    int channel;
    int floor;   /* XCS's own descriptors lie from here on */
    int null_fd; /* /dev/null, open for both */
    pid_t main_pid, main_tid, main_ppid;
    pid_t own_tid; /* the copied thread's real number */
};
extern struct ahead_self ahead_self;

struct trap {
    long nr;
    long arg[6];
    ucontext_t *uc;
};

/* A system call that is served: `serve` returns what the kernel would have, or ends the run-ahead. */
struct trap_row {
    long nr;
    long (*serve)(struct trap *t);
};
extern const struct trap_row trap_file_rows[]; /* trap_files.c; each table ends with serve == NULL */
extern const struct trap_row trap_net_rows[];  /* trap_net.c */
extern const struct trap_row trap_self_rows[]; /* trap_self.c */

/* A system call's name, or NULL (trap_names.c). */
const char *trap_name(long nr);

/* Installs the handler; the filter is installed after it. */
bool trap_install(void);
/* Makes forbidden (and in themselves harmless) calls. True if each of them trapped. */
bool trap_self_test(void);

/* A packet to the engine with at most two descriptors / with one (fd < 0: none). Returns the kernel's result. */
#define AHEAD_TELL_FDS 2
long ahead_tell_fds(const struct xcs_msg *msg, const void *payload, size_t len, const int *fds, size_t nfds, int flags);
long ahead_tell(const struct xcs_msg *msg, const void *payload, size_t len, int fd, int flags);
/* Randomness has been drawn. */
void ahead_tell_random(void);

/* Ends the run-ahead with the name of the call as reason. */
void trap_end(const struct trap *t) __attribute__((noreturn));

/* Quarantine's steps that have files of their own (quarantine_fds.c, quarantine_maps.c). */
bool quarantine_descriptors(const struct ahead_plan *plan);
bool quarantine_mappings(void);

/*
 * In a continuation: sockets to the engine and files that are read become its own; the one at `awaited` is where the
 * answer of `node` is to come.
 */
bool quarantine_renew(int awaited, uint64_t node);

/* quarantine_events.c: a new epoll or eventfd in the state of the inherited one; then, at the end, what was watched. */
long events_new_epoll(int fd);
long events_new_counter(int fd, int flags);
void events_watch_again(void);

/* trap_net.c: gives a connected pair's near end, remembers `peer` (NULL: not connected); -errno on failure. */
long net_pair(int family, int type, int flags, const struct xcs_addr *peer, int *far);
bool net_tell_conn(const struct xcs_addr *addr, uint32_t trust, uint64_t node, int far);
/* The TLS peer that a socket's session has met, for the engine if the socket is replaced. */
void net_met(int fd, uint32_t trust);
/* Is it connected to the engine? */
bool net_is_engine(long fd);
/* A socket that the run-ahead has too is replaced; any other descriptor is left as it is. */
void net_renew_begins(void);
bool net_renew(int fd, uint64_t node);

/* trap_files.c: what the terminal on descriptor 0..2 said of itself before it was replaced. */
void tty_capture(int fd);

/* What a call of at most five arguments would do if it were not trapped. */
static inline long trap_pass(const struct trap *t) {
    return xcs_sys6(t->nr, t->arg[0], t->arg[1], t->arg[2], t->arg[3], t->arg[4], XCS_COOKIE);
}

/* "/proc/self/fd/N" */
struct fd_path {
    char text[32];
};
static inline struct fd_path fd_path(long fd) {
    struct fd_path path = {.text = "/proc/self/fd/"};
    char digits[20];
    size_t n = 0, end = sizeof("/proc/self/fd/") - 1;
    unsigned long value = fd < 0 ? 0 : (unsigned long)fd;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 && n < sizeof(path.text) - sizeof("/proc/self/fd/"));
    while (n > 0) {
        path.text[end++] = digits[--n];
    }
    return path;
}

static inline void close_raw(const int *fd) {
    if (*fd >= 0) {
        (void)xcs_sys1(SYS_close, *fd);
    }
}
#define SCOPED_FD __attribute__((cleanup(close_raw))) int

#endif
