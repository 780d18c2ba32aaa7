/* See accepted.h. */
#include "accepted.h"
#include "../shim/protocol.h"
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    struct nlmsghdr head;
    struct inet_diag_req_v2 req;
};

static void put(const struct xcs_addr *a, __be32 *address, __be16 *port) {
    if (a->u.sa.sa_family == AF_INET) {
        *address = a->u.in.sin_addr.s_addr;
        *port = a->u.in.sin_port;
    } else {
        memcpy(address, &a->u.in6.sin6_addr, sizeof a->u.in6.sin6_addr);
        *port = a->u.in6.sin6_port;
    }
}

/* The server's end of our connection: the same two addresses, seen from there. */
static struct question question_for(const struct xcs_addr *ours, const struct xcs_addr *theirs) {
    struct question q = {
        .head = {.nlmsg_len = sizeof q, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST}};
    q.req.sdiag_family = (uint8_t)ours->u.sa.sa_family;
    q.req.sdiag_protocol = IPPROTO_TCP;
    q.req.idiag_states = UINT32_MAX;
    q.req.id.idiag_cookie[0] = q.req.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    put(theirs, q.req.id.idiag_src, &q.req.id.idiag_sport);
    put(ours, q.req.id.idiag_dst, &q.req.id.idiag_dport);
    return q;
}

static enum accepted ask(const struct question *q) {
    struct {
        struct nlmsghdr head;
        struct inet_diag_msg msg;
        char more[512];
    } answer = {.head = {0}};
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    enum accepted result = ACCEPTED_UNKNOWN;
    if (fd < 0)
        return result;
    if (send(fd, q, sizeof *q, 0) == (ssize_t)sizeof *q) {
        ssize_t n = recv(fd, &answer, sizeof answer, 0);
        if (n >= (ssize_t)(sizeof answer.head + sizeof answer.msg) && answer.head.nlmsg_type == SOCK_DIAG_BY_FAMILY &&
            answer.msg.idiag_state == TCP_ESTABLISHED)
            result = answer.msg.idiag_inode ? ACCEPTED_YES : ACCEPTED_NO;
    }
    close(fd);
    return result;
}

enum accepted accepted_by_peer(int fd) {
    struct xcs_addr ours = {.len = 0}, theirs = {.len = 0};
    socklen_t our_len = sizeof ours.u, their_len = sizeof theirs.u;
    if (getsockname(fd, &ours.u.sa, &our_len) != 0 || getpeername(fd, &theirs.u.sa, &their_len) != 0 ||
        (ours.u.sa.sa_family != AF_INET && ours.u.sa.sa_family != AF_INET6))
        return ACCEPTED_UNKNOWN;
    struct question q = question_for(&ours, &theirs);
    return ask(&q);
}
