/*
 * See hit.h. The first bytes carry a memfd with the whole response (shim/protocol.h), so that main loses nothing if this
 * process dies half-way.
 */
#include "hit.h"
#include "../shim/protocol.h"
#include "buf.h"
#include "wire.h"
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
    int copy;      /* memfd with what there is of the response, or -1 */
    size_t copied; /* bytes of it there */
    bool whole;    /* all of it is here */
    bool closes;
};

static void end(struct hit *h) {
    source_end(&h->source);
    if (h->copy >= 0)
        close(h->copy);
    free(h->raw);
    h->raw = NULL;
    loop_free_later(h);
}

static bool write_all(int fd, const void *data, size_t len, off_t at) {
    for (size_t done = 0; done < len;) {
        ssize_t r = pwrite(fd, (const char *)data + done, len - done, at + (off_t)done);
        if (r <= 0)
            return false;
        done += (size_t)r;
    }
    return true;
}

/* Brings the copy up to date: its bytes first, then the head, which tells how many they are once that is known. */
static bool update_copy(struct hit *h) {
    struct xcs_response head = {XCS_PROTO, h->closes ? XCS_R_CLOSE : 0, h->whole ? h->len : XCS_LENGTH_UNKNOWN};
    if (h->copy < 0 && (h->copy = memfd_create("xcs-response", MFD_CLOEXEC)) < 0)
        return false;
    bool ok = write_all(h->copy, h->raw + h->copied, h->len - h->copied, (off_t)(sizeof head + h->copied)) &&
              write_all(h->copy, &head, sizeof head, 0);
    h->copied = h->len;
    return ok;
}

/* The first bytes bring the copy along. As send(2). */
static ssize_t send_some(const struct hit *h) {
    struct iovec iov = {h->raw + h->written, h->len - h->written};
    return wire_pass(h->source.fd, &iov, 1, h->written == 0 ? h->copy : -1);
}

/* Writes on. False: main's end is closed, or there is no copy to bring. */
static bool write_on(struct hit *h) {
    if (!update_copy(h))
        return false;
    while (h->written < h->len) {
        ssize_t r = send_some(h);
        if (r < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (r < 0 && errno == EAGAIN) {
            source_events(&h->source, EPOLLOUT);
            return true;
        }
        if (r > 0)
            h->written += (size_t)r;
    }
    source_events(&h->source, 0);
    if (h->whole && h->closes)
        shutdown(h->source.fd, SHUT_WR);
    return true;
}

static void ready(struct source *s, uint32_t events) {
    struct hit *h = (struct hit *)s;
    if (!(events & (EPOLLHUP | EPOLLERR)) && (h->written == h->len || write_on(h)))
        return;
    hit_over *over = h->whole ? NULL : h->over;
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
    h->copy = -1;
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
    hit_end(h, closes);
}

void hit_piece(struct hit *h, const char *bytes, size_t len) {
    if (len == 0)
        return;
    h->raw = xrealloc(h->raw, h->len + len);
    memcpy(h->raw + h->len, bytes, len);
    h->len += len;
    /* Nothing is left to write to when main has gone: its end shows that, and `over` is called from there. */
    if (!write_on(h))
        source_events(&h->source, 0);
}

void hit_end(struct hit *h, bool closes) {
    h->whole = true;
    h->closes = closes;
    if (!write_on(h))
        end(h);
}

void hit_cancel(struct hit *h) {
    end(h);
}
