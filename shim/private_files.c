/*
 * The table of a run-ahead's private files, see private_files.h. Called between clone and filter, and in the SIGSYS
 * handler under its lock: raw system calls and static memory only.
 */
#include "private_files.h"
#include "trap.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "signal_safe.h"

#define MAX_FILES 512

static struct private_file files[MAX_FILES];
static size_t count; /* rows in use or freed since; rows beyond have never been used */
static size_t live;

struct private_file *private_find(const char *path) {
    for (size_t i = 0; i < count; i++) {
        if (files[i].fd >= 0 && strcmp(files[i].path, path) == 0) {
            return &files[i];
        }
    }
    return NULL;
}

static struct private_file *free_row(void) {
    for (size_t i = 0; i < count; i++) {
        if (files[i].fd < 0) {
            return &files[i];
        }
    }
    return count < MAX_FILES ? &files[count++] : NULL;
}

struct private_file *private_add(const char *path, int fd, uint32_t mode) {
    size_t len = strlen(path);
    struct private_file *file = len < PRIVATE_PATH ? free_row() : NULL;
    if (file == NULL) {
        return NULL;
    }
    long high = xcs_sys3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, ahead_self.floor);
    file->fd = (int)high;
    if (high < 0) {
        file->fd = -1;
        return NULL;
    }
    file->mode = mode;
    file->inherited = false;
    memcpy(file->path, path, len + 1);
    live++;
    return file;
}

void private_drop(struct private_file *file) {
    close_raw(&file->fd);
    file->fd = -1;
    live--;
}

bool private_rename(struct private_file *file, const char *path) {
    size_t len = strlen(path);
    if (len >= PRIVATE_PATH) {
        return false;
    }
    memmove(file->path, path, len + 1);
    return true;
}

bool private_any(void) {
    return live > 0;
}

bool private_within(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    for (size_t i = 0; i < count; i++) {
        const struct private_file *dir = &files[i];
        if (dir->fd >= 0 && S_ISDIR(dir->mode) && strncmp(dir->path, path, len) == 0 && dir->path[len] == '\0') {
            return true;
        }
    }
    return false;
}

long private_memfd(int source, int64_t size) {
    long made = xcs_sys2(SYS_memfd_create, "xcs", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (made < 0) {
        return made;
    }
    int fd = (int)made;
    long result = xcs_sys2(SYS_ftruncate, fd, size);
    if (result < 0) {
        close_raw(&fd);
        return result;
    }
    for (int64_t at = 0; source >= 0 && at < size;) {
        result = xcs_sys4(SYS_sendfile, fd, source, &at, size - at);
        if (result <= 0) {
            break; /* the file has shrunk, or cannot be sent; what there is must do */
        }
    }
    (void)xcs_sys3(SYS_lseek, fd, 0, SEEK_SET);
    return made;
}
