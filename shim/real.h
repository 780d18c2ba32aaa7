/*
 * The real functions behind the interposed ones, as one table, each bound at its first use.
 *
 * All of them are libc's, which is always in the global scope, so the next definition after ours (RTLD_NEXT) is the right
 * one, another preloaded library's included. dlsym may allocate: binding is done one symbol at a time, and those
 * that POSIX promises to be async-signal-safe are bound by the constructor, where allocation is safe.
 */
#ifndef XCS_REAL_H
#define XCS_REAL_H

#include <stdatomic.h>

/* name, bound by the constructor */
#define XCS_REALS(X)                                                                                                   \
    X(connect, 1)                                                                                                      \
    X(send, 1)                                                                                                         \
    X(sendto, 1)                                                                                                       \
    X(sendmsg, 1)                                                                                                      \
    X(sendmmsg, 0)                                                                                                     \
    X(write, 1)                                                                                                        \
    X(writev, 1)                                                                                                       \
    X(recv, 1)                                                                                                         \
    X(recvfrom, 1)                                                                                                     \
    X(recvmsg, 1)                                                                                                      \
    X(recvmmsg, 0)                                                                                                     \
    X(read, 1)                                                                                                         \
    X(readv, 1)                                                                                                        \
    X(__read_chk, 0)                                                                                                   \
    X(__recv_chk, 0)                                                                                                   \
    X(__recvfrom_chk, 0)                                                                                               \
    X(__poll_chk, 0)                                                                                                   \
    X(__ppoll_chk, 0)                                                                                                  \
    X(poll, 1)                                                                                                         \
    X(ppoll, 0)                                                                                                        \
    X(select, 1)                                                                                                       \
    X(pselect, 1)                                                                                                      \
    X(epoll_ctl, 0)                                                                                                    \
    X(close, 1)                                                                                                        \
    X(close_range, 0)                                                                                                  \
    X(closefrom, 0)                                                                                                    \
    X(dup, 1)                                                                                                          \
    X(dup2, 1)                                                                                                         \
    X(dup3, 0)                                                                                                         \
    X(fcntl, 1)                                                                                                        \
    X(fcntl64, 1)                                                                                                      \
    X(shutdown, 1)                                                                                                     \
    X(fdopen, 0)                                                                                                       \
    X(sendfile, 0)                                                                                                     \
    X(sendfile64, 0)                                                                                                   \
    X(splice, 0)                                                                                                       \
    X(getsockopt, 1)                                                                                                   \
    X(setsockopt, 1)                                                                                                   \
    X(getpeername, 1)                                                                                                  \
    X(getsockname, 1)                                                                                                  \
    X(getaddrinfo, 0)

enum xcs_real_id {
#define X(name, early) XCS_REAL_##name,
    XCS_REALS(X)
#undef X
    XCS_REAL_COUNT
};

extern _Atomic(void *) xcs_real_table[XCS_REAL_COUNT];

/* Binds one entry; errno untouched. A function that this libc lacks is NULL, and then no program calls it. */
void *xcs_real_bind(enum xcs_real_id id);
void xcs_real_bind_early(void);

static inline void *xcs_real(enum xcs_real_id id) {
    void *p = atomic_load_explicit(&xcs_real_table[id], memory_order_acquire);
    return p ? p : xcs_real_bind(id);
}

#define REAL(name) ((__typeof__(&name))xcs_real(XCS_REAL_##name))

#endif
