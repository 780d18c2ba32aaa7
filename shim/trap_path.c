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

bool path_ends_in_slash(const char *path) {
    size_t len = strnlen(path, PATH_MAX);
    return len > 0 && path[len - 1] == '/';
}

/* `base` keeps its slashes: append drops them. */
long place_parent(long dirfd, const char *path, const char **base) {
    size_t len = strnlen(path, PATH_MAX), named = len;
    while (named > 0 && path[named - 1] == '/') {
        named--;
    }
    const char *slash = memrchr(path, '/', named);
    size_t dir_len = slash == NULL ? 0 : (size_t)(slash - path);
    *base = slash == NULL ? path : slash + 1;
    if (len >= PATH_MAX) {
        return -ENAMETOOLONG;
    }
    size_t base_len = strcspn(*base, "/");
    if (base_len == 0 || (base_len <= 2 && memcmp(*base, "..", base_len) == 0)) {
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

/* Adds "/rest" to a canonical name. False: too long, or it says "..", which only the kernel can resolve. */
static bool append(char *canon, size_t room, size_t len, const char *rest) {
    len -= canon[len - 1] == '/';
    for (const char *p = rest; *p != '\0'; p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            return false;
        }
        if (n > 0 && !(n == 1 && *p == '.')) {
            if (len + n + 2 > room) {
                return false;
            }
            canon[len++] = '/';
            memcpy(canon + len, p, n);
            len += n;
        }
        p += n;
    }
    canon[len] = '\0';
    return true;
}

/* In a directory that only the run-ahead has made: the name of the last one above it that is there, and the rest as it was said. */
static void name_in_private(struct place *place, long dirfd, const char *path) {
    size_t cut = strnlen(path, PATH_MAX - 1);
    long found_dir = -ENOENT;
    while (found_dir == -ENOENT && cut > 0) {
        const char *slash = memrchr(path, '/', cut);
        cut = slash == NULL ? 0 : (size_t)(slash - path);
        memcpy(parent_path, path, cut);
        parent_path[cut] = '\0';
        if (cut == 0) {
            memcpy(parent_path, *path == '/' ? "/" : ".", 2);
        }
        found_dir = raw_openat(dirfd, parent_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    SCOPED_FD dir = (int)found_dir;
    if (dir < 0) {
        return;
    }
    long n = raw_readlink(fd_path(dir).text, place->canon, sizeof(place->canon));
    const char *rest = path + cut + (path[cut] == '/');
    if (n <= 0 || !append(place->canon, sizeof(place->canon), (size_t)n, rest) || !private_within(place->canon)) {
        place->canon[0] = '\0';
    }
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
    if (parent == -ENOENT && private_any()) {
        name_in_private(place, dirfd, path);
    }
    if (parent < 0) {
        return;
    }
    long n = raw_readlink(fd_path(parent).text, place->canon, sizeof(place->canon));
    if (n <= 0 || !append(place->canon, sizeof(place->canon), (size_t)n, base)) {
        place->canon[0] = '\0';
    }
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
    if (fd < 0 && place->file != NULL && !S_ISDIR(place->file->mode) && path_ends_in_slash(path)) {
        place->file = NULL;
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
