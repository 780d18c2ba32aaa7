/*
 * The engine's listening socket: see listen.h. The socket carries requests and answers, so nobody else may connect.
 */
#include "listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 128

static int new_socket(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Removes the socket that a dead engine left; false with errno when something else is there. */
static bool remove_stale(const struct sockaddr_un *addr) {
    struct stat st;
    if (lstat(addr->sun_path, &st) < 0)
        return errno == ENOENT;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int probe = new_socket();
    if (probe < 0)
        return false;
    bool dead = connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED;
    close(probe);
    if (!dead) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(addr->sun_path) == 0;
}

int listen_open(const char *path) {
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    if (!remove_stale(&addr))
        return -1;
    int fd = new_socket();
    if (fd < 0)
        return -1;
    mode_t old = umask(0177); /* in place before the name is: there is no moment at which others could connect */
    int bound = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
    umask(old);
    if (bound == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    if (bound == 0)
        unlink(path);
    close(fd);
    errno = saved;
    return -1;
}
