/*
 * See hit.h. The first bytes carry a memfd with the whole response (shim/protocol.h), so that main loses nothing if this
 * process dies half-way.
 */
#include "hit.h"
#include "../shim/protocol.h"
#include "buf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_BUFFER (4 * 1024 * 1024)

struct hit {
    struct source source;
    void *owner;
    hit_over *over;
    char *raw;
    size_t len, written;
    bool closes;
};

static void end(struct hit *h) {
    source_end(&h->source);
    free(h->raw);
    h->raw = NULL;
    loop_free_later(h);
}

static int copy_of(const struct hit *h) {
    struct xcs_response head = {XCS_PROTO, h->closes ? XCS_R_CLOSE : 0, h->len};
    int fd = memfd_create("xcs-response", MFD_CLOEXEC);
    if (fd < 0 || write(fd, &head, sizeof head) != (ssize_t)sizeof head)
        goto fail;
    for (size_t done = 0; done < h->len;) {
        ssize_t r = write(fd, h->raw + done, h->len - done);
        if (r <= 0)
            goto fail;
        done += (size_t)r;
    }
    return fd;
fail:
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Writes on; the first write brings the copy along. False: main's end is closed, or there is no copy to bring. */
static bool write_on(struct hit *h) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    while (h->written < h->len) {
        struct iovec iov = {h->raw + h->written, h->len - h->written};
        struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
        int copy = -1;
        if (h->written == 0) {
            if ((copy = copy_of(h)) < 0)
                return false;
            memset(&control, 0, sizeof control);
            m.msg_control = control.buf;
            m.msg_controllen = sizeof control.buf;
            struct cmsghdr *c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof copy);
            memcpy(CMSG_DATA(c), &copy, sizeof copy);
        }
        ssize_t r = sendmsg(h->source.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        int err = errno;
        if (copy >= 0)
            close(copy);
        if (r < 0 && err != EAGAIN && err != EINTR)
            return false;
        if (r < 0 && err == EAGAIN) {
            source_events(&h->source, EPOLLOUT);
            return true;
        }
        if (r > 0)
            h->written += (size_t)r;
    }
    source_events(&h->source, 0);
    if (h->closes)
        shutdown(h->source.fd, SHUT_WR);
    return true;
}

static void ready(struct source *s, uint32_t events) {
    struct hit *h = (struct hit *)s;
    if (!(events & (EPOLLHUP | EPOLLERR)) && (!h->raw || h->written == h->len || write_on(h)))
        return;
    hit_over *over = h->raw ? NULL : h->over;
    void *owner = h->owner;
    end(h);
    if (over)
        over(owner);
}

struct hit *hit_new(void *owner, hit_over *over, int *theirs) {
    int pair[2], size = SEND_BUFFER;
    struct hit *h = xcalloc(1, sizeof *h);
    h->owner = owner;
    h->over = over;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        free(h);
        return NULL;
    }
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (!source_add(&h->source, pair[0], 0, ready)) {
        close(pair[0]);
        close(pair[1]);
        free(h);
        return NULL;
    }
    *theirs = pair[1];
    return h;
}

void hit_deliver(struct hit *h, char *raw, size_t len, bool closes) {
    h->raw = raw;
    h->len = len;
    h->closes = closes;
    if (!write_on(h))
        end(h);
}

void hit_cancel(struct hit *h) {
    end(h);
}
