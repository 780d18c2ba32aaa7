/* Main's channel (channel.h). Raw system calls only: it runs inside send() and recv(), errno is the program's. */
#include "channel.h"
#include "engine_start.h"
#include "fdtab.h"
#include "raw.h"
#include <errno.h>
#include <linux/memfd.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#define REPLY_MS 2000
#define START_MS 2000
#define LAST_MS 100
#define FILTER_MAX 2048
#define REQUEST_FDS 2
#define TRUSTS 64

static int channel = -1;
static ino_t channel_ino; /* a program that closes by raw system call could have reused the number */
static bool first_pending, first_answered, welcomed, ended;
static struct verdict first;
static struct sock_filter filter[FILTER_MAX];
static unsigned short filter_len;
static struct {
    const void *payload;
    size_t len;
    const struct tunnel *tunnel;
    bool told;
} trusts[TRUSTS];

static bool channel_ours(void) {
    struct stat st;
    return channel >= 0 && xcs_sys2(SYS_fstat, channel, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == channel_ino;
}

void channel_close(void) {
    if (channel_ours())
        fdtab_drop(channel);
    else if (channel >= 0)
        fdtab_set(channel, NULL);
    channel = -1;
    first_pending = first_answered = welcomed = ended = false;
    filter_len = 0;
    for (size_t i = 0; i < TRUSTS; i++)
        trusts[i].told = false;
}

static bool lost(const char *why) {
    channel_close();
    xcs_give_up(why);
    return false;
}

static bool transmit(struct xcs_msg *m, const void *payload, const int *fds, size_t nfds) {
    union {
        char buf[CMSG_SPACE(sizeof(int) * REQUEST_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{m, sizeof *m}, {(void *)(uintptr_t)payload, payload ? (size_t)m->len : 0}};
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
    m->proto = XCS_PROTO;
    if (nfds) {
        memset(&control, 0, sizeof control);
        h.msg_control = control.buf;
        h.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    }
    if (!channel_ours())
        return lost("channel closed");
    for (;;) {
        long r = xcs_sys3(SYS_sendmsg, channel, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (r >= 0)
            return true;
        struct pollfd p = {channel, POLLOUT, 0};
        struct timespec limit = {REPLY_MS / 1000, 0};
        if (r == -EAGAIN && xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0) == 1)
            continue;
        if (r != -EINTR)
            return lost("engine unreachable");
    }
}

/* Receives one packet, at most one descriptor with it. */
static bool receive(struct xcs_msg *m, void *payload, size_t max, int *fd, int limit_ms) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{m, sizeof *m}, {payload, max}};
    struct msghdr h = {.msg_iov = iov,
                       .msg_iovlen = payload ? 2 : 1,
                       .msg_control = control.buf,
                       .msg_controllen = sizeof control.buf};
    struct pollfd p = {channel, POLLIN, 0};
    struct timespec limit = {limit_ms / 1000, (limit_ms % 1000) * 1000000L};
    *fd = -1;
    if (!channel_ours())
        return lost("channel closed");
    if (xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0) != 1)
        return lost("engine does not answer");
    long r = xcs_sys3(SYS_recvmsg, channel, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *c = r > 0 ? CMSG_FIRSTHDR(&h) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(c), sizeof *fd);
    bool sane = r >= (long)sizeof *m && m->proto == XCS_PROTO && m->len == (uint64_t)r - sizeof *m &&
                !(h.msg_flags & MSG_TRUNC);
    if (sane)
        return true;
    if (*fd >= 0)
        xcs_sys1(SYS_close, *fd);
    *fd = -1;
    return lost(r <= 0 ? "engine gone" : "engine of another version");
}

static bool receive_welcome(int limit_ms) {
    struct xcs_msg m;
    int fd;
    if (!receive(&m, filter, sizeof filter, &fd, limit_ms))
        return false;
    if (fd >= 0)
        xcs_sys1(SYS_close, fd);
    if (m.type != XCS_WELCOME || m.len % sizeof *filter)
        return lost("engine of another version");
    filter_len = (unsigned short)(m.len / sizeof *filter);
    welcomed = true;
    return true;
}

static bool receive_verdict(struct verdict *out, int limit_ms) {
    struct xcs_msg m;
    int fd;
    if (!receive(&m, NULL, 0, &fd, limit_ms))
        return false;
    if (m.type != XCS_VERDICT || (m.verdict == XCS_HIT) != (fd >= 0)) {
        if (fd >= 0)
            xcs_sys1(SYS_close, fd);
        return lost("engine of another version");
    }
    ended = (m.flags & XCS_F_ENDED) != 0;
    *out = (struct verdict){.kind = (enum xcs_verdict)m.verdict,
                            .node = m.node,
                            .may_fork = (m.flags & XCS_F_FORK) != 0,
                            .learn = (m.flags & XCS_F_LEARN) != 0,
                            .fd = fd};
    return true;
}

static bool start(void) {
    struct stat st;
    int fd = engine_start();
    if (fd < 0)
        return lost("no engine");
    channel = fdtab_hide(fd);
    if (channel < 0 || xcs_sys2(SYS_fstat, channel, &st) != 0)
        return lost("no descriptor for the channel");
    channel_ino = st.st_ino;
    struct xcs_msg hello = {.type = XCS_HELLO, .node = (uint64_t)xcs_pid, .flags = xcs_debug ? XCS_F_DEBUG : 0};
    int err = 2;
    if (!transmit(&hello, NULL, &err, xcs_debug ? 1 : 0)) {
        /* a closed stderr cannot be passed along: nothing to explain to, then */
        return false;
    }
    first_pending = true;
    return true;
}

/* A memfd is a file: writing beyond the program's limit for those would send it SIGXFSZ. */
static bool file_may_be(size_t len) {
    struct rlimit limit;
    return xcs_sys4(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) == 0 && limit.rlim_cur >= len;
}

static int in_memfd(const void *data, size_t len) {
    int fd = file_may_be(len) ? (int)xcs_sys2(SYS_memfd_create, "xcs-request", MFD_CLOEXEC) : -1;
    size_t done = 0;
    while (fd >= 0 && done < len) {
        long r = xcs_sys3(SYS_write, fd, (const char *)data + done, len - done);
        if (r <= 0) {
            xcs_sys1(SYS_close, fd);
            return -1;
        }
        done += (size_t)r;
    }
    return fd;
}

static bool send_lookup(const struct xcs_addr *addr, uint32_t trust, const void *request, size_t len) {
    struct xcs_msg m = {.type = XCS_LOOKUP, .len = len, .addr = *addr, .arg = trust};
    m.node = (uint64_t)xcs_sys0(SYS_gettid);
    if (len <= XCS_INLINE_MAX)
        return transmit(&m, request, NULL, 0);
    int fd = in_memfd(request, len);
    if (fd < 0)
        return lost("no room for a request");
    m.flags = XCS_F_MEMFD;
    bool ok = transmit(&m, NULL, &fd, 1);
    xcs_sys1(SYS_close, fd);
    return ok;
}

bool channel_trust(uint32_t trust, const void *payload, size_t len, const struct tunnel *tunnel) {
    if (trust == 0 || trust > TRUSTS || len > XCS_INLINE_MAX)
        return false;
    trusts[trust - 1].payload = payload;
    trusts[trust - 1].len = len;
    trusts[trust - 1].tunnel = tunnel;
    return true;
}

bool channel_trust_told(uint32_t trust) {
    return trusts[trust - 1].told;
}

static bool tell_tunnel(uint32_t trust, const struct tunnel *tunnel) {
    struct xcs_msg m = {.type = XCS_TUNNEL, .arg = trust, .addr = *tunnel_proxy(tunnel)};
    size_t len;
    const char *text = tunnel_text(tunnel, &len);
    m.len = len;
    return transmit(&m, text, NULL, 0);
}

/* Before the first lookup that names it. */
static bool tell_trust(uint32_t trust) {
    if (trust == 0 || trusts[trust - 1].told)
        return true;
    if (trusts[trust - 1].tunnel && !tell_tunnel(trust, trusts[trust - 1].tunnel))
        return false;
    struct xcs_msg m = {.type = XCS_TRUST, .arg = trust, .len = trusts[trust - 1].len};
    trusts[trust - 1].told = true;
    return transmit(&m, trusts[trust - 1].payload, NULL, 0);
}

void channel_trust_tell(uint32_t trust) {
    if (channel >= 0 && !first_pending)
        tell_trust(trust);
}

struct verdict channel_lookup(const struct xcs_addr *addr, uint32_t trust, const void *request, size_t len,
                              bool *pending) {
    struct verdict v = {.kind = XCS_MISS, .fd = -1};
    *pending = false;
    if (first_pending && !channel_first_verdict(&first))
        return v;
    if (channel < 0) {
        if (xcs_gave_up() || !start() || !tell_trust(trust) || !send_lookup(addr, trust, request, len))
            return v;
        *pending = true;
        return v;
    }
    if (tell_trust(trust) && send_lookup(addr, trust, request, len))
        receive_verdict(&v, REPLY_MS);
    return v;
}

int channel_pending_fd(void) {
    return first_pending ? channel : -1;
}

bool channel_first_verdict(struct verdict *out) {
    if (first_pending) {
        first = (struct verdict){.kind = XCS_MISS, .fd = -1};
        first_pending = false;
        if (!receive_welcome(START_MS) || !receive_verdict(&first, REPLY_MS))
            return false;
        if (first.fd >= 0)
            xcs_sys1(SYS_close, first.fd);
        first.fd = -1;
        if (first_answered)
            channel_tell(XCS_ANSWERED, first.node, 0, NULL, 0);
        first_answered = false;
    }
    *out = first;
    return welcomed;
}

void channel_tell(enum xcs_type type, uint64_t node, uint32_t arg, const int *fds, size_t nfds) {
    struct xcs_msg m = {.type = (uint16_t)type, .node = node, .arg = arg};
    if (channel >= 0)
        transmit(&m, NULL, fds, nfds);
}

void channel_answered(uint64_t node, bool first_call) {
    if (first_call && first_pending)
        first_answered = true;
    else
        channel_tell(XCS_ANSWERED, first_call ? first.node : node, 0, NULL, 0);
}

void channel_note(const char *text) {
    struct xcs_msg m = {.type = XCS_NOTE, .len = strlen(text)};
    if (channel >= 0 && xcs_debug)
        transmit(&m, text, NULL, 0);
}

void channel_show(uint64_t node, const void *bytes, size_t len) {
    for (size_t done = 0; channel >= 0 && done < len;) {
        size_t n = len - done < XCS_INLINE_MAX ? len - done : XCS_INLINE_MAX;
        struct xcs_msg m = {.type = XCS_READ, .node = node, .len = n};
        transmit(&m, (const char *)bytes + done, NULL, 0);
        done += n;
    }
}

bool channel_made_progress(uint32_t ahead_id) {
    struct xcs_msg m = {.type = XCS_PROGRESS, .node = ahead_id};
    int fd;
    if (channel < 0 || !transmit(&m, NULL, NULL, 0) || !receive(&m, NULL, 0, &fd, REPLY_MS))
        return true;
    if (fd >= 0)
        xcs_sys1(SYS_close, fd);
    return m.type != XCS_STATE || m.node > 0 || !(m.flags & XCS_F_ALIVE);
}

size_t channel_ended(int32_t *pids, size_t max, bool last) {
    struct xcs_msg m = {.type = XCS_REAP, .arg = (uint32_t)max, .flags = last ? XCS_F_LAST : 0};
    int fd;
    if (channel < 0 || first_pending || !welcomed || max == 0 || !(ended || last))
        return 0;
    ended = false;
    if (!transmit(&m, NULL, NULL, 0) || !receive(&m, pids, max * sizeof *pids, &fd, last ? LAST_MS : REPLY_MS))
        return 0;
    if (fd >= 0)
        xcs_sys1(SYS_close, fd);
    return m.type == XCS_STATE ? (size_t)m.len / sizeof *pids : 0;
}

bool channel_foreseen(uint32_t trust) {
    struct xcs_msg m = {.type = XCS_FORESEEN, .arg = trust};
    int fd;
    if (channel < 0 || first_pending || !welcomed || !transmit(&m, NULL, NULL, 0) ||
        !receive(&m, NULL, 0, &fd, REPLY_MS))
        return false;
    if (fd >= 0)
        xcs_sys1(SYS_close, fd);
    return m.type == XCS_STATE && m.node > 0;
}

struct sock_fprog channel_filter(void) {
    return (struct sock_fprog){filter_len, filter};
}
