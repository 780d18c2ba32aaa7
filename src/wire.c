/* See wire.h. */
#include "wire.h"
#include "../shim/curl_call.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

/* A payload too large for a packet comes in a memfd. It is read, not mapped: the sender could cut it under us. */
static bool read_payload(struct packet *p) {
    size_t len = (size_t)p->msg.len;
    if (p->fds[0] < 0 || len == 0 || len > XCS_REQUEST_MAX)
        return false;
    p->copy = malloc(len);
    for (size_t done = 0; p->copy && done < len;) {
        ssize_t r = pread(p->fds[0], p->copy + done, len - done, (off_t)done);
        if (r <= 0)
            return false;
        done += (size_t)r;
    }
    p->payload = p->copy;
    p->len = len;
    return p->copy != NULL;
}

/* Only what tells one peer from another: the rest of a sockaddr may be anything, and origins are told apart by their bytes. */
static void normalise(struct xcs_addr *a) {
    struct xcs_addr clean;
    memset(&clean, 0, sizeof clean);
    if (a->len >= sizeof a->u.in && a->u.sa.sa_family == AF_INET) {
        clean.len = sizeof a->u.in;
        clean.u.in.sin_family = AF_INET;
        clean.u.in.sin_port = a->u.in.sin_port;
        clean.u.in.sin_addr = a->u.in.sin_addr;
    } else if ((a->len >= sizeof a->u.in6 && a->u.sa.sa_family == AF_INET6) || xcs_is_call(a)) {
        clean.len = sizeof a->u.in6;
        clean.u.in6.sin6_family = a->u.sa.sa_family;
        clean.u.in6.sin6_port = a->u.in6.sin6_port;
        clean.u.in6.sin6_addr = a->u.in6.sin6_addr;
        clean.u.in6.sin6_scope_id = a->u.in6.sin6_scope_id;
    }
    *a = clean;
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
    normalise(&p->msg.addr);
    p->len = (size_t)r - sizeof p->msg;
    inline_payload[p->len] = '\0';
    bool ok = p->msg.flags & XCS_F_MEMFD && p->msg.type == XCS_LOOKUP ? read_payload(p) : p->msg.len == p->len;
    if (ok)
        return WIRE_PACKET;
    packet_end(p);
    return WIRE_END;
}

void packet_end(struct packet *p) {
    for (size_t i = 0; i < WIRE_FDS; i++)
        if (p->fds[i] >= 0)
            close(p->fds[i]);
    free(p->copy);
    p->copy = NULL;
}

ssize_t wire_pass(int fd, struct iovec *iov, size_t n, int pass) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = n};
    if (pass >= 0) {
        memset(&control, 0, sizeof control);
        h.msg_control = control.buf;
        h.msg_controllen = sizeof control.buf;
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof pass);
        memcpy(CMSG_DATA(c), &pass, sizeof pass);
    }
    return sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool wire_send(int fd, struct xcs_msg *m, const void *payload, size_t len, int pass) {
    struct iovec iov[2] = {{m, sizeof *m}, {(void *)(uintptr_t)payload, len}};
    m->proto = XCS_PROTO;
    m->len = len;
    return wire_pass(fd, iov, 2, pass) >= 0;
}
