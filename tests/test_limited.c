/*
 * Origins that limit their rate or their connections: main asks them no sooner than the sequential program would have, and we ask
 * less. Time is real, and short.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000ull

/* It is main's turn: its end has ended without a byte, and main sends its own request. */
static bool has_turn(int held) {
    char text[64];
    ssize_t r = hit_read(held, text, sizeof(text));
    assert_true(r <= 0);
    return r == 0;
}

/* The answers to three calls issued ahead: `saved` milliseconds for main, and two refusals. */
static void save_and_refuse(struct runner *r, uint64_t saved, unsigned retry_after) {
    uint64_t node;
    *r = start(&node);
    runner_ask(r, "saves");
    runner_ask(r, "refused");
    runner_ask(r, "refused, too");
    main_tell(XCS_ANSWERED, node, 0);
    assert_int_equal(issued_count(), 3);
    harness_retry_after = retry_after;
    finish(1, 429, "slow down");
    finish(2, 429, "slow down");
    harness_latency_ns = saved * MS;
    finish(0, 200, "{}");
    check_hit_text(ask_hit("saves"), "{}");
}

/* What was saved is given back, whatever was saved when the refusal came; and only once. */
static void test_turn_is_the_sequential_programs(void **state) {
    (void)state;
    struct runner r;
    save_and_refuse(&r, 200, 0);
    int held = ask_hit("refused");
    harness_pass(100);
    assert_false(has_turn(held));
    harness_pass(150);
    assert_true(has_turn(held));
    close(held);
    main_tell(XCS_ANSWERED, issued(1), 0);
    check_miss("refused, too", false);
    runner_free(&r);
}

/* It said for how long, which is less than what was saved. */
static void test_turn_is_what_the_origin_asks_for(void **state) {
    (void)state;
    struct runner r;
    save_and_refuse(&r, 60000, 1);
    int held = ask_hit("refused");
    harness_pass(500);
    assert_false(has_turn(held));
    harness_pass(700);
    assert_true(has_turn(held));
    close(held);
    runner_free(&r);
}

/* Main waits for a HIT already when its call is refused, and another one is under way. */
static void test_refused_hit_is_held_back(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "refused");
    runner_ask(&r, "slow");
    main_tell(XCS_ANSWERED, node, 0);
    int hit = ask_hit("refused");
    finish(0, 429, "slow down");
    assert_false(has_turn(hit));
    finish(1, 200, "{}");
    assert_true(has_turn(hit));
    close(hit);
    main_tell(XCS_REVERT, issued(0), 0);
    main_tell(XCS_ANSWERED, issued(0), 0);
    check_hit_text(ask_hit("slow"), "{}");
    struct stats s = main_end();
    assert_int_equal(s.hits, 1);
    assert_int_equal(s.misses, 2);
    assert_int_equal(s.wasted, 1);
    runner_free(&r);
}

/* One call is answered after 40 ms, `failures` others break after `latency_ms`: how many are ahead of main at the most from then on? */
static unsigned issued_after(unsigned failures, uint64_t latency_ms) {
    uint64_t node;
    char prompt[16];
    struct runner r = start(&node);
    for (unsigned i = 0; i <= failures; i++) {
        snprintf(prompt, sizeof(prompt), "call %u", i);
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
    harness_latency_ns = 40 * MS;
    finish(0, 200, "{}");
    harness_latency_ns = latency_ms * MS;
    harness_refused = true;
    for (unsigned i = 1; i <= failures; i++)
        finish(i, 0, "");
    main_tell(XCS_ANSWERED, node, 0);
    unsigned before = (unsigned)issued_count();
    for (unsigned i = 0; i < WINDOW; i++) {
        snprintf(prompt, sizeof(prompt), "more %u", i);
        runner_ask(&r, prompt);
        if (!runner_answer(&r))
            break;
    }
    unsigned after = (unsigned)issued_count();
    runner_free(&r);
    return after - before + 1; /* the answered call is ahead of main, too */
}

/* The server has no place for more connections. */
static void test_refusals_halve_the_window(void **state) {
    (void)state;
    assert_int_equal(issued_after(2, 5), WINDOW / 4);
}

/* It had the requests for long: something else is wrong with it. */
static void test_late_ends_are_no_refusals(void **state) {
    (void)state;
    assert_int_equal(issued_after(2, 30), WINDOW);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_turn_is_the_sequential_programs, session_setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_turn_is_what_the_origin_asks_for, session_setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_refused_hit_is_held_back, session_setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_refusals_halve_the_window, session_setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_late_ends_are_no_refusals, session_setup, session_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
