/*
 * Served calls on paths other than open: what they say comes from the private files first and from the file system
 * else. Changes are served where they concern private files alone; all others are barriers.
 *
 * Called by trap.c's handler under its lock.
 */
#include "trap_open.h"
#include "trap_path.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "signal_safe.h"

/* Closes what place_find has opened; what it says stays valid. */
static struct place *place_look(long dirfd, const char *path, bool follow) {
    struct place *place = place_find(dirfd, path, follow);
    close_raw(&place->fd);
    return place;
}

#define EXISTS(place) ((place)->error == 0)

/*
 * A private file as stat shows it: owner, inode and device of the file that it stands for, if there is one. Where the run-ahead has
 * opened it itself, its inode is what fstat says (SQLite compares the two); main has seen that of the file.
 */
static void stat_private(const struct place *place, struct stat *st) {
    struct stat mem;
    memset(&mem, 0, sizeof(mem));
    (void)raw_stat(place->file->fd, "", &mem, AT_EMPTY_PATH);
    *st = EXISTS(place) ? place->st : mem;
    if (!place->file->inherited) {
        st->st_ino = mem.st_ino;
        st->st_dev = mem.st_dev;
    }
    st->st_mode = place->file->mode;
    st->st_nlink = 1;
    st->st_size = mem.st_size;
    st->st_blocks = mem.st_blocks;
    st->st_mtim = mem.st_mtim;
    st->st_ctim = mem.st_ctim;
}

static long stat_path(struct trap *t, long dirfd, const char *path, struct stat *st, long flags) {
    if (private_any() && path != NULL && path[0] != '\0') {
        struct place *place = place_look(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));
        if (place->file != NULL) {
            stat_private(place, st);
            return 0;
        }
    }
    (void)t;
    return raw_stat(dirfd, path, st, flags);
}

static long serve_newfstatat(struct trap *t) {
    return stat_path(t, (int)t->arg[0], (const char *)t->arg[1], (struct stat *)t->arg[2], t->arg[3]);
}

static long serve_statx(struct trap *t) {
    const char *path = (const char *)t->arg[1];
    struct statx *out = (struct statx *)t->arg[4];
    if (!private_any() || path == NULL || path[0] == '\0') {
        return trap_pass(t);
    }
    struct place *place = place_look((int)t->arg[0], path, !(t->arg[2] & AT_SYMLINK_NOFOLLOW));
    if (place->file == NULL) {
        return trap_pass(t);
    }
    struct stat st;
    stat_private(place, &st);
    long result = xcs_sys6(SYS_statx, place->file->fd, XCS_ARG(""), AT_EMPTY_PATH, t->arg[3], XCS_ARG(out), XCS_COOKIE);
    if (result == 0) {
        out->stx_mode = (uint16_t)st.st_mode;
        out->stx_nlink = 1;
        out->stx_uid = st.st_uid;
        out->stx_gid = st.st_gid;
        out->stx_ino = st.st_ino;
        out->stx_dev_major = major(st.st_dev);
        out->stx_dev_minor = minor(st.st_dev);
    }
    return result;
}

/* access, faccessat and faccessat2 */
static long access_path(struct trap *t, long dirfd, const char *path, long how, long flags) {
    if (private_any()) {
        struct place *place = place_look(dirfd, path, !(flags & AT_SYMLINK_NOFOLLOW));
        if (place->file != NULL) {
            return (how & X_OK) && !(place->file->mode & 0111) ? -EACCES : 0;
        }
    }
    long nr = t->nr == SYS_faccessat2 ? SYS_faccessat2 : SYS_faccessat;
    return xcs_sys6(nr, dirfd, XCS_ARG(path), how, flags, 0, XCS_COOKIE);
}

static long serve_faccessat(struct trap *t) {
    long flags = t->nr == SYS_faccessat2 ? t->arg[3] : 0;
    return access_path(t, (int)t->arg[0], (const char *)t->arg[1], t->arg[2], flags);
}

static long readlink_path(long dirfd, const char *path, long out, long size) {
    if (private_any() && path != NULL && path[0] != '\0' && place_look(dirfd, path, false)->file != NULL) {
        return -EINVAL;
    }
    return xcs_sys6(SYS_readlinkat, dirfd, XCS_ARG(path), out, size, 0, XCS_COOKIE);
}

static long serve_readlinkat(struct trap *t) {
    return readlink_path((int)t->arg[0], (const char *)t->arg[1], t->arg[2], t->arg[3]);
}

static long serve_truncate(struct trap *t) {
    struct place *place = place_look(AT_FDCWD, (const char *)t->arg[0], true);
    if (place->file == NULL) {
        trap_end(t);
    }
    return xcs_sys2(SYS_ftruncate, place->file->fd, t->arg[1]);
}

/* A file that only the run-ahead has made, it may also remove; one that is not there cannot be removed. */
static long unlink_path(struct trap *t, long dirfd, const char *path) {
    struct place *place = place_look(dirfd, path, false);
    if (EXISTS(place) || (place->file != NULL && S_ISDIR(place->file->mode))) {
        trap_end(t);
    }
    if (place->file == NULL) {
        return place->error;
    }
    private_drop(place->file);
    return 0;
}

static long serve_unlinkat(struct trap *t) {
    if (t->arg[2] != 0) {
        trap_end(t);
    }
    return unlink_path(t, (int)t->arg[0], (const char *)t->arg[1]);
}

/* Writing to a new name and renaming that over the old one: all private, unless the source is real. */
static long rename_path(struct trap *t, long from_dir, const char *from, long to_dir, const char *to) {
    struct place *source = place_look(from_dir, from, false);
    struct private_file *file = source->file;
    if (EXISTS(source) || (file != NULL && S_ISDIR(file->mode))) {
        trap_end(t);
    }
    if (file == NULL) {
        return source->error;
    }
    struct place *target = place_look(to_dir, to, false);
    if (target->canon[0] != '/' || path_ends_in_slash(to) || (EXISTS(target) && !S_ISREG(target->st.st_mode))) {
        trap_end(t);
    }
    if (target->file == file) {
        return 0;
    }
    if (strlen(target->canon) >= PRIVATE_PATH) {
        trap_end(t);
    }
    if (target->file != NULL && S_ISDIR(target->file->mode)) {
        return -EISDIR;
    }
    if (target->file != NULL) {
        private_drop(target->file);
    }
    (void)private_rename(file, target->canon);
    return 0;
}

static long serve_renameat(struct trap *t) {
    if (t->nr == SYS_renameat2 && t->arg[4] != 0) {
        trap_end(t);
    }
    return rename_path(t, (int)t->arg[0], (const char *)t->arg[1], (int)t->arg[2], (const char *)t->arg[3]);
}

/* One that is there is harmless; a new one is private, as files are. It can be written into, and not be read. */
static long mkdir_path(struct trap *t, long dirfd, const char *path, long mode) {
    struct place *place = place_look(dirfd, path, false);
    if (EXISTS(place) || place->file != NULL) {
        return -EEXIST;
    }
    if (place->error != -ENOENT) {
        return place->error;
    }
    long error = may_make(t, place, dirfd, path);
    if (error < 0) {
        return error;
    }
    if (private_add(place->canon, ahead_self.null_fd, masked(S_IFDIR, mode)) == NULL) {
        trap_end(t);
    }
    return 0;
}

static long serve_mkdirat(struct trap *t) {
    return mkdir_path(t, (int)t->arg[0], (const char *)t->arg[1], t->arg[2]);
}

/* No kernel can go into a directory that is private. */
static long serve_chdir(struct trap *t) {
    if (private_any() && place_look(AT_FDCWD, (const char *)t->arg[0], true)->file != NULL) {
        trap_end(t);
    }
    return trap_pass(t);
}

static bool is_regular(long fd) {
    struct stat st;
    return raw_stat(fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode);
}

/*
 * Databases lock parts of a file (SQLite does, for each statement): that guards what is in the file, which nobody else can
 * reach here, so the lock is had without asking. A lock on a whole file may guard something else: a barrier.
 */
static long serve_fcntl(struct trap *t) {
    const struct flock *asked = (const struct flock *)t->arg[2];
    struct flock lock;
    if ((t->arg[1] != F_SETLK && t->arg[1] != F_GETLK) || asked == NULL || !is_regular(t->arg[0])) {
        trap_end(t);
    }
    memcpy(&lock, asked, sizeof(lock));
    if (lock.l_len == 0 && lock.l_type != F_UNLCK) {
        trap_end(t);
    }
    if (t->arg[1] == F_GETLK) {
        lock.l_type = F_UNLCK;
        memcpy((void *)t->arg[2], &lock, sizeof(lock));
    }
    return 0;
}

/* SQLite gives each new file the mode and, when root runs it, the owner of its database. Here nobody else is kept from it. */
static long serve_owner(struct trap *t) {
    static const char memfd[] = "/memfd:";
    char target[sizeof(memfd)] = "";
    long n = raw_readlink(fd_path(t->arg[0]).text, target, sizeof(target));
    if (n != (long)sizeof(memfd) - 1 || memcmp(target, memfd, sizeof(memfd) - 1) != 0) {
        trap_end(t);
    }
    return 0;
}

#define TTYS 3
#define KERNEL_TERMIOS 36 /* bytes that TCGETS writes */
static struct {
    bool known;
    char termios[64];
    unsigned short size[4];
} ttys[TTYS];

void tty_capture(int fd) {
    if (fd >= 0 && fd < TTYS && xcs_sys3(SYS_ioctl, fd, TCGETS, ttys[fd].termios) == 0) {
        ttys[fd].known = xcs_sys3(SYS_ioctl, fd, TIOCGWINSZ, ttys[fd].size) == 0;
    }
}

/* What main saw of its terminal; programs buffer and colour by it. */
static long serve_ioctl(struct trap *t) {
    long fd = t->arg[0];
    unsigned long request = (unsigned long)t->arg[1];
    if (request != TCGETS && request != TIOCGWINSZ) {
        trap_end(t);
    }
    if (fd < 0 || fd >= TTYS || !ttys[fd].known) {
        return trap_pass(t);
    }
    struct stat st;
    if (raw_stat(fd, "", &st, AT_EMPTY_PATH) != 0 || S_ISREG(st.st_mode)) {
        return trap_pass(t); /* the program has put something else there */
    }
    if (request == TCGETS) {
        memcpy((void *)t->arg[2], ttys[fd].termios, KERNEL_TERMIOS);
    } else {
        memcpy((void *)t->arg[2], ttys[fd].size, sizeof(ttys[fd].size));
    }
    return 0;
}

#if defined(__x86_64__)
static long serve_stat(struct trap *t) {
    long flags = t->nr == SYS_lstat ? AT_SYMLINK_NOFOLLOW : 0;
    return stat_path(t, AT_FDCWD, (const char *)t->arg[0], (struct stat *)t->arg[1], flags);
}
static long serve_access(struct trap *t) {
    return access_path(t, AT_FDCWD, (const char *)t->arg[0], t->arg[1], 0);
}
static long serve_readlink(struct trap *t) {
    return readlink_path(AT_FDCWD, (const char *)t->arg[0], t->arg[1], t->arg[2]);
}
static long serve_unlink(struct trap *t) {
    return unlink_path(t, AT_FDCWD, (const char *)t->arg[0]);
}
static long serve_rename(struct trap *t) {
    return rename_path(t, AT_FDCWD, (const char *)t->arg[0], AT_FDCWD, (const char *)t->arg[1]);
}
static long serve_mkdir(struct trap *t) {
    return mkdir_path(t, AT_FDCWD, (const char *)t->arg[0], t->arg[1]);
}
#endif

const struct trap_row trap_file_rows[] = {
    {SYS_openat, serve_openat},
    {SYS_newfstatat, serve_newfstatat},
    {SYS_statx, serve_statx},
    {SYS_faccessat, serve_faccessat},
    {SYS_faccessat2, serve_faccessat},
    {SYS_readlinkat, serve_readlinkat},
    {SYS_truncate, serve_truncate},
    {SYS_unlinkat, serve_unlinkat},
    {SYS_renameat2, serve_renameat},
    {SYS_mkdirat, serve_mkdirat},
    {SYS_chdir, serve_chdir},
    {SYS_ioctl, serve_ioctl},
    {SYS_fcntl, serve_fcntl},
    {SYS_fchown, serve_owner},
    {SYS_fchmod, serve_owner},
#if defined(__x86_64__)
    {SYS_open, serve_open},
    {SYS_creat, serve_open},
    {SYS_stat, serve_stat},
    {SYS_lstat, serve_stat},
    {SYS_access, serve_access},
    {SYS_readlink, serve_readlink},
    {SYS_unlink, serve_unlink},
    {SYS_rename, serve_rename},
    {SYS_renameat, serve_renameat},
    {SYS_mkdir, serve_mkdir},
#endif
    {0, NULL},
};
