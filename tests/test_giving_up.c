/*
 * What a session gives up, and what ends a run-ahead: foresight that was wrong, sites where nothing is found, a program that is
 * concurrent itself, and effects on the outside.
 */
#include "../src/decide.h"
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

/* One call that was not foreseen may be another way to the same place; two in a row are a program that was not understood. */
static void test_divergence(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "foreseen");
    runner_ask(&r, "foreseen too");
    main_tell(XCS_ANSWERED, node, 0);
    check_miss("quite another", true);
    assert_true(runner_is_dead(&r));
    assert_int_equal(issued_count(), 2);
    assert_false(cancelled(0) || cancelled(1));
    check_miss("and another", false);
    assert_true(cancelled(0) && cancelled(1));
    runner_free(&r);
    check_miss("first", false); /* and so for ever */
    struct stats s = main_end();
    assert_int_equal(s.wasted, 2);
    assert_int_equal(s.sites_off, 1);
}

/* Where all calls fail, each is made twice: not for long. */
static void test_only_failures(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    main_tell(XCS_ANSWERED, node, 0);
    for (size_t i = 0; i <= WASTED_MAX; i++) {
        char prompt[40];
        assert_false(runner_is_dead(&r));
        runner_guess(&r, "call %zu", i);
        finish(i, 500, "no");
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        check_miss(prompt, false);
    }
    assert_true(runner_is_dead(&r));
    runner_free(&r);
    check_miss("another", false);
}

static void test_another_way_to_the_same_place(void **state) {
    (void)state;
    for (int time = 0; time < 3; time++) {
        uint64_t node;
        char only_left[40], both[40];
        struct runner r = start(&node);
        snprintf(only_left, sizeof(only_left), "left %d", time);
        snprintf(both, sizeof(both), "both %d", time);
        runner_ask(&r, only_left);
        assert_non_null(runner_answer(&r));
        runner_ask(&r, both);
        assert_non_null(runner_answer(&r));
        main_tell(XCS_ANSWERED, node, 0);
        if (time == 0)
            check_miss("right", true);
        close(ask_hit(both));
        runner_free(&r);
    }
    struct stats s = main_end();
    assert_int_equal(s.sites_off, 0);
    assert_int_equal(s.wasted, 1); /* the guess is not made again */
}

static void test_nothing_found(void **state) {
    (void)state;
    for (int time = 0; time < 3; time++) {
        uint64_t node;
        struct runner r = start(&node);
        runner_tell(&r, XCS_BARRIER, "unlink");
        main_tell(XCS_ANSWERED, node, 0);
        runner_free(&r);
    }
    check_miss("first", false);
}

static void test_dropped_does_not_count(void **state) {
    (void)state;
    for (int time = 0; time < 5; time++) {
        uint64_t node;
        struct runner r = start(&node);
        main_tell(XCS_DROP, 0, r.id);
        assert_true(runner_is_dead(&r));
        main_tell(XCS_ANSWERED, node, 0);
        runner_free(&r);
    }
    check_miss("first", true);
}

static void test_concurrent_program(void **state) {
    (void)state;
    struct verdict one = main_ask("one"), two = main_ask("two");
    assert_true(one.fork);
    assert_false(two.fork);
    main_tell(XCS_ANSWERED, one.node, 0);
    main_tell(XCS_ANSWERED, two.node, 0);
    check_miss("three", false);
}

/* What a run-ahead of one of its threads has issued is there for the others; it does not go on to issue what they ask themselves. */
static void test_concurrent_program_ends_its_run_ahead(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "two");
    runner_guess(&r, "three");
    int three = ask_hit("three"), two = ask_hit("two");
    assert_true(runner_is_dead(&r));
    finish(0, 200, "of two");
    finish(1, 200, "of three");
    check_hit_text(two, "of two");
    check_hit_text(three, "of three");
    main_tell(XCS_ANSWERED, node, 0);
    check_miss("four", false);
    assert_int_equal(issued_count(), 2);
    assert_int_equal(main_end().wasted, 0);
    runner_free(&r);
}

/* It was being forked when that came to light. */
static void test_concurrent_program_gets_no_run_ahead(void **state) {
    (void)state;
    struct verdict one = main_ask("one"), two = main_ask("two");
    struct runner r = runner_fork(one.node);
    assert_true(runner_is_dead(&r));
    main_tell(XCS_ANSWERED, one.node, 0);
    main_tell(XCS_ANSWERED, two.node, 0);
    runner_free(&r);
}

/* Its threads come to what was issued in whatever order: none of it is passed over. */
static void test_threads_take_what_was_issued(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "two");
    runner_guess(&r, "three");
    main_tell(XCS_ANSWERED, node, 0);
    harness_thread = 2;
    int three = ask_hit("three");
    assert_true(runner_is_dead(&r));
    harness_thread = 3;
    int two = ask_hit("two");
    finish(0, 200, "of two");
    finish(1, 200, "of three");
    check_hit_text(two, "of two");
    check_hit_text(three, "of three");
    check_miss("four", false);
    assert_int_equal(main_end().wasted, 0);
    runner_free(&r);
}

/* Seen ahead: a call is made while another one's answer has not been read. What was issued comes in main's own order. */
static void test_concurrency_ahead(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node), other = runner_beside(&r);
    runner_guess(&r, "two");
    runner_guess(&other, "three");
    runner_ask(&r, "four");
    runner_ask(&other, "five");
    assert_true(runner_is_dead(&r));
    assert_int_equal(issued_count(), 3);
    main_tell(XCS_ANSWERED, node, 0);
    check_miss("five", false);
    const char *const prompts[] = {"four", "two", "three"};
    for (int i = 0; i < 3; i++)
        close(ask_hit(prompts[i]));
    assert_int_equal(main_end().wasted, 0);
    close(other.conn);
    runner_free(&r);
}

/* Another thread's call that was not foreseen is no divergence of the one that ran ahead. */
static void test_thread_beside_a_run_ahead(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "two");
    main_tell(XCS_ANSWERED, node, 0);
    harness_thread = 2;
    check_miss("beside", true);
    check_miss("beside too", false);
    assert_true(runner_is_dead(&r));
    harness_thread = 1;
    int two = ask_hit("two");
    finish(0, 200, "of two");
    check_hit_text(two, "of two");
    struct stats s = main_end();
    assert_int_equal(s.wasted, 0);
    assert_int_equal(s.sites_off, 0);
    runner_free(&r);
}

/* One thread that hands its calls to another makes them in their order all the same. */
static void test_thread_for_each_call(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    for (int i = 0; i < 4; i++)
        runner_guess(&r, "call %d", i);
    main_tell(XCS_ANSWERED, node, 0);
    for (int i = 0; i < 4; i++) {
        char prompt[20];
        snprintf(prompt, sizeof(prompt), "call %d", i);
        harness_thread++;
        close(ask_hit(prompt));
    }
    assert_false(runner_is_dead(&r));
    check_miss("last", true);
    runner_free(&r);
}

static void test_effects_end_it(void **state) {
    (void)state;
    static const char *const texts[] = {
        "GET /v1/models HTTP/1.1\r\n\r\n",
        "POST /v1/files HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        "\x16\x03\x01\x02\x01\x01",
        "POST /v1/completions HTTP/1.1\r\nContent-Length: 14\r\n\r\n{\"prompt\":\"a\"}POST",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t node;
        struct verdict v = main_ask_with(i % 2 ? "A: 1\r\n" : "", i < 2 ? "a" : "b");
        node = v.node;
        struct runner r = runner_fork(node);
        runner_send(&r, texts[i]);
        assert_true(runner_is_dead(&r) || !v.fork);
        assert_int_equal(issued_count(), 0);
        main_tell(XCS_ANSWERED, node, 0);
        runner_free(&r);
    }
}

static void test_close_is_honoured(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_send(&r,
                "POST /v1/completions HTTP/1.1\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"prompt\":\"a\"}");
    assert_non_null(strstr(runner_answer(&r), "Connection: close"));
    assert_int_equal(recv(r.conn, &node, 1, MSG_DONTWAIT), 0);
    runner_free(&r);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_divergence),
        T(test_only_failures),
        T(test_another_way_to_the_same_place),
        T(test_nothing_found),
        T(test_dropped_does_not_count),
        T(test_concurrent_program),
        T(test_concurrent_program_ends_its_run_ahead),
        T(test_concurrent_program_gets_no_run_ahead),
        T(test_threads_take_what_was_issued),
        T(test_thread_beside_a_run_ahead),
        T(test_concurrency_ahead),
        T(test_thread_for_each_call),
        T(test_effects_end_it),
        T(test_close_is_honoured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
