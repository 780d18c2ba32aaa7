/*
 * The dispatcher's promises for one call: what goes out is what the program would have sent, what comes back is what the server
 * sent, and a call that did not come back whole has failed.
 */
#include "../src/response_head.h"
#include "dispatch_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define INTERIM "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define CHUNKED_BODY "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"

const struct script scripts[] = {
    {.target = "/ok", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/ok?a=/../b#c", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/chunked", .answer = CHUNKED_HEAD CHUNKED_BODY},
    {.target = "/gzip", .answer = OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b!"},
    {.target = "/interim", .answer = INTERIM OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/redirect", .answer = "HTTP/1.1 307 Elsewhere\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"},
    {.target = "/429", .answer = "HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"},
    {.target = "/204", .answer = "HTTP/1.1 204 No Content\r\n\r\n"},
    {.target = "/close", .answer = OK_HEAD "Connection: foo, Close\r\nContent-Length: 2\r\n\r\n{}", .close = true},
    {.target = "/until-eof", .answer = OK_HEAD "\r\n{\"a\":1}", .close = true},
    {.target = "/1.0", .answer = "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", .close = true},
    {.target = "/1.0-keep", .answer = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"},
    {.target = "/short", .answer = OK_HEAD "Content-Length: 10\r\n\r\n{}", .close = true},
    {.target = "/short-chunk", .answer = CHUNKED_HEAD "5\r\nhel", .close = true},
    {.target = "/no-last-chunk", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .close = true},
    {.target = "/bad-chunk", .answer = CHUNKED_HEAD "zz\r\nhello\r\n0\r\n\r\n", .close = true},
    {.target = "/short-head", .answer = "HTTP/1.1 200 OK\r\nContent-Le", .close = true},
    {.target = "/garbage", .answer = "\x01\x02\x03 hello\r\n\r\n", .close = true},
    {.target = "/nothing", .answer = "", .close = true},
    {.target = "/length-list", .answer = OK_HEAD "Content-Length: 2, 2\r\n\r\n{}", .close = true},
    {.target = "/length-twice", .answer = OK_HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
    {.target = "/length-huge", .answer = OK_HEAD "Content-Length: 99999999999999999999\r\n\r\n{}", .close = true},
    {.target = "/length-signed", .answer = OK_HEAD "Content-Length: +2\r\n\r\n{}"},
    {.target = "/length-blank", .answer = OK_HEAD "Content-Length: 2 \r\n\r\n{}"},
    {.target = "/length-chunked", .answer = OK_HEAD "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {.target = "/coded", .answer = OK_HEAD "Content-Length: 2\r\nTransfer-Encoding: identity\r\n\r\n{}"},
    {.target = "/coded-gzip", .answer = OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {.target = "/coded-blank", .answer = OK_HEAD "Transfer-Encoding: chunked \r\n\r\n0\r\n\r\n"},
    {.target = "/chunk-lines", .answer = CHUNKED_HEAD "5\nhello\n0\n\n"},
    {.target = "/chunk-blank", .answer = CHUNKED_HEAD "5 \r\nhello\r\n0\r\n\r\n"},
    {.target = "/chunk-more", .answer = CHUNKED_HEAD CHUNKED_BODY "x", .close = true},
    {.target = "/chunk-late", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .later = "0\n\n", .delay_ms = 600},
    {.target = "/name-blank", .answer = OK_HEAD "X : y\r\nContent-Length: 2\r\n\r\n{}"},
    {.target = "/folded", .answer = OK_HEAD "X: y\r\n z\r\nContent-Length: 2\r\n\r\n{}"},
    {.target = "/10MiB", .answer = OK_HEAD "Content-Length: 10485760\r\n\r\n", .filler = 10485760},
    {.target = "/too-long", .answer = OK_HEAD "\r\n", .filler = XCS_RESPONSE_MAX + 1, .close = true},
    {.target = "model.example:443", .answer = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"},
    {.target = "Model-1.example_2.org:65535", .answer = "HTTP/1.1 403 No\r\n\r\n", .close = true},
    {.target = "127.1:1", .answer = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {.target = "[::1]:1", .answer = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"},
    {.target = "silent.example:443", .answer = "", .close = true},
    {.target = "long.example:443", .answer = "HTTP/1.1 200 OK\r\nX: ", .filler = 4u << 20, .close = true},
    {.target = "plain.example:443", .answer = "HTTP/1.1 200 OK\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "body.example:443", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}", .close = true},
    {.target = "/too-long-head", .answer = "HTTP/1.1 200 OK\r\nX: ", .filler = 4u << 20, .close = true},
};
const size_t nscripts = sizeof(scripts) / sizeof(scripts[0]);

/* --- what goes out --- */

static void test_request_is_the_programs(void **state) {
    (void)state;
    static const char *const lines[] = {
        "Host: model.example:8000",
        "User-Agent: python-requests/2.28.1",
        "Accept-Encoding: gzip, deflate, br",
        "Accept: */*",
        "Connection: keep-alive",
        "X-Empty:",
        "X-Twice: 1",
        "X-Twice: 2",
        "Content-Length: 7",
        "Content-Type: application/json",
        "Authorization: Bearer k",
        "Cookie: a=b; c=d",
    };
    struct dispatch_call call = call_to(1, "/ok?a=/../b#c");
    call.headers = lines;
    call.nheaders = 12;
    struct dispatch_result r = perform(call);
    assert_string_equal(server_last_request(server), "POST /ok?a=/../b#c HTTP/1.1\r\n"
                                                     "Host: model.example:8000\r\n"
                                                     "User-Agent: python-requests/2.28.1\r\n"
                                                     "Accept-Encoding: gzip, deflate, br\r\n"
                                                     "Accept: */*\r\n"
                                                     "Connection: keep-alive\r\n"
                                                     "X-Empty:\r\n"
                                                     "X-Twice: 1\r\n"
                                                     "X-Twice: 2\r\n"
                                                     "Content-Length: 7\r\n"
                                                     "Content-Type: application/json\r\n"
                                                     "Authorization: Bearer k\r\n"
                                                     "Cookie: a=b; c=d\r\n"
                                                     "\r\n"
                                                     "{\"a\":1}");
    assert_int_equal(r.status, 200);
    free(r.raw);
}

static void test_host_keeps_its_name_and_place(void **state) {
    (void)state;
    static const char *const lines[] = {"content-length: 7", "host: model.example:8000", "accept: */*"};
    struct dispatch_call call = call_to(1, "/ok");
    call.headers = lines;
    free(perform(call).raw);
    assert_string_equal(server_last_request(server), "POST /ok HTTP/1.1\r\ncontent-length: 7\r\n"
                                                     "host: model.example:8000\r\naccept: */*\r\n\r\n{\"a\":1}");
}

static void test_nothing_is_added(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/ok");
    call.nheaders = 2;
    free(perform(call).raw);
    assert_string_equal(server_last_request(server), "POST /ok HTTP/1.1\r\nHost: model.example:8000\r\n"
                                                     "Content-Length: 7\r\n\r\n{\"a\":1}");
}

static void test_http10_request(void **state) {
    (void)state;
    static const char *const lines[] = {"Content-Length: 7"};
    struct dispatch_call call = call_to(1, "/1.0");
    call.http10 = true;
    call.headers = lines;
    call.nheaders = 1;
    struct dispatch_result r = perform(call);
    assert_string_equal(server_last_request(server), "POST /1.0 HTTP/1.0\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    assert_true(r.closes);
    free(r.raw);
}

static void test_chunked_request_stays_chunked(void **state) {
    (void)state;
    static const char *const lines[] = {"Host: h", "Transfer-Encoding: chunked"};
    struct dispatch_call call = call_to(1, "/ok");
    call.headers = lines;
    call.nheaders = 2;
    call.chunked = true;
    free(perform(call).raw);
    assert_string_equal(server_last_request(server),
                        "POST /ok HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "7\r\n{\"a\":1}\r\n0\r\n\r\n");
}

static void test_bad_header_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"X: a\r\nY: b", "no colon", ": empty name"};
    for (size_t i = 0; i < 3; i++) {
        struct dispatch_call call = call_to(1, "/ok");
        call.headers = bad + i;
        call.nheaders = 1;
        struct dispatch_result r = perform(call);
        assert_null(r.raw);
        assert_int_equal(server_connections(server), 0);
    }
}

/* --- what comes back --- */

static void test_whole_responses(void **state) {
    (void)state;
    static const struct {
        const char *target;
        int status;
        bool closes;
        size_t interim; /* so many bytes of heads before the final one */
    } rows[] = {
        {"/ok", 200, false, 0},       {"/chunked", 200, false, 0},
        {"/gzip", 200, false, 0},     {"/interim", 200, false, sizeof(INTERIM) - 1},
        {"/429", 429, false, 0},      {"/redirect", 307, false, 0},
        {"/204", 204, false, 0},      {"/close", 200, true, 0},
        {"/until-eof", 200, true, 0}, {"/1.0", 200, true, 0},
        {"/1.0-keep", 200, false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dispatch_result r = fetch(rows[i].target);
        const char *answer = NULL;
        for (size_t j = 0; j < nscripts; j++) {
            if (strcmp(scripts[j].target, rows[i].target) == 0)
                answer = scripts[j].answer;
        }
        assert_raw(&r, answer);
        assert_int_equal(r.status, rows[i].status);
        assert_int_equal(r.closes, rows[i].closes);
        assert_int_equal(r.head_len, (size_t)(strstr(answer + rows[i].interim, "\r\n\r\n") + 4 - answer));
        assert_true(r.started_ns <= r.finished_ns && r.started_ns > 0);
        free(r.raw);
    }
}

/* A server that is asked to close need not say that it does. */
static void test_asked_to_close(void **state) {
    (void)state;
    static const char *const headers[] = {"Host: model.example:8000", "connection: TE, Close", "Content-Length: 7"};
    struct dispatch_call call = call_to(1, "/ok");
    call.headers = headers;
    struct dispatch_result r = perform(call);
    assert_int_equal(r.status, 200);
    assert_true(r.closes);
    free(r.raw);
}

static void test_large_response(void **state) {
    (void)state;
    struct dispatch_result r = fetch("/10MiB");
    assert_int_equal(r.raw_len - r.head_len, 10485760);
    free(r.raw);
}

static void test_incomplete_is_failed(void **state) {
    (void)state;
    assert_failed("/short");
    assert_failed("/short-chunk");
    assert_failed("/no-last-chunk");
    assert_failed("/bad-chunk");
    assert_failed("/short-head");
    assert_failed("/garbage");
    assert_failed("/nothing");
}

/* The program may look for the end of these elsewhere than libcurl does, and would wait for it. */
static void test_ambiguous_is_failed(void **state) {
    (void)state;
    assert_failed("/length-list");
    assert_failed("/length-twice");
    assert_failed("/length-huge");
    assert_failed("/length-signed");
    assert_failed("/length-blank");
    assert_failed("/length-chunked");
    assert_failed("/coded");
    assert_failed("/coded-gzip");
    assert_failed("/coded-blank");
    assert_failed("/chunk-lines");
    assert_failed("/chunk-blank");
    assert_failed("/chunk-more");
    assert_failed("/name-blank");
    assert_failed("/folded");
}

static void test_ambiguous_stream_ends(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/chunk-late");
    struct dispatch_result r;
    call.streams = true;
    assert_true(dispatch_submit(dispatcher, &call));
    assert_true(next_result(&r, 20000) && r.more && r.status == 200);
    free(r.raw);
    assert_true(next_result(&r, 20000));
    if (r.more) { /* what came last, by itself */
        free(r.raw);
        assert_true(next_result(&r, 20000) && !r.more);
    }
    assert_true(r.closes);
    free(r.raw);
}

static void test_chunks(void **state) {
    (void)state;
    static const char *const plain[] = {"0\r\n\r\n", "00\r\n\r\n", "1\r\n0\r\n0;a=\"b\"\r\nX: y\r\n\r\n"};
    static const char *const odd[] = {"",
                                      "0",
                                      "0\r\n",
                                      "0\r\n\r",
                                      "0\n\r\n",
                                      "\r\n",
                                      ";\r\n\r\n",
                                      "1\r\n0\r\n",
                                      "1\r\n0",
                                      "1\r\n00\r\n\r\n",
                                      "x\r\n",
                                      "0x0\r\n\r\n",
                                      "-1\r\n\r\n",
                                      "ffffffff\r\n\r\n",
                                      "0\r\n\r\nx",
                                      " 0\r\n\r\n",
                                      "0\r\nX: y\n\r\n",
                                      "10000000000000000\r\n\r\n"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]) + sizeof(odd) / sizeof(odd[0]); i++) {
        bool is_odd = i >= sizeof(plain) / sizeof(plain[0]);
        const char *text = is_odd ? odd[i - sizeof(plain) / sizeof(plain[0])] : plain[i];
        size_t len = strlen(text);
        char *exact = malloc(len ? len : 1); /* no byte after the body: a checker sees any that is read */
        memcpy(exact, text, len);
        assert_int_equal(response_chunks_plain(exact, len), !is_odd);
        free(exact);
    }
}

static void test_too_long_is_failed(void **state) {
    (void)state;
    assert_failed("/too-long");
    assert_failed("/too-long-head");
}

static void test_refused_is_failed(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/ok");
    call.addr.u.in.sin_port = htons(1);
    struct dispatch_result r = perform(call);
    assert_null(r.raw);
    assert_int_equal(r.status, 0);
    call.addr.len = 0;
    r = perform(call);
    assert_null(r.raw);
}

static void test_ipv6(void **state) {
    (void)state;
    struct scripted_server *six = server_start(AF_INET6, scripts, 1);
    if (!six)
        skip();
    struct dispatch_call call = call_to(1, "/ok");
    call.addr = server_addr(six);
    struct dispatch_result r = perform(call);
    assert_int_equal(r.status, 200);
    free(r.raw);
    dispatch_stop(dispatcher);
    dispatcher = dispatch_start();
    server_stop(six);
}

/* --- through a proxy --- */

static struct dispatch_result tunnelled(const char *connect) {
    struct dispatch_call call = call_to(1, "/ok");
    call.tls_name = "model.example";
    call.tls_key = "/dev/null";
    call.tunnel = connect;
    call.peer = 1;
    return perform(call);
}

static void test_tunnel_is_asked_for_as_it_was(void **state) {
    (void)state;
    static const char *const heads[] = {
        "CONNECT model.example:443 HTTP/1.1\r\nHost: model.example:443\r\nUser-Agent: x\r\nX-Twice: 1\r\nX-Twice: 2\r\n"
        "Proxy-Authorization: Basic eDp5\r\nProxy-Connection: close\r\n\r\n",
        "CONNECT model.example:443 HTTP/1.1\r\nproxy-connection:x\r\nHOST:   another\r\n\r\n",
        "CONNECT model.example:443 HTTP/1.1\r\nCookie: a\r\nAuthorization: b\r\nConnection: x\r\nContent-Type: "
        "y\r\n\r\n",
        "CONNECT model.example:443 HTTP/1.0\r\n\r\n",
        "CONNECT Model-1.example_2.org:65535 HTTP/1.1\r\n\r\n",
        "CONNECT 127.1:1 HTTP/1.1\r\n\r\n",
        "CONNECT [::1]:1 HTTP/1.1\r\nHost: [::1]:1\r\n\r\n",
    };
    setenv("no_proxy", "*", 1);
    setenv("https_proxy", "http://127.0.0.1:9", 1);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct dispatch_result r = tunnelled(heads[i]);
        assert_string_equal(server_last_request(server), heads[i]);
        assert_true(!r.raw && r.refused && r.no_tunnel);
        assert_string_equal(r.error, "the proxy makes no tunnel (status 403)");
    }
    unsetenv("no_proxy");
    unsetenv("https_proxy");
}

/* Nothing but TLS goes into a tunnel, and what a proxy says is nobody's answer. */
static void test_no_tunnel_no_request(void **state) {
    (void)state;
    static const char *const heads[] = {"CONNECT silent.example:443 HTTP/1.1\r\n\r\n",
                                        "CONNECT long.example:443 HTTP/1.1\r\n\r\n",
                                        "CONNECT plain.example:443 HTTP/1.1\r\n\r\n",
                                        "CONNECT body.example:443 HTTP/1.1\r\n\r\n",
                                        "CONNECT model.example:443 HTTP/1.1\r\nA:\r\n\r\n",
                                        "CONNECT model.example:443\r\n\r\n",
                                        "GET / HTTP/1.1\r\n\r\n"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        unsigned before = server_requests(server);
        struct dispatch_result r = tunnelled(heads[i]);
        assert_true(!r.raw && !r.status && r.error[0]);
        assert_int_equal(server_requests(server), before + (i < 4));
        assert_null(strstr(server_last_request(server), "POST"));
    }
    struct dispatch_call call = call_to(1, "/ok");
    call.tunnel = heads[0];
    struct dispatch_result r = perform(call);
    assert_true(!r.raw && r.error[0]);
}

static void test_response_head_lines(void **state) {
    (void)state;
    static const char *const hostile[] = {
        "",  "\n",      "HTTP",       "HTTP/1.1",    "HTTP/1.1 ",           "HTTP/1.1 2x0 \r\n",
        ":", ": x\r\n", "Connection", "Connection:", "Connection: ,,,\r\n", "HTTP/1.1 99\r\n"};
    struct response_head h = {0};
    for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        size_t len = strlen(hostile[i]);
        char *exact = malloc(len + 1); /* no byte after the line: a checker sees any that is read */
        memcpy(exact, hostile[i], len);
        response_head_line(&h, exact, len);
        free(exact);
    }
    assert_false(h.close);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)
    const struct CMUnitTest tests[] = {
        T(test_request_is_the_programs),
        T(test_host_keeps_its_name_and_place),
        T(test_nothing_is_added),
        T(test_http10_request),
        T(test_chunked_request_stays_chunked),
        T(test_bad_header_is_refused),
        T(test_whole_responses),
        T(test_asked_to_close),
        T(test_large_response),
        T(test_incomplete_is_failed),
        T(test_ambiguous_is_failed),
        T(test_ambiguous_stream_ends),
        cmocka_unit_test(test_chunks),
        T(test_too_long_is_failed),
        T(test_refused_is_failed),
        T(test_ipv6),
        T(test_tunnel_is_asked_for_as_it_was),
        T(test_no_tunnel_no_request),
        cmocka_unit_test(test_response_head_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
