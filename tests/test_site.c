/*
 * Call sites: told by what stays the same from call to call, looked up fast, and shown to the user by a name that gives away nothing
 * of what was asked, with what was issued for them, used and wasted.
 */
#include "../src/clock.h"
#include "../src/decide.h"
#include "../src/detect.h"
#include "../src/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHAT "/v1/chat/completions"
#define BODY "{\"model\":\"m\",\"messages\":[]}"
#define HOST "Host: example.com\r\n"

static struct xcs_addr addr(uint16_t port, uint32_t ip) {
    struct xcs_addr a = {.len = sizeof(struct sockaddr_in)};
    a.u.in.sin_family = AF_INET;
    a.u.in.sin_port = port;
    a.u.in.sin_addr.s_addr = ip;
    return a;
}

/* The site of a call, and its name if that is wanted. */
static uint64_t site_at(const struct xcs_addr *a, const char *target, const char *headers, const char *body,
                        char **name) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct call call;
    const char *why = NULL;
    struct buf text = {0};
    buf_print(&text, "POST %s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n", target, headers, strlen(body));
    buf_add(&text, body, strlen(body));
    assert_int_equal(intake_feed(in, text.p, text.len, &r), INTAKE_REQUEST);
    assert_true(detect(a, r, &call, &why));
    if (name)
        *name = call_name(r, &call);
    json_decref(call.body);
    request_free(r);
    intake_free(in);
    buf_free(&text);
    return call.site;
}

static uint64_t site(const char *body) {
    struct xcs_addr a = addr(80, 1);
    return site_at(&a, CHAT, HOST, body, NULL);
}

/* --- identity --- */

static void test_same_site(void **state) {
    (void)state;
    uint64_t one =
        site("{\"model\":\"m\",\"temperature\":1,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"seed\":1}");
    assert_int_equal(site("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"It is 9:59:07.\"}]}"),
                     site("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"It is 12:00:08.\"}]}"));
    assert_int_equal(one, site("{\"seed\":2,\"messages\":[{\"content\":\"b\",\"role\":\"user\"}],\"temperature\":0.5,"
                               "\"model\":\"m\"}")); /* a hash table's order, a number's form */
}

static void test_other_sites(void **state) {
    (void)state;
    const uint64_t ids[] = {
        site("{\"model\":\"m\",\"messages\":[],\"a\":{\"b\":1},\"c\":{}}"),
        site("{\"model\":\"m\",\"messages\":[],\"a\":{},\"c\":{\"b\":1}}"), /* nesting counts */
        site("{\"model\":\"m\",\"messages\":[],\"a\":{\"c\":{\"b\":1}}}"),
        site("{\"model\":\"m\",\"messages\":[],\"a\":true}"), /* a switch counts */
        site("{\"model\":\"m\",\"messages\":[],\"a\":false}"),
        site("{\"model\":\"m\",\"messages\":[],\"a\":null}"),
        site("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"}]}"),
        site("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"y\"}]}"),
    };
    const size_t n = sizeof(ids) / sizeof(ids[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(ids[i], ids[j]);
    }
}

/* A name may have several addresses; of an address, only what tells it from others counts. */
static void test_origins(void **state) {
    (void)state;
    struct xcs_addr one = addr(80, 1), two = addr(80, 2), port = addr(81, 1), odd = addr(80, 1);
    memset(odd.u.in.sin_zero, 'x', sizeof(odd.u.in.sin_zero));
    uint64_t id = site_at(&one, CHAT, HOST, BODY, NULL);
    assert_int_equal(id, site_at(&two, CHAT, HOST, BODY, NULL));
    assert_int_not_equal(id, site_at(&port, CHAT, HOST, BODY, NULL));
    assert_int_not_equal(id, site_at(&one, CHAT, "Host: example.org\r\n", BODY, NULL));
    id = site_at(&one, CHAT, "", BODY, NULL);
    assert_int_equal(id, site_at(&odd, CHAT, "", BODY, NULL));
    assert_int_not_equal(id, site_at(&two, CHAT, "", BODY, NULL));
}

/* --- names --- */

static void check_name(const char *target, const char *headers, const char *body, const char *expected) {
    struct xcs_addr a = addr(80, 1);
    char *name;
    site_at(&a, target, headers, body, &name);
    assert_string_equal(name, expected);
    free(name);
}

static void test_names(void **state) {
    (void)state;
    check_name(CHAT "?key=secret", HOST, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"secret\"}]}",
               "openai-chat m example.com/v1/chat/completions");
    check_name(CHAT, "", "{\"messages\":[]}", "openai-chat /v1/chat/completions");
    check_name("http://me:secret@proxied.com/v1/chat/completions?a=b", HOST, BODY,
               "openai-chat m proxied.com/v1/chat/completions");
    check_name(CHAT, HOST, "{\"model\":\"a b\\u001b[31m\\n\\u00e9\",\"messages\":[]}",
               "openai-chat a?b?[31m??? example.com/v1/chat/completions");
}

static void test_long_names(void **state) {
    (void)state;
    struct xcs_addr a = addr(80, 1);
    struct buf body = {0};
    char *name;
    buf_print(&body, "{\"messages\":[],\"model\":\"");
    for (int i = 0; i < 1000; i++)
        buf_add(&body, "xxxxxxxxxx", 10);
    buf_add(&body, "\"}", 2);
    site_at(&a, CHAT, HOST, body.p, &name);
    assert_in_range(strlen(name), 1, 300);
    free(name);
    buf_free(&body);
}

/* --- what is shown --- */

static char *printed(struct stats *s) {
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    assert_non_null(f);
    stats_print(f, s);
    fclose(f);
    return text;
}

static void test_shown(void **state) {
    (void)state;
    struct stats s = {0};
    struct site quiet = {.id = 1, .name = "one", .issued = 3, .used = 2, .wasted = 1};
    struct site off = {.id = 2, .name = "two", .issued = 9, .used = 7, .wasted = 2, .off = "a reason"};
    stats_add_site(&s, &quiet);
    stats_add_site(&s, &off);
    stats_add_site(&s, &quiet); /* of another process */
    s.off = "another";
    char *text = printed(&s);
    const char *one = strstr(text, "xcs: site one: issued 6, used 4, wasted 2\n");
    const char *two = strstr(text, "xcs: site two: issued 9, used 7, wasted 2; decided against: a reason\n");
    assert_non_null(one);
    assert_non_null(two);
    assert_true(two < one); /* the one with most to say comes first */
    assert_non_null(strstr(text, "xcs: left alone: another\n"));
    free(text);
    stats_free(&s);
}

static void test_many_sites(void **state) {
    (void)state;
    struct stats s = {0};
    for (unsigned i = 0; i < 25; i++) {
        struct site site_of_many = {.id = i, .name = "many", .issued = i};
        stats_add_site(&s, &site_of_many);
    }
    char *text = printed(&s);
    assert_non_null(strstr(text, "issued 5,"));
    assert_null(strstr(text, "issued 4,"));
    assert_non_null(strstr(text, "xcs: and 5 sites more\n"));
    free(text);
    stats_free(&s);
}

/* --- speed --- */

#define SITES 10000u
#define ROUNDS 20

/* A decision is looked up in less than 1 us; the best of several rounds, for the machine may be busy. */
static void test_lookup_time(void **state) {
    (void)state;
    struct decisions d = {0};
    double best = 1e9;
    for (uint64_t i = 0; i < SITES; i++)
        decide_site(&d, i * 0x9e3779b97f4a7c15u)->off = i % 2 ? "off" : NULL;
    for (int round = 0; round < ROUNDS; round++) {
        size_t found = 0;
        uint64_t began = clock_ns();
        for (uint64_t i = 0; i < SITES; i++) {
            uint64_t id = (i * 7919 % SITES) * 0x9e3779b97f4a7c15u;
            found += decide_against_call(&d, decide_site(&d, id), false, false) != NULL;
        }
        double each = (double)(clock_ns() - began) / SITES;
        best = each < best ? each : best;
        assert_int_equal(found, SITES / 2);
    }
    print_message("decision of one site among %u: %.0f ns\n", SITES, best);
    assert_true(best < 1000);
    decide_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_site),  cmocka_unit_test(test_other_sites), cmocka_unit_test(test_origins),
        cmocka_unit_test(test_names),      cmocka_unit_test(test_long_names),  cmocka_unit_test(test_shown),
        cmocka_unit_test(test_many_sites), cmocka_unit_test(test_lookup_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
