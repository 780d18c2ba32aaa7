/*
 * What a run-ahead sees inside its quarantine: its private files, its identity, its sockets to the engine, threads.
 * Each test runs its checks in a quarantined copy, which says by its last message how far it came.
 */
#include "../shim/ahead.h"
#include "../shim/raw.h"
#include "../src/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define STRING_(x) #x
#define STRING(x) STRING_(x)
/* In the copy: the reason for ending names the check that did not hold. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            ahead_end("line " STRING(__LINE__) ": " #condition);                                                       \
        }                                                                                                              \
    } while (0)

static struct ahead_plan plan;
static char dir[] = "/tmp/xcs-inside-XXXXXX";

/* What the copy has told. */
static struct {
    char reason[512];
    unsigned conns, randoms;
    struct xcs_msg conn;
    int far;
} told;

static bool take_packet(int channel) {
    char payload[256] = {0};
    struct xcs_msg msg = {0};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.room = {0}};
    struct iovec iov[2] = {{&msg, sizeof(msg)}, {payload, sizeof(payload) - 1}};
    struct msghdr packet = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(channel, &packet, 0);
    if (n < (ssize_t)sizeof(msg)) {
        return false;
    }
    switch (msg.type) {
    case XCS_BARRIER:
        snprintf(told.reason, sizeof(told.reason), "%s", payload);
        break;
    case XCS_RANDOM:
        told.randoms++;
        break;
    case XCS_CONN:
        told.conns++;
        told.conn = msg;
        assert_int_equal(packet.msg_controllen, CMSG_SPACE(sizeof(int)));
        memcpy(&told.far, CMSG_DATA(&control.head), sizeof(int));
        (void)!write(told.far, "hello", 5);
        break;
    default:
        fail_msg("unexpected message %u", msg.type);
    }
    return true;
}

/* Runs `inside` in a quarantined copy and returns its reason. */
static const char *copy_runs(void (*inside)(void)) {
    int pair[2];
    memset(&told, 0, sizeof(told));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    plan.channel = pair[0];
    plan.main_pid = getpid();
    plan.main_tid = gettid();
    plan.main_ppid = getppid();
    fflush(NULL);
    pid_t copy = (pid_t)xcs_sys5(SYS_clone, 0, 0, 0, 0, 0);
    if (copy == 0) {
        signal(SIGSEGV, SIG_DFL);
        if (ahead_quarantine(&plan)) {
            inside();
            ahead_end("good");
        }
        ahead_end("not sealed");
    }
    close(pair[0]);
    struct pollfd p = {.fd = pair[1], .events = POLLIN};
    while (poll(&p, 1, 3000) == 1 && take_packet(pair[1])) {
    }
    close(pair[1]);
    kill(copy, SIGKILL);
    waitpid(copy, NULL, __WALL);
    return told.reason;
}

#define assert_good(inside) assert_string_equal(copy_runs(inside), "good")

static void write_text(const char *path, int flags, const char *text) {
    int fd = open(path, flags, 0640);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(close(fd) == 0);
}

static bool reads(const char *path, const char *text) {
    char buffer[256] = {0};
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer) - 1);
    close(fd);
    return n >= 0 && strcmp(buffer, text) == 0;
}

static void files_inside(void) {
    struct stat st;
    struct statx stx;
    char link[64];
    write_text("new", O_WRONLY | O_CREAT | O_EXCL, "one");
    CHECK(open("new", O_WRONLY | O_CREAT | O_EXCL, 0600) == -1 && errno == EEXIST);
    CHECK(reads("new", "one") && reads("./sub/../new", "one"));
    write_text("new", O_WRONLY | O_APPEND, "two");
    CHECK(reads("new", "onetwo"));
    CHECK(stat("new", &st) == 0 && st.st_size == 6 && (st.st_mode & 0777) == 0640 && S_ISREG(st.st_mode));
    CHECK(statx(AT_FDCWD, "new", 0, STATX_ALL, &stx) == 0 && stx.stx_size == 6);
    CHECK(access("new", R_OK | W_OK) == 0 && access("new", X_OK) != 0 && readlink("new", link, sizeof(link)) == -1);
    CHECK(truncate("new", 2) == 0 && reads("new", "on"));
    int fd = open("new", O_RDWR | O_TRUNC);
    CHECK(fd >= 0 && lseek(fd, 5, SEEK_SET) == 5 && write(fd, "x", 1) == 1 && lseek(fd, 0, SEEK_END) == 6);
    CHECK(ftruncate(fd, 1) == 0 && fsync(fd) == 0 && close(fd) == 0);
    CHECK(unlink("new") == 0 && access("new", F_OK) == -1 && errno == ENOENT);
    CHECK(unlink("new") == -1 && errno == ENOENT);

    /* one that exists outside, also through a link and by rename over it */
    CHECK(reads("old", "content"));
    write_text("link", O_WRONLY | O_APPEND, "!");
    CHECK(reads("old", "content!") && reads("link", "content!"));
    write_text("temporary", O_WRONLY | O_CREAT, "whole");
    CHECK(rename("temporary", "old") == 0 && reads("old", "whole") && access("temporary", F_OK) == -1);
    CHECK(stat("old", &st) == 0 && st.st_size == 5);

    /* directories */
    CHECK(mkdir("made", 0751) == 0 && mkdir("made", 0700) == -1 && errno == EEXIST);
    CHECK(mkdir("made/none/below", 0700) == -1 && errno == ENOENT && mkdir("made/below", 0700) == 0);
    CHECK(stat("made", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0751);
    write_text("made/below/file", O_WRONLY | O_CREAT | O_EXCL, "deep");
    CHECK(reads("made/below/file", "deep") && access("sub/../made/below/other", F_OK) == -1 && errno == ENOENT);
    CHECK(open("made/x/file", O_WRONLY | O_CREAT, 0600) == -1 && errno == ENOENT);
    CHECK(rename("made/below/file", "made/file") == 0 && reads("made/file", "deep") && unlink("made/file") == 0);

    /* as names of directories are often said */
    CHECK(mkdir("slash/", 0700) == 0 && mkdir("slash//", 0700) == -1 && errno == EEXIST &&
          access("slash//", F_OK) == 0);
    write_text("slash//file", O_WRONLY | O_CREAT, "said");
    CHECK(reads("./slash/./file", "said") && access("slash/file/", F_OK) == -1);
    CHECK(open("slash/none/", O_WRONLY | O_CREAT, 0600) == -1 && errno == EISDIR);
    CHECK(chdir("none") == -1 && errno == ENOENT && chdir("sub") == 0 && chdir("..") == 0);

    /* errors as outside */
    CHECK(open("none/x", O_WRONLY | O_CREAT, 0600) == -1 && errno == ENOENT);
    CHECK(open("none", O_WRONLY) == -1 && errno == ENOENT);
    CHECK(open("none", O_RDONLY) == -1 && errno == ENOENT);
    CHECK(open("sub", O_WRONLY) == -1 && errno == EISDIR);
    CHECK(open("old", O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
    CHECK(open("old/x", O_RDONLY) == -1 && errno == ENOTDIR);
    CHECK(open("link", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
    CHECK(mkdir("sub", 0700) == -1 && errno == EEXIST);
    DIR *d = opendir(".");
    CHECK(d != NULL && readdir(d) != NULL && closedir(d) == 0);
    FILE *null = fopen("/dev/null", "r+");
    CHECK(null != NULL && fputs("x", null) >= 0 && fclose(null) == 0);
}

static void private_directory_inside(void) {
    CHECK(mkdir("made", 0700) == 0);
    (void)!chdir("made");
}

static void files(void **state) {
    (void)state;
    assert_good(files_inside);
    assert_int_equal(access("new", F_OK), -1);
    assert_int_equal(access("temporary", F_OK), -1);
    assert_int_equal(access("made", F_OK), -1);
    assert_int_equal(access("slash", F_OK), -1);
    assert_string_equal(copy_runs(private_directory_inside), "chdir");
    assert_true(reads("old", "content"));
}

/* As a database does with its files. */
static void database_inside(void) {
    struct stat by_path, by_fd;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1};
    int fd = open("old", O_RDWR), journal = open("journal", O_RDWR | O_CREAT, 0600);
    CHECK(stat("old", &by_path) == 0 && fstat(fd, &by_fd) == 0 && by_path.st_ino == by_fd.st_ino);
    CHECK(fchmod(journal, 0640) == 0 && fchown(journal, 1, 1) == 0);
    CHECK(fcntl(fd, F_SETLK, &lock) == 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
    lock.l_len = 0;
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
}

static void lock_whole_inside(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    (void)fcntl(open("old", O_RDWR), F_SETLK, &lock);
}

static void wait_for_lock_inside(void) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
    (void)fcntl(open("old", O_RDWR), F_SETLKW, &lock);
}

/* Ends without a word: only the kernel can say that it is no memory of the program's. */
static void lock_nowhere_inside(void) {
    (void)fcntl(open("old", O_RDWR), F_SETLK, (struct flock *)8);
}

static void real_mode_inside(void) {
    (void)fchmod(open("old", O_RDONLY), 0600);
}

static void databases(void **state) {
    (void)state;
    assert_good(database_inside);
    assert_int_equal(access("journal", F_OK), -1);
    assert_string_equal(copy_runs(lock_whole_inside), "fcntl");
    assert_string_equal(copy_runs(wait_for_lock_inside), "fcntl");
    assert_string_equal(copy_runs(lock_nowhere_inside), "");
    assert_string_equal(copy_runs(real_mode_inside), "fchmod");
}

static int kept, appending, reader;

static void inherited_inside(void) {
    char text[32] = {0};
    CHECK(write(kept, "B", 1) == 1 && pread(kept, text, 10, 0) == 7 && strcmp(text, "coBtent") == 0);
    CHECK(write(appending, "+", 1) == 1 && reads("log", "log+"));
    CHECK(read(reader, text, 2) == 2 && text[0] == 'n');
    CHECK((fcntl(appending, F_GETFL) & O_APPEND) && (fcntl(kept, F_GETFD) & FD_CLOEXEC));
}

static void inherited_files(void **state) {
    (void)state;
    kept = open("old", O_RDWR | O_CLOEXEC);
    appending = open("log", O_WRONLY | O_APPEND | O_CREAT, 0600);
    reader = open("old", O_RDONLY);
    assert_int_equal(write(appending, "log", 3), 3);
    lseek(kept, 2, SEEK_SET);
    lseek(reader, 2, SEEK_SET);
    assert_good(inherited_inside);
    assert_int_equal(lseek(kept, 0, SEEK_CUR), 2);
    assert_int_equal(lseek(reader, 0, SEEK_CUR), 2);
    assert_true(reads("old", "content"));
    assert_true(reads("log", "log"));
    close(kept);
    close(appending);
    close(reader);
}

static void self_inside(void) {
    sigset_t all, now;
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    CHECK(getpid() == plan.main_pid && gettid() == plan.main_tid && getppid() == plan.main_ppid);
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0 && sigprocmask(SIG_SETMASK, NULL, &now) == 0);
    CHECK(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGSYS) && !sigismember(&now, SIGKILL));
    CHECK(getpid() == plan.main_pid); /* a trap with all signals blocked */
    CHECK(signal(SIGSYS, SIG_DFL) == 0 && getpid() == plan.main_pid);
    CHECK(setrlimit(RLIMIT_CORE, &limit) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 1);
    CHECK(close_range(3, ~0U, 0) == 0);
    char bytes[8];
    CHECK(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
    errno = 4321;
    CHECK(getpid() == plan.main_pid && errno == 4321);
}

static void self(void **state) {
    (void)state;
    assert_good(self_inside);
    assert_int_equal(told.randoms, 1);
}

static void *thread_inside(void *arg) {
    CHECK(gettid() != plan.main_tid && getpid() == plan.main_pid);
    for (int i = 0; i < 200; i++) {
        char name[] = {'t', *(char *)arg, '\0'};
        write_text(name, O_WRONLY | O_CREAT | O_TRUNC, name);
        CHECK(reads(name, name));
    }
    return NULL;
}

static void threads_inside(void) {
    pthread_t threads[4];
    static char names[4] = "abcd";
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, thread_inside, &names[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

static void threads(void **state) {
    (void)state;
    assert_good(threads_inside);
}

static struct sockaddr_in server = {.sin_family = AF_INET};

static void connect_inside(void) {
    struct sockaddr_in got = {0};
    socklen_t len = sizeof(got);
    int on = 1, error = -1;
    char text[8] = {0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK) && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0);
    CHECK(getpeername(fd, (struct sockaddr *)&got, &len) == -1 && errno == ENOTCONN);
    CHECK(connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0);
    CHECK(connect(fd, (struct sockaddr *)&server, sizeof(server)) == -1 && errno == EISCONN);
    CHECK(getpeername(fd, (struct sockaddr *)&got, &len) == 0 && len == sizeof(got) && got.sin_port == server.sin_port);
    CHECK(getsockname(fd, (struct sockaddr *)&got, &len) == 0 && got.sin_family == AF_INET && got.sin_port != 0);
    len = sizeof(error);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 && error == 0);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &error, &len) == 0 && error == AF_INET);
    CHECK(send(fd, "request", 7, 0) == 7);
    struct pollfd p = {.fd = dup(fd), .events = POLLIN};
    CHECK(poll(&p, 1, 1000) == 1 && recv(p.fd, text, sizeof(text), 0) == 5 && strcmp(text, "hello") == 0);
    CHECK(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
}

static void new_connection(void **state) {
    (void)state;
    char text[16] = {0};
    assert_good(connect_inside);
    assert_int_equal(told.conns, 1);
    assert_int_equal(told.conn.node, 0);
    assert_int_equal(told.conn.addr.len, sizeof(server));
    assert_int_equal(told.conn.addr.u.in.sin_port, server.sin_port);
    assert_int_equal(read(told.far, text, sizeof(text)), 7);
    assert_string_equal(text, "request");
    close(told.far);
}

static void inherited_conn_inside(void) {
    char text[8] = {0};
    struct pollfd p = {.fd = plan.conns[0].fd, .events = POLLIN};
    CHECK((fcntl(p.fd, F_GETFL) & O_NONBLOCK) && !(fcntl(p.fd, F_GETFD) & FD_CLOEXEC));
    CHECK(poll(&p, 1, 1000) == 1 && recv(p.fd, text, sizeof(text), 0) == 5);
    CHECK(send(p.fd, "x", 1, MSG_NOSIGNAL) == 1);
}

static void inherited_connection(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    plan.nconns = 1;
    plan.conns[0] = (struct ahead_conn){.fd = pair[0], .node = 7};
    plan.conns[0].addr.len = sizeof(server);
    plan.conns[0].addr.u.in = server;
    assert_good(inherited_conn_inside);
    plan.nconns = 0;
    assert_int_equal(told.conns, 1);
    assert_int_equal(told.conn.node, 7);
    close(told.far);
    close(pair[0]);
    close(pair[1]);
}

static int tty, tty_number;

static void tty_inside(void) {
    struct winsize size;
    CHECK(isatty(1) == 1 && ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col == 77);
    CHECK(write(1, "unseen", 6) == 6);
}

static void terminal(void **state) {
    (void)state;
    struct winsize size = {.ws_row = 22, .ws_col = 77};
    int out = dup(1), waiting = -1;
    assert_int_equal(openpty(&tty, &tty_number, NULL, NULL, &size), 0);
    fflush(NULL);
    dup2(tty_number, 1);
    const char *reason = copy_runs(tty_inside);
    dup2(out, 1);
    assert_string_equal(reason, "good");
    assert_int_equal(ioctl(tty, FIONREAD, &waiting), 0);
    assert_int_equal(waiting, 0);
    close(out);
    close(tty);
    close(tty_number);
}

#if defined(__x86_64__)
static void i386_inside(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20 /* getpid */) : "memory");
    ahead_end("the other architecture's calls pass");
}

static void x32_inside(void) {
    (void)xcs_sys0(0x40000000L | SYS_getuid);
    ahead_end("x32's calls pass");
}
#endif

/* Numbers that mean something else: killed on the spot, without a reason. */
static void other_architectures(void **state) {
    (void)state;
#if defined(__x86_64__)
    assert_string_equal(copy_runs(i386_inside), "");
    assert_string_equal(copy_runs(x32_inside), "");
#endif
}

/* One that knows how the handler makes its own calls. */
static void forged_inside(void) {
    CHECK(xcs_sys6(SYS_sendto, plan.channel, 0, 0, 0, 0, XCS_COOKIE) < 0);
    (void)xcs_sys6(SYS_openat, AT_FDCWD, XCS_ARG("old"), O_WRONLY, 0, 0, XCS_COOKIE);
    CHECK(write(open("old", O_RDONLY), "x", 1) == -1);
    (void)xcs_sys6(SYS_openat, AT_FDCWD, XCS_ARG("old"), O_RDONLY | O_TRUNC, 0, 0, XCS_COOKIE);
    (void)xcs_sys6(SYS_openat, AT_FDCWD, XCS_ARG("forged"), O_RDONLY | O_CREAT, 0600, 0, XCS_COOKIE);
    (void)xcs_sys6(SYS_fcntl, 0, F_SETOWN, 1, 0, 0, XCS_COOKIE);
    ahead_end("F_SETOWN passed");
}

static void forged_cookie(void **state) {
    (void)state;
    assert_string_equal(copy_runs(forged_inside), "fcntl");
    assert_true(reads("old", "content"));
    assert_int_equal(access("forged", F_OK), -1);
}

static volatile char *shared;

static void memory_inside(void) {
    CHECK(shared[0] == 'a' && shared[4096] == 'b');
    shared[0] = 'z';
    CHECK(shared[0] == 'z');
}

static void shared_memory(void **state) {
    (void)state;
    for (size_t size = 64 << 10; size <= 128 << 20; size <<= 11) {
        shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(shared, MAP_FAILED);
        shared[0] = 'a';
        shared[4096] = 'b';
        assert_good(memory_inside);
        assert_int_equal(shared[0], 'a');
        munmap((char *)(uintptr_t)shared, size);
    }
}

static int poller, event;

static void epoll_inside(void) {
    struct epoll_event got;
    CHECK(epoll_wait(poller, &got, 1, 0) == 0);
    CHECK(eventfd_write(event, 1) == 0 && epoll_wait(poller, &got, 1, 1000) == 1 && got.data.u64 == 0x1234567890);
}

static void epoll_registrations(void **state) {
    (void)state;
    struct epoll_event want = {.events = EPOLLIN, .data.u64 = 0x1234567890};
    poller = epoll_create1(0);
    event = eventfd(0, 0);
    assert_int_equal(epoll_ctl(poller, EPOLL_CTL_ADD, event, &want), 0);
    assert_good(epoll_inside);
    close(poller);
    close(event);
}

static int prepare(void **state) {
    (void)state;
    server.sin_port = htons(8123);
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!policy_export(&plan.filter.filter, &plan.filter.len) || mkdtemp(dir) == NULL || chdir(dir) != 0) {
        return -1;
    }
    umask(022);
    int fd = open("old", O_WRONLY | O_CREAT, 0644);
    return write(fd, "content", 7) == 7 && close(fd) == 0 && mkdir("sub", 0755) == 0 && symlink("old", "link") == 0
               ? 0
               : -1;
}

static int clean(void **state) {
    (void)state;
    char command[64];
    free(plan.filter.filter);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(databases),
        cmocka_unit_test(inherited_files),
        cmocka_unit_test(self),
        cmocka_unit_test(threads),
        cmocka_unit_test(new_connection),
        cmocka_unit_test(inherited_connection),
        cmocka_unit_test(terminal),
        cmocka_unit_test(shared_memory),
        cmocka_unit_test(epoll_registrations),
        cmocka_unit_test(other_architectures),
        cmocka_unit_test(forged_cookie),
    };
    return cmocka_run_group_tests_name("inside a run-ahead", tests, prepare, clean);
}
