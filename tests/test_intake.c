/*
 * Intake's promises: a request comes out as it was sent however its bytes were cut, and whatever is malformed, too large or
 * more than one request is refused.
 */
#include "../shim/protocol.h"
#include "../src/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "POST /v1/chat/completions?a=1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Empty:\r\n"
#define PLAIN HEAD "Content-Length: 5\r\n\r\nhello"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"

/* Feeds a copy that ends where the bytes end, so that a checker sees any read beyond. */
static enum intake_result feed(struct intake *in, const char *bytes, size_t n, struct request **r) {
    char *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    enum intake_result result = intake_feed(in, exact, n, r);
    free(exact);
    return result;
}

static void check_hello(const struct request *r, bool chunked) {
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->target, "/v1/chat/completions?a=1");
    assert_false(r->http10);
    assert_true(r->keep_alive);
    assert_false(r->expects);
    assert_int_equal(r->chunked, chunked);
    assert_int_equal(r->nheaders, 4);
    assert_string_equal(r->headers[0].name, "Host");
    assert_string_equal(r->headers[0].value, "a");
    assert_string_equal(request_header(r, "CONTENT-type"), "application/json");
    assert_string_equal(request_header(r, "x-empty"), "");
    assert_null(request_header(r, "x-other"));
    assert_int_equal(r->body.len, 5);
    assert_memory_equal(r->body.p, "hello", 5);
}

static void test_whole(void **state) {
    (void)state;
    struct intake *in = intake_new();
    struct request *r = NULL;
    assert_int_equal(feed(in, PLAIN, strlen(PLAIN), &r), INTAKE_REQUEST);
    check_hello(r, false);
    request_free(r);
    assert_int_equal(feed(in, CHUNKED, strlen(CHUNKED), &r), INTAKE_REQUEST); /* the same connection's next */
    check_hello(r, true);
    request_free(r);
    intake_free(in);
}

static void test_every_cut(void **state) {
    (void)state;
    static const char *const texts[] = {PLAIN, CHUNKED};
    for (size_t t = 0; t < 2; t++) {
        size_t len = strlen(texts[t]);
        for (size_t cut = 1; cut < len; cut++) {
            struct intake *in = intake_new();
            struct request *r = NULL;
            assert_int_equal(feed(in, texts[t], cut, &r), INTAKE_MORE);
            assert_int_equal(feed(in, texts[t] + cut, len - cut, &r), INTAKE_REQUEST);
            check_hello(r, t == 1);
            request_free(r);
            intake_free(in);
        }
    }
}

static void test_byte_by_byte(void **state) {
    (void)state;
    struct intake *in = intake_new();
    struct request *r = NULL;
    for (size_t i = 0; i + 1 < strlen(CHUNKED); i++)
        assert_int_equal(feed(in, &CHUNKED[i], 1, &r), INTAKE_MORE);
    assert_int_equal(feed(in, &CHUNKED[strlen(CHUNKED) - 1], 1, &r), INTAKE_REQUEST);
    check_hello(r, true);
    request_free(r);
    intake_free(in);
}

static void test_without_body(void **state) {
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct intake *in = intake_new();
    struct request *r = NULL;
    assert_int_equal(feed(in, text, strlen(text), &r), INTAKE_REQUEST);
    assert_string_equal(r->method, "GET");
    assert_int_equal(r->body.len, 0);
    request_free(r);
    intake_free(in);
}

static void test_what_the_head_says(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool http10, keep_alive, expects;
    } rows[] = {
        {"POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false, false, false},
        {"POST /x HTTP/1.0\r\nContent-Length: 0\r\n\r\n", true, false, false},
        {"POST /x HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true, true, false},
        {"POST /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", false, true, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct intake *in = intake_new();
        struct request *r = NULL;
        assert_int_equal(feed(in, rows[i].text, strlen(rows[i].text), &r), INTAKE_REQUEST);
        assert_int_equal(r->http10, rows[i].http10);
        assert_int_equal(r->keep_alive, rows[i].keep_alive);
        assert_int_equal(r->expects, rows[i].expects);
        request_free(r);
        intake_free(in);
    }
}

static void test_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        PLAIN "x",   /* more than the request */
        PLAIN PLAIN, /* pipelining */
        CHUNKED "\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /* TLS */
        "HELO there\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /x HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "POST /x HTTP/1.1\r\nA: b\x01\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct intake *in = intake_new();
        struct request *r = NULL;
        enum intake_result result = feed(in, texts[i], strlen(texts[i]), &r);
        if (result != INTAKE_BAD)
            fail_msg("not refused: %zu", i);
        intake_free(in);
    }
}

/* Every byte that a request may be cut at or be changed to: no crash, no leak. */
static void test_mutations(void **state) {
    (void)state;
    char text[sizeof(CHUNKED)];
    for (size_t at = 0; at < strlen(CHUNKED); at++) {
        for (unsigned byte = 0; byte < 256; byte += at % 2 ? 7 : 5) {
            struct intake *in = intake_new();
            struct request *r = NULL;
            memcpy(text, CHUNKED, sizeof(text));
            text[at] = (char)byte;
            if (feed(in, text, strlen(CHUNKED), &r) == INTAKE_REQUEST)
                request_free(r);
            intake_free(in);
        }
    }
}

static void test_sizes_are_bounded(void **state) {
    (void)state;
    struct intake *in = intake_new();
    struct request *r = NULL;
    char line[64];
    assert_int_equal(feed(in, "POST /x HTTP/1.1\r\n", 18, &r), INTAKE_MORE);
    enum intake_result result = INTAKE_MORE;
    int i = 0;
    for (; i < 100000 && result == INTAKE_MORE; i++) {
        snprintf(line, sizeof(line), "X-%d: a\r\n", i);
        result = feed(in, line, strlen(line), &r);
    }
    assert_int_equal(result, INTAKE_BAD);
    assert_true(i < 300);
    intake_free(in);

    in = intake_new();
    char *target = malloc(200000);
    memset(target, 'a', 200000);
    memcpy(target, "POST /", 6);
    assert_int_equal(feed(in, target, 200000, &r), INTAKE_BAD);
    free(target);
    intake_free(in);
}

static void test_large_body(void **state) {
    (void)state;
    const size_t step = 1 << 20, size = 8 << 20;
    char head[128], *data = malloc(step);
    struct intake *in = intake_new();
    struct request *r = NULL;
    memset(data, 'x', step);
    snprintf(head, sizeof(head), "POST /x HTTP/1.1\r\nContent-Length: %zu\r\n\r\n", size);
    assert_int_equal(feed(in, head, strlen(head), &r), INTAKE_MORE);
    for (size_t done = step; done < size; done += step)
        assert_int_equal(feed(in, data, step, &r), INTAKE_MORE);
    assert_int_equal(feed(in, data, step, &r), INTAKE_REQUEST);
    assert_int_equal(r->body.len, size);
    request_free(r);
    intake_free(in);
    free(data);
}

static void test_body_beyond_the_limit(void **state) {
    (void)state;
    const size_t step = 4 << 20;
    char head[128], *data = calloc(1, step);
    struct intake *in = intake_new();
    struct request *r = NULL;
    enum intake_result result = INTAKE_MORE;
    size_t sent = 0;
    snprintf(head, sizeof(head), "POST /x HTTP/1.1\r\nContent-Length: %u\r\n\r\n", XCS_REQUEST_MAX + (16u << 20));
    result = feed(in, head, strlen(head), &r);
    for (; result == INTAKE_MORE && sent <= XCS_REQUEST_MAX + step; sent += step)
        result = feed(in, data, step, &r);
    assert_int_equal(result, INTAKE_BAD);
    intake_free(in);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_without_body),
        cmocka_unit_test(test_what_the_head_says),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_body_beyond_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
