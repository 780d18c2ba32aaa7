/*
 * The decisions' promises: they are permanent, a window only shrinks, and doubt costs no more than eight calls.
 */
#include "../src/decide.h"
#include "../src/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct xcs_addr addr(uint16_t port) {
    struct xcs_addr a = {.len = sizeof(struct sockaddr_in)};
    a.u.in.sin_family = AF_INET;
    a.u.in.sin_port = port;
    return a;
}

static struct origin origin;

static void test_sites_are_told_apart(void **state) {
    (void)state;
    struct decisions d = {0};
    struct site *one = decide_site(&d, 1), *two = decide_site(&d, 2);
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(decide_site(&d, 1), one);
    while (!decide_diverged(one))
        ;
    assert_non_null(decide_against_fork(&d, one, &origin));
    assert_null(decide_against_fork(&d, two, &origin));
    decide_free(&d);
}

static void test_diverging_twice(void **state) {
    (void)state;
    struct decisions d = {0};
    struct site *s = decide_site(&d, 1);
    assert_false(decide_diverged(s));
    assert_null(decide_against_fork(&d, s, &origin));
    assert_true(decide_diverged(s));
    assert_non_null(decide_against_fork(&d, s, &origin));
    assert_false(decide_diverged(s)); /* decided once */
    assert_non_null(decide_against_fork(&d, s, &origin));
    decide_free(&d);
}

static void test_finding_nothing_three_times(void **state) {
    (void)state;
    struct decisions d = {0};
    struct site *s = decide_site(&d, 1);
    assert_false(decide_found_nothing(s));
    assert_false(decide_found_nothing(s));
    assert_null(decide_against_fork(&d, s, &origin));
    assert_true(decide_found_nothing(s));
    assert_non_null(decide_against_fork(&d, s, &origin));
    assert_false(decide_found_nothing(s));
    decide_free(&d);
}

/* Each is counted for itself. */
static void test_reasons_do_not_add_up(void **state) {
    (void)state;
    struct decisions d = {0};
    struct site *s = decide_site(&d, 1);
    decide_diverged(s);
    decide_found_nothing(s);
    decide_found_nothing(s);
    assert_null(decide_against_fork(&d, s, &origin));
    decide_free(&d);
}

static void test_whole_program(void **state) {
    (void)state;
    struct decisions d = {0};
    struct site *s = decide_site(&d, 1);
    d.off = "a reason";
    assert_string_equal(decide_against_fork(&d, s, &origin), "a reason");
    assert_string_equal(decide_against_fork(&d, decide_site(&d, 2), &origin), "a reason");
    decide_free(&d);
}

/* How many calls go out ahead of main, one after the other. */
static unsigned go_out(const struct decisions *d, struct origin *o, bool doubtful) {
    unsigned before = o->ahead;
    while (o->ahead < 1000 && decide_may_issue(d, o, doubtful))
        o->ahead++;
    return o->ahead - before;
}

static void test_window(void **state) {
    (void)state;
    struct decisions d = {0};
    struct xcs_addr a = addr(80), b = addr(81);
    struct origin *one = decide_origin(&d, &a, 0), *two = decide_origin(&d, &b, 0);
    assert_ptr_not_equal(one, two);
    assert_ptr_equal(decide_origin(&d, &a, 0), one);
    assert_int_equal(go_out(&d, one, false), WINDOW);
    assert_int_equal(go_out(&d, one, false), 0);
    one->ahead--;
    assert_int_equal(go_out(&d, one, false), 1);
    assert_int_equal(go_out(&d, two, false), WINDOW);
    decide_free(&d);
}

static void test_unused_bytes_of_an_address(void **state) {
    (void)state;
    struct decisions d = {0};
    struct xcs_addr a = addr(80), b = addr(80);
    memset(b.u.in.sin_zero, 'x', sizeof(b.u.in.sin_zero));
    assert_ptr_equal(decide_origin(&d, &a, 0), decide_origin(&d, &b, 0));
    b.u.in.sin_addr.s_addr = 1;
    assert_ptr_not_equal(decide_origin(&d, &a, 0), decide_origin(&d, &b, 0));
    decide_free(&d);
}

/* A shape for each call of a program whose calls are never of one site would fill the memory. */
static void test_shapes_are_bounded(void **state) {
    (void)state;
    struct decisions d = {0};
    static const char raw[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    struct call call = {.api = API_CHAT, .body = json_object()};
    struct site *first = decide_site(&d, 0);
    for (uint64_t i = 1; i < SHAPES_MAX; i++)
        decide_site(&d, i);
    assert_true(decide_may_learn(&d, first));
    shape_learn(&first->shape, raw, strlen(raw), &call);
    assert_non_null(first->shape);
    struct site *last = decide_site(&d, SHAPES_MAX);
    assert_false(decide_may_learn(&d, last));
    assert_true(decide_may_learn(&d, first));
    json_decref(call.body);
    decide_free(&d);
}

static void test_doubt(void **state) {
    (void)state;
    struct decisions d = {0};
    struct xcs_addr a = addr(80);
    struct origin *o = decide_origin(&d, &a, 0);
    assert_int_equal(go_out(&d, o, true), DOUBT_WINDOW);
    d.repeats = true;
    assert_int_equal(go_out(&d, o, true), WINDOW - DOUBT_WINDOW);
    decide_free(&d);
}

/* What takes the place of a doubtful call is another way once, unless it differs as random values do. */
static void test_mistaken(void **state) {
    (void)state;
    struct decisions d = {0}, other = {0};
    struct site s = {0};
    decide_mistaken(&d, true);
    assert_non_null(decide_against_call(&d, &s, true, false));
    decide_mistaken(&other, false);
    assert_null(decide_against_call(&other, &s, true, false));
    decide_mistaken(&other, false);
    assert_non_null(decide_against_call(&other, &s, true, false));
    decide_repeats(&other);
    assert_null(decide_against_call(&other, &s, true, false));
    decide_mistaken(&other, true);
    assert_null(decide_against_call(&other, &s, true, false));
}

static void test_overload_halves_for_good(void **state) {
    (void)state;
    struct decisions d = {0};
    struct xcs_addr a = addr(80), b = addr(81);
    struct origin *o = decide_origin(&d, &a, 0);
    for (unsigned expected = WINDOW / 2; expected > 0; expected /= 2) {
        decide_overloaded(o);
        o->ahead = 0;
        assert_int_equal(go_out(&d, o, false), expected);
    }
    decide_overloaded(o);
    o->ahead = 0;
    assert_int_equal(go_out(&d, o, true), 1); /* never none, and doubt makes no window larger */
    assert_int_equal(go_out(&d, decide_origin(&d, &b, 0), false), WINDOW);
    decide_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sites_are_told_apart),
        cmocka_unit_test(test_diverging_twice),
        cmocka_unit_test(test_finding_nothing_three_times),
        cmocka_unit_test(test_reasons_do_not_add_up),
        cmocka_unit_test(test_whole_program),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_unused_bytes_of_an_address),
        cmocka_unit_test(test_shapes_are_bounded),
        cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_mistaken),
        cmocka_unit_test(test_overload_halves_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
