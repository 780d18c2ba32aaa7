/*
 * Quarantine's step for memory: afterwards no mapping of the copy's is shared in a way that a write could get out.
 * Called once by ahead_quarantine, before the filter.
 *
 * Every shared mapping is replaced, also one that is not writable: mprotect could make it so. A plain file's read-only
 * mapping is made anew from the file opened for reading (the kernel then refuses to make it writable), others become
 * a private copy. What cannot or must not be copied (a device's memory, a ring of the kernel's, too large) becomes
 * inaccessible: touching it ends the run-ahead.
 */
#include "proc_lines.h"
#include "trap.h"
#include "trap_path.h"

#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "signal_safe.h"

#define MAX_MAPS 512
#define SIZE_COPIED_WHOLE (1UL << 20)
#define SIZE_MAX_COPIED (4UL << 30)
#define BUDGET (64UL << 20) /* bytes copied of all mappings together */
#define NAME_MAX_KEPT 256

struct mapping {
    unsigned long start, end, offset, ino;
    dev_t dev;
    int prot;
    char name[NAME_MAX_KEPT]; /* "" if longer */
};

static struct mapping maps[MAX_MAPS];
static size_t nmaps;
static unsigned long budget, page;
static unsigned char resident[16 * 1024]; /* mincore's answer, one byte for each page */

/* "start-end rwxs offset major:minor inode    name". False only if there is no room. */
static bool take_line(const char *p, const char *end) {
    struct mapping map = {.start = proc_number(&p, end, 16)};
    p++;
    map.end = proc_number(&p, end, 16);
    p++;
    if (end - p < 5 || p[3] != 's') {
        return true;
    }
    map.prot = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) | (p[2] == 'x' ? PROT_EXEC : 0);
    p += 5;
    map.offset = proc_number(&p, end, 16);
    p++;
    unsigned dev_major = (unsigned)proc_number(&p, end, 16);
    p++;
    map.dev = makedev(dev_major, (unsigned)proc_number(&p, end, 16));
    p++;
    map.ino = proc_number(&p, end, 10);
    (void)proc_key(&p, end, ""); /* blanks */
    size_t len = (size_t)(end - p);
    if (len < sizeof(map.name)) {
        memcpy(map.name, p, len);
    }
    if (nmaps == MAX_MAPS) {
        return false;
    }
    maps[nmaps++] = map;
    return true;
}

static bool put_mapping(const struct mapping *map, int prot, int flags, int fd, unsigned long offset) {
    unsigned long got = (unsigned long)xcs_sys6(SYS_mmap, (long)map->start, (long)(map->end - map->start), prot,
                                                flags | MAP_FIXED, fd, (long)offset);
    return got == map->start;
}

static bool put_nothing(const struct mapping *map) {
    return put_mapping(map, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* A read-only mapping of a file that is still there under its name. */
static bool map_anew(const struct mapping *map) {
    struct stat st;
    if (map->name[0] != '/' || (map->prot & PROT_WRITE)) {
        return false;
    }
    SCOPED_FD path = (int)xcs_sys4(SYS_openat, AT_FDCWD, map->name, O_PATH | O_CLOEXEC, 0);
    if (path < 0 || xcs_sys4(SYS_newfstatat, path, "", &st, AT_EMPTY_PATH) != 0 || !S_ISREG(st.st_mode) ||
        st.st_ino != map->ino || st.st_dev != map->dev) {
        return false;
    }
    SCOPED_FD fd = (int)raw_open_quietly(path, O_RDONLY);
    return fd >= 0 && put_mapping(map, map->prot, MAP_SHARED, fd, map->offset);
}

/* Files of memory and of disks hold still while they are copied; devices and the kernel's own rings need not. */
static bool may_copy(const struct mapping *map) {
    static const char shm[] = "/dev/shm/", anonymous[] = "/dev/zero (deleted)";
    if (!(map->prot & PROT_READ) || map->end - map->start > SIZE_MAX_COPIED) {
        return false;
    }
    if (strncmp(map->name, "/dev/", 5) == 0) {
        return strncmp(map->name, shm, sizeof(shm) - 1) == 0 || strcmp(map->name, anonymous) == 0;
    }
    return map->name[0] == '/';
}

/* The kernel copies, as far as the memory is there (a mapping may end after its file). */
static bool copy_range(int fd, unsigned long start, unsigned long at, unsigned long end) {
    if (end - at > budget) {
        return false;
    }
    budget -= end - at;
    while (at < end) {
        long n = xcs_sys4(SYS_pwrite64, fd, start + at, end - at, at);
        if (n <= 0) {
            break;
        }
        at += (unsigned long)n;
    }
    return true;
}

/* Of a large mapping only what is in memory: such are made in advance and for the most part never touched. */
static bool copy_resident(int fd, const struct mapping *map) {
    unsigned long size = map->end - map->start;
    for (unsigned long at = 0; at < size; at += sizeof(resident) * page) {
        unsigned long window = size - at < sizeof(resident) * page ? size - at : sizeof(resident) * page;
        unsigned long pages = window / page;
        if (xcs_sys3(SYS_mincore, map->start + at, window, resident) != 0) {
            return false;
        }
        for (unsigned long i = 0, first; i < pages; i++) {
            for (first = i; i < pages && (resident[i] & 1); i++) {
            }
            if (i > first && !copy_range(fd, map->start, at + first * page, at + i * page)) {
                return false;
            }
        }
    }
    return true;
}

/* Into a memfd, which is then mapped privately. */
static bool put_copy(const struct mapping *map) {
    unsigned long size = map->end - map->start;
    SCOPED_FD fd = (int)xcs_sys2(SYS_memfd_create, "xcs", MFD_CLOEXEC);
    if (fd < 0 || xcs_sys2(SYS_ftruncate, fd, size) != 0) {
        return false;
    }
    bool copied = size <= SIZE_COPIED_WHOLE ? copy_range(fd, map->start, 0, size) : copy_resident(fd, map);
    return copied && put_mapping(map, map->prot, MAP_PRIVATE, fd, 0);
}

bool quarantine_mappings(void) {
    nmaps = 0;
    budget = BUDGET;
    page = getauxval(AT_PAGESZ);
    /* All of them first: replacing changes the list. */
    if (!proc_lines("/proc/self/maps", take_line)) {
        return false;
    }
    for (size_t i = 0; i < nmaps; i++) {
        const struct mapping *map = &maps[i];
        if (!map_anew(map) && !(may_copy(map) && put_copy(map)) && !put_nothing(map)) {
            return false;
        }
    }
    return true;
}
