/*
 * What may differ between two requests that are the same: headers that name or trace one request, and the signature and time of a request to
 * AWS. And how a difference is named: by its place, never by what stands there.
 */
#include "../src/difference.h"
#include "../src/graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOST "Host: h\r\n"
#define CREDENTIAL(key, day, service) "Credential=" key "/" day "/us-east-1/" service "/aws4_request"
#define SIGNED(credential, headers, signature)                                                                         \
    "Authorization: AWS4-HMAC-SHA256 " credential ", SignedHeaders=" headers ", Signature=" signature "\r\n"
#define AT(time) "X-Amz-Date: " time "\r\n"

static const struct xcs_addr origin = {
    .len = sizeof(struct sockaddr_in),
    .u.in = {.sin_family = AF_INET, .sin_port = 0x5000},
};

static struct request *request(const char *headers, const char *body) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct buf text = {0};
    buf_print(&text, "POST /model/m/converse HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n%s", headers, strlen(body), body);
    assert_int_equal(intake_feed(in, text.p, text.len, &r), INTAKE_REQUEST);
    buf_free(&text);
    intake_free(in);
    return r;
}

/* `difference` NULL: they are the same. */
static void check(const char *headers_a, const char *body_a, const char *headers_b, const char *body_b,
                  const char *difference) {
    struct request *a = request(headers_a, body_a), *b = request(headers_b, body_b);
    char why[128] = "";
    bool same = request_same(&origin, a, &origin, b, why, sizeof(why));
    if (same != (difference == NULL))
        fail_msg("%s and %s: %s", headers_a, headers_b, same ? "the same" : why);
    if (difference)
        assert_string_equal(why, difference);
    assert_int_equal(request_same(&origin, b, &origin, a, NULL, 0), same);
    request_free(a);
    request_free(b);
}

static void test_tracing_headers(void **state) {
    (void)state;
    static const char *const names[] = {
        "X-Request-Id",
        "Request-Id",
        "X-Client-Request-Id",
        "x-ms-client-request-id",
        "traceparent",
        "x-correlation-id",
        "x-stainless-retry-count",
        "amz-sdk-invocation-id",
        "tracestate",
        "b3",
        "X-B3-TraceId",
        "X-B3-SpanId",
        "baggage",
        "Idempotency-Key",
        "X-Amzn-Trace-Id",
        "amz-sdk-request",
        "uber-trace-id",
        "x-datadog-trace-id",
        "X-Cloud-Trace-Context",
        "Date",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char a[80], b[80];
        snprintf(a, sizeof(a), HOST "%s: 1\r\n", names[i]);
        snprintf(b, sizeof(b), HOST "%s: 2\r\n", names[i]);
        check(a, "x", b, "x", NULL);
        check(a, "x", HOST, "x", NULL);
    }
}

static void test_other_headers(void **state) {
    (void)state;
    static const char *const names[] = {
        "Authorization",       "X-Api-Key",           "Accept", "User-Agent",       "Anthropic-Version",
        "X-Amz-Date",          "OpenAI-Organization", "Cookie", "X-Stainless-Lang", "X-Request-Timeout",
        "X-Amz-Security-Token"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char a[80], b[80], why[80];
        snprintf(a, sizeof(a), HOST "%s: 1\r\n", names[i]);
        snprintf(b, sizeof(b), HOST "%s: 2\r\n", names[i]);
        snprintf(why, sizeof(why), "header %s differs", names[i]);
        check(a, "x", b, "x", why);
        check(HOST, "x", b, "x", why);
    }
}

#define NAMES "host;x-amz-date"

static void test_aws_signatures(void **state) {
    (void)state;
    static const char one[] = SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "aa") AT("20260101T235959Z");
    static const struct {
        const char *headers, *difference;
    } others[] = {
        {SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "bb") AT("20260101T235960Z"), NULL},
        {SIGNED(CREDENTIAL("AK", "20260102", "bedrock"), NAMES, "bb") AT("20260102T000000Z"), NULL},
        {SIGNED(CREDENTIAL("AB", "20260101", "bedrock"), NAMES, "bb") AT("20260101T235959Z"),
         "header Authorization differs"},
        {SIGNED(CREDENTIAL("AK", "20260101", "s3"), NAMES, "bb") AT("20260101T235959Z"),
         "header Authorization differs"},
        {SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), "host", "bb") AT("20260101T235959Z"),
         "header Authorization differs"},
        {"Authorization: Bearer aa\r\n" AT("20260101T235959Z"), "header Authorization differs"},
        {"Authorization: AWS4-HMAC-SHA256 x\r\n" AT("20260101T235959Z"), "header Authorization differs"},
        {SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "aa"), "header X-Amz-Date differs"},
        {SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "bb")
             AT("20260101T235960Z") "X-Amz-Security-Token: t\r\n",
         "header X-Amz-Security-Token differs"},
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        check(one, "{}", others[i].headers, "{}", others[i].difference);
    check("X-Amz-Content-SHA256: a\r\n", "x", "X-Amz-Content-SHA256: UNSIGNED-PAYLOAD\r\n", "x",
          "header X-Amz-Content-SHA256 differs");
    check(one, "{\"a\":1}", others[0].headers, "{\"a\":2}", "body: a differs");
    check("Authorization: Bearer aa\r\n" AT("1"), "x", "Authorization: Bearer aa\r\n" AT("2"), "x",
          "header X-Amz-Date differs");
    check("Authorization: Bearer aa\r\n", "x", "Authorization: Bearer ab\r\n", "x", "header Authorization differs");
}

static void test_places(void **state) {
    (void)state;
    static const struct {
        const char *a, *b, *place;
    } rows[] = {
        {"{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"secret\"}]}",
         "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"other secret\"}]}",
         "body: messages[1].content differs"},
        {"{\"a\":[1,2]}", "{\"a\":[1,2,3]}", "body: a[2] differs"},
        {"{\"a\":[1,2,3]}", "{\"a\":[1,2]}", "body: a[2] differs"},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", "body: b differs"},
        {"{\"a\":1,\"b\":2}", "{\"a\":1}", "body: b differs"},
        {"{\"a\":1}", "{\"a\":\"1\"}", "body: a differs"},
        {"{\"a\":{\"my secret key\":1}}", "{\"a\":{\"my secret key\":2}}", "body: a.* differs"},
        {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "body differs at byte 2"},
        {"{\"a\": 1}", "{\"a\":1}", "body differs at byte 5"},
        {"[1]", "{\"a\":1}", "body differs at byte 0"},
        {"{\"a\":1", "{\"a\":2", "body differs at byte 5"},
        {"abc", "abd", "body differs at byte 2"},
        {"", "a", "body differs at byte 0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(HOST, rows[i].a, HOST, rows[i].b, rows[i].place);
}

static void test_deep_places(void **state) {
    (void)state;
    struct buf a = {0}, b = {0};
    char why[128];
    for (int i = 0; i < 500; i++) {
        buf_add(&a, "{\"secret\":", 10);
        buf_add(&b, "{\"secret\":", 10);
    }
    buf_add(&a, "1", 1);
    buf_add(&b, "2", 1);
    for (int i = 0; i < 500; i++) {
        buf_add(&a, "}", 1);
        buf_add(&b, "}", 1);
    }
    describe_difference(&a, &b, why, sizeof(why));
    assert_memory_equal(why, "body: secret.secret.", 20);
    assert_non_null(strstr(why, "... differs"));
    buf_free(&a);
    buf_free(&b);
}

/* --- calls that wait for an answer --- */

static void check_fits(const char *headers_a, const char *text_a, const char *headers_b, const char *text_b,
                       bool fits) {
    struct graph g;
    struct buf a = {0}, b = {0};
    char word[CANARY_LEN + 1];
    graph_init(&g);
    canary_make(&g.canaries, word);
    buf_print(&a, "{\"a\":\"%s %s\"}", text_a, word);
    buf_print(&b, "{\"a\":\"%s\"}", text_b);
    struct node *n = graph_add(&g, 1, &origin, request(headers_a, a.p), (struct call){0});
    assert_true(graph_link(&g, n));
    struct request *r = request(headers_b, b.p);
    assert_int_equal(graph_fits(&g, n, &origin, r), fits);
    request_free(r);
    buf_free(&a);
    buf_free(&b);
    graph_free(&g);
}

static void test_signed_calls_that_wait(void **state) {
    (void)state;
    static const char one[] = SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "aa")
        AT("20260101T000000Z") "X-Amz-Content-SHA256: 11\r\n";
    static const char two[] = SIGNED(CREDENTIAL("AK", "20260101", "bedrock"), NAMES, "bb")
        AT("20260101T000001Z") "X-Amz-Content-SHA256: 22\r\n";
    static const char other[] = SIGNED(CREDENTIAL("AB", "20260101", "bedrock"), NAMES, "bb")
        AT("20260101T000001Z") "X-Amz-Content-SHA256: 22\r\n";
    check_fits(one, "sum up", two, "sum up Paris, and more", true);
    check_fits(one, "sum up", two, "take apart Paris", false);
    check_fits(one, "sum up", other, "sum up Paris", false);
    check_fits(AT("1"), "sum up", AT("2"), "sum up Paris", false);
}

/* --- numbers that are made up --- */

static bool depends(struct graph *g, const char *body) {
    struct request *r = request(HOST, body);
    struct node *n = graph_add(g, 1, &origin, r, (struct call){0});
    bool linked = graph_link(g, n);
    graph_remove(g, n);
    return linked;
}

static void test_made_up_numbers(void **state) {
    (void)state;
    struct graph g;
    graph_init(&g);
    static const char *const formats[] = {"%.17g", "%.12g", "%.9g", "[-%.17g, 1]", "vector: %.8f", "%.7g"};
    for (unsigned random = 0; random < 200000; random += 7) {
        double v = canary_number(&g.canaries, random);
        float narrow = (float)v;
        for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
            char text[80];
            double shown = i % 2 ? (double)narrow : v;
            snprintf(text, sizeof(text), formats[i], shown);
            if (!canary_has_number(&g.canaries, text, strlen(text)))
                fail_msg("not recognised: %s", text);
        }
    }
    char body[80];
    snprintf(body, sizeof(body), "{\"v\":[%.17g]}", canary_number(&g.canaries, 7));
    assert_true(depends(&g, body));
    assert_false(depends(&g, "{\"v\":[0.0123456789, -0.5, 0.25, 1e-5]}"));
    assert_false(depends(&g, ""));
    graph_free(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracing_headers), cmocka_unit_test(test_other_headers),
        cmocka_unit_test(test_aws_signatures),  cmocka_unit_test(test_places),
        cmocka_unit_test(test_deep_places),     cmocka_unit_test(test_signed_calls_that_wait),
        cmocka_unit_test(test_made_up_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
