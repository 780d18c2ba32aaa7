/*
 * A session's promises: main is answered from a call issued ahead only when it asks for exactly that, in program order, and when
 * that call succeeded; nothing that depends on an unknown answer is issued; what does not pay is given up for good.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* --- lookups --- */

static void test_left_to_the_program(void **state) {
    (void)state;
    static const char *const texts[] = {
        "GET /v1/models HTTP/1.1\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 28\r\n\r\n{\"messages\":[],\"store\":true}",
        "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99\r\n\r\n{\"messages\":[]}",
        "\x16\x03\x01",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(main_ask_raw(texts[i], strlen(texts[i])).kind, XCS_PASS);
    assert_int_equal(main_end().calls, 0);
}

static void test_large_request(void **state) {
    (void)state;
    size_t size = 1 << 20;
    char *text = malloc(size + 256);
    int head = sprintf(text, "POST /v1/completions HTTP/1.1\r\nContent-Length: %zu\r\n\r\n{\"prompt\":\"", size + 13);
    memset(text + head, 'x', size);
    memcpy(text + head + size, "\"}", 3);
    size_t len = (size_t)head + size + 2;
    int fd = memfd_create("request", MFD_CLOEXEC);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    free(text);

    struct xcs_msg m = {.type = XCS_LOOKUP, .flags = XCS_F_MEMFD, .len = len, .addr = harness_origin}, answer;
    main_pass(m, fd);
    assert_int_equal(recv(main_channel, &answer, sizeof(answer), MSG_DONTWAIT), sizeof(answer));
    assert_int_equal(answer.verdict, XCS_MISS);

    m.len = len + 1; /* more than there is */
    main_pass(m, fd);
    assert_true(main_is_cut_off());
    close(fd);
}

static void test_other_version(void **state) {
    (void)state;
    struct xcs_msg m = {.proto = XCS_PROTO + 1, .type = XCS_HELLO};
    assert_true(send(main_channel, &m, sizeof(m), 0) > 0);
    assert_true(main_is_cut_off());
}

static void test_short_packet(void **state) {
    (void)state;
    assert_true(send(main_channel, "abc", 3, 0) > 0);
    assert_true(main_is_cut_off());
}

/* --- issued ahead --- */

static void test_hit_in_flight(void **state) {
    (void)state;
    uint64_t node;
    char text[100];
    struct runner r = start(&node);
    runner_ask(&r, "second");
    assert_int_equal(issued_count(), 1);
    assert_non_null(strstr(issued_body(0), "second"));
    assert_non_null(runner_answer(&r)); /* a placeholder: it goes on */
    main_tell(XCS_ANSWERED, node, 0);
    int hit = ask_hit("second");
    assert_int_equal(hit_read(hit, text, sizeof(text)), -1);
    finish(0, 200, "real");
    check_hit_text(hit, "real");
    struct stats s = main_end();
    assert_int_equal(s.calls, 2);
    assert_int_equal(s.hits, 1);
    assert_int_equal(s.misses, 1);
    assert_int_equal(s.issued, 1);
    assert_int_equal(s.wasted, 0);
    assert_int_equal(s.run_aheads, 1);
    runner_free(&r);
}

static void test_hit_already_there(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "second");
    finish(0, 200, "real");
    main_tell(XCS_ANSWERED, node, 0);
    check_hit_text(ask_hit("second"), "real");
    runner_free(&r);
}

static void test_failures_are_mains_to_meet(void **state) {
    (void)state;
    static const int statuses[] = {0, 500, 400, 404, 302};
    const size_t n = sizeof(statuses) / sizeof(statuses[0]);
    char prompt[40];
    uint64_t node;
    struct runner r = start(&node);
    for (size_t i = 0; i < n; i++)
        runner_guess(&r, "call %zu", i);
    for (size_t i = 0; i + 1 < n; i++)
        finish(i, statuses[i], "no");
    main_tell(XCS_ANSWERED, node, 0);
    for (size_t i = 0; i + 1 < n; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        check_miss(prompt, false);
    }
    snprintf(prompt, sizeof(prompt), "call %zu", n - 1);
    int hit = ask_hit(prompt);
    finish(n - 1, statuses[n - 1], "no"); /* while main waits */
    assert_int_equal(hit_read(hit, prompt, sizeof(prompt)), 0);
    close(hit);
    assert_int_equal(issued_count(), n); /* and none is tried again */
    runner_free(&r);
}

static void test_equal_requests_in_order(void **state) {
    (void)state;
    char body[40];
    uint64_t node;
    struct runner r = start(&node);
    for (size_t i = 0; i < 5; i++)
        runner_guess(&r, "first");
    assert_int_equal(issued_count(), 5);
    for (size_t i = 5; i-- > 0;) {
        snprintf(body, sizeof(body), "answer %zu", i);
        finish(i, 200, body);
    }
    main_tell(XCS_ANSWERED, node, 0);
    for (size_t i = 0; i < 5; i++) {
        snprintf(body, sizeof(body), "answer %zu", i);
        check_hit_text(ask_hit("first"), body);
    }
    runner_free(&r);
}

static void test_tracing_headers_do_not_count(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "second");
    main_tell(XCS_ANSWERED, node, 0);
    struct verdict v = main_ask_with("X-Request-Id: 17\r\n", "second");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    runner_free(&r);
}

/* --- dependent calls --- */

static void test_dependent_is_not_issued(void **state) {
    (void)state;
    char prompt[100];
    uint64_t node;
    struct runner r = start(&node);
    snprintf(prompt, sizeof(prompt), "judge %s", runner_text());
    runner_ask(&r, prompt);
    assert_int_equal(issued_count(), 0);
    assert_non_null(runner_answer(&r)); /* but it goes on */
    runner_ask(&r, "independent");
    assert_int_equal(issued_count(), 1);
    assert_non_null(runner_answer(&r));
    main_tell(XCS_ANSWERED, node, 0);
    check_miss("judge a real answer", false); /* as foreseen: the run-ahead stays */
    close(ask_hit("independent"));
    assert_false(runner_is_dead(&r));
    runner_free(&r);
    struct stats s = main_end();
    assert_int_equal(s.wasted, 0);
    assert_int_equal(s.misses, 2);
}

static void test_chain_wastes_nothing(void **state) {
    (void)state;
    char real[100];
    struct verdict v = main_ask("first");
    for (int i = 0; i < 10; i++) {
        if (v.fork) {
            struct runner r = runner_fork(v.node);
            assert_non_null(runner_answer(&r));
            for (int k = i; k < 10; k++)
                runner_guess(&r, "step %d after %s", k, runner_text());
            runner_free(&r);
        }
        main_tell(XCS_ANSWERED, v.node, 0);
        snprintf(real, sizeof(real), "step %d after answer %d", i, i);
        v = main_ask(real);
        assert_int_equal(v.kind, XCS_MISS);
    }
    assert_int_equal(issued_count(), 0);
    struct stats s = main_end();
    assert_int_equal(s.wasted, 0);
    assert_in_range(s.run_aheads, 1, 8);
}

/* --- ends --- */

static void test_main_ends(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "second");
    runner_guess(&r, "third");
    main_tell(XCS_ANSWERED, node, 0);
    int hit = ask_hit("second");
    struct stats s = main_end();
    assert_true(runner_is_dead(&r));
    assert_true(cancelled(0) && cancelled(1));
    assert_int_equal(s.wasted, 1);
    close(hit);
    runner_free(&r);
}

static void test_hit_given_up(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "second");
    main_tell(XCS_ANSWERED, node, 0);
    struct verdict v = main_ask("second");
    assert_int_equal(v.kind, XCS_HIT);
    main_tell(XCS_REVERT, v.node, 0);
    close(v.hit);
    main_tell(XCS_ANSWERED, v.node, 0);
    assert_true(cancelled(0));
    struct stats s = main_end();
    assert_int_equal(s.hits, 0);
    assert_int_equal(s.misses, 2);
    assert_int_equal(s.wasted, 1);
    runner_free(&r);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_left_to_the_program),
        T(test_large_request),
        T(test_other_version),
        T(test_short_packet),
        T(test_hit_in_flight),
        T(test_hit_already_there),
        T(test_failures_are_mains_to_meet),
        T(test_equal_requests_in_order),
        T(test_tracing_headers_do_not_count),
        T(test_dependent_is_not_issued),
        T(test_chain_wastes_nothing),
        T(test_main_ends),
        T(test_hit_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
