/*
 * Where a path of the program's leads: in the file system, in the table of private files, or both.
 * Used by the trap_*.c files only, in the SIGSYS handler.
 */
#ifndef XCS_TRAP_PATH_H
#define XCS_TRAP_PATH_H

#include "private_files.h"
#include "trap.h"

#include <fcntl.h>
#include <sys/stat.h>

struct place {
    int fd;                    /* O_PATH; -1: not in the file system */
    long error;                /* why not, as a negative error number */
    struct private_file *file; /* NULL: the run-ahead has not written it */
    struct stat st;            /* if in the file system */
    char canon[PATH_MAX];      /* "" if it was not asked for or could not be found out */
};

/* The kernel resolves the path. The answer is static: valid until the next call, its fd the caller's to close. */
struct place *place_find(long dirfd, const char *path, bool follow);
/* Fills in `canon`, which place_find does only when there are private files to compare it with. */
void place_name(struct place *place, long dirfd, const char *path);
/* The directory in which a missing name would be made, as O_PATH; or a negative error number. */
long place_parent(long dirfd, const char *path, const char **base);
/* As the name of a directory may; a file's must not. */
bool path_ends_in_slash(const char *path);
/* Magic number of the file system that an O_PATH descriptor is on; 0 when it cannot be told. */
unsigned long place_filesystem(int fd);
/* True where files stand for the kernel's own state: writing is a command, sometimes reading too. */
bool filesystem_is_control(unsigned long magic);

#define PROC_MAGIC 0x9fa0UL
#define DEBUGFS_MAGIC_ 0x64626720UL
#define TRACEFS_MAGIC_ 0x74726163UL

/* The handler's own looks at the file system. */
static inline long raw_openat(long dirfd, const char *path, long flags) {
    return xcs_sys6(SYS_openat, dirfd, XCS_ARG(path), flags, 0, 0, XCS_COOKIE);
}
/* For reading, without a mark in the access time where that is permitted: to the file's owner. */
static inline long raw_open_quietly(long fd, long flags) {
    struct fd_path path = fd_path(fd);
    long result = raw_openat(AT_FDCWD, path.text, flags | O_CLOEXEC | O_NOCTTY | O_NOATIME);
    return result == -EPERM ? raw_openat(AT_FDCWD, path.text, flags | O_CLOEXEC | O_NOCTTY) : result;
}
static inline long raw_stat(long dirfd, const char *path, struct stat *st, long flags) {
    return xcs_sys6(SYS_newfstatat, dirfd, XCS_ARG(path), XCS_ARG(st), flags, 0, XCS_COOKIE);
}
static inline long raw_readlink(const char *path, char *out, size_t size) {
    long n = xcs_sys6(SYS_readlinkat, AT_FDCWD, XCS_ARG(path), XCS_ARG(out), (long)size - 1, 0, XCS_COOKIE);
    out[n < 0 ? 0 : n] = '\0';
    return n;
}

#endif
