/*
 * How far a session runs ahead of main: no further than its window, which is halved where the origin says that it is too much, and
 * small while it is not known whether requests repeat; and main's own requests go out at their turn at such an origin.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_window(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    for (size_t i = 0; i < WINDOW; i++)
        runner_guess(&r, "call %zu", i);
    runner_ask(&r, "beyond");
    assert_int_equal(issued_count(), WINDOW);
    assert_null(runner_answer(&r));
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("call 0"));
    assert_int_equal(issued_count(), WINDOW + 1);
    assert_non_null(runner_answer(&r));
    runner_free(&r);
}

/* A call that failed keeps its place until main has made it, and leaves it then. */
static void test_failed_calls_keep_their_places(void **state) {
    (void)state;
    uint64_t node;
    char prompt[40] = "more";
    struct runner r = start(&node);
    main_tell(XCS_ANSWERED, node, 0);
    for (size_t i = 0; i < WINDOW; i++) {
        runner_guess(&r, "call %zu", i);
        finish(i, i % 2 == 0 ? 500 : 200, "answer");
    }
    runner_ask(&r, prompt);
    assert_null(runner_answer(&r));
    for (size_t i = 0; i < WINDOW; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        if (i % 2 == 0)
            check_miss(prompt, false);
        else
            close(ask_hit(prompt));
        assert_int_equal(issued_count(), WINDOW + 1 + i);
        assert_non_null(runner_answer(&r));
        snprintf(prompt, sizeof(prompt), "more %zu", i);
        runner_ask(&r, prompt);
        assert_null(runner_answer(&r));
    }
    runner_free(&r);
}

static void test_overload_halves_the_window(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "call");
    finish(0, 429, "slow down");
    main_tell(XCS_ANSWERED, node, 0); /* while main's own call is under way nothing goes to such an origin */
    for (size_t i = 0; i < WINDOW / 2; i++)
        runner_guess(&r, "call %zu", i);
    runner_ask(&r, "beyond");
    assert_null(runner_answer(&r));
    assert_int_equal(issued_count(), WINDOW / 2 + 1);
    runner_free(&r);
}

static void test_limited_origin_is_mains_alone(void **state) {
    (void)state;
    uint64_t node;
    char text[8];
    struct runner r = start(&node);
    runner_guess(&r, "refused");
    runner_guess(&r, "slow");
    finish(0, 429, "slow down");
    main_tell(XCS_ANSWERED, node, 0);
    int held = ask_hit("refused"); /* one of ours is in flight: main's own waits */
    assert_int_equal(recv(held, text, sizeof(text), MSG_DONTWAIT), -1);
    finish(1, 200, "there");
    assert_int_equal(hit_read(held, text, sizeof(text)), 0); /* and now goes out */
    close(held);
    runner_free(&r);
}

/* What main waits for may be a HIT of its own that it has given up. */
static void test_held_back_by_a_hit_given_up(void **state) {
    (void)state;
    uint64_t node;
    char text[8];
    struct runner r = start(&node);
    runner_guess(&r, "slow");
    runner_guess(&r, "refused");
    main_tell(XCS_ANSWERED, node, 0);
    int slow = ask_hit("slow");
    finish(1, 429, "slow down");
    int held = ask_hit("another");
    assert_int_equal(recv(held, text, sizeof(text), MSG_DONTWAIT), -1);
    close(slow); /* main was sooner to ask than the engine to see this */
    assert_int_equal(hit_read(held, text, sizeof(text)), 0);
    close(held);
    runner_free(&r);
}

static void test_doubt(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    for (size_t i = 0; i < DOUBT_WINDOW; i++) {
        runner_tell(&r, XCS_RANDOM, "");
        runner_guess(&r, "call %zu", i);
    }
    runner_tell(&r, XCS_RANDOM, "");
    runner_ask(&r, "beyond");
    assert_null(runner_answer(&r));
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("call 0")); /* it does repeat */
    assert_non_null(runner_answer(&r));
    for (size_t i = 0; i < DOUBT_WINDOW; i++) {
        runner_tell(&r, XCS_RANDOM, "");
        runner_guess(&r, "more %zu", i);
    }
    runner_free(&r);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_window),
        T(test_failed_calls_keep_their_places),
        T(test_overload_halves_the_window),
        T(test_limited_origin_is_mains_alone),
        T(test_held_back_by_a_hit_given_up),
        T(test_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
