/*
 * Continuations: one is asked for where a value is known to feed another call or to decide the way, it gets the real value and
 * no placeholder in its place, what it asks for with that is issued, and it ends when that is done or main is there.
 */
#include "session_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER(text) "{\"choices\":[{\"message\":{\"content\":\"" text "\"}}]}"

/* --- calls of several sites: the system prompt tells them apart --- */

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

static struct verdict main_misses(const char *system, const char *prompt) {
    struct verdict v = main_asks(system, prompt);
    assert_int_equal(v.kind, XCS_MISS);
    return v;
}

/* And is content with the answer as far as it is there. */
static void main_hits(const char *system, const char *prompt) {
    struct verdict v = main_asks(system, prompt);
    assert_int_equal(v.kind, XCS_HIT);
    close(v.hit);
}

static void asks(const struct runner *r, const char *system, const char *prompt) {
    char text[2048];
    site_text(text, sizeof(text), system, prompt);
    runner_send(r, text);
}

/* The model's text in a placeholder. */
struct guess {
    char text[64];
};

static struct guess guessed(const struct runner *r) {
    struct guess g;
    assert_non_null(runner_answer(r));
    snprintf(g.text, sizeof(g.text), "%s", runner_text());
    return g;
}

/* The run-ahead asks and goes on with a placeholder. */
__attribute__((format(printf, 3, 4))) static struct guess guesses(const struct runner *r, const char *system,
                                                                  const char *format, ...) {
    char prompt[200];
    va_list more;
    va_start(more, format);
    vsnprintf(prompt, sizeof(prompt), format, more);
    va_end(more);
    asks(r, system, prompt);
    return guessed(r);
}

/* It has that answer now. */
static void reads(const struct runner *k, const char *text) {
    const char *answer = runner_answer(k);
    assert_non_null(answer);
    assert_non_null(strstr(answer, text));
}

/* --- g(f(x)) --- */

/* Main has asked f(0); its run-ahead has met g(f(0)). */
struct scene {
    uint64_t first;         /* main's f(0) */
    struct runner r;        /* the run-ahead */
    struct guess zero, one; /* what it takes for f(0) and f(1) */
    struct runner k;        /* the continuation left at f(1) */
};

static void begin(struct scene *s) {
    s->first = main_misses("f", "0").node;
    s->r = runner_fork(s->first);
    s->zero = guessed(&s->r);
    guesses(&s->r, "g", "about %s", s->zero.text);
    assert_int_equal(runner_asked(&s->r), 0);
    assert_int_equal(issued_count(), 0);
}

/* The run-ahead meets f(1), which is issued; the call at which it is asked to leave a continuation. */
static uint64_t meet_one(struct scene *s) {
    s->one = guesses(&s->r, "f", "1");
    uint64_t node = runner_asked(&s->r);
    assert_int_equal(node, issued(issued_count() - 1));
    return node;
}

static void begin_and_keep(struct scene *s) {
    begin(s);
    s->k = runner_keep(&s->r, meet_one(s));
}

/* Main has its answer and goes on, up to f(1). */
static void main_comes_by(const struct scene *s) {
    main_tell(XCS_ANSWERED, s->first, 0);
    main_tell(XCS_ANSWERED, main_misses("g", "about zero").node, 0);
}

static void end(struct scene *s) {
    runner_free(&s->k);
    runner_free(&s->r);
}

/* Main has that one to reap and no other. */
static void check_reaped(const struct runner *k, bool last) {
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, last), 1);
    assert_int_equal(pids[0], k->pid);
}

static void test_feeding_value(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    guesses(&s.r, "g", "about %s", s.one.text);
    assert_null(runner_answer(&s.k)); /* it waits for the real value */
    finish(0, 200, ANSWER("one"));
    reads(&s.k, "one");
    asks(&s.k, "g", "about one");
    assert_int_equal(issued_count(), 2);
    assert_non_null(strstr(issued_body(1), "about one"));
    assert_true(runner_is_dead(&s.k)); /* nothing else waits for that value */

    main_comes_by(&s); /* all of it was foreseen */
    main_hits("f", "1");
    main_hits("g", "about one");
    check_reaped(&s.k, false);
    int32_t none[4];
    assert_int_equal(main_reap(none, 4, false), 0);
    end(&s);
    assert_int_equal(main_end().wasted, 0);
}

/* Three workers and a judge: one continuation for the three, which waits for each. */
static void test_one_for_several_values(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    struct guess two = guesses(&s.r, "f", "2");
    assert_int_equal(runner_asked(&s.r), 0);
    guesses(&s.r, "g", "%s and %s", s.one.text, two.text);
    finish(0, 200, ANSWER("one"));
    reads(&s.k, "one");
    asks(&s.k, "f", "2");
    assert_null(runner_answer(&s.k));
    finish(1, 200, ANSWER("two"));
    reads(&s.k, "two");
    asks(&s.k, "g", "one and two");
    assert_int_equal(issued_count(), 3);
    assert_non_null(strstr(issued_body(2), "one and two"));
    end(&s);
}

/* It has the value that it waited for, but another one, `left`, only as a placeholder: that must not go out. */
static void check_not_issued(struct scene *s, const char *left) {
    char text[200];
    size_t before = issued_count();
    guesses(&s->r, "g", "%s and %s", left, s->one.text);
    finish(before - 1, 200, ANSWER("one"));
    reads(&s->k, "one");
    snprintf(text, sizeof(text), "%s and one", left);
    asks(&s->k, "g", text);
    assert_true(runner_is_dead(&s->k));
    assert_int_equal(issued_count(), before);
    end(s);
}

static void test_placeholder_left(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    check_not_issued(&s, s.zero.text);
}

/* A made-up number that its run-ahead had read before is a placeholder too. */
static void test_number_left(void **state) {
    (void)state;
    static const char embed[] = "POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\n"
                                "{\"model\":\"m\",\"input\":\"a\"}";
    struct scene s;
    char number[16];
    begin(&s);
    runner_send(&s.r, embed);
    const char *p = runner_answer(&s.r);
    assert_non_null(p);
    p = strstr(p, "0.0");
    assert_non_null(p);
    snprintf(number, sizeof(number), "%.13s", p);
    s.k = runner_keep(&s.r, meet_one(&s));
    check_not_issued(&s, number);
}

/* Main has closed the answer that it waits for: it ends too. */
static void test_main_gives_the_value_up(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    guesses(&s.r, "g", "about %s", s.one.text);
    main_comes_by(&s);
    main_hits("f", "1");
    assert_null(runner_answer(&s.k));
    assert_true(runner_is_dead(&s.k));
    assert_true(cancelled(0));
    end(&s);
}

/* A call that failed has no value to wait for. */
static void test_value_that_never_comes(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    finish(0, 500, "{}");
    assert_true(runner_is_dead(&s.k));
    end(&s);
}

/* What it computes after main has overtaken it would be asked for twice. */
static void test_overtaken(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    guesses(&s.r, "g", "about %s", s.one.text);
    main_comes_by(&s);
    struct verdict v = main_asks("f", "1");
    assert_int_equal(v.kind, XCS_HIT);
    finish(0, 200, ANSWER("one")); /* while main waits */
    close(v.hit);
    main_misses("g", "about one");
    assert_true(runner_is_dead(&s.k));
    assert_int_equal(issued_count(), 1);
    end(&s);
}

/* Main ends: all end with it, and main is told whom to reap. */
static void test_last(void **state) {
    (void)state;
    struct scene s;
    begin_and_keep(&s);
    check_reaped(&s.k, true);
    assert_true(runner_is_dead(&s.k));
    end(&s);
}

/* A copy that nobody asked for, or for a call made long ago, is refused and killed; main has to reap it all the same. */
static void test_uncalled_for(void **state) {
    (void)state;
    struct scene s;
    begin(&s);
    uint64_t node = meet_one(&s);
    guesses(&s.r, "f", "2");
    s.k = runner_keep(&s.r, node);
    struct runner unknown = runner_keep(&s.r, 123456);
    assert_true(runner_is_dead(&s.k));
    assert_true(runner_is_dead(&unknown));
    int32_t pids[4];
    assert_int_equal(main_reap(pids, 4, false), 2);
    assert_int_equal(pids[0], s.k.pid);
    assert_int_equal(pids[1], unknown.pid);
    runner_free(&unknown);
    end(&s);
}

/* One was left at the moment when its run-ahead was ended: nobody else can tell main of it. */
static void test_left_at_the_end(void **state) {
    (void)state;
    struct scene s;
    begin(&s);
    uint64_t node = meet_one(&s);
    const struct xcs_msg drop = {.proto = XCS_PROTO, .type = XCS_DROP, .arg = s.r.id};
    assert_int_equal(send(main_channel, &drop, sizeof(drop), 0), sizeof(drop));
    s.k = runner_keep(&s.r, node);
    assert_true(runner_is_dead(&s.k));
    check_reaped(&s.k, false);
    end(&s);
}

/* --- a value decides what comes next --- */

/* Another call came than the one foreseen after a placeholder: what follows both is kept, the guess is not made again. */
static void test_deciding_value(void **state) {
    (void)state;
    struct verdict first = main_asks("route", "0");
    struct runner r = runner_fork(first.node);
    guessed(&r);
    guesses(&r, "left", "0");
    guesses(&r, "route", "1");
    assert_int_equal(issued_count(), 2);
    main_tell(XCS_ANSWERED, first.node, 0);
    struct verdict v = main_misses("right", "0");
    assert_true(v.fork);
    assert_false(cancelled(1)); /* route 1 */
    runner_free(&r);
    r = runner_fork(v.node);
    guessed(&r);
    guesses(&r, "route", "1");
    uint64_t node = runner_asked(&r);
    assert_int_equal(node, issued(1));
    struct runner k = runner_keep(&r, node);
    guesses(&r, "left", "1");
    assert_int_equal(issued_count(), 2); /* not again */
    finish(1, 200, ANSWER("go right"));
    reads(&k, "go right");
    asks(&k, "right", "1");
    assert_int_equal(issued_count(), 3);
    assert_null(runner_answer(&k)); /* what comes next is not known: it waits */
    main_tell(XCS_ANSWERED, v.node, 0);
    main_hits("route", "1");
    main_hits("right", "1");
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
