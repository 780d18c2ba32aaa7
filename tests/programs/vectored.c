/*
 * Independent calls on a non-blocking connection: connect in progress, writev and sendmsg, then a different way of
 * waiting (poll, select, ppoll; or always "epoll") and of reading (readv, recvmsg, recvfrom, read) for each call.
 */
#include "client.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

static void wait_poll(int s, short what) {
    struct pollfd p = {.fd = s, .events = what};
    if (poll(&p, 1, 10000) != 1)
        fail("poll");
}

static void wait_ppoll(int s, short what) {
    struct pollfd p = {.fd = s, .events = what};
    struct timespec limit = {.tv_sec = 10};
    if (ppoll(&p, 1, &limit, NULL) != 1)
        fail("ppoll");
}

static void wait_select(int s, short what) {
    fd_set set;
    struct timeval limit = {.tv_sec = 10};
    FD_ZERO(&set);
    FD_SET(s, &set);
    if (select(s + 1, what == POLLIN ? &set : NULL, what == POLLOUT ? &set : NULL, NULL, &limit) != 1)
        fail("select");
}

static void wait_epoll(int s, short what) {
    int e = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = what == POLLIN ? EPOLLIN : EPOLLOUT};
    if (e < 0 || epoll_ctl(e, EPOLL_CTL_ADD, s, &event) != 0 || epoll_wait(e, &event, 1, 10000) != 1)
        fail("epoll");
    close(e);
}

static ssize_t read_readv(int s, char *to, size_t room) {
    struct iovec v[2] = {{to, 10}, {to + 10, room - 10}};
    return readv(s, v, 2);
}

static ssize_t read_recvmsg(int s, char *to, size_t room) {
    struct iovec v[2] = {{to, 7}, {to + 7, room - 7}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    return recvmsg(s, &m, 0);
}

static ssize_t read_recvfrom(int s, char *to, size_t room) {
    return recvfrom(s, to, room, 0, NULL, NULL);
}

static ssize_t read_read(int s, char *to, size_t room) {
    return read(s, to, room);
}

static void (*const waits[])(int, short) = {wait_poll, wait_select, wait_ppoll};
static ssize_t (*const reads[])(int, char *, size_t) = {read_readv, read_recvmsg, read_recvfrom, read_read};

static int dial_slowly(const char *url) {
    struct sockaddr_in to = address_of(url);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (s < 0 || (connect(s, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        fail("connect");
    wait_poll(s, POLLOUT);
    int error = -1;
    socklen_t n = sizeof error;
    if (getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &n) != 0 || error != 0)
        fail("connected");
    return s;
}

static void put(int s, char *head, char *body, int by_message) {
    struct iovec v[2] = {{head, strlen(head)}, {body, strlen(body)}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
    ssize_t n = by_message ? sendmsg(s, &m, MSG_NOSIGNAL) : writev(s, v, 2);
    if (n != (ssize_t)(v[0].iov_len + v[1].iov_len))
        fail("sent less");
}

int main(int argc, char **argv) {
    static char text[ANSWER_ROOM];
    if (argc < 2)
        return 2;
    int by_epoll = argc > 2 && strcmp(argv[2], "epoll") == 0;
    int s = dial_slowly(argv[1]);
    for (int i = 0; i < CALLS; i++) {
        char prompt[64], head[512], body[512];
        snprintf(prompt, sizeof prompt, "question %d", i);
        request_of(prompt, "", head, body);
        put(s, head, body, i % 2);
        size_t len = 0;
        while (!is_whole(text, len)) {
            ssize_t n = reads[i % 4](s, text + len, sizeof text - 1 - len);
            if (n < 0 && errno == EAGAIN) {
                (by_epoll ? wait_epoll : waits[i % 3])(s, POLLIN);
                continue;
            }
            if (n <= 0)
                fail("read");
            len += (size_t)n;
        }
        show(text);
        memset(text, 0, len);
    }
    close(s);
    return 0;
}
