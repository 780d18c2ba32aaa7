/*
 * A session's calls over TLS: they go to the peer that main's own handshake has accepted and to no other, and main is told whether
 * the next one is foreseen.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

static void test_tls_goes_to_the_same_peer(void **state) {
    (void)state;
    uint64_t node;
    harness_trust = 2;
    main_trusts(2, "model.example", "a key");
    struct runner r = start(&node);
    runner_tell(&r, XCS_TRUST, "");
    runner_ask(&r, "second");
    assert_int_equal(issued_count(), 1);
    assert_non_null(issued_tls_name(0));
    assert_string_equal(issued_tls_name(0), "model.example");
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("second"));
    runner_free(&r);
}

static void test_main_is_told_what_comes_next(void **state) {
    (void)state;
    uint64_t node;
    harness_trust = 2;
    main_trusts(1, "elsewhere.example", "another key");
    main_trusts(2, "model.example", "a key");
    struct runner r = start(&node);
    assert_int_equal(main_foresees(2), 0);
    const char *const prompts[] = {"second", "third"};
    for (size_t i = 0; i < 2; i++) {
        runner_tell(&r, XCS_TRUST, "");
        runner_guess(&r, "%s", prompts[i]);
        assert_int_equal(main_foresees(2), issued(0));
    }
    assert_int_equal(main_foresees(1), 0);
    main_tell(XCS_ANSWERED, node, 0);
    finish(0, 200, "{}");
    assert_int_equal(main_foresees(2), issued(0));
    close(ask_hit("second"));
    assert_int_equal(main_foresees(2), issued(1));
    finish(1, 500, "{}");
    assert_int_equal(main_foresees(2), 0);
    runner_free(&r);
}

static void test_unknown_peer_is_left_alone(void **state) {
    (void)state;
    main_trusts(2, "model.example", "a key");
    for (harness_trust = 1; harness_trust < 1000; harness_trust += 2)
        assert_int_equal(main_ask("first").kind, XCS_PASS);
}

static void test_answer_of_another_peer_is_not_taken(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "second"); /* in the clear */
    main_tell(XCS_ANSWERED, node, 0);
    main_trusts(1, "model.example", "a key");
    harness_trust = 1;
    assert_int_equal(main_ask("second").kind, XCS_MISS);
    runner_free(&r);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_tls_goes_to_the_same_peer),
        T(test_main_is_told_what_comes_next),
        T(test_unknown_peer_is_left_alone),
        T(test_answer_of_another_peer_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
