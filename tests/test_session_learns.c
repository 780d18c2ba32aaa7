/*
 * What a session's run-aheads read instead of answers: real ones where they are there, and placeholders in the shape of those that
 * have been seen.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_next_run_ahead_finds_what_is_there(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "a");
    runner_guess(&r, "b");
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
    char name[CANARY_LEN + 1];
    static const char *const prompts[] = {"a", "b", "c"};
    struct runner r = start(&node);
    for (size_t i = 0; i < 3; i++) {
        runner_ask(&r, prompts[i]);
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
    runner_guess(&r, "about %s", name); /* one word of the answer: it depends on it all the same */
    assert_int_equal(issued_count(), before);
    runner_free(&r);
}

/* A failed call teaches nothing. */
static void test_failures_teach_nothing(void **state) {
    (void)state;
    uint64_t node;
    struct runner r = start(&node);
    runner_guess(&r, "a");
    finish(0, 500, JSON_ANSWER);
    runner_ask(&r, "b");
    assert_non_null(strstr(runner_answer(&r), "usage"));
    runner_free(&r);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_next_run_ahead_finds_what_is_there),
        T(test_placeholders_learn),
        T(test_failures_teach_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
