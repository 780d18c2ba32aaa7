/* See wire.h. */
#include "wire.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char inline_payload[XCS_INLINE_MAX + 1];

static void take_fds(struct packet *p, struct msghdr *h) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (i < WIRE_FDS && p->fds[i] < 0)
                p->fds[i] = fd;
            else
                close(fd);
        }
    }
}

/* A payload too large for a packet comes in a memfd; its size is the sender's word until fstat has confirmed it. */
static bool map_payload(struct packet *p) {
    struct stat st;
    if (p->fds[0] < 0 || p->msg.len == 0 || p->msg.len > XCS_REQUEST_MAX || fstat(p->fds[0], &st) != 0 ||
        !S_ISREG(st.st_mode) || (uint64_t)st.st_size < p->msg.len)
        return false;
    p->map = mmap(NULL, (size_t)p->msg.len, PROT_READ, MAP_PRIVATE, p->fds[0], 0);
    if (p->map == MAP_FAILED) {
        p->map = NULL;
        return false;
    }
    p->payload = p->map;
    p->len = (size_t)p->msg.len;
    return true;
}

enum wire_result wire_receive(int fd, struct packet *p) {
    union {
        char buf[CMSG_SPACE(sizeof(int) * WIRE_FDS)];
        struct cmsghdr align;
    } control;
    *p = (struct packet){.payload = inline_payload, .fds = {-1, -1}};
    struct iovec iov[2] = {{&p->msg, sizeof p->msg}, {inline_payload, XCS_INLINE_MAX}};
    struct msghdr h = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = control.buf, .msg_controllen = sizeof control.buf};
    ssize_t r = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (r < 0)
        return errno == EAGAIN || errno == EINTR ? WIRE_AGAIN : WIRE_END;
    take_fds(p, &h);
    if (r < (ssize_t)sizeof p->msg || p->msg.proto != XCS_PROTO || (h.msg_flags & MSG_TRUNC)) {
        packet_end(p);
        return WIRE_END;
    }
    p->len = (size_t)r - sizeof p->msg;
    inline_payload[p->len] = '\0';
    bool ok = p->msg.flags & XCS_F_MEMFD && p->msg.type == XCS_LOOKUP ? map_payload(p) : p->msg.len == p->len;
    if (ok)
        return WIRE_PACKET;
    packet_end(p);
    return WIRE_END;
}

void packet_end(struct packet *p) {
    for (size_t i = 0; i < WIRE_FDS; i++)
        if (p->fds[i] >= 0)
            close(p->fds[i]);
    if (p->map)
        munmap(p->map, (size_t)p->msg.len);
    p->map = NULL;
}

bool wire_send(int fd, struct xcs_msg *m, const void *payload, size_t len, int pass) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{m, sizeof *m}, {(void *)(uintptr_t)payload, len}};
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
    m->proto = XCS_PROTO;
    m->len = len;
    if (pass >= 0) {
        memset(&control, 0, sizeof control);
        h.msg_control = control.buf;
        h.msg_controllen = sizeof control.buf;
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &pass, sizeof pass);
    }
    return sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}
