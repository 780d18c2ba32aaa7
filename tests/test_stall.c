/*
 * A HIT that gets nowhere: the server takes no connection of ours, or may have taken it. Time is real, and short.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000ull

static const struct stall_patience brief = {.look = 5 * MS, .unserved = 150 * MS, .sent = 300 * MS};

static int setup(void **state) {
    session_patience = brief;
    harness_served = DISPATCH_SENT;
    return session_setup(state);
}

/* The HIT is given up: main's end has ended without a byte, and main sends its own request. */
static bool is_given_up(int hit) {
    char text[64];
    return hit_read(hit, text, sizeof(text)) == 0;
}

/* Main's call and two foreseen ones, of which main asks the first. */
static int wait_for_one(struct runner *r) {
    uint64_t node;
    *r = start(&node);
    runner_ask(r, "one");
    runner_ask(r, "two");
    main_tell(XCS_ANSWERED, node, 0);
    assert_int_equal(issued_count(), 2);
    return ask_hit("one");
}

static void test_one_connection_at_a_time(void **state) {
    (void)state;
    struct runner r;
    harness_served = DISPATCH_UNSERVED;
    int hit = wait_for_one(&r);
    harness_pass(50);
    assert_false(is_given_up(hit));
    harness_pass(200);
    assert_true(is_given_up(hit));
    assert_true(cancelled(0) && cancelled(1));
    close(hit);
    main_tell(XCS_REVERT, issued(0), 0);
    runner_free(&r);
    check_miss("two", false); /* and so for ever */
    check_miss("first", false);
    assert_int_equal(issued_count(), 2);
}

static void test_progress_is_patience(void **state) {
    (void)state;
    struct runner r;
    harness_served = DISPATCH_UNSERVED;
    int hit = wait_for_one(&r);
    harness_pass(90);
    assert_false(is_given_up(hit));
    finish(1, 200, "{}");
    harness_pass(90);
    assert_false(is_given_up(hit));
    assert_false(cancelled(0));
    close(hit);
    runner_free(&r);
}

static void test_taken_connections_are_waited_for(void **state) {
    (void)state;
    struct runner r;
    harness_served = DISPATCH_SERVED;
    int hit = wait_for_one(&r);
    harness_pass(400);
    assert_false(is_given_up(hit));
    close(hit);
    runner_free(&r);
}

/* Main's own time limit is shorter than our patience. */
static void test_time_limit_where_nothing_was_answered(void **state) {
    (void)state;
    struct runner r;
    int hit = wait_for_one(&r);
    harness_pass(50);
    assert_false(is_given_up(hit));
    main_tell(XCS_REVERT, issued(0), 0);
    close(hit);
    harness_pass(5);
    assert_true(cancelled(0) && cancelled(1));
    runner_free(&r);
    check_miss("two", false);
}

static void test_time_limit_where_something_was_answered(void **state) {
    (void)state;
    struct runner r;
    int hit = wait_for_one(&r);
    finish(1, 200, "{}");
    harness_pass(50);
    main_tell(XCS_REVERT, issued(0), 0);
    close(hit);
    harness_pass(5);
    hit = ask_hit("two");
    check_hit_text(hit, "{}");
    runner_free(&r);
}

/* Main's own request goes out beside ours, and is answered first. */
static void test_probe_finds_a_busy_server(void **state) {
    (void)state;
    struct runner r;
    int hit = wait_for_one(&r);
    harness_pass(200);
    assert_false(is_given_up(hit));
    harness_pass(200);
    assert_true(is_given_up(hit));
    assert_true(cancelled(0));
    assert_false(cancelled(1));
    close(hit);
    main_tell(XCS_REVERT, issued(0), 0);
    runner_free(&r);
    check_miss("two", false);
    assert_true(cancelled(1));
}

/* Ours is answered first: the server only took its time, and is not asked twice again. */
static void test_probe_finds_a_slow_server(void **state) {
    (void)state;
    struct runner r;
    int hit = wait_for_one(&r);
    runner_ask(&r, "three");
    harness_pass(400);
    assert_true(is_given_up(hit));
    close(hit);
    main_tell(XCS_REVERT, issued(0), 0);
    finish(1, 200, "{}");
    hit = ask_hit("two");
    check_hit_text(hit, "{}");
    hit = ask_hit("three");
    harness_pass(400);
    assert_false(is_given_up(hit));
    assert_false(cancelled(2));
    close(hit);
    runner_free(&r);
}

/* The answers to two calls, a refusal among them, and one call that stays under way; main waits for its turn. */
static int wait_for_turn(struct runner *r) {
    uint64_t node;
    *r = start(&node);
    runner_ask(r, "refused");
    runner_ask(r, "stuck");
    main_tell(XCS_ANSWERED, node, 0);
    int hit = ask_hit("refused");
    finish(0, 429, "slow down");
    assert_false(is_given_up(hit));
    return hit;
}

/* Its turn comes when ours is answered, and ours never is while main holds the one place. */
static void test_turn_at_one_connection_at_a_time(void **state) {
    (void)state;
    struct runner r;
    harness_served = DISPATCH_UNSERVED;
    int held = wait_for_turn(&r);
    harness_pass(50);
    assert_false(is_given_up(held));
    harness_pass(200);
    assert_true(is_given_up(held));
    assert_true(cancelled(1));
    close(held);
    main_tell(XCS_REVERT, issued(0), 0);
    main_tell(XCS_ANSWERED, issued(0), 0);
    runner_free(&r);
    check_miss("stuck", false);
}

/* A call of ours that is never answered does not keep main's from going out for ever. */
static void test_turn_beside_a_call_without_answer(void **state) {
    (void)state;
    struct runner r;
    harness_served = DISPATCH_SERVED;
    int held = wait_for_turn(&r);
    harness_pass(200);
    assert_false(is_given_up(held));
    harness_pass(200);
    assert_true(is_given_up(held));
    assert_false(cancelled(1));
    close(held);
    main_tell(XCS_REVERT, issued(0), 0);
    main_tell(XCS_ANSWERED, issued(0), 0);
    finish(1, 200, "{}");
    check_hit_text(ask_hit("stuck"), "{}");
    runner_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_connection_at_a_time, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_progress_is_patience, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_taken_connections_are_waited_for, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_time_limit_where_nothing_was_answered, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_time_limit_where_something_was_answered, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_probe_finds_a_busy_server, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_probe_finds_a_slow_server, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_turn_at_one_connection_at_a_time, setup, session_teardown),
        cmocka_unit_test_setup_teardown(test_turn_beside_a_call_without_answer, setup, session_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
