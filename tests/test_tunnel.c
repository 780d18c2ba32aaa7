/* What the shim makes of a proxy's answer to CONNECT, which is hostile, and that a tunnel is made anew only with what it was made with. */
#include "../shim/tunnel.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ASK "CONNECT model.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
#define OPENED "HTTP/1.1 200 Connection established\r\n\r\n"
static const char early[] = OPENED "\x16\x03\x03", twice[] = OPENED OPENED;

static const struct xcs_addr proxy = {.len = sizeof(struct sockaddr_in),
                                      .u.in = {.sin_family = AF_INET, .sin_port = 1}};
static const struct xcs_addr other = {.len = sizeof(struct sockaddr_in),
                                      .u.in = {.sin_family = AF_INET, .sin_port = 2}};

static struct tunnel *asked(const struct xcs_addr *of, const char *head) {
    return tunnel_asked(of, head, strlen(head));
}

static enum tunnel_answer answered(const char *answer) {
    return tunnel_answered(asked(&proxy, ASK), answer, strlen(answer));
}

static void test_success(void **state) {
    (void)state;
    static const char *const answers[] = {OPENED, "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n", "HTTP/1.1 204 \r\n\r\n"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        size_t n = strlen(answers[i]);
        for (size_t part = 1; part < n; part++)
            assert_int_equal(tunnel_answered(asked(&proxy, ASK), answers[i], part), TUNNEL_WAITS);
        assert_int_equal(answered(answers[i]), TUNNEL_OPENED);
    }
}

static void test_no_success(void **state) {
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 407 Who?\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 302 Elsewhere\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.1 2\r\nX: yz\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "\x15\x03\x01",
        "<html>",
        early,
        twice,
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: y\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\nX: y\r\n\r\n",
        "HTTP/1.1 200 OK\n\nContent\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answered(answers[i]) != TUNNEL_REFUSED)
            fail_msg("taken for success: %s", answers[i]);
    static const char zero[] = "HTTP/1.1 200 OK\r\nX: \0\r\n\r\n";
    assert_int_equal(tunnel_answered(asked(&proxy, ASK), zero, sizeof zero - 1), TUNNEL_REFUSED);
}

static void test_endless_answer(void **state) {
    (void)state;
    char answer[TUNNEL_HEAD_MAX + 1];
    memset(answer, 'x', sizeof answer);
    memcpy(answer, "HTTP/1.1 200 ", 13);
    assert_int_equal(tunnel_answered(asked(&proxy, ASK), answer, TUNNEL_HEAD_MAX - 1), TUNNEL_WAITS);
    assert_int_equal(tunnel_answered(asked(&proxy, ASK), answer, TUNNEL_HEAD_MAX), TUNNEL_REFUSED);
    memcpy(answer + TUNNEL_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(tunnel_answered(asked(&proxy, ASK), answer, TUNNEL_HEAD_MAX), TUNNEL_OPENED);
    memcpy(answer + TUNNEL_HEAD_MAX - 3, "\r\n\r\n", 4);
    assert_int_equal(tunnel_answered(asked(&proxy, ASK), answer, TUNNEL_HEAD_MAX + 1), TUNNEL_REFUSED);
}

static void test_what_the_engine_is_told(void **state) {
    (void)state;
    struct tunnel *t = asked(&other, ASK);
    size_t len;
    assert_int_equal(tunnel_answered(t, "HTTP/1.1 407 Who?\r\n\r\n", 21), TUNNEL_REFUSED);
    assert_int_equal(tunnel_answered(t, OPENED, strlen(OPENED)), TUNNEL_OPENED);
    assert_int_equal(tunnel_answered(t, "HTTP/1.1 200 Later\r\n\r\n", 22), TUNNEL_OPENED);
    const char *text = tunnel_text(t, &len);
    assert_int_equal(len, strlen(ASK) + 1 + strlen(OPENED));
    assert_memory_equal(text, ASK "\0" OPENED, len);
    assert_memory_equal(tunnel_proxy(t), &other, sizeof other);
}

/* Of a tunnel made again at `far`: reads what it is asked for, says `answer`. */
struct far {
    int fd;
    const char *answer;
    unsigned pause_ms; /* before each byte */
    char got[256];
};

static void *serve(void *arg) {
    struct far *f = arg;
    ssize_t n = recv(f->fd, f->got, sizeof f->got - 1, 0);
    f->got[n > 0 ? n : 0] = '\0';
    for (const char *p = f->answer; *p; p++) {
        usleep(f->pause_ms * 1000);
        if (send(f->fd, p, 1, MSG_NOSIGNAL) != 1)
            break;
    }
    shutdown(f->fd, SHUT_WR);
    return NULL;
}

/* Is it there again? What can be read after that is left in `rest`. */
static bool again(const char *answer, unsigned pause_ms, int limit_ms, char rest[16]) {
    int pair[2];
    pthread_t thread;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct far far = {pair[1], answer, pause_ms, ""};
    assert_int_equal(pthread_create(&thread, NULL, serve, &far), 0);
    bool is = tunnel_again(asked(&proxy, ASK), pair[0], limit_ms);
    ssize_t n = is ? recv(pair[0], rest, 15, MSG_WAITALL) : 0;
    rest[n > 0 ? n : 0] = '\0';
    close(pair[0]);
    pthread_join(thread, NULL);
    close(pair[1]);
    assert_string_equal(far.got, ASK);
    return is;
}

static void test_made_again(void **state) {
    (void)state;
    char rest[16];
    assert_true(again(OPENED, 0, 5000, rest));
    assert_string_equal(rest, "");
    assert_true(again("HTTP/1.1 200 OK\r\n\r\nsecond", 1, 5000, rest));
    assert_string_equal(rest, "second"); /* the session's, which it has to make something of */
    assert_false(again("HTTP/1.1 407 Who?\r\n\r\n", 0, 5000, rest));
    assert_false(again("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 0, 5000, rest));
    assert_false(again("HTTP/1.1 200 OK\r\n", 0, 5000, rest));
    assert_false(again("", 0, 5000, rest));
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    assert_false(again(twice, 20, 200, rest));
    clock_gettime(CLOCK_MONOTONIC, &to);
    assert_in_range(to.tv_sec - from.tv_sec, 0, 3);
}

/* The last of all: nothing is ever forgotten. */
static void test_no_room(void **state) {
    (void)state;
    char head[TUNNEL_HEAD_MAX + 2];
    struct tunnel *known = asked(&proxy, ASK), *t = known;
    assert_ptr_equal(asked(&proxy, ASK), known);
    assert_ptr_not_equal(asked(&other, ASK), known);
    assert_ptr_not_equal(asked(&proxy, "CONNECT model.example:443 HTTP/1.1\r\n\r\n"), known);
    memset(head, 'x', sizeof head);
    assert_null(tunnel_asked(&proxy, head, TUNNEL_HEAD_MAX + 1));
    assert_non_null(tunnel_asked(&proxy, head, TUNNEL_HEAD_MAX));
    for (int i = 0; i < 1000 && t; i++) {
        snprintf(head, sizeof head, "CONNECT h%d:443 HTTP/1.1\r\n\r\n", i);
        t = asked(&proxy, head);
    }
    assert_null(t);
    assert_ptr_equal(asked(&proxy, ASK), known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_success),        cmocka_unit_test(test_no_success),
        cmocka_unit_test(test_endless_answer), cmocka_unit_test(test_what_the_engine_is_told),
        cmocka_unit_test(test_made_again),     cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
