/*
 * Interposed: what makes and ends descriptors (close(2), dup(2), fcntl(2)), shutdown and fdopen.
 *
 * The shim's own descriptors look closed to the program (EBADF), whatever it does to close them all; only a raw system
 * call can reach them, and then XCS gives up. A vfork child shares the tables with main and must not change
 * them: conn_mine() is asked wherever something would be.
 */
#include "conn.h"
#include "raw.h"
#include "real.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

XCS_EXPORT int close(int fd) {
    if (XCS_UNLIKELY(conn_of(fd) != NULL) && !conn_closing(fd)) {
        errno = EBADF;
        return -1;
    }
    return REAL(close)(fd);
}

/* Calls `real` on the parts of [first, last] between the shim's own descriptors. */
static int close_around_ours(unsigned first, unsigned last, unsigned flags) {
    int r = 0;
    for (int fd = first > INT_MAX ? -1 : fdtab_next((int)first); fd >= 0 && (unsigned)fd <= last;
         fd = fdtab_next(fd + 1)) {
        if (conn_closing(fd))
            continue;
        if ((unsigned)fd > first)
            r |= REAL(close_range)(first, (unsigned)fd - 1, (int)flags);
        first = (unsigned)fd + 1;
    }
    return first <= last ? r | REAL(close_range)(first, last, (int)flags) : r;
}

XCS_EXPORT int close_range(unsigned first, unsigned last, int flags) {
    if (xcs_mode != XCS_MODE_MAIN || first > last || ((unsigned)flags & CLOSE_RANGE_CLOEXEC) || !conn_mine())
        return REAL(close_range)(first, last, flags);
    return close_around_ours(first, last, (unsigned)flags);
}

XCS_EXPORT void closefrom(int low) {
    if (xcs_mode != XCS_MODE_MAIN || !conn_mine())
        REAL(closefrom)(low);
    else if (close_around_ours(low < 0 ? 0 : (unsigned)low, ~0U, 0) != 0)
        for (int fd = low < 0 ? 0 : low; fd < XCS_FDS; fd++)
            close(fd);
}

XCS_EXPORT int dup(int fd) {
    int r = REAL(dup)(fd);
    if (XCS_UNLIKELY(conn_of(fd) != NULL) && r >= 0)
        conn_duped(fd, r);
    return r;
}

static void over(int fd) {
    /* What was there is closed by the kernel without close(); our own there is lost, which XCS notices. */
    if (conn_of(fd) && !conn_closing(fd))
        fdtab_set(fd, NULL);
}

XCS_EXPORT int dup2(int fd, int to) {
    if (fd != to && xcs_sys2(SYS_fcntl, fd, F_GETFD) >= 0)
        over(to);
    int r = REAL(dup2)(fd, to);
    if (XCS_UNLIKELY(conn_of(fd) != NULL) && r >= 0 && fd != to)
        conn_duped(fd, r);
    return r;
}

XCS_EXPORT int dup3(int fd, int to, int flags) {
    if (fd != to && xcs_sys2(SYS_fcntl, fd, F_GETFD) >= 0)
        over(to);
    int r = REAL(dup3)(fd, to, flags);
    if (XCS_UNLIKELY(conn_of(fd) != NULL) && r >= 0)
        conn_duped(fd, r);
    return r;
}

static int fcntl_any(int (*real)(int, int, ...), int fd, int cmd, void *arg) {
    if (XCS_LIKELY(!conn_of(fd)))
        return real(fd, cmd, arg);
    if (conn_of(fd) == XCS_OURS && conn_mine()) {
        errno = EBADF;
        return -1;
    }
    int r = real(fd, cmd, arg);
    if (r >= 0 && (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC))
        conn_duped(fd, r);
    return r;
}

/* The third argument is an int or a pointer or absent; libc itself reads it as a pointer. */
XCS_EXPORT int fcntl(int fd, int cmd, ...) {
    va_list ap;
    va_start(ap, cmd);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return fcntl_any(REAL(fcntl), fd, cmd, arg);
}

XCS_EXPORT int fcntl64(int fd, int cmd, ...) {
    va_list ap;
    va_start(ap, cmd);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return fcntl_any(REAL(fcntl64), fd, cmd, arg);
}

XCS_EXPORT int shutdown(int fd, int how) {
    if (conn_of(fd))
        conn_shutting(fd, how);
    return REAL(shutdown)(fd, how);
}

/* stdio reads and writes past us from here on. */
XCS_EXPORT FILE *fdopen(int fd, const char *mode) {
    conn_foreign(fd);
    return REAL(fdopen)(fd, mode);
}
