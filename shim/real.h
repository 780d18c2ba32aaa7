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
    X(sendmmsg, 1)                                                                                                     \
    X(write, 1)                                                                                                        \
    X(writev, 1)                                                                                                       \
    X(recv, 1)                                                                                                         \
    X(recvfrom, 1)                                                                                                     \
    X(recvmsg, 1)                                                                                                      \
    X(recvmmsg, 1)                                                                                                     \
    X(read, 1)                                                                                                         \
    X(readv, 1)                                                                                                        \
    X(__read_chk, 1)                                                                                                   \
    X(__recv_chk, 1)                                                                                                   \
    X(__recvfrom_chk, 1)                                                                                               \
    X(__poll_chk, 1)                                                                                                   \
    X(__ppoll_chk, 1)                                                                                                  \
    X(poll, 1)                                                                                                         \
    X(ppoll, 1)                                                                                                        \
    X(select, 1)                                                                                                       \
    X(pselect, 1)                                                                                                      \
    X(epoll_ctl, 1)                                                                                                    \
    X(close, 1)                                                                                                        \
    X(close_range, 1)                                                                                                  \
    X(closefrom, 1)                                                                                                    \
    X(dup, 1)                                                                                                          \
    X(dup2, 1)                                                                                                         \
    X(dup3, 1)                                                                                                         \
    X(fcntl, 1)                                                                                                        \
    X(fcntl64, 1)                                                                                                      \
    X(shutdown, 1)                                                                                                     \
    X(fdopen, 1)                                                                                                       \
    X(sendfile, 1)                                                                                                     \
    X(sendfile64, 1)                                                                                                   \
    X(splice, 1)                                                                                                       \
    X(getsockopt, 1)                                                                                                   \
    X(setsockopt, 1)                                                                                                   \
    X(getpeername, 1)                                                                                                  \
    X(getsockname, 1)                                                                                                  \
    X(execve, 1)                                                                                                       \
    X(execv, 1)                                                                                                        \
    X(execvp, 1)                                                                                                       \
    X(execvpe, 1)                                                                                                      \
    X(execveat, 1)                                                                                                     \
    X(fexecve, 1)                                                                                                      \
    X(vdprintf, 1)                                                                                                     \
    X(getaddrinfo, 1)                                                                                                  \
    X(dlopen, 1)

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
