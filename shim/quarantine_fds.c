/*
 * Quarantine's step for descriptors: afterwards none of the copy's refers to anything that another process shares.
 * Called once by ahead_quarantine, before the filter.
 *
 * By kind: what can only be read is opened anew (a forked descriptor shares its offset with main); a file that is
 * open for writing becomes a memfd with its content; an output becomes /dev/null; a connection to a model origin
 * becomes a socket to the engine; all else becomes a silent socket whose reading blocks, for its value cannot be known.
 */
#include "private_files.h"
#include "trap.h"
#include "trap_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "signal_safe.h"

#define MAX_FDS 16384
#define STATUS_KEPT (O_APPEND | O_NONBLOCK)

static int fds[MAX_FDS];
static size_t nfds;
static char entries[32 * 1024];
static char link_text[PATH_MAX];

struct inherited {
    int fd;
    int cloexec; /* O_CLOEXEC or 0, as dup3 takes it */
    int flags;   /* F_GETFL */
    struct stat st;
};

static bool collect(const char *d_name) {
    int fd = 0;
    for (const char *p = d_name; *p != '\0'; p++) {
        if (*p < '0' || *p > '9') {
            return true; /* "." and ".." */
        }
        fd = fd * 10 + (*p - '0');
    }
    if (nfds == MAX_FDS) {
        return false;
    }
    fds[nfds++] = fd;
    return true;
}

/* All numbers first: replacing makes and closes descriptors while it goes. */
static bool list_descriptors(void) {
    SCOPED_FD dir = (int)xcs_sys6(SYS_openat, AT_FDCWD, XCS_ARG("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
                                  0, XCS_COOKIE); /* a continuation is under the filter */
    nfds = 0;
    if (dir < 0) {
        return false;
    }
    for (;;) {
        long n = xcs_sys3(SYS_getdents64, dir, entries, sizeof(entries));
        if (n <= 0) {
            break;
        }
        for (long at = 0; at < n;) {
            struct dirent64 *entry = (struct dirent64 *)(void *)(entries + at);
            if (!collect(entry->d_name)) {
                return false;
            }
            at += entry->d_reclen;
        }
    }
    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] == dir) {
            fds[i] = fds[--nfds];
            break;
        }
    }
    return nfds > 0;
}

/* Puts `with` (or an error number) in the place of the inherited descriptor, which is thereby closed. */
static bool put(const struct inherited *old, long with) {
    if (with < 0) {
        return false;
    }
    long result = xcs_sys3(SYS_dup3, with, old->fd, old->cloexec);
    (void)xcs_sys1(SYS_close, with);
    return result >= 0;
}

static long open_anew(int fd, int flags) {
    return xcs_sys4(SYS_openat, AT_FDCWD, fd_path(fd).text, flags | O_CLOEXEC | O_NOCTTY, 0);
}

/* The far end stays open, above, and nobody ever writes to it. */
static bool put_silent(const struct inherited *old) {
    int pair[2], mark = AHEAD_FOREIGN;
    if (xcs_sys4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (old->flags & O_NONBLOCK), 0, pair) != 0) {
        return false;
    }
    if (xcs_sys3(SYS_fcntl, pair[1], F_DUPFD_CLOEXEC, ahead_self.floor) >= 0) {
        (void)xcs_sys1(SYS_close, pair[1]); /* else there are so many that it stays where it is */
    }
    (void)xcs_sys5(SYS_setsockopt, pair[0], SOL_SOCKET, SO_PRIORITY, &mark, sizeof(mark));
    return put(old, pair[0]);
}

static bool put_sink(const struct inherited *old) {
    int how = (old->flags & O_ACCMODE) | (old->flags & STATUS_KEPT) | O_CLOEXEC;
    return put(old, xcs_sys4(SYS_openat, AT_FDCWD, "/dev/null", how, 0));
}

static bool put_reopened(const struct inherited *old) {
    int how = O_RDONLY | (old->flags & (O_NONBLOCK | O_DIRECTORY | O_DIRECT));
    long offset = xcs_sys3(SYS_lseek, old->fd, 0, SEEK_CUR);
    long fd = raw_open_quietly(old->fd, how);
    if (fd < 0) {
        return put_silent(old);
    }
    if (offset > 0) {
        (void)xcs_sys3(SYS_lseek, fd, offset, SEEK_SET);
    }
    return put(old, fd);
}

/* Known under its path too, if it still has one, so that opening it again finds what the copy has written. */
static void remember_path(const struct inherited *old, int memfd) {
    struct stat now;
    if (raw_readlink(fd_path(old->fd).text, link_text, sizeof(link_text)) <= 0 || link_text[0] != '/' ||
        xcs_sys4(SYS_newfstatat, AT_FDCWD, link_text, &now, 0) != 0 || now.st_ino != old->st.st_ino ||
        now.st_dev != old->st.st_dev || private_find(link_text) != NULL) {
        return;
    }
    SCOPED_FD own = (int)open_anew(memfd, O_RDWR); /* its own offset */
    if (own >= 0) {
        struct private_file *file = private_add(link_text, own, old->st.st_mode);
        if (file != NULL) {
            file->inherited = true;
        }
    }
}

static bool put_private(const struct inherited *old) {
    bool readable = (old->flags & O_ACCMODE) == O_RDWR;
    bool fits = old->st.st_size <= PRIVATE_COPY_MAX;
    if ((!fits && readable) || filesystem_is_control(place_filesystem(old->fd))) {
        return put_silent(old);
    }
    SCOPED_FD source = fits ? (int)raw_open_quietly(old->fd, O_RDONLY) : -1;
    long memfd = private_memfd(source, old->st.st_size);
    if (memfd < 0) {
        return false;
    }
    long offset = xcs_sys3(SYS_lseek, old->fd, 0, SEEK_CUR);
    (void)xcs_sys3(SYS_lseek, memfd, offset, SEEK_SET);
    (void)xcs_sys3(SYS_fcntl, memfd, F_SETFL, O_RDWR | (old->flags & STATUS_KEPT));
    remember_path(old, (int)memfd);
    return put(old, memfd);
}

static bool put_regular(const struct inherited *old) {
    if ((old->flags & O_ACCMODE) != O_RDONLY) {
        return put_private(old);
    }
    return place_filesystem(old->fd) == 0x19800202UL /* mqueue */ ? put_silent(old) : put_reopened(old);
}

#define MEM_MAJOR 1
static bool put_character(const struct inherited *old) {
    static const unsigned harmless[] = {3 /* null */, 5 /* zero */, 7 /* full */, 8 /* random */, 9 /* urandom */};
    for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
        if (old->st.st_rdev == makedev(MEM_MAJOR, harmless[i])) {
            /* writing to the random devices stirs the pool: reading only */
            bool random = harmless[i] >= 8;
            return put(old, open_anew(old->fd, random ? O_RDONLY : old->flags & (O_ACCMODE | O_NONBLOCK)));
        }
    }
    tty_capture(old->fd);
    bool output = (old->flags & O_ACCMODE) == O_WRONLY || old->fd == 1 || old->fd == 2;
    return output ? put_sink(old) : put_silent(old);
}

static bool put_pipe(const struct inherited *old) {
    return (old->flags & O_ACCMODE) == O_WRONLY ? put_sink(old) : put_silent(old);
}

/* An epoll or an event counter reaches nobody once it is a new one. Others have a state that cannot be known. */
static bool put_anonymous(const struct inherited *old) {
    if (raw_readlink(fd_path(old->fd).text, link_text, sizeof(link_text)) > 0) {
        if (strcmp(link_text, "anon_inode:[eventpoll]") == 0) {
            return put(old, events_new_epoll(old->fd));
        }
        if (strcmp(link_text, "anon_inode:[eventfd]") == 0) {
            return put(old, events_new_counter(old->fd, old->flags));
        }
    }
    return put_silent(old);
}

static bool put_engine(const struct inherited *old, const struct ahead_conn *conn) {
    SCOPED_FD far = -1;
    int flags = SOCK_CLOEXEC | (old->flags & O_NONBLOCK ? SOCK_NONBLOCK : 0);
    long near = net_pair(conn->addr.u.sa.sa_family, SOCK_STREAM, flags, &conn->addr, &far);
    if (!put(old, near) || !net_tell_conn(&conn->addr, conn->trust, conn->node, far)) {
        return false;
    }
    net_met(old->fd, conn->trust);
    return true;
}

static const struct ahead_conn *conn_of(const struct ahead_plan *plan, int fd) {
    for (size_t i = 0; i < plan->nconns; i++) {
        if (plan->conns[i].fd == fd) {
            return &plan->conns[i];
        }
    }
    return NULL;
}

static bool replace(const struct ahead_plan *plan, int fd) {
    struct inherited old = {.fd = fd};
    long cloexec = xcs_sys3(SYS_fcntl, fd, F_GETFD, 0), flags = xcs_sys3(SYS_fcntl, fd, F_GETFL, 0);
    if (cloexec < 0 || flags < 0 || xcs_sys4(SYS_newfstatat, fd, "", &old.st, AT_EMPTY_PATH) != 0) {
        return false;
    }
    old.cloexec = cloexec & FD_CLOEXEC ? O_CLOEXEC : 0;
    old.flags = (int)flags;
    const struct ahead_conn *conn = conn_of(plan, fd);
    if (conn != NULL) {
        return put_engine(&old, conn);
    }
    if (flags & O_PATH) {
        return true; /* has no offset and no data; every call that could act on it traps */
    }
    switch (old.st.st_mode & S_IFMT) {
    case 0: /* no file of any kind: an anonymous inode */
        return put_anonymous(&old);
    case S_IFREG:
        return put_regular(&old);
    case S_IFDIR:
        return put_reopened(&old);
    case S_IFCHR:
        return put_character(&old);
    case S_IFIFO:
        return put_pipe(&old);
    default:
        return put_silent(&old);
    }
}

/* The continuation's offset must not be its run-ahead's. What the copy has written stays common: only a guess rests on it. */
static bool renew_file(int fd) {
    struct stat st;
    long flags = xcs_sys3(SYS_fcntl, fd, F_GETFL, 0), cloexec = xcs_sys3(SYS_fcntl, fd, F_GETFD, 0);
    if (xcs_sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) != 0 || !S_ISREG(st.st_mode) ||
        (flags & (O_ACCMODE | O_PATH)) != O_RDONLY) {
        return true;
    }
    long offset = xcs_sys3(SYS_lseek, fd, 0, SEEK_CUR);
    int how = O_RDONLY | O_CLOEXEC | (int)(flags & O_NONBLOCK);
    SCOPED_FD fresh = (int)xcs_sys6(SYS_openat, AT_FDCWD, XCS_ARG(fd_path(fd).text), how, 0, 0, XCS_COOKIE);
    return fresh >= 0 && xcs_sys3(SYS_lseek, fresh, offset, SEEK_SET) == offset &&
           xcs_sys3(SYS_dup3, fresh, fd, cloexec & FD_CLOEXEC ? O_CLOEXEC : 0) >= 0;
}

bool quarantine_renew(int awaited, uint64_t node) {
    if (!list_descriptors()) {
        return false;
    }
    net_renew_begins();
    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] != ahead_self.channel && !(net_renew(fds[i], fds[i] == awaited ? node : 0) && renew_file(fds[i]))) {
            return false;
        }
    }
    return true;
}

bool quarantine_descriptors(const struct ahead_plan *plan) {
    if (!list_descriptors()) {
        return false;
    }
    for (size_t i = 0; i < nfds; i++) {
        if (fds[i] != ahead_self.channel && !replace(plan, fds[i])) {
            return false;
        }
    }
    events_watch_again();
    SCOPED_FD null_fd = (int)xcs_sys4(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    ahead_self.null_fd = (int)xcs_sys3(SYS_fcntl, null_fd, F_DUPFD_CLOEXEC, ahead_self.floor);
    return ahead_self.null_fd >= 0;
}
