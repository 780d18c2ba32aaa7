/*
 * Resolution of paths for the served file calls, see trap_path.h. The kernel resolves (O_PATH opens nothing and wakes
 * nobody), so that links, mounts and ".." are right; a private file's name is its canonical path.
 */
#include "trap_path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/vfs.h>

#include "signal_safe.h"

static struct place found;
static char parent_path[PATH_MAX];

long place_parent(long dirfd, const char *path, const char **base) {
    size_t len = strnlen(path, PATH_MAX);
    const char *slash = memrchr(path, '/', len);
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - path);
    *base = slash == NULL ? path : slash + 1;
    if (len >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    if (**base == '\0' || strcmp(*base, ".") == 0 || strcmp(*base, "..") == 0) {
        return -ENOENT;
    }
    memcpy(parent_path, path, dir_len);
    parent_path[dir_len] = '\0';
    if (slash == path) {
        memcpy(parent_path, "/", 2);
    } else if (slash == NULL) {
        memcpy(parent_path, ".", 2);
    }
    return raw_openat(dirfd, parent_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A file that is not there is named by its directory's name and its own. */
void place_name(struct place *place, long dirfd, const char *path) {
    if (place->canon[0] != '\0') {
        return;
    }
    if (place->fd >= 0) {
        (void)raw_readlink(fd_path(place->fd).text, place->canon, sizeof(place->canon));
        return;
    }
    const char *base;
    SCOPED_FD parent = (int)place_parent(dirfd, path, &base);
    if (parent < 0) {
        return;
    }
    long n = raw_readlink(fd_path(parent).text, place->canon, sizeof(place->canon));
    size_t base_len = strlen(base);
    if (n <= 0 || (size_t)n + base_len + 2 > sizeof(place->canon)) {
        place->canon[0] = '\0';
        return;
    }
    size_t at = (size_t)n;
    if (place->canon[at - 1] != '/') {
        place->canon[at++] = '/';
    }
    memcpy(place->canon + at, base, base_len + 1);
}

struct place *place_find(long dirfd, const char *path, bool follow) {
    struct place *place = &found;
    place->fd = -1;
    place->error = 0;
    place->file = NULL;
    place->canon[0] = '\0';
    if (path == NULL) {
        place->error = -EFAULT;
        return place;
    }
    long fd = raw_openat(dirfd, path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
    if (fd >= 0) {
        place->fd = (int)fd;
        place->error = raw_stat(fd, "", &place->st, AT_EMPTY_PATH);
    } else {
        place->error = fd;
    }
    if (private_any() && (fd >= 0 || fd == -ENOENT)) {
        place_name(place, dirfd, path);
        place->file = private_find(place->canon);
    }
    return place;
}

unsigned long place_filesystem(int fd) {
    struct statfs fs;
    return xcs_sys2(SYS_fstatfs, fd, &fs) == 0 ? (unsigned long)fs.f_type : 0;
}

bool filesystem_is_control(unsigned long magic) {
    static const unsigned long control[] = {
        PROC_MAGIC,   DEBUGFS_MAGIC_, TRACEFS_MAGIC_, 0x62656572UL, /* sysfs */
        0x27e0ebUL,                                                 /* cgroup */
        0x63677270UL,                                               /* cgroup2 */
        0x19800202UL,                                               /* mqueue */
        0x73636673UL,                                               /* securityfs */
        0xf97cff8cUL,                                               /* selinuxfs */
        0x62656570UL,                                               /* configfs */
        0xcafe4a11UL,                                               /* bpf */
        0x42494e4dUL,                                               /* binfmt_misc */
        0x65735543UL,                                               /* fusectl */
        0xde5e81e4UL,                                               /* efivarfs */
        0x6165676cUL,                                               /* pstore */
    };
    for (size_t i = 0; i < sizeof(control) / sizeof(control[0]); i++) {
        if (control[i] == magic) {
            return true;
        }
    }
    return false;
}
