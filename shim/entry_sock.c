/*
 * Interposed: what a program asks about or sets on its socket (getsockopt(2), getpeername(2)). While a HIT is
 * swapped in, the real connection answers, and the time limits that a program sets apply to both.
 */
#include "conn.h"
#include "real.h"
#include <sys/socket.h>

XCS_EXPORT int getsockopt(int fd, int level, int name, void *value, socklen_t *len) {
    int r = REAL(getsockopt)(conn_of(fd) ? conn_real_fd(fd) : fd, level, name, value, len);
    if (r == 0 && level == SOL_SOCKET && name == SO_ERROR && conn_of(fd) && *len == sizeof(int))
        conn_connected(fd, *(const int *)value);
    return r;
}

XCS_EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t len) {
    int real = conn_of(fd) ? conn_real_fd(fd) : fd;
    if (real != fd && level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
        REAL(setsockopt)(fd, level, name, value, len);
    return REAL(setsockopt)(real, level, name, value, len);
}

XCS_EXPORT int getpeername(int fd, struct sockaddr *addr, socklen_t *len) {
    return REAL(getpeername)(conn_of(fd) ? conn_real_fd(fd) : fd, addr, len);
}

XCS_EXPORT int getsockname(int fd, struct sockaddr *addr, socklen_t *len) {
    return REAL(getsockname)(conn_of(fd) ? conn_real_fd(fd) : fd, addr, len);
}
