/*
 * See dispatch_link.h. libcurl tells of its sockets' birth and death by callbacks, and of the ends of the one that a request goes out on;
 * that is how a link is known again.
 *
 * A link is closed by shutdown(2): libcurl still holds the descriptor, finds the connection dead and drops it when it looks for one next.
 */
#include "dispatch_link.h"
#include "accepted.h"
#include "clock.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#define IDLE_NS 1000000000u

struct link {
    uint64_t id;
    int fd;
    int local_port, remote_port; /* 0: not asked yet */
    char remote_ip[INET6_ADDRSTRLEN];
    bool taken; /* by the server: there was a handshake */
    bool used;
    uint64_t peer;    /* used: of the call that it was made for */
    unsigned users;   /* calls: HTTP/2 carries several */
    uint64_t idle_ns; /* since when; 0: it is used, or was not yet */
    struct link *prev, *next;
};

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    struct links *links = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    struct link *link = fd < 0 ? NULL : calloc(1, sizeof(*link));
    if (link) {
        link->id = ++links->last_id;
        link->fd = fd;
        DL_APPEND(links->all, link);
    }
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void drop(struct links *links, struct link *link) {
    DL_DELETE(links->all, link);
    free(link);
}

static int on_close(void *user, curl_socket_t fd) {
    struct links *links = user;
    struct link *link, *next;
    DL_FOREACH_SAFE(links->all, link, next) {
        if (link->fd == fd)
            drop(links, link);
    }
    return close(fd);
}

bool links_watch(struct links *links, const struct curl_lib *curl, struct call *call) {
    CURLcode bad = CURLE_OK;
    bad |= curl->easy_setopt(call->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    bad |= curl->easy_setopt(call->easy, CURLOPT_OPENSOCKETDATA, links);
    bad |= curl->easy_setopt(call->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    bad |= curl->easy_setopt(call->easy, CURLOPT_CLOSESOCKETDATA, links);
    call->links = links;
    links->curl = curl;
    call->link_id = 0;
    return bad == CURLE_OK;
}

static struct link *link_of(const struct call *call) {
    struct link *link = NULL;
    if (call->link_id)
        DL_SEARCH_SCALAR(call->links->all, link, id, call->link_id);
    return link;
}

/* A socket's ends do not change once it is connected. */
static void learn_ends(struct link *link) {
    struct xcs_addr local = {.len = 0}, remote = {.len = 0};
    socklen_t local_len = sizeof(local.u), remote_len = sizeof(remote.u);
    if (link->local_port || getsockname(link->fd, &local.u.sa, &local_len) != 0 ||
        getpeername(link->fd, &remote.u.sa, &remote_len) != 0)
        return;
    if (remote.u.sa.sa_family == AF_INET) {
        inet_ntop(AF_INET, &remote.u.in.sin_addr, link->remote_ip, sizeof(link->remote_ip));
        link->remote_port = ntohs(remote.u.in.sin_port);
        link->local_port = ntohs(local.u.in.sin_port);
    } else if (remote.u.sa.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &remote.u.in6.sin6_addr, link->remote_ip, sizeof(link->remote_ip));
        link->remote_port = ntohs(remote.u.in6.sin6_port);
        link->local_port = ntohs(local.u.in6.sin6_port);
    }
}

static void close_now(struct link *link) {
    link->idle_ns = 0;
    shutdown(link->fd, SHUT_RDWR);
}

void links_left(struct call *call, bool needed, uint64_t now) {
    struct link *link = call->links ? link_of(call) : NULL;
    call->link_id = 0;
    if (!link || --link->users > 0)
        return;
    link->idle_ns = now;
    if (needed || call->links->scarce)
        close_now(link);
}

/* Of a connection that its own transfer has made libcurl knows so, not of one that was there. */
static bool shook_hands(const struct call *call) {
    curl_off_t handshake_us = 0;
    return call->links->curl->easy_getinfo(call->easy, CURLINFO_APPCONNECT_TIME_T, &handshake_us) == CURLE_OK &&
           handshake_us > 0;
}

static struct link *link_between(struct links *links, const char *remote_ip, int local_port, int remote_port) {
    struct link *link;
    DL_FOREACH(links->all, link) {
        learn_ends(link);
        if (link->local_port == local_port && link->remote_port == remote_port &&
            strcmp(link->remote_ip, remote_ip) == 0)
            return link;
    }
    return NULL;
}

bool links_taken(struct call *call, const char *remote_ip, int local_port, int remote_port) {
    struct link *link = link_between(call->links, remote_ip, local_port, remote_port);
    if (link && link == link_of(call))
        return true; /* a redirect's request goes the same way */
    links_left(call, false, clock_ns());
    if (!link)
        return true;
    /* libcurl tells peers apart by the name of their key's file, and the number in that is used again once a session has ended. */
    if (link->used && link->peer != call->peer)
        return false;
    link->used = true;
    link->peer = call->peer;
    link->taken |= shook_hands(call);
    link->users++;
    link->idle_ns = 0;
    call->link_id = link->id;
    return true;
}

uint64_t links_expire(struct links *links, uint64_t now) {
    struct link *link;
    uint64_t next = 0;
    DL_FOREACH(links->all, link) {
        uint64_t end = link->idle_ns + IDLE_NS;
        if (!link->idle_ns)
            continue;
        if (end <= now)
            close_now(link);
        else if (!next || end < next)
            next = end;
    }
    return next;
}

void links_scarce(struct links *links) {
    links->scarce = true;
    links_expire(links, UINT64_MAX);
}

enum dispatch_served links_served(const struct call *call) {
    const struct link *link = link_of(call);
    if (!link)
        return DISPATCH_UNSERVED; /* no connection yet, or no handshake on it */
    if (link->taken)
        return DISPATCH_SERVED;
    return accepted_by_peer(link->fd) == ACCEPTED_NO ? DISPATCH_UNSERVED : DISPATCH_SENT;
}

void links_free(struct links *links) {
    struct link *link, *next;
    DL_FOREACH_SAFE(links->all, link, next)
    drop(links, link);
}
