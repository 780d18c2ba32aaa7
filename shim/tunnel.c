/* See tunnel.h. What a proxy says is hostile: a head that is too long, has a body or is followed by anything is no success. */
#include "tunnel.h"
#include "conn_impl.h"
#include "raw.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define TUNNELS 64

static struct tunnel {
    struct xcs_addr proxy;
    size_t asked, answered; /* lengths of the two heads; the latter 0 while there was no success */
    char text[TUNNEL_HEAD_MAX + 1 + TUNNEL_HEAD_MAX];
} tunnels[TUNNELS];
static size_t ntunnels;

struct tunnel *tunnel_asked(const struct xcs_addr *proxy, const char *head, size_t len) {
    for (size_t i = 0; i < ntunnels; i++)
        if (tunnels[i].asked == len && memcmp(tunnels[i].text, head, len) == 0 &&
            memcmp(&tunnels[i].proxy, proxy, sizeof *proxy) == 0)
            return &tunnels[i];
    if (ntunnels == TUNNELS || len > TUNNEL_HEAD_MAX)
        return NULL;
    struct tunnel *t = &tunnels[ntunnels++];
    t->proxy = *proxy;
    t->asked = len;
    memcpy(t->text, head, len);
    return t;
}

/* In whatever case; `name` is in lower case. The line ends with the head, at the latest. */
static bool begins(const char *line, const char *name) {
    while (*name && (*line >= 'A' && *line <= 'Z' ? *line | 0x20 : *line) == *name) {
        line++;
        name++;
    }
    return !*name;
}

/* Is the header line one that announces a body? Those of a successful answer to CONNECT mean nothing, but not everybody knows. */
static bool announces_body(const char *line) {
    return begins(line, "content-length") || begins(line, "transfer-encoding");
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static enum tunnel_answer judge(const char *answer, size_t len) {
    static const char version[] = "HTTP/1.";
    const char *end = memmem(answer, len, "\r\n\r\n", 4);
    if (memcmp(answer, version, len < sizeof version - 1 ? len : sizeof version - 1) != 0 || memchr(answer, '\0', len))
        return TUNNEL_REFUSED;
    if (!end)
        return len < TUNNEL_HEAD_MAX ? TUNNEL_WAITS : TUNNEL_REFUSED;
    /* "HTTP/1.1 2xx ..." */
    if (len > TUNNEL_HEAD_MAX || end + 4 != answer + len || end - answer < 12 ||
        (answer[7] != '0' && answer[7] != '1') || answer[8] != ' ' || answer[9] != '2' || !is_digit(answer[10]) ||
        !is_digit(answer[11]) || (answer[12] != ' ' && answer[12] != '\r'))
        return TUNNEL_REFUSED;
    for (const char *nl = memchr(answer, '\n', len); nl && nl < end + 2; nl = memchr(nl + 1, '\n', len))
        if (nl[-1] != '\r' || announces_body(nl + 1))
            return TUNNEL_REFUSED;
    return TUNNEL_OPENED;
}

enum tunnel_answer tunnel_answered(struct tunnel *t, const char *answer, size_t len) {
    enum tunnel_answer is = judge(answer, len);
    if (is == TUNNEL_OPENED && !t->answered) {
        memcpy(t->text + t->asked + 1, answer, len);
        t->answered = len;
    }
    return is;
}

static bool ready_until(int fd, short events, int64_t end) {
    struct pollfd p = {fd, events, 0};
    int64_t left = end - conn_ms();
    struct timespec limit = {left / 1000, (left % 1000) * 1000000};
    long r = left > 0 ? xcs_sys5(SYS_ppoll, &p, 1, &limit, 0, 0) : 0;
    return r == 1 || r == -EINTR;
}

static bool ask(const struct tunnel *t, int fd, int64_t end) {
    for (size_t sent = 0; sent < t->asked;) {
        long r = xcs_sys6(SYS_sendto, fd, XCS_ARG(t->text + sent), (long)(t->asked - sent), MSG_NOSIGNAL | MSG_DONTWAIT,
                          0, 0);
        if (r > 0)
            sent += (size_t)r;
        else if ((r != -EAGAIN && r != -EINTR) || !ready_until(fd, POLLOUT, end))
            return false;
    }
    return true;
}

bool tunnel_again(const struct tunnel *t, int fd, int ms) {
    char answer[TUNNEL_HEAD_MAX];
    size_t len = 0;
    enum tunnel_answer is = TUNNEL_WAITS;
    int64_t end = conn_ms() + ms;
    if (!ask(t, fd, end))
        return false;
    /* Byte by byte: what follows the head is the session's. */
    while (is == TUNNEL_WAITS) {
        long r = xcs_sys6(SYS_recvfrom, fd, XCS_ARG(answer + len), 1, MSG_DONTWAIT, 0, 0);
        if (r > 0)
            is = judge(answer, ++len);
        else if ((r != -EAGAIN && r != -EINTR) || !ready_until(fd, POLLIN, end))
            return false;
    }
    return is == TUNNEL_OPENED;
}

const struct xcs_addr *tunnel_proxy(const struct tunnel *t) {
    return &t->proxy;
}

const char *tunnel_text(const struct tunnel *t, size_t *len) {
    *len = t->asked + 1 + t->answered;
    return t->text;
}
