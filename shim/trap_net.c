/*
 * Served calls on sockets. A stream socket of the program is one end of a pair from the start; when it connects, the
 * far end goes to the engine, which is the server as far as the run-ahead can tell. What a TCP socket would say of
 * itself is answered from a table by inode, so that dup and dup2 need no care.
 *
 * Called by trap.c's handler, and by quarantine for the connections that main had.
 */
#include "refusals.h"
#include "trap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "signal_safe.h"

#define MAX_SOCKETS 1024
#define DNS_PORT 53
#define EPHEMERAL 32768

struct net_socket {
    ino_t ino; /* 0: free */
    int family, type;
    int far; /* the far end until it is connected, then -1 */
    struct xcs_addr peer;
    uint32_t trust; /* net_met */
};

/* A ring: inode numbers of sockets do not recur soon, so rows of closed sockets need not be found. */
static struct net_socket sockets[MAX_SOCKETS];
static size_t next_socket;

static ino_t inode_of(long fd) {
    struct stat st;
    if (xcs_sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) != 0 || !S_ISSOCK(st.st_mode)) {
        return 0;
    }
    return st.st_ino;
}

static struct net_socket *find(long fd) {
    ino_t ino = inode_of(fd);
    for (size_t i = 0; ino != 0 && i < MAX_SOCKETS; i++) {
        if (sockets[i].ino == ino) {
            return &sockets[i];
        }
    }
    return NULL;
}

static bool is_foreign(long fd) {
    int mark = 0;
    socklen_t len = sizeof(mark);
    return xcs_sys6(SYS_getsockopt, fd, SOL_SOCKET, SO_PRIORITY, XCS_ARG(&mark), XCS_ARG(&len), XCS_COOKIE) == 0 &&
           mark == AHEAD_FOREIGN;
}

long net_pair(int family, int type, int flags, const struct xcs_addr *peer, int *far) {
    int pair[2];
    long result = xcs_sys4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (result < 0) {
        return result;
    }
    long high = xcs_sys3(SYS_fcntl, pair[1], F_DUPFD_CLOEXEC, ahead_self.floor);
    close_raw(&pair[1]);
    if (high < 0) {
        close_raw(&pair[0]);
        return high;
    }
    if (flags & SOCK_NONBLOCK) {
        (void)xcs_sys3(SYS_fcntl, pair[0], F_SETFL, O_RDWR | O_NONBLOCK);
    }
    if (!(flags & SOCK_CLOEXEC)) {
        (void)xcs_sys3(SYS_fcntl, pair[0], F_SETFD, 0);
    }
    struct net_socket *row = &sockets[next_socket++ % MAX_SOCKETS];
    if (row->ino != 0) {
        close_raw(&row->far);
    }
    *row = (struct net_socket){.ino = inode_of(pair[0]), .family = family, .type = type, .far = (int)high};
    if (peer != NULL) {
        row->peer = *peer;
        row->far = -1;
        *far = (int)high; /* the caller's to hand over and close */
    }
    return pair[0];
}

void net_met(int fd, uint32_t trust) {
    struct net_socket *row = find(fd);
    if (row != NULL) {
        row->trust = trust;
    }
}

bool net_tell_conn(const struct xcs_addr *addr, uint32_t trust, uint64_t node, int far) {
    const struct xcs_msg msg = {.proto = XCS_PROTO, .type = XCS_CONN, .arg = trust, .node = node, .addr = *addr};
    return ahead_tell(&msg, NULL, 0, far, 0) > 0;
}

bool net_is_engine(long fd) {
    const struct net_socket *row = find(fd);
    return row != NULL && row->type == SOCK_STREAM && row->family != AF_UNIX && row->peer.len != 0;
}

/* What has been replaced already: a socket may have several descriptors. */
#define RENEWED_MAX 64
static struct {
    ino_t ino;
    int fd;
} renewed[RENEWED_MAX];
static size_t nrenewed;

void net_renew_begins(void) {
    nrenewed = 0;
}

static int renewed_as(ino_t ino) {
    for (size_t i = 0; i < nrenewed; i++) {
        if (renewed[i].ino == ino) {
            return renewed[i].fd;
        }
    }
    return -1;
}

bool net_renew(int fd, uint64_t node) {
    const struct net_socket *row = find(fd);
    if (row == NULL || row->type != SOCK_STREAM) {
        return true;
    }
    struct net_socket old = *row;
    long flags = xcs_sys3(SYS_fcntl, fd, F_GETFL, 0), cloexec = xcs_sys3(SYS_fcntl, fd, F_GETFD, 0);
    int how = cloexec & FD_CLOEXEC ? O_CLOEXEC : 0;
    int other = renewed_as(old.ino);
    if (other >= 0) {
        return xcs_sys3(SYS_dup3, other, fd, how) >= 0;
    }
    SCOPED_FD far = -1;
    SCOPED_FD near = (int)net_pair(old.family, old.type, flags & O_NONBLOCK ? SOCK_NONBLOCK : 0,
                                   old.peer.len != 0 ? &old.peer : NULL, &far);
    if (near < 0 || nrenewed == RENEWED_MAX || xcs_sys3(SYS_dup3, near, fd, how) < 0) {
        return false;
    }
    renewed[nrenewed].ino = old.ino;
    renewed[nrenewed++].fd = fd;
    close_raw(&old.far);
    net_met(fd, old.trust);
    return old.peer.len == 0 || net_tell_conn(&old.peer, old.trust, node, far);
}

static long serve_socket(struct trap *t) {
    int family = (int)t->arg[0], type = (int)t->arg[1] & 0xf, flags = (int)t->arg[1] & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool inet = family == AF_INET || family == AF_INET6;
    if (family == AF_NETLINK) {
        return -EAFNOSUPPORT; /* libc asks it for addresses and does without */
    }
    if (!(inet && (type == SOCK_STREAM || type == SOCK_DGRAM)) && !(family == AF_UNIX && type == SOCK_STREAM)) {
        trap_end(t);
    }
    return net_pair(family, type, flags, NULL, NULL);
}

static void end_at_local(const struct net_socket *row, const struct sockaddr *addr, size_t len, const struct trap *t) {
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)addr;
    static const char nscd[] = "/var/run/nscd/socket";
    if (row->family == AF_UNIX && len >= offsetof(struct sockaddr_un, sun_path) + sizeof(nscd) &&
        memcmp(un->sun_path, nscd, sizeof(nscd)) == 0) {
        return;
    }
    trap_end(t);
}

static long serve_connect(struct trap *t) {
    const struct sockaddr *addr = (const struct sockaddr *)t->arg[1];
    size_t len = (size_t)t->arg[2];
    struct net_socket *row = find(t->arg[0]);
    if (row == NULL || addr == NULL || len < sizeof(addr->sa_family)) {
        trap_end(t);
    }
    if (row->far < 0 && row->peer.len != 0 && row->type == SOCK_STREAM) {
        return -EISCONN;
    }
    if (row->family == AF_UNIX) {
        end_at_local(row, addr, len, t);
        return -ENOENT;
    }
    size_t need = addr->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (addr->sa_family == AF_UNSPEC && row->type == SOCK_DGRAM) {
        row->peer.len = 0; /* libc dissolves the association between two probes */
        return 0;
    }
    if (addr->sa_family != row->family || len < need) {
        trap_end(t);
    }
    struct xcs_addr peer = {.len = (uint32_t)need};
    memcpy(&peer.u, addr, need);
    int refusal = row->type == SOCK_STREAM ? refusals_of(&peer) : 0;
    if (refusal) {
        return -refusal;
    }
    row->peer = peer;
    if (row->type == SOCK_DGRAM) {
        return 0; /* nothing is sent by that; libc probes routes so */
    }
    SCOPED_FD far = row->far;
    row->far = -1;
    if (!net_tell_conn(&row->peer, 0, 0, far)) {
        ahead_end("engine gone");
    }
    return 0;
}

/* A send to the engine goes on; one to anybody else would have had an effect. */
static void check_peer(const struct trap *t) {
    if (is_foreign(t->arg[0])) {
        ahead_end("send on another connection");
    }
    const struct net_socket *row = find(t->arg[0]);
    if (row != NULL && row->type == SOCK_DGRAM) {
        ahead_end(row->peer.u.in.sin_port == htons(DNS_PORT) ? "name resolution" : "datagram");
    }
}

static long serve_sendto(struct trap *t) {
    if (t->arg[4] != 0) {
        trap_end(t);
    }
    check_peer(t);
    return trap_pass(t);
}

static long serve_sendmsg(struct trap *t) {
    check_peer(t);
    return trap_pass(t);
}

/* Options of TCP mean nothing here and are taken as set; time limits are real. */
static long serve_setsockopt(struct trap *t) {
    if (inode_of(t->arg[0]) == 0) {
        return -ENOTSOCK;
    }
    if ((int)t->arg[1] == SOL_SOCKET && ((int)t->arg[2] == SO_RCVTIMEO || (int)t->arg[2] == SO_SNDTIMEO)) {
        return trap_pass(t);
    }
    return 0;
}

static long answer_int(const struct trap *t, int value) {
    socklen_t *len = (socklen_t *)t->arg[4];
    if (len == NULL || t->arg[3] == 0) {
        return -EFAULT;
    }
    socklen_t n = *len < sizeof(value) ? *len : (socklen_t)sizeof(value);
    memcpy((void *)t->arg[3], &value, n);
    *len = n;
    return 0;
}

static long serve_getsockopt(struct trap *t) {
    const struct net_socket *row = find(t->arg[0]);
    int level = (int)t->arg[1], name = (int)t->arg[2];
    if (row == NULL || row->family == AF_UNIX) {
        return trap_pass(t);
    }
    if (level != SOL_SOCKET) {
        return answer_int(t, level == IPPROTO_TCP && name == TCP_NODELAY);
    }
    switch (name) {
    case SO_TYPE:
        return answer_int(t, row->type);
    case SO_DOMAIN:
        return answer_int(t, row->family);
    case SO_PROTOCOL:
        return answer_int(t, row->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);
    default:
        return trap_pass(t);
    }
}

static long answer_addr(const struct trap *t, const struct xcs_addr *addr) {
    socklen_t *len = (socklen_t *)t->arg[2];
    if (len == NULL || t->arg[1] == 0) {
        return -EFAULT;
    }
    socklen_t room = *len;
    memcpy((void *)t->arg[1], &addr->u, room < addr->len ? room : addr->len);
    *len = addr->len;
    return 0;
}

static long serve_getpeername(struct trap *t) {
    const struct net_socket *row = find(t->arg[0]);
    if (row == NULL || row->family == AF_UNIX) {
        return trap_pass(t);
    }
    return row->peer.len == 0 ? -ENOTCONN : answer_addr(t, &row->peer);
}

/* The loopback address and a port that differs from socket to socket. */
static long serve_getsockname(struct trap *t) {
    const struct net_socket *row = find(t->arg[0]);
    if (row == NULL || row->family == AF_UNIX) {
        return trap_pass(t);
    }
    struct xcs_addr own = {.len = 0};
    uint16_t port = row->peer.len == 0 ? 0 : htons((uint16_t)(EPHEMERAL + (row - sockets)));
    if (row->family == AF_INET) {
        own.len = sizeof(own.u.in);
        own.u.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
        own.u.in.sin_addr.s_addr = htonl(port == 0 ? INADDR_ANY : INADDR_LOOPBACK);
    } else {
        own.len = sizeof(own.u.in6);
        own.u.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        own.u.in6.sin6_addr.s6_addr[15] = port != 0;
    }
    return answer_addr(t, &own);
}

const struct trap_row trap_net_rows[] = {
    {SYS_socket, serve_socket},           {SYS_connect, serve_connect},
    {SYS_sendto, serve_sendto},           {SYS_sendmsg, serve_sendmsg},
    {SYS_sendmmsg, serve_sendmsg},        {SYS_setsockopt, serve_setsockopt},
    {SYS_getsockopt, serve_getsockopt},   {SYS_getpeername, serve_getpeername},
    {SYS_getsockname, serve_getsockname}, {0, NULL},
};
