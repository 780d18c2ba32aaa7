/*
 * Continuations: one is asked for where a value is known to feed another call or to decide the way, it gets the real value and
 * no placeholder in its place, what it asks for with that is issued, and it ends when that is done or main is there.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* Calls of two sites. */
static void site_text(char *text, size_t size, const char *system, const char *prompt) {
    char body[1024];
    snprintf(body, sizeof(body),
             "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"%s\"},{\"role\":\"user\",\"content\":"
             "\"%s\"}]}",
             system, prompt);
    snprintf(text, size, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
}

static struct verdict main_asks(const char *system, const char *prompt) {
    char text[2048];
    site_text(text, sizeof(text), system, prompt);
    return main_ask_raw(text, strlen(text));
}

static void asks(const struct runner *r, const char *system, const char *prompt) {
    char text[2048];
    site_text(text, sizeof(text), system, prompt);
    runner_send(r, text);
}

/* The run-ahead asks and reads a placeholder; the text in it. */
static const char *guesses(const struct runner *r, const char *system, const char *prompt) {
    asks(r, system, prompt);
    assert_non_null(runner_answer(r));
    return runner_text();
}

static void depends(const struct runner *r, const char *system, const char *on) {
    char prompt[200];
    snprintf(prompt, sizeof(prompt), "about %s", on);
    guesses(r, system, prompt);
}

/* Main has asked f(0); its run-ahead has met g(f(0)) and then f(1). */
static struct runner begin(struct verdict *first) {
    char canary[64];
    *first = main_asks("f", "0");
    assert_int_equal(first->kind, XCS_MISS);
    struct runner r = runner_fork(first->node);
    assert_non_null(runner_answer(&r));
    snprintf(canary, sizeof(canary), "%s", runner_text());
    depends(&r, "g", canary);
    assert_int_equal(runner_asked(&r), 0);
    assert_int_equal(issued_count(), 0);
    return r;
}

#define ANSWER(text) "{\"choices\":[{\"message\":{\"content\":\"" text "\"}}]}"

static void test_feeding_value(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    char canary[64];
    snprintf(canary, sizeof(canary), "%s", guesses(&r, "f", "1"));
    uint64_t node = runner_asked(&r);
    assert_int_equal(node, issued(0));
    struct runner k = runner_keep(&r, node);
    depends(&r, "g", canary);
    assert_null(runner_answer(&k)); /* it waits for the real value */
    finish(0, 200, ANSWER("one"));
    assert_non_null(strstr(runner_answer(&k), "one"));
    asks(&k, "g", "about one");
    assert_int_equal(issued_count(), 2);
    assert_non_null(strstr(issued_body(1), "about one"));
    assert_true(runner_is_dead(&k)); /* nothing else waits for that value */

    /* Main comes by: all of it was foreseen. */
    main_tell(XCS_ANSWERED, first.node, 0);
    struct verdict v = main_asks("g", "about zero");
    assert_int_equal(v.kind, XCS_MISS);
    main_tell(XCS_ANSWERED, v.node, 0);
    v = main_asks("f", "1");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    v = main_asks("g", "about one");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, false), 1);
    assert_int_equal(pids[0], k.pid);
    assert_int_equal(main_reap(pids, 4, false), 0);
    runner_free(&k);
    runner_free(&r);
    assert_int_equal(main_end().wasted, 0);
}

/* Three workers and a judge: one continuation for the three, which waits for each. */
static void test_one_for_several_values(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    char a[64], b[64], text[200];
    snprintf(a, sizeof(a), "%s", guesses(&r, "f", "1"));
    struct runner k = runner_keep(&r, runner_asked(&r));
    snprintf(b, sizeof(b), "%s", guesses(&r, "f", "2"));
    assert_int_equal(runner_asked(&r), 0);
    snprintf(text, sizeof(text), "%s and %s", a, b);
    guesses(&r, "g", text);
    finish(0, 200, ANSWER("one"));
    assert_non_null(strstr(runner_answer(&k), "one"));
    asks(&k, "f", "2");
    assert_null(runner_answer(&k));
    finish(1, 200, ANSWER("two"));
    assert_non_null(strstr(runner_answer(&k), "two"));
    asks(&k, "g", "one and two");
    assert_int_equal(issued_count(), 3);
    assert_non_null(strstr(issued_body(2), "one and two"));
    runner_free(&k);
    runner_free(&r);
}

/* It has the value that it waited for, but another one only as a placeholder: that must not go out. */
static void test_placeholder_left(void **state) {
    (void)state;
    char first[64], second[64], text[200];
    struct verdict v = main_asks("f", "0");
    struct runner r = runner_fork(v.node);
    assert_non_null(runner_answer(&r));
    snprintf(first, sizeof(first), "%s", runner_text());
    depends(&r, "g", first);
    snprintf(second, sizeof(second), "%s", guesses(&r, "f", "1"));
    struct runner k = runner_keep(&r, runner_asked(&r));
    snprintf(text, sizeof(text), "%s and %s", first, second);
    guesses(&r, "g", text);
    finish(0, 200, ANSWER("one"));
    assert_non_null(strstr(runner_answer(&k), "one"));
    snprintf(text, sizeof(text), "%s and one", first);
    asks(&k, "g", text);
    assert_true(runner_is_dead(&k));
    assert_int_equal(issued_count(), 1);
    runner_free(&k);
    runner_free(&r);
}

/* A made-up number that its run-ahead had read before is a placeholder too. */
static void test_number_left(void **state) {
    (void)state;
    static const char embed[] = "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\n"
                                "{\"model\":\"m\",\"input\":\"a\"}";
    char number[16], canary[64], text[200];
    struct verdict v = main_asks("f", "0");
    struct runner r = runner_fork(v.node);
    assert_non_null(runner_answer(&r));
    snprintf(canary, sizeof(canary), "%s", runner_text());
    runner_send(&r, embed);
    const char *p = runner_answer(&r);
    assert_non_null(p);
    p = strstr(p, "0.0");
    assert_non_null(p);
    snprintf(number, sizeof(number), "%.13s", p);
    depends(&r, "g", canary);
    snprintf(canary, sizeof(canary), "%s", guesses(&r, "f", "1"));
    struct runner k = runner_keep(&r, runner_asked(&r));
    snprintf(text, sizeof(text), "%s and %s", number, canary);
    guesses(&r, "g", text);
    assert_int_equal(issued_count(), 2);
    finish(1, 200, ANSWER("one"));
    assert_non_null(strstr(runner_answer(&k), "one"));
    snprintf(text, sizeof(text), "%s and one", number);
    asks(&k, "g", text);
    assert_true(runner_is_dead(&k));
    assert_int_equal(issued_count(), 2);
    runner_free(&k);
    runner_free(&r);
}

/* Main has closed the answer that it waits for: it ends too. */
static void test_main_gives_the_value_up(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    char canary[64];
    snprintf(canary, sizeof(canary), "%s", guesses(&r, "f", "1"));
    struct runner k = runner_keep(&r, runner_asked(&r));
    depends(&r, "g", canary);
    main_tell(XCS_ANSWERED, first.node, 0);
    struct verdict v = main_asks("g", "about zero");
    main_tell(XCS_ANSWERED, v.node, 0);
    v = main_asks("f", "1");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    assert_null(runner_answer(&k));
    assert_true(runner_is_dead(&k));
    assert_true(cancelled(0));
    runner_free(&k);
    runner_free(&r);
}

/* A call that failed has no value to wait for. */
static void test_value_that_never_comes(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    guesses(&r, "f", "1");
    struct runner k = runner_keep(&r, runner_asked(&r));
    finish(0, 500, "{}");
    assert_true(runner_is_dead(&k));
    runner_free(&k);
    runner_free(&r);
}

/* What it computes after main has overtaken it would be asked for twice. */
static void test_overtaken(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    char canary[64];
    snprintf(canary, sizeof(canary), "%s", guesses(&r, "f", "1"));
    struct runner k = runner_keep(&r, runner_asked(&r));
    depends(&r, "g", canary);
    main_tell(XCS_ANSWERED, first.node, 0);
    struct verdict v = main_asks("g", "about zero");
    main_tell(XCS_ANSWERED, v.node, 0);
    v = main_asks("f", "1");
    assert_int_equal(v.kind, XCS_HIT);
    finish(0, 200, ANSWER("one"));
    close(v.hit);
    v = main_asks("g", "about one");
    assert_int_equal(v.kind, XCS_MISS);
    assert_true(runner_is_dead(&k));
    assert_int_equal(issued_count(), 1);
    runner_free(&k);
    runner_free(&r);
}

/* Main ends: all end with it, and main is told whom to reap. */
static void test_last(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    guesses(&r, "f", "1");
    struct runner k = runner_keep(&r, runner_asked(&r));
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, true), 1);
    assert_int_equal(pids[0], k.pid);
    assert_true(runner_is_dead(&k));
    runner_free(&k);
    runner_free(&r);
}

/* A copy that nobody asked for, or for a call made long ago, is refused and killed; main has to reap it all the same. */
static void test_uncalled_for(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    guesses(&r, "f", "1");
    uint64_t node = runner_asked(&r);
    guesses(&r, "f", "2");
    struct runner late = runner_keep(&r, node), unknown = runner_keep(&r, 123456);
    assert_true(runner_is_dead(&late));
    assert_true(runner_is_dead(&unknown));
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, false), 2);
    assert_int_equal(pids[0], late.pid);
    assert_int_equal(pids[1], unknown.pid);
    runner_free(&late);
    runner_free(&unknown);
    runner_free(&r);
}

/* One was left at the moment when its run-ahead was ended: nobody else can tell main of it. */
static void test_left_at_the_end(void **state) {
    (void)state;
    struct verdict first;
    struct runner r = begin(&first);
    guesses(&r, "f", "1");
    uint64_t node = runner_asked(&r);
    const struct xcs_msg drop = {.proto = XCS_PROTO, .type = XCS_DROP, .arg = r.id};
    assert_int_equal(send(main_channel, &drop, sizeof(drop), 0), sizeof(drop));
    struct runner k = runner_keep(&r, node);
    assert_true(runner_is_dead(&k));
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, false), 1);
    assert_int_equal(pids[0], k.pid);
    runner_free(&k);
    runner_free(&r);
}

/* Another call came than the one foreseen after a placeholder: what follows both is kept, the guess is not made again. */
static void test_deciding_value(void **state) {
    (void)state;
    struct verdict first = main_asks("route", "0");
    struct runner r = runner_fork(first.node);
    assert_non_null(runner_answer(&r));
    guesses(&r, "left", "0");
    guesses(&r, "route", "1");
    assert_int_equal(issued_count(), 2);
    main_tell(XCS_ANSWERED, first.node, 0);
    struct verdict v = main_asks("right", "0");
    assert_int_equal(v.kind, XCS_MISS);
    assert_true(v.fork);
    assert_false(cancelled(1)); /* route 1 */
    runner_free(&r);
    r = runner_fork(v.node);
    assert_non_null(runner_answer(&r));
    guesses(&r, "route", "1");
    uint64_t node = runner_asked(&r);
    assert_int_equal(node, issued(1));
    struct runner k = runner_keep(&r, node);
    guesses(&r, "left", "1");
    assert_int_equal(issued_count(), 2); /* not again */
    finish(1, 200, ANSWER("go right"));
    assert_non_null(runner_answer(&k));
    asks(&k, "right", "1");
    assert_int_equal(issued_count(), 3);
    assert_null(runner_answer(&k)); /* what comes next is not known: it waits */
    main_tell(XCS_ANSWERED, v.node, 0);
    v = main_asks("route", "1");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    v = main_asks("right", "1");
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
    runner_free(&k);
    runner_free(&r);
    assert_int_equal(main_end().wasted, 1);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, session_setup, session_teardown)
    const struct CMUnitTest tests[] = {
        T(test_feeding_value),    T(test_one_for_several_values),
        T(test_placeholder_left), T(test_value_that_never_comes),
        T(test_number_left),      T(test_main_gives_the_value_up),
        T(test_overtaken),        T(test_last),
        T(test_uncalled_for),     T(test_left_at_the_end),
        T(test_deciding_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
