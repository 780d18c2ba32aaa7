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

    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct xcs_msg m = {.proto = XCS_PROTO, .type = XCS_LOOKUP, .flags = XCS_F_MEMFD, .len = len};
    m.addr.len = sizeof(struct sockaddr_in);
    m.addr.u.in.sin_family = AF_INET;
    struct iovec iov = {&m, sizeof(m)};
    struct msghdr h = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&h);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    assert_true(sendmsg(main_channel, &h, 0) > 0);
    main_tell(XCS_NOTE, 0, 0);
    assert_int_equal(recv(main_channel, &m, sizeof(m), MSG_DONTWAIT), sizeof(m));
    assert_int_equal(m.verdict, XCS_MISS);

    m = (struct xcs_msg){.proto = XCS_PROTO, .type = XCS_LOOKUP, .flags = XCS_F_MEMFD, .len = len + 1};
    assert_true(sendmsg(main_channel, &h, 0) > 0); /* says more than there is */
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
    for (size_t i = 0; i < n; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
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
    for (size_t i = 0; i < 5; i++) {
        runner_ask(&r, "first");
        assert_non_null(runner_answer(&r));
    }
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

static void test_window(void **state) {
    (void)state;
    char prompt[40];
    uint64_t node;
    struct runner r = start(&node);
    for (size_t i = 0; i < WINDOW; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
    runner_ask(&r, "beyond");
    assert_int_equal(issued_count(), WINDOW);
    assert_null(runner_answer(&r));
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("call 0"));
    assert_int_equal(issued_count(), WINDOW + 1);
    assert_non_null(runner_answer(&r));
    runner_free(&r);
}

static void test_overload_halves_the_window(void **state) {
    (void)state;
    uint64_t node;
    char prompt[40];
    struct runner r = start(&node);
    runner_ask(&r, "call");
    assert_non_null(runner_answer(&r));
    finish(0, 429, "slow down");
    main_tell(XCS_ANSWERED, node, 0); /* while main's own call is under way nothing goes to such an origin */
    for (size_t i = 0; i < WINDOW / 2; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
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
    runner_ask(&r, "refused");
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "slow");
    assert_non_null(runner_answer(&r));
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
    runner_ask(&r, "slow");
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "refused");
    assert_non_null(runner_answer(&r));
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
    char prompt[40];
    struct runner r = start(&node);
    for (size_t i = 0; i < DOUBT_WINDOW; i++) {
        snprintf(prompt, sizeof(prompt), "call %zu", i);
        runner_tell(&r, XCS_RANDOM, "");
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
    runner_tell(&r, XCS_RANDOM, "");
    runner_ask(&r, "beyond");
    assert_null(runner_answer(&r));
    main_tell(XCS_ANSWERED, node, 0);
    close(ask_hit("call 0")); /* it does repeat */
    assert_non_null(runner_answer(&r));
    for (size_t i = 0; i < DOUBT_WINDOW; i++) {
        snprintf(prompt, sizeof(prompt), "more %zu", i);
        runner_tell(&r, XCS_RANDOM, "");
        runner_ask(&r, prompt);
        assert_non_null(runner_answer(&r));
    }
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
    char prompt[200], real[100];
    struct verdict v = main_ask("first");
    for (int i = 0; i < 10; i++) {
        if (v.fork) {
            struct runner r = runner_fork(v.node);
            assert_non_null(runner_answer(&r));
            for (int k = i; k < 10; k++) {
                snprintf(prompt, sizeof(prompt), "step %d after %s", k, runner_text());
                runner_ask(&r, prompt);
                assert_non_null(runner_answer(&r));
            }
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

/* --- TLS --- */

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
        runner_ask(&r, prompts[i]);
        assert_non_null(runner_answer(&r));
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

/* --- ends --- */

static void test_main_ends(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "second");
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "third");
    assert_non_null(runner_answer(&r));
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

static void test_next_run_ahead_finds_what_is_there(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "a");
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "b");
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "c");
    runner_tell(&r, XCS_BARRIER, "unlink");
    runner_free(&r);
    finish(0, 500, "");
    finish(1, 200, "the real b");
    main_tell(XCS_ANSWERED, node, 0);
    struct verdict v = main_ask("a");
    assert_int_equal(v.kind, XCS_MISS);
    assert_true(v.fork);
    r = runner_fork(v.node);
    assert_non_null(runner_answer(&r));
    runner_ask(&r, "b");
    assert_non_null(strstr(runner_answer(&r), "the real b"));
    runner_ask(&r, "c");
    assert_non_null(strstr(runner_answer(&r), "chat.completion"));
    runner_ask(&r, "d");
    assert_int_equal(issued_count(), 4); /* only what is new */
    runner_free(&r);
}

/* The text of a chat completion, as the harness's requests get one, that is JSON. */
#define JSON_ANSWER                                                                                                    \
    "{\"id\":\"1\",\"object\":\"learned\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","              \
    "\"content\":\"{\\\"name\\\": \\\"Ann\\\", \\\"age\\\": 41}\"}}]}"

/* A placeholder in the shape of JSON_ANSWER: its text is JSON with a canary for the name, which goes into `name`. */
static void check_learned(const char *answer, char name[CANARY_LEN + 1]) {
    static const char before[] = "\"content\":\"{\\\"name\\\": \\\"";
    assert_non_null(answer);
    assert_non_null(strstr(answer, "\"object\":\"learned\""));
    assert_null(strstr(answer, "usage")); /* which the built-in one has */
    const char *p = strstr(answer, before);
    assert_non_null(p);
    p += strlen(before);
    assert_memory_equal(p + CANARY_LEN, "\\\", \\\"age\\\": 41}", 15);
    memcpy(name, p, CANARY_LEN);
    name[CANARY_LEN] = '\0';
}

/* From the first real response on, and also where the built-in one was given before. */
static void test_placeholders_learn(void **state) {
    (void)state;
    uint64_t node;
    char name[CANARY_LEN + 1], prompt[64];
    struct runner r = start(&node);
    for (const char *ask = "abc"; *ask; ask++) {
        snprintf(prompt, sizeof(prompt), "%c", *ask);
        runner_ask(&r, prompt);
        assert_non_null(strstr(runner_answer(&r), "usage"));
    }
    finish(0, 500, "");
    finish(2, 200, JSON_ANSWER);
    runner_ask(&r, "d");
    check_learned(runner_answer(&r), name);
    runner_tell(&r, XCS_BARRIER, "unlink");
    runner_free(&r);
    main_tell(XCS_ANSWERED, node, 0);
    struct verdict v = main_ask("a");
    assert_int_equal(v.kind, XCS_MISS);
    r = runner_fork(v.node);
    check_learned(runner_answer(&r), name);
    runner_ask(&r, "b"); /* still in flight */
    check_learned(runner_answer(&r), name);
    size_t before = issued_count();
    snprintf(prompt, sizeof(prompt), "about %s", name); /* one word of the answer: it depends on it all the same */
    runner_ask(&r, prompt);
    assert_non_null(runner_answer(&r));
    assert_int_equal(issued_count(), before);
    runner_free(&r);
}

/* A failed call teaches nothing. */
static void test_failures_teach_nothing(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_ask(&r, "a");
    assert_non_null(runner_answer(&r));
    finish(0, 500, JSON_ANSWER);
    runner_ask(&r, "b");
    assert_non_null(strstr(runner_answer(&r), "usage"));
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
        T(test_window),
        T(test_overload_halves_the_window),
        T(test_limited_origin_is_mains_alone),
        T(test_held_back_by_a_hit_given_up),
        T(test_doubt),
        T(test_dependent_is_not_issued),
        T(test_chain_wastes_nothing),
        T(test_tls_goes_to_the_same_peer),
        T(test_main_is_told_what_comes_next),
        T(test_unknown_peer_is_left_alone),
        T(test_answer_of_another_peer_is_not_taken),
        T(test_main_ends),
        T(test_hit_given_up),
        T(test_next_run_ahead_finds_what_is_there),
        T(test_placeholders_learn),
        T(test_failures_teach_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
