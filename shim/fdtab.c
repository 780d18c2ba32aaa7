/* The descriptor table (fdtab.h). Raw system calls only: called with the state lock held and after fork. */
#include "fdtab.h"
#include "raw.h"
#include <fcntl.h>
#include <sys/resource.h>

_Atomic(struct conn *) xcs_fds[XCS_FDS];

/* One past the highest descriptor ever set: bounds the scans. */
static _Atomic int fd_end;

void fdtab_set(int fd, struct conn *c) {
    if ((unsigned)fd >= XCS_FDS)
        return;
    if (c && fd >= atomic_load(&fd_end))
        atomic_store(&fd_end, fd + 1);
    atomic_store_explicit(&xcs_fds[fd], c, memory_order_release);
}

int fdtab_next(int from) {
    int end = atomic_load(&fd_end);
    for (int fd = from; fd < end; fd++)
        if (fdtab_get(fd))
            return fd;
    return -1;
}

/*
 * Programs print descriptor numbers and select() on low ones, so ours lie as high as the limit lets them, but
 * not above 1024 either: a high number makes the kernel grow and copy a large table at each fork.
 */
static long hide_base(void) {
    struct rlimit rl;
    long top = 1024;
    if (xcs_sys4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &rl) == 0 && rl.rlim_cur < 1024)
        top = (long)rl.rlim_cur;
    return top > 96 ? top - 96 : top / 2;
}

int fdtab_hide(int fd) {
    long high = xcs_sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, hide_base());
    xcs_sys1(SYS_close, fd);
    if (high < 0)
        return -1;
    if (high >= XCS_FDS) {
        xcs_sys1(SYS_close, high);
        return -1;
    }
    fdtab_set((int)high, XCS_OURS);
    return (int)high;
}

void fdtab_drop(int fd) {
    if (fd < 0 || fdtab_get(fd) != XCS_OURS)
        return; /* the program has put something of its own there */
    fdtab_set(fd, NULL);
    xcs_sys1(SYS_close, fd);
}
