/* Effects through inherited descriptors of every kind, see effects.h. */
#include "effects.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <termios.h>
#include <unistd.h>

static int fd, other; /* what the effect acts on, and where it can be seen */

static long waiting(int at) {
    int n = 0;
    usleep(20000); /* through a terminal or the loopback */
    return ioctl(at, FIONREAD, &n) == 0 ? n : -1;
}
static long seen_by_other(void) {
    return waiting(other);
}
static void write_one(void) {
    (void)!write(fd, "x", 1);
}
static void send_one(void) {
    send(fd, "x", 1, MSG_NOSIGNAL);
}
static void writev_one(void) {
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    (void)!writev(fd, &iov, 1);
}

/* files */
static void append_fd(void) {
    fd = file_with("f", "12345", O_WRONLY | O_APPEND);
}
static void rdwr_fd(void) {
    fd = file_with("f", "12345", O_RDWR);
}
static void rdonly_fd(void) {
    fd = file_with("f", "12345", O_RDONLY);
}
static long grown(void) {
    return size_of("f") - 5;
}
static void pwrite_end(void) {
    (void)!pwrite(fd, "x", 1, 5);
}
static void read_one(void) {
    char c;
    (void)!read(fd, &c, 1);
}
static long offset(void) {
    return lseek(fd, 0, SEEK_CUR);
}
static void seek_one(void) {
    lseek(fd, 1, SEEK_CUR);
}
static void truncate_fd(void) {
    (void)!ftruncate(fd, 6);
}
static void allocate(void) {
    (void)!posix_fallocate(fd, 0, 6);
}
static void fchmod_fd(void) {
    fchmod(fd, 0611);
}
static long mode_changed(void) {
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0611;
}
static void futimens_fd(void) {
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    futimens(fd, times);
}
static long time_changed(void) {
    struct stat st;
    return fstat(fd, &st) == 0 && st.st_mtime == 1000;
}
static void flock_fd(void) {
    flock(fd, LOCK_EX | LOCK_NB);
}
static long flocked(void) {
    int again = must(open("f", O_RDWR), "f");
    int result = flock(again, LOCK_EX | LOCK_NB);
    close(again);
    return result != 0;
}
static void posix_lock(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    fcntl(fd, F_SETLK, &lock);
}
static void ofd_lock(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    fcntl(fd, F_OFD_SETLK, &lock);
}
static long locked(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    fcntl(other, F_OFD_GETLK, &lock);
    return lock.l_type != F_UNLCK;
}
static void rdwr_twice(void) {
    rdwr_fd();
    other = must(open("f", O_RDWR), "f");
}
static void rdonly_to_write(void) {
    rdonly_fd();
    other = must(open("f", O_WRONLY), "f");
    must(lseek(other, 0, SEEK_END), "f");
}
static void copy_in(void) {
    (void)!sendfile(other, fd, NULL, 1);
}
static long copied(void) {
    return size_of("f") - 5;
}
static void copy_range(void) {
    int from = open("/proc/self/exe", O_RDONLY);
    (void)!lseek(fd, 0, SEEK_END);
    if (copy_file_range(from, NULL, fd, NULL, 1, 0) < 0) {
        (void)!write(fd, "x", 1); /* across file systems it may be refused */
    }
    close(from);
}

/* pipes, sockets */
static void pipe_pair(void) {
    int p[2];
    must(pipe(p), "pipe");
    other = p[0];
    fd = p[1];
}
static void full_pipe(void) {
    pipe_pair();
    must(write(fd, "1234567890", 10), "pipe");
    int t = fd;
    fd = other;
    other = t;
}
static long taken(void) {
    return 10 - waiting(fd);
}
static void set_nonblock(void) {
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}
static long nonblock(void) {
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}
static void set_owner(void) {
    fcntl(fd, F_SETOWN, getpid());
}
static long owned(void) {
    return fcntl(fd, F_GETOWN) != 0;
}
static void set_pipe_size(void) {
    fcntl(fd, F_SETPIPE_SZ, 131072);
}
static long pipe_resized(void) {
    return fcntl(fd, F_GETPIPE_SZ) == 131072;
}
static void vmsplice_one(void) {
    struct iovec iov = {.iov_base = "x", .iov_len = 1};
    (void)!vmsplice(fd, &iov, 1, 0);
}
static void unix_pair(int type) {
    int p[2];
    must(socketpair(AF_UNIX, type, 0, p), "socketpair");
    fd = p[0];
    other = p[1];
}
static void unix_stream(void) {
    unix_pair(SOCK_STREAM);
}
static void unix_dgram(void) {
    unix_pair(SOCK_DGRAM);
}
static void shut(void) {
    shutdown(fd, SHUT_WR);
}
static long at_end(void) {
    char c;
    return recv(other, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}
static void set_option(void) {
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}
static long option(void) {
    int on = 0;
    socklen_t len = sizeof(on);
    getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, &len);
    return on;
}
static struct sockaddr_in here;
static void bound(int type) {
    socklen_t len = sizeof(here);
    here = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    other = must(socket(AF_INET, type, 0), "socket");
    must(bind(other, (struct sockaddr *)&here, sizeof(here)), "bind");
    must(getsockname(other, (struct sockaddr *)&here, &len), "getsockname");
}
static void udp(void) {
    bound(SOCK_DGRAM);
    fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    must(connect(fd, (struct sockaddr *)&here, sizeof(here)), "connect");
}
static void udp_bound(void) {
    bound(SOCK_DGRAM);
}
static void udp_sendto(void) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    sendto(s, "x", 1, 0, (struct sockaddr *)&here, sizeof(here));
    close(s);
}
static void udp_connect_send(void) {
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(s, (struct sockaddr *)&here, sizeof(here)) == 0) {
        (void)!write(s, "x", 1);
    }
    close(s);
}
static void listening(void) {
    bound(SOCK_STREAM);
    must(listen(other, 5), "listen");
}
static void tcp_connect(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    (void)!connect(s, (struct sockaddr *)&here, sizeof(here));
    close(s);
}
static long accepted(void) {
    struct pollfd p = {.fd = other, .events = POLLIN};
    long n = 0;
    for (; poll(&p, 1, 50) == 1; n++) {
        close(accept(other, NULL, NULL));
    }
    return n;
}

/* terminals and counters */
static void terminal(void) {
    must(openpty(&other, &fd, NULL, NULL, NULL), "openpty");
}
static void set_term(void) {
    struct termios t;
    if (tcgetattr(fd, &t) == 0) {
        t.c_cc[VTIME]++;
        tcsetattr(fd, TCSANOW, &t);
    }
}
static long term(void) {
    struct termios t;
    return tcgetattr(other, &t) == 0 ? t.c_cc[VTIME] : -1;
}
static void set_window(void) {
    struct winsize w = {.ws_row = 7, .ws_col = 7};
    ioctl(fd, TIOCSWINSZ, &w);
}
static long window(void) {
    struct winsize w = {0};
    ioctl(other, TIOCGWINSZ, &w);
    return w.ws_row == 7;
}
static void counter(void) {
    fd = must(eventfd(0, EFD_NONBLOCK), "eventfd");
}
static void count_one(void) {
    eventfd_write(fd, 1);
}
static long counted(void) {
    static uint64_t sum;
    eventfd_t value = 0;
    sum += eventfd_read(fd, &value) == 0 ? value : 0;
    return (long)sum;
}
static void epoll(void) {
    fd = must(epoll_create1(0), "epoll");
    other = must(eventfd(1, 0), "eventfd");
}
static void epoll_add(void) {
    struct epoll_event event = {.events = EPOLLIN};
    epoll_ctl(fd, EPOLL_CTL_ADD, other, &event);
}
static long epoll_ready(void) {
    struct epoll_event event;
    return epoll_wait(fd, &event, 1, 0);
}
static void timer(void) {
    fd = must(timerfd_create(CLOCK_MONOTONIC, 0), "timerfd");
}
static void timer_set(void) {
    struct itimerspec when = {.it_value.tv_sec = 1000};
    timerfd_settime(fd, 0, &when, NULL);
}
static long timer_is_set(void) {
    struct itimerspec when;
    timerfd_gettime(fd, &when);
    return when.it_value.tv_sec != 0;
}

const struct effect effects_fd[] = {
    {"fd-append", append_fd, write_one, grown},
    {"fd-writev", append_fd, writev_one, grown},
    {"fd-pwrite", rdwr_fd, pwrite_end, grown},
    {"fd-read-offset", rdonly_fd, read_one, offset},
    {"fd-lseek", rdwr_fd, seek_one, offset},
    {"fd-ftruncate", rdwr_fd, truncate_fd, grown},
    {"fd-fallocate", rdwr_fd, allocate, grown},
    {"fd-fchmod", rdonly_fd, fchmod_fd, mode_changed},
    {"fd-futimens", rdonly_fd, futimens_fd, time_changed},
    {"fd-flock", rdwr_fd, flock_fd, flocked},
    {"fd-flock-readonly", rdonly_fd, flock_fd, flocked},
    {"fd-posix-lock", rdwr_twice, posix_lock, locked},
    {"fd-ofd-lock", rdwr_twice, ofd_lock, locked},
    {"fd-sendfile", rdonly_to_write, copy_in, copied},
    {"fd-copy-range", rdwr_fd, copy_range, grown},
    {"pipe-write", pipe_pair, write_one, seen_by_other},
    {"pipe-vmsplice", pipe_pair, vmsplice_one, seen_by_other},
    {"pipe-read", full_pipe, read_one, taken},
    {"pipe-nonblock", pipe_pair, set_nonblock, nonblock},
    {"pipe-owner", pipe_pair, set_owner, owned},
    {"pipe-size", pipe_pair, set_pipe_size, pipe_resized},
    {"unix-stream-write", unix_stream, write_one, seen_by_other},
    {"unix-stream-send", unix_stream, send_one, seen_by_other},
    {"unix-stream-shutdown", unix_stream, shut, at_end},
    {"unix-dgram-write", unix_dgram, write_one, seen_by_other},
    {"unix-setsockopt", unix_stream, set_option, option},
    {"udp-write", udp, write_one, seen_by_other},
    {"udp-send", udp, send_one, seen_by_other},
    {"udp-new-sendto", udp_bound, udp_sendto, seen_by_other},
    {"udp-new-connect-write", udp_bound, udp_connect_send, seen_by_other},
    {"tcp-new-connect", listening, tcp_connect, accepted},
    {"tty-write", terminal, write_one, seen_by_other},
    {"tty-tcsetattr", terminal, set_term, term},
    {"tty-winsize", terminal, set_window, window},
    {"eventfd-write", counter, count_one, counted},
    {"epoll-add", epoll, epoll_add, epoll_ready},
    {"timerfd-set", timer, timer_set, timer_is_set},
    {NULL, NULL, NULL, NULL},
};
