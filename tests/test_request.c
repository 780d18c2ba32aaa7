/* Framing of a request as the shim sees it: which are held, and where they end. */
#include "../shim/apis.h"
#include "../shim/request.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MODEL "POST /v1/chat/completions HTTP/1.1\r\n"

static enum request_kind feed(const char *text, struct request *r) {
    request_init(r);
    return request_feed(r, text, strlen(text));
}

static void expect(const char *text, enum request_kind kind, size_t total) {
    struct request r;
    enum request_kind got = feed(text, &r);
    if (got != kind || r.total != total)
        fail_msg("%s: kind %d, total %zu", text, (int)got, r.total);
}

static void model_calls_under_any_prefix(void **state) {
    (void)state;
    static const char *const targets[] = {"/v1/chat/completions",
                                          "/chat/completions",
                                          "/a/b/c/chat/completions",
                                          "/v1/completions?x=1",
                                          "/v1/embeddings",
                                          "/model/a.b-v1:0/invoke",
                                          "/models/org/name",
                                          "/models/org/name/pipeline/feature-extraction",
                                          "/v1beta/models/m:streamGenerateContent?alt=sse"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char text[256];
        int n = snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}", targets[i]);
        expect(text, REQUEST_MODEL, (size_t)n);
    }
}

static void paths_fit_rows(void **state) {
    (void)state;
    static const struct {
        const char *path, *row;
        bool fits;
    } pairs[] = {
        {"/v1/a", "/a", true},
        {"/v1/ab", "/a", false},
        {"a", "/a", false},
        {"/m/x/y", "/m/*", true},
        {"/n/m/x", "/m/*", true},
        {"/mx", "/m/*", false},
        {"/m/x/go", "/m/*/go", true},
        {"/m/go", "/m/*/go", false},
        {"/m/x/go-on", "/m/*/go", false},
        {"/m/abc/go", "/m/*b*/go", true},
        {"/m/b/go", "/m/*b*/go", true},
        {"/m/ac/go", "/m/*b*/go", false},
        {"/b/m/a/go", "/m/*b*/go", false},
        {"", "/a", false},
        {"/m/a/m/go", "/m/*/go", true},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (xcs_path_fits(pairs[i].path, strlen(pairs[i].path), pairs[i].row) != pairs[i].fits)
            fail_msg("%s, %s", pairs[i].path, pairs[i].row);
}

static void other_requests_pass(void **state) {
    (void)state;
    static const char bedrock[] = "POST /model/a/converse-stream HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
    static const char get[] = "GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n";
    static const char post[] = "POST /tool HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
    expect(bedrock, REQUEST_OTHER, sizeof bedrock - 1);
    expect(get, REQUEST_OTHER, sizeof get - 1);
    expect(post, REQUEST_OTHER, sizeof post - 1 + 5);
}

static void what_is_never_looked_at_again(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\x16\x03\x01",
        "SSH-2.0-x\r\n",
        "POSTER / HTTP/1.1\r\n",
        "POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}",
        "POST /tool HTTP/1.1\r\nContent-Le",
        MODEL "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        MODEL "\r\n",
        MODEL "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
        MODEL "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        MODEL "Content-Length: -1\r\n\r\n",
        MODEL "Content-Length: 99999999999999999999\r\n\r\n",
        MODEL "Content-Length: 900000000000\r\n\r\n",
        MODEL "Transfer-Encoding: gzip, chunked\r\n\r\n",
        MODEL "no colon\r\nContent-Length: 2\r\n\r\n{}",
        MODEL "A: b\r\n folded\r\nContent-Length: 2\r\n\r\n{}",
        MODEL "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        MODEL "Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\n{}\r\n0\r\n\r\n",
        MODEL "Connection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
        "CONNECT ",
        "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n",
        "CONNECT h:443 HTTP/1.1\r\n\r\n\x16\x03\x01",
        "CONNECT h:443 HTTP/1.1\r\n\r\nCONNECT h:443 HTTP/1.1\r\n\r\n",
        "CONNECT h:443 HTTP/2.0\r\n\r\n",
        "CONNECT h:443\r\n\r\n",
        "CONNECT \r\n\r\n",
        "CONNECT  HTTP/1.1\r\n\r\n",
        "CONNECT h HTTP/1.1\r\n\r\n",
        "CONNECT :443 HTTP/1.1\r\n\r\n",
        "CONNECT h: HTTP/1.1\r\n\r\n",
        "CONNECT h:0443 HTTP/1.1\r\n\r\n",
        "CONNECT h:65536 HTTP/1.1\r\n\r\n",
        "CONNECT h:https HTTP/1.1\r\n\r\n",
        "CONNECT h.:443 HTTP/1.1\r\n\r\n",
        "CONNECT u@h:443 HTTP/1.1\r\n\r\n",
        "CONNECT http://h:443 HTTP/1.1\r\n\r\n",
        "CONNECT h h:443 HTTP/1.1\r\n\r\n",
        "CONNECT ::1:443 HTTP/1.1\r\n\r\n",
        "CONNECT [::1:443 HTTP/1.1\r\n\r\n",
        "CONNECT [fe80::1%1]:443 HTTP/1.1\r\n\r\n",
        "CONNECT \xc3\xa9:443 HTTP/1.1\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nEmpty:\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nEmpty:  \r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\n: x\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nno colon\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\nA: b\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct request r;
        if (feed(texts[i], &r) != REQUEST_FORGET)
            fail_msg("held: %s", texts[i]);
    }
}

static void tunnels_are_asked_for_in_one_piece(void **state) {
    (void)state;
    static const char *const texts[] = {
        "CONNECT h:443 HTTP/1.1\r\n\r\n",
        "CONNECT h:443 HTTP/1.0\r\nHost: h:443\r\nProxy-Authorization: Basic eDp5\r\n\r\n",
        "CONNECT Model-1.example_2.org:65535 HTTP/1.1\r\nUser-Agent:\tx y\r\n\r\n",
        "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n",
        "CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect(texts[i], REQUEST_TUNNEL, strlen(texts[i]));
    struct request r;
    static const char zero[] = "CONNECT h:443 HTTP/1.1\r\nA: \0b\r\n\r\n";
    request_init(&r);
    assert_int_equal(request_feed(&r, zero, sizeof zero - 1), REQUEST_FORGET);
}

/* However the bytes are cut, the verdict changes only from "need more" to the final one, at the last byte. */
static void any_cut(const char *text) {
    struct request r;
    size_t n = strlen(text);
    request_init(&r);
    for (size_t i = 1; i < n; i++)
        if (request_feed(&r, text, i) != REQUEST_NEED)
            fail_msg("decided after %zu bytes of: %s", i, text);
    assert_int_equal(request_feed(&r, text, n), REQUEST_MODEL);
    assert_int_equal(r.total, n);
}

static void any_cut_is_held(void **state) {
    (void)state;
    any_cut(MODEL "Host: x\r\ncontent-LENGTH:  7 \r\n\r\n{\"a\":1}");
    any_cut(MODEL "Transfer-Encoding: Chunked\r\n\r\n5\r\n{\"a\":\r\nA\r\n0123456789\r\n0\r\n\r\n");
}

static void pipelined_bytes_show(void **state) {
    (void)state;
    struct request r;
    static const char one[] = MODEL "Content-Length: 2\r\n\r\n{}";
    static const char two[] = MODEL "Content-Length: 2\r\n\r\n{}POST";
    request_init(&r);
    assert_int_equal(request_feed(&r, two, sizeof two - 1), REQUEST_MODEL);
    assert_int_equal(r.total, sizeof one - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_fit_rows),
        cmocka_unit_test(model_calls_under_any_prefix),
        cmocka_unit_test(other_requests_pass),
        cmocka_unit_test(what_is_never_looked_at_again),
        cmocka_unit_test(any_cut_is_held),
        cmocka_unit_test(pipelined_bytes_show),
        cmocka_unit_test(tunnels_are_asked_for_in_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
