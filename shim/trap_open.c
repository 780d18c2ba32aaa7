/*
 * open() in a run-ahead. For reading: the file itself, if opening and reading it does nothing. For writing: a memfd
 * with its content. In both cases what the run-ahead itself has written comes first. Errors are those that main
 * would get. What cannot be so is a barrier: a FIFO (its other end would wake), a device, a kernel control file.
 *
 * Called by trap.c's handler under its lock.
 */
#include "trap_open.h"
#include "trap_path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "signal_safe.h"

#define WANTS_WRITE(flags) (((flags)&O_ACCMODE) != O_RDONLY || ((flags)&O_TRUNC))
#define NEW_ONLY(flags) (((flags) & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
#define KEEP_STATUS (O_APPEND | O_NONBLOCK)
#define MEM_MAJOR 1
enum {
    MINOR_NULL = 3,
    MINOR_ZERO = 5,
    MINOR_FULL = 7,
    MINOR_RANDOM = 8,
    MINOR_URANDOM = 9
};

/* The number that the program gets is the lowest free one, as ever: `fd` moves down to where `place` was. */
static long settle(int *place_fd, long fd, long flags) {
    if (fd < 0) {
        return fd;
    }
    int at = *place_fd;
    *place_fd = -1;
    long result = xcs_sys3(SYS_dup3, fd, at, flags & O_CLOEXEC);
    (void)xcs_sys1(SYS_close, fd);
    return result;
}

static bool device_is_harmless(const struct stat *st) {
    if (!S_ISCHR(st->st_mode) || major(st->st_rdev) != MEM_MAJOR) {
        return false;
    }
    unsigned minor = minor(st->st_rdev);
    if (minor == MINOR_RANDOM || minor == MINOR_URANDOM) {
        ahead_tell_random();
        return true;
    }
    return minor == MINOR_NULL || minor == MINOR_ZERO || minor == MINOR_FULL;
}

/* Some files of the kernel's give each byte to one reader only. Disks have a device number, the kernel's do not. */
static bool reading_takes(struct place *place) {
    unsigned long magic = major(place->st.st_dev) == 0 ? place_filesystem(place->fd) : 0;
    if (magic == PROC_MAGIC) {
        place_name(place, AT_FDCWD, "");
    }
    return magic == DEBUGFS_MAGIC_ || magic == TRACEFS_MAGIC_ ||
           (magic == PROC_MAGIC && strcmp(place->canon, "/proc/kmsg") == 0);
}

static long open_reading(struct trap *t, struct place *place, long flags) {
    mode_t mode = place->st.st_mode;
    if (S_ISLNK(mode)) {
        return -ELOOP;
    }
    if (!S_ISREG(mode) && !S_ISDIR(mode) && !device_is_harmless(&place->st)) {
        trap_end(t);
    }
    if (S_ISREG(mode) && reading_takes(place)) {
        trap_end(t);
    }
    int what = place->file != NULL ? place->file->fd : place->fd;
    long fd = raw_open_quietly(what, O_RDONLY | (flags & (O_DIRECTORY | O_NONBLOCK | O_DIRECT)));
    return settle(&place->fd, fd, flags);
}

/* A dup of the private file's one description, set as a fresh opening would be. */
static long reopen_private(const struct private_file *file, long flags) {
    long fd = xcs_sys3(SYS_fcntl, file->fd, flags & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
    if (fd < 0) {
        return fd;
    }
    if (flags & O_TRUNC) {
        (void)xcs_sys2(SYS_ftruncate, fd, 0);
    }
    (void)xcs_sys3(SYS_lseek, fd, 0, SEEK_SET);
    (void)xcs_sys3(SYS_fcntl, fd, F_SETFL, O_RDWR | (flags & KEEP_STATUS));
    return fd;
}

/* Takes the new memfd `fd` into the table as what is at `canon`, and gives the program its descriptor. */
static long adopt(struct trap *t, long fd, const char *canon, uint32_t mode, long flags) {
    if (fd < 0) {
        return fd;
    }
    if (canon[0] != '/' || private_add(canon, (int)fd, mode) == NULL) {
        trap_end(t);
    }
    (void)xcs_sys3(SYS_fcntl, fd, F_SETFL, O_RDWR | (flags & KEEP_STATUS));
    (void)xcs_sys3(SYS_fcntl, fd, F_SETFD, flags & O_CLOEXEC ? FD_CLOEXEC : 0);
    return fd;
}

static long may(int fd, long how) {
    return xcs_sys6(SYS_faccessat, AT_FDCWD, XCS_ARG(fd_path(fd).text), how, 0, 0, XCS_COOKIE);
}

static long write_existing(struct trap *t, struct place *place, long flags) {
    mode_t mode = place->st.st_mode;
    if ((flags & O_CREAT) && (flags & O_EXCL)) {
        return -EEXIST;
    }
    if (S_ISLNK(mode)) {
        return -ELOOP;
    }
    if (S_ISDIR(mode)) {
        return -EISDIR;
    }
    if (S_ISCHR(mode) && place->st.st_rdev == makedev(MEM_MAJOR, MINOR_NULL)) {
        return settle(&place->fd, xcs_sys3(SYS_fcntl, ahead_self.null_fd, F_DUPFD_CLOEXEC, 0), flags);
    }
    if (!S_ISREG(mode) || filesystem_is_control(place_filesystem(place->fd))) {
        trap_end(t);
    }
    long error = may(place->fd, W_OK);
    if (error == 0 && (flags & O_ACCMODE) == O_RDWR) {
        error = may(place->fd, R_OK);
    }
    if (error < 0) {
        return error;
    }
    place_name(place, AT_FDCWD, "");
    if (flags & O_TRUNC) {
        return settle(&place->fd, adopt(t, private_memfd(-1, 0), place->canon, mode, flags), flags);
    }
    if (place->st.st_size > PRIVATE_COPY_MAX && (flags & O_ACCMODE) == O_RDWR) {
        trap_end(t);
    }
    SCOPED_FD source = -1;
    if (place->st.st_size <= PRIVATE_COPY_MAX) {
        source = (int)raw_open_quietly(place->fd, O_RDONLY);
    }
    long fd = private_memfd(source, place->st.st_size);
    return settle(&place->fd, adopt(t, fd, place->canon, mode, flags), flags);
}

long may_make(struct trap *t, struct place *place, long dirfd, const char *path) {
    const char *base;
    place_name(place, dirfd, path);
    if (place->canon[0] == '/' && private_within(place->canon)) {
        return 0;
    }
    SCOPED_FD parent = (int)place_parent(dirfd, path, &base);
    if (parent < 0) {
        return parent;
    }
    if (place->canon[0] != '/' || filesystem_is_control(place_filesystem(parent))) {
        trap_end(t);
    }
    return may(parent, W_OK | X_OK);
}

uint32_t masked(uint32_t type, long mode) {
    long mask = xcs_sys1(SYS_umask, 0);
    (void)xcs_sys1(SYS_umask, mask);
    return (uint32_t)(type | (mode & 07777 & ~mask));
}

static long write_new(struct trap *t, struct place *place, long dirfd, const char *path, long flags, long mode) {
    struct stat st;
    if (place->error != -ENOENT || !(flags & O_CREAT)) {
        return place->error;
    }
    if (path_ends_in_slash(path)) {
        return -EISDIR;
    }
    if (raw_stat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        trap_end(t); /* a dangling link: the file would be made elsewhere */
    }
    long error = may_make(t, place, dirfd, path);
    if (error < 0) {
        return error;
    }
    return adopt(t, private_memfd(-1, 0), place->canon, masked(S_IFREG, mode), flags);
}

/* What the run-ahead has written itself, whether or not there is such a file outside. */
static long open_private(struct trap *t, struct place *place, long flags) {
    close_raw(&place->fd);
    place->fd = -1;
    if (S_ISDIR(place->file->mode)) {
        trap_end(t);
    }
    if (flags & O_DIRECTORY) {
        return -ENOTDIR;
    }
    if (NEW_ONLY(flags)) {
        return -EEXIST;
    }
    if (WANTS_WRITE(flags)) {
        return reopen_private(place->file, flags);
    }
    return raw_openat(AT_FDCWD, fd_path(place->file->fd).text, O_RDONLY | (flags & (O_CLOEXEC | O_NONBLOCK)));
}

static long open_path(struct trap *t, long dirfd, const char *path, long flags, long mode) {
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        trap_end(t);
    }
    if (flags & O_PATH) {
        return raw_openat(dirfd, path, flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    struct place *place = place_find(dirfd, path, !(flags & O_NOFOLLOW) && !NEW_ONLY(flags));
    if (place->file != NULL) {
        return open_private(t, place, flags);
    }
    if (place->fd < 0) {
        return write_new(t, place, dirfd, path, flags, mode);
    }
    long result = -ENOTDIR;
    if (!(flags & O_DIRECTORY) || S_ISDIR(place->st.st_mode)) {
        bool writing = WANTS_WRITE(flags) || NEW_ONLY(flags);
        result = writing ? write_existing(t, place, flags) : open_reading(t, place, flags);
    }
    close_raw(&place->fd); /* unless it has become the program's */
    return result;
}

long serve_open(struct trap *t) {
#if defined(__x86_64__)
    if (t->nr == SYS_creat) {
        return open_path(t, AT_FDCWD, (const char *)t->arg[0], O_CREAT | O_WRONLY | O_TRUNC, t->arg[1]);
    }
#endif
    return open_path(t, AT_FDCWD, (const char *)t->arg[0], t->arg[1] & 0xffffffffL, t->arg[2]);
}

long serve_openat(struct trap *t) {
    return open_path(t, (int)t->arg[0], (const char *)t->arg[1], t->arg[2] & 0xffffffffL, t->arg[3]);
}
