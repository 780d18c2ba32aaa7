/*
 * A session's calls through a proxy's tunnels: what a run-ahead says to a proxy is answered as main was, and its calls go through the very
 * tunnel that their connection leads into, or nowhere.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ASK "CONNECT model.example:443 HTTP/1.1\r\nHost: model.example:443\r\n\r\n"
#define OTHER "CONNECT model.example:443 HTTP/1.1\r\nProxy-Authorization: Basic eDp5\r\n\r\n"
#define ANSWER "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n"

/* Peer 2 is at the end of one tunnel, peer 3 of another one of the same proxy, peer 4 at none. */
static struct runner start_in_tunnel(uint64_t *node) {
    main_tunnels(2, ASK, ANSWER);
    main_trusts(2, "model.example", "a key");
    main_tunnels(3, OTHER, ANSWER);
    main_trusts(3, "model.example", "a key");
    main_trusts(4, "model.example", "a key");
    harness_trust = 2;
    return start(node);
}

static void ask_peer(const struct runner *r, uint32_t trust, const char *prompt) {
    harness_trust = trust;
    if (trust)
        runner_tell(r, XCS_TRUST, "");
    runner_ask(r, prompt);
}

static void test_tunnel_of_mains_connection(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    ask_peer(&r, 2, "second");
    assert_int_equal(issued_count(), 1);
    assert_string_equal(issued_tls_name(0), "model.example");
    assert_string_equal(issued_tunnel(0), ASK);
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("second"));
    runner_free(&r);
}

static void test_new_tunnel_is_answered_as_mains(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    runner_dials(&r);
    runner_send(&r, ASK);
    assert_string_equal(runner_answer(&r), ANSWER);
    ask_peer(&r, 2, "second");
    assert_string_equal(issued_tunnel(0), ASK);
    assert_non_null(runner_answer(&r));
    runner_dials(&r);
    runner_send(&r, OTHER);
    assert_string_equal(runner_answer(&r), ANSWER);
    ask_peer(&r, 3, "third");
    assert_int_equal(issued_count(), 2);
    assert_string_equal(issued_tunnel(1), OTHER);
    runner_free(&r);
}

/* The run-ahead has ended, and nothing was issued. */
static void assert_over(struct runner *r) {
    assert_true(runner_is_dead(r));
    assert_int_equal(issued_count(), 0);
    runner_free(r);
}

/* Main's next call, and a run-ahead from there. */
static struct runner start_anew(uint64_t *node, size_t i) {
    const char prompt[] = {'a', (char)('a' + i), '\0'};
    main_tell(XCS_ANSWERED, *node, 0);
    harness_trust = 2;
    *node = main_ask(prompt).node;
    return runner_fork(*node);
}

static void test_other_tunnels_end_it(void **state) {
    (void)state;
    static const char early[] = ASK "\x16\x03\x01";
    static const char *const asks[] = {
        "CONNECT model.example:444 HTTP/1.1\r\nHost: model.example:443\r\n\r\n",
        "CONNECT model.example:443 HTTP/1.1\r\n\r\n",
        "CONNECT model.example:443 HTTP/1.1\r\nHost: model.example:443\r\n",
        early,
        "CONNECT ",
    };
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        runner_dials(&r);
        runner_send(&r, asks[i]);
        assert_null(runner_answer(&r));
        assert_over(&r);
        r = start_anew(&node, i);
    }
    runner_free(&r);
}

static void test_tunnel_of_another_proxy_ends_it(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    harness_origin.u.in.sin_port ^= 1;
    runner_dials(&r);
    runner_send(&r, ASK);
    assert_over(&r);
}

static void test_peer_is_the_tunnels(void **state) {
    (void)state;
    static const struct {
        const char *ask;
        uint32_t trust;
    } wrong[] = {{ASK, 3}, {ASK, 4}, {ASK, 0}, {OTHER, 2}, {NULL, 2}};
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        runner_dials(&r);
        if (wrong[i].ask) {
            runner_send(&r, wrong[i].ask);
            assert_string_equal(runner_answer(&r), ANSWER);
        }
        ask_peer(&r, wrong[i].trust, "second");
        assert_over(&r);
        r = start_anew(&node, i);
    }
    runner_free(&r);
}

static void test_answer_from_another_tunnel_is_not_taken(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    ask_peer(&r, 2, "second");
    main_tell(XCS_ANSWERED, node, 0);
    harness_trust = 3;
    assert_int_equal(main_ask("second").kind, XCS_MISS);
    runner_free(&r);
}

/* While main has no tunnel of its own, one of ours might take its place. */
static void test_nothing_is_issued_while_main_is_not_there(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    main_tell(XCS_ANSWERED, node, 0);
    ask_peer(&r, 2, "second");
    assert_int_equal(issued_count(), 0);
    assert_int_equal(main_ask("second").kind, XCS_MISS);
    ask_peer(&r, 2, "third");
    assert_int_equal(issued_count(), 1);
    runner_free(&r);
}

/* Neither through this tunnel nor through another one of that proxy. */
static void test_refusing_proxy_is_left_to_main(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start_in_tunnel(&node);
    runner_dials(&r);
    runner_send(&r, OTHER);
    assert_non_null(runner_answer(&r));
    ask_peer(&r, 3, "second");
    ask_peer(&r, 3, "third");
    assert_int_equal(issued_count(), 2);
    harness_refused = harness_no_tunnel = true;
    harness_latency_ns = 1000000000;
    finish(0, 0, NULL);
    ask_peer(&r, 3, "fourth");
    assert_int_equal(issued_count(), 2);
    runner_dials(&r);
    runner_send(&r, ASK);
    ask_peer(&r, 2, "fifth");
    assert_int_equal(issued_count(), 2);
    runner_free(&r);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_tunnel_of_mains_connection),
        T(test_new_tunnel_is_answered_as_mains),
        T(test_other_tunnels_end_it),
        T(test_tunnel_of_another_proxy_ends_it),
        T(test_peer_is_the_tunnels),
        T(test_answer_from_another_tunnel_is_not_taken),
        T(test_nothing_is_issued_while_main_is_not_there),
        T(test_refusing_proxy_is_left_to_main),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
