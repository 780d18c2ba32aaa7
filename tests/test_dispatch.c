/*
 * The dispatcher's promises: what goes out is what the program would have sent, what comes back is what the server sent, and a
 * call that did not come back whole has failed.
 */
#include "../src/dispatch.h"
#include "../src/response_head.h"
#include "scripted_server.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define CHUNKED_BODY "5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n"

static const struct script scripts[] = {
    {.target = "/ok", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/slow", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}", .delay_ms = 200},
    {.target = "/ok?a=/../b#c", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/hold", .hold = true},
    {.target = "/chunked", .answer = CHUNKED_HEAD CHUNKED_BODY},
    {.target = "/stream", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .later = "0\r\n\r\n", .delay_ms = 150},
    {.target = "/stream-429",
     .answer = "HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     .later = "0\r\n\r\n",
     .delay_ms = 20},
    {.target = "/stream-breaks", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .delay_ms = 20, .close = true},
    {.target = "/stream-breaks-later",
     .answer = CHUNKED_HEAD "5\r\nhello\r\n",
     .later = "5\r\nworld\r\n",
     .delay_ms = 150,
     .close = true},
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
    {.target = "/10MiB", .answer = OK_HEAD "Content-Length: 10485760\r\n\r\n", .filler = 10485760},
    {.target = "/too-long", .answer = OK_HEAD "\r\n", .filler = XCS_RESPONSE_MAX + 1, .close = true},
    {.target = "/too-long-head", .answer = "HTTP/1.1 200 OK\r\nX: ", .filler = 4u << 20, .close = true},
};

static const char *const some_headers[] = {"Host: model.example:8000", "Content-Length: 7",
                                           "Content-Type: application/json"};

static struct scripted_server *server;
static struct dispatch *dispatcher;

static int setup(void **state) {
    (void)state;
    server = server_start(AF_INET, scripts, sizeof(scripts) / sizeof(scripts[0]));
    dispatcher = dispatch_start();
    return server && dispatcher ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dispatch_stop(dispatcher);
    server_stop(server);
    return 0;
}

static struct dispatch_call call_to(uint64_t id, const char *target) {
    return (struct dispatch_call){
        .id = id,
        .addr = server_addr(server),
        .method = "POST",
        .target = target,
        .headers = some_headers,
        .nheaders = 3,
        .body = "{\"a\":1}",
        .body_len = 7,
    };
}

/* Waits up to `ms` for a result. */
static bool next_result(struct dispatch_result *out, int ms) {
    struct pollfd pfd = {.fd = dispatch_fd(dispatcher), .events = POLLIN};
    return poll(&pfd, 1, ms) == 1 && dispatch_next(dispatcher, out);
}

static struct dispatch_result perform(struct dispatch_call call) {
    struct dispatch_result result = {0};
    assert_true(dispatch_submit(dispatcher, &call));
    assert_true(next_result(&result, 20000));
    assert_int_equal(result.id, call.id);
    return result;
}

static struct dispatch_result fetch(const char *target) {
    return perform(call_to(1, target));
}

static void assert_raw(const struct dispatch_result *r, const char *expected) {
    assert_non_null(r->raw);
    assert_int_equal(r->raw_len, strlen(expected));
    assert_memory_equal(r->raw, expected, r->raw_len);
}

static void assert_failed(const char *target) {
    struct dispatch_result r = fetch(target);
    if (r.raw || r.status || !r.error[0])
        fail_msg("%s has not failed", target);
}

/* --- streams --- */

static struct dispatch_result next_piece(void) {
    struct dispatch_result r = {0};
    assert_true(next_result(&r, 20000));
    return r;
}

static void test_pieces_as_they_arrive(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/stream");
    call.streams = true;
    assert_true(dispatch_submit(dispatcher, &call));
    struct dispatch_result first = next_piece();
    assert_true(first.more);
    assert_int_equal(first.status, 200);
    assert_raw(&first, CHUNKED_HEAD "5\r\nhello\r\n");
    struct dispatch_result rest = next_piece();
    if (rest.more) {
        assert_raw(&rest, "0\r\n\r\n");
        free(rest.raw);
        rest = next_piece();
        assert_int_equal(rest.raw_len, 0);
    } else {
        assert_raw(&rest, "0\r\n\r\n");
    }
    assert_false(rest.more);
    assert_int_equal(rest.status, 200);
    assert_false(rest.closes);
    free(first.raw);
    free(rest.raw);
}

/* Only success is handed over before it is whole. */
static void test_failure_is_not_streamed(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/stream-429");
    call.streams = true;
    struct dispatch_result r = perform(call);
    assert_false(r.more);
    assert_int_equal(r.status, 429);
    assert_int_equal(r.raw_len,
                     strlen("HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
    free(r.raw);
}

static void test_stream_that_breaks(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/stream-breaks");
    call.streams = true;
    struct dispatch_result r = perform(call);
    if (r.more) {
        free(r.raw);
        r = next_piece();
    }
    assert_false(r.more);
    assert_null(r.raw);
    assert_int_equal(r.status, 0);
}

/* All that came before it broke was read by somebody, or would have been. */
static void test_stream_that_breaks_later(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/stream-breaks-later");
    call.streams = true;
    assert_true(dispatch_submit(dispatcher, &call));
    struct dispatch_result first = next_piece();
    assert_true(first.more);
    assert_raw(&first, CHUNKED_HEAD "5\r\nhello\r\n");
    usleep(400000);
    struct dispatch_result rest = next_piece();
    assert_false(rest.more);
    assert_int_equal(rest.status, 0);
    assert_non_null(rest.raw);
    assert_raw(&rest, "5\r\nworld\r\n");
    free(first.raw);
    free(rest.raw);
}

static void test_cancelled_stream(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/stream");
    struct dispatch_result r;
    call.streams = true;
    assert_true(dispatch_submit(dispatcher, &call));
    free(next_piece().raw);
    dispatch_cancel(dispatcher, 1);
    assert_false(next_result(&r, 400));
}

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
        size_t skip; /* interim heads, which are dropped */
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
        for (size_t j = 0; j < sizeof(scripts) / sizeof(scripts[0]); j++) {
            if (strcmp(scripts[j].target, rows[i].target) == 0)
                answer = scripts[j].answer + rows[i].skip;
        }
        assert_raw(&r, answer);
        assert_int_equal(r.status, rows[i].status);
        assert_int_equal(r.closes, rows[i].closes);
        assert_int_equal(r.head_len, (size_t)(strstr(answer, "\r\n\r\n") + 4 - answer));
        assert_true(r.started_ns <= r.finished_ns && r.started_ns > 0);
        free(r.raw);
    }
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

/* --- many at once, and an end to it --- */

static void test_calls_run_at_the_same_time(void **state) {
    (void)state;
    enum {
        N = 64
    };
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t id = 1; id <= N; id++) {
        struct dispatch_call call = call_to(id, "/slow");
        assert_true(dispatch_submit(dispatcher, &call));
    }
    bool seen[N + 1] = {false};
    for (int i = 0; i < N; i++) {
        struct dispatch_result r = {0};
        assert_true(next_result(&r, 20000));
        assert_int_equal(r.status, 200);
        assert_false(seen[r.id]);
        seen[r.id] = true;
        free(r.raw);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - start.tv_sec < 5); /* one after the other: 12.8 s */
    struct dispatch_result none;
    assert_false(next_result(&none, 0));
}

static void test_connections_are_kept(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++)
        free(fetch("/ok").raw);
    assert_int_equal(server_connections(server), 1);
}

static void test_a_call_goes_out_once(void **state) {
    (void)state;
    free(fetch("/ok").raw);
    assert_failed("/nothing"); /* on the connection that was kept */
    assert_int_equal(server_requests(server), 2);
    free(fetch("/ok").raw);
    assert_int_equal(server_requests(server), 3);
}

static void test_cancel(void **state) {
    (void)state;
    struct dispatch_result r = {0};
    struct dispatch_call hold = call_to(7, "/hold");
    assert_true(dispatch_submit(dispatcher, &hold)); /* still queued, or running */
    dispatch_cancel(dispatcher, 7);
    assert_false(next_result(&r, 100));

    assert_true(dispatch_submit(dispatcher, &hold)); /* running: its connection is closed */
    while (strstr(server_last_request(server), "/hold") == NULL)
        usleep(1000);
    unsigned closed = server_closed(server);
    dispatch_cancel(dispatcher, 7);
    for (int i = 0; i < 5000 && server_closed(server) == closed; i++)
        usleep(1000);
    assert_int_equal(server_closed(server), closed + 1);
    assert_false(next_result(&r, 0));

    struct dispatch_call done = call_to(8, "/ok"); /* done, not taken */
    assert_true(dispatch_submit(dispatcher, &done));
    struct pollfd pfd = {.fd = dispatch_fd(dispatcher), .events = POLLIN};
    assert_int_equal(poll(&pfd, 1, 20000), 1);
    dispatch_cancel(dispatcher, 8);
    assert_false(dispatch_next(dispatcher, &r));
    assert_int_equal(poll(&pfd, 1, 0), 0);

    dispatch_cancel(dispatcher, 9); /* unknown */
    free(fetch("/ok").raw);         /* and all goes on */
}

static void test_stop_with_calls_in_flight(void **state) {
    (void)state;
    for (uint64_t id = 1; id <= 20; id++) {
        struct dispatch_call call = call_to(id, id % 2 ? "/hold" : "/ok");
        assert_true(dispatch_submit(dispatcher, &call));
        if (id % 5 == 0)
            dispatch_cancel(dispatcher, id - 2);
    }
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
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_pieces_as_they_arrive),
        T(test_failure_is_not_streamed),
        T(test_stream_that_breaks),
        T(test_stream_that_breaks_later),
        T(test_cancelled_stream),
        T(test_request_is_the_programs),
        T(test_host_keeps_its_name_and_place),
        T(test_nothing_is_added),
        T(test_http10_request),
        T(test_chunked_request_stays_chunked),
        T(test_bad_header_is_refused),
        T(test_whole_responses),
        T(test_large_response),
        T(test_incomplete_is_failed),
        T(test_too_long_is_failed),
        T(test_refused_is_failed),
        T(test_ipv6),
        T(test_calls_run_at_the_same_time),
        T(test_connections_are_kept),
        T(test_a_call_goes_out_once),
        T(test_cancel),
        T(test_stop_with_calls_in_flight),
        cmocka_unit_test(test_response_head_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
