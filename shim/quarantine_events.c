/*
 * Quarantine's step for epoll and eventfd: new ones with the state of main's. An epoll that forgot what it watches
 * would leave an event loop asleep for ever. Called by quarantine_descriptors, before the filter.
 */
#include "proc_lines.h"
#include "trap.h"

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "signal_safe.h"

#define MAX_WATCHED 4096

static struct watched {
    int epoll, fd;
    struct epoll_event event;
} watched[MAX_WATCHED];
static size_t nwatched;

static int current;
static unsigned long count;
static bool semaphore;

/* "tfd:        5 events:       19 data:                5  pos:0 ino:…" */
static bool take_watched(const char *p, const char *end) {
    if (!proc_key(&p, end, "tfd:")) {
        return true;
    }
    struct watched row = {.epoll = current, .fd = (int)proc_number(&p, end, 10)};
    if (!proc_key(&p, end, " events:")) {
        return true;
    }
    row.event.events = (uint32_t)proc_number(&p, end, 16);
    if (!proc_key(&p, end, " data:") || nwatched == MAX_WATCHED) {
        return nwatched < MAX_WATCHED;
    }
    row.event.data.u64 = proc_number(&p, end, 16);
    watched[nwatched++] = row;
    return true;
}

static bool take_count(const char *p, const char *end) {
    if (proc_key(&p, end, "eventfd-count:")) {
        count = proc_number(&p, end, 16);
    } else if (proc_key(&p, end, "eventfd-semaphore:")) {
        semaphore = proc_number(&p, end, 10) != 0;
    }
    return true;
}

/* "/proc/self/fdinfo/N" */
static bool read_info(int fd, bool (*take)(const char *, const char *)) {
    char path[48] = "/proc/self/fdinfo/";
    const char *number = fd_path(fd).text + sizeof("/proc/self/fd/") - 1;
    memcpy(path + strlen(path), number, strlen(number) + 1);
    return proc_lines(path, take);
}

long events_new_epoll(int fd) {
    current = fd;
    return read_info(fd, take_watched) ? xcs_sys1(SYS_epoll_create1, EPOLL_CLOEXEC) : -EINVAL;
}

long events_new_counter(int fd, int flags) {
    count = 0;
    semaphore = false;
    if (!read_info(fd, take_count) || count > UINT32_MAX) {
        return -EINVAL;
    }
    int how = EFD_CLOEXEC | (flags & O_NONBLOCK ? EFD_NONBLOCK : 0) | (semaphore ? EFD_SEMAPHORE : 0);
    return xcs_sys2(SYS_eventfd2, (long)count, how);
}

/* When all descriptors are what they will be. Some can no longer be watched (a sink): they would never have woken. */
void events_watch_again(void) {
    for (size_t i = 0; i < nwatched; i++) {
        (void)xcs_sys4(SYS_epoll_ctl, watched[i].epoll, EPOLL_CTL_ADD, watched[i].fd, &watched[i].event);
    }
    nwatched = 0;
}
