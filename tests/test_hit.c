/*
 * A HIT's promises: nothing before the response is whole, then all of it, with a copy that survives the engine; the end of
 * the connection only where the server ended it; and no descriptor left, whoever closes first.
 */
#include "../shim/protocol.h"
#include "../src/hit.h"
#include "engine_loop.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SMALL "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static unsigned overs;
static int fds_before;

static int count_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static int setup(void **state) {
    (void)state;
    overs = 0;
    fds_before = count_fds();
    return !engine_loop_open();
}

static int teardown(void **state) {
    (void)state;
    engine_loop_close();
    return count_fds() != fds_before;
}

static void over(void *owner) {
    assert_ptr_equal(owner, &overs);
    overs++;
}

static struct hit *new_hit(int *theirs) {
    struct hit *h = hit_new(&overs, over, theirs);
    assert_non_null(h);
    return h;
}

/* A response that starts like one and has a body by which any byte can be told from its neighbours. */
static char *response(size_t len) {
    char *raw = malloc(len);
    assert_non_null(raw);
    for (size_t i = 0; i < len; i++)
        raw[i] = (char)('a' + i % 23 + i / 4096 % 3);
    return raw;
}

/* Reads on until `len` bytes are there or nothing comes; *copy is the descriptor that came along, or -1. */
static size_t read_all(int fd, char *to, size_t len, int *copy) {
    size_t done = 0;
    *copy = -1;
    while (done < len) {
        union {
            char buf[CMSG_SPACE(sizeof(int))];
            struct cmsghdr align;
        } control;
        struct iovec iov = {to + done, len - done < 65536 ? len - done : 65536};
        struct msghdr m = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
        ssize_t r = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (r <= 0) {
            engine_loop_settle();
            r = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        }
        if (r <= 0)
            break;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        if (c) {
            assert_int_equal(done, 0); /* with the first bytes, and never again */
            memcpy(copy, CMSG_DATA(c), sizeof(*copy));
        }
        done += (size_t)r;
    }
    return done;
}

/* What the next read says: 0 end of file, -EAGAIN nothing yet. */
static int next_read(int fd) {
    char byte;
    ssize_t r = recv(fd, &byte, 1, MSG_DONTWAIT);
    return r < 0 ? -errno : (int)r;
}

static void check_copy(int copy, const char *raw, size_t len, bool closes) {
    struct xcs_response head;
    struct stat st;
    char *text = malloc(len);
    assert_true(copy >= 0);
    assert_int_equal(fstat(copy, &st), 0);
    assert_int_equal(st.st_size, sizeof(head) + len);
    assert_int_equal(pread(copy, &head, sizeof(head), 0), sizeof(head));
    assert_int_equal(head.proto, XCS_PROTO);
    assert_int_equal(head.flags, closes ? XCS_R_CLOSE : 0);
    assert_int_equal(head.len, len);
    assert_int_equal(pread(copy, text, len, sizeof(head)), (ssize_t)len);
    assert_memory_equal(text, raw, len);
    free(text);
    close(copy);
}

static void deliver_and_check(size_t len, bool closes) {
    int theirs, copy;
    struct hit *h = new_hit(&theirs);
    char *raw = response(len), *got = malloc(len);
    assert_int_equal(next_read(theirs), -EAGAIN);
    hit_deliver(h, raw, len, closes);
    char *expected = response(len);
    assert_int_equal(read_all(theirs, got, len, &copy), len);
    assert_memory_equal(got, expected, len);
    check_copy(copy, expected, len, closes);
    engine_loop_settle();
    assert_int_equal(next_read(theirs), closes ? 0 : -EAGAIN);
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 0);
    free(got);
    free(expected);
}

static void test_small(void **state) {
    (void)state;
    deliver_and_check(strlen(SMALL), false);
}

static void test_server_closes(void **state) {
    (void)state;
    deliver_and_check(strlen(SMALL), true);
}

static void test_one_byte(void **state) {
    (void)state;
    deliver_and_check(1, false);
}

static void test_large(void **state) {
    (void)state;
    deliver_and_check(20 << 20, false);
    deliver_and_check(20 << 20, true);
}

/* A stream: each piece at once, and how long it is only when that is known. */
static void test_pieces(void **state) {
    (void)state;
    int theirs, copy;
    char got[300];
    struct xcs_response head;
    struct hit *h = new_hit(&theirs);
    char *raw = response(300);
    hit_piece(h, raw, 100);
    assert_int_equal(read_all(theirs, got, 100, &copy), 100);
    assert_int_equal(pread(copy, &head, sizeof(head), 0), sizeof(head));
    assert_true(head.len == XCS_LENGTH_UNKNOWN);
    assert_int_equal(next_read(theirs), -EAGAIN);
    hit_piece(h, raw + 100, 200);
    hit_end(h, true);
    assert_int_equal(recv(theirs, got + 100, 200, MSG_DONTWAIT), 200);
    assert_memory_equal(got, raw, 300);
    check_copy(copy, raw, 300, true);
    assert_int_equal(next_read(theirs), 0);
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 0);
    free(raw);
}

static void test_closed_during_a_stream(void **state) {
    (void)state;
    int theirs;
    struct hit *h = new_hit(&theirs);
    char *raw = response(100);
    hit_piece(h, raw, 100);
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 1);
    free(raw);
}

static void test_closed_before_the_response(void **state) {
    (void)state;
    int theirs;
    new_hit(&theirs);
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 1);
}

static void test_failed(void **state) {
    (void)state;
    int theirs;
    struct hit *h = new_hit(&theirs);
    hit_cancel(h);
    assert_int_equal(next_read(theirs), 0); /* not a byte */
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 0);
}

static void test_closed_unseen_then_delivered(void **state) {
    (void)state;
    int theirs;
    struct hit *h = new_hit(&theirs);
    close(theirs);
    hit_deliver(h, response(100), 100, false); /* before the loop could tell */
    engine_loop_settle();
    assert_int_equal(overs, 0);
}

static void test_closed_in_the_middle(void **state) {
    (void)state;
    int theirs, copy;
    char some[1000];
    struct hit *h = new_hit(&theirs);
    hit_deliver(h, response(20 << 20), 20 << 20, false);
    assert_int_equal(read_all(theirs, some, sizeof(some), &copy), sizeof(some));
    char *expected = response(20 << 20);
    check_copy(copy, expected, 20 << 20, false); /* nothing is lost with the engine */
    free(expected);
    close(theirs);
    engine_loop_settle();
    assert_int_equal(overs, 0);
}

static void test_many_at_once(void **state) {
    (void)state;
    enum {
        N = 100
    };
    struct hit *h[N];
    int theirs[N], copy;
    char got[100];
    for (int i = 0; i < N; i++)
        h[i] = new_hit(&theirs[i]);
    for (int i = 0; i < N; i += 3)
        close(theirs[i]);
    for (int i = 1; i < N; i += 3)
        hit_cancel(h[i]);
    engine_loop_settle();
    assert_int_equal(overs, (N + 2) / 3);
    for (int i = 2; i < N; i += 3)
        hit_deliver(h[i], response(100), 100, true);
    for (int i = 0; i < N; i++) {
        if (i % 3 == 0)
            continue;
        assert_int_equal(read_all(theirs[i], got, sizeof(got), &copy), i % 3 == 2 ? 100 : 0);
        if (copy >= 0)
            close(copy);
        close(theirs[i]);
    }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_small),
        T(test_server_closes),
        T(test_one_byte),
        T(test_large),
        T(test_pieces),
        T(test_closed_during_a_stream),
        T(test_closed_before_the_response),
        T(test_failed),
        T(test_closed_unseen_then_delivered),
        T(test_closed_in_the_middle),
        T(test_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
