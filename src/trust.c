/* See trust.h. */
#include "trust.h"
#include "buf.h"
#include "detect.h"
#include "graph.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t last_peer;

/* libcurl takes a pinned key from a file: one that only this process can name. */
void trust_told(struct trust *t, const char *payload, size_t len) {
    size_t name_len = strnlen(payload, len);
    if (t->key_fd || name_len >= sizeof t->name || name_len + 1 >= len)
        return;
    int fd = memfd_create("xcs-key", MFD_CLOEXEC);
    size_t n = len - name_len - 1;
    if (fd < 0 || write(fd, payload + name_len + 1, n) != (ssize_t)n) {
        if (fd >= 0)
            close(fd);
        return;
    }
    memcpy(t->name, payload, name_len + 1);
    t->key_fd = fd;
    t->peer = ++last_peer;
    snprintf(t->key_path, sizeof t->key_path, "/proc/self/fd/%d", fd);
}

void trust_tunnel_told(struct trust *t, const struct xcs_addr *proxy, const char *payload, size_t len) {
    size_t ask_len = strnlen(payload, len);
    if (t->key_fd || t->ask || ask_len == 0 || ask_len + 1 >= len)
        return;
    t->proxy = *proxy;
    t->ask = xstrndup(payload, ask_len);
    t->answer = xstrndup(payload + ask_len + 1, len - ask_len - 1);
}

const struct trust *trust_asked(const struct trust *all, size_t n, const struct xcs_addr *proxy, const char *bytes,
                                size_t len) {
    for (const struct trust *t = all; t < all + n; t++)
        if (t->key_fd && t->ask && strlen(t->ask) == len && memcmp(t->ask, bytes, len) == 0 &&
            addr_same(&t->proxy, proxy))
            return t;
    return NULL;
}

bool trust_same_tunnel(const struct trust *a, const struct trust *b) {
    const char *x = a ? a->ask : NULL, *y = b ? b->ask : NULL;
    if (!x || !y)
        return x == y;
    return strcmp(x, y) == 0 && addr_same(&a->proxy, &b->proxy);
}

uint64_t trust_tunnel_hash(const struct trust *t) {
    return t && t->ask ? hash_bytes(HASH_START, t->ask, strlen(t->ask)) | 1 : 0;
}

void trust_free(struct trust *t) {
    if (t->key_fd)
        close(t->key_fd);
    free(t->ask);
    free(t->answer);
}
