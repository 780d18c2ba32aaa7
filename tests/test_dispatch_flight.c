/*
 * The dispatcher's promises while calls are under way: pieces are handed on as they arrive, many run at the same time on few
 * connections, and an end can be made at any moment.
 */
#include "dispatch_harness.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

const struct script scripts[] = {
    {.target = "/ok", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}"},
    {.target = "/slow", .answer = OK_HEAD "Content-Length: 2\r\n\r\n{}", .delay_ms = 200},
    {.target = "/hold", .hold = true},
    {.target = "/held-again", .hold = true},
    {.target = "/stream", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .later = "0\r\n\r\n", .delay_ms = 600},
    {.target = "/stream-429",
     .answer = "HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     .later = "0\r\n\r\n",
     .delay_ms = 20},
    {.target = "/stream-breaks", .answer = CHUNKED_HEAD "5\r\nhello\r\n", .delay_ms = 20, .close = true},
    {.target = "/stream-breaks-later",
     .answer = CHUNKED_HEAD "5\r\nhello\r\n",
     .later = "5\r\nworld\r\n",
     .delay_ms = 600,
     .close = true},
    {.target = "/nothing", .answer = "", .close = true},
};
const size_t nscripts = sizeof(scripts) / sizeof(scripts[0]);

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
    usleep(1500000);
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
    assert_false(next_result(&r, 1200));
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

static void test_connections_are_one_peers(void **state) {
    (void)state;
    struct dispatch_call call = call_to(1, "/ok");
    call.peer = 1;
    free(perform(call).raw);
    call.peer = 2;
    struct dispatch_result r = perform(call);
    assert_true(!r.raw && !r.refused);
    assert_int_equal(server_requests(server), 1);
    free(perform(call).raw);
    assert_int_equal(server_requests(server), 2);
    assert_int_equal(server_connections(server), 2);
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

    hold = call_to(7, "/held-again");
    assert_true(dispatch_submit(dispatcher, &hold)); /* running: its connection is closed */
    while (strstr(server_last_request(server), hold.target) == NULL)
        usleep(1000);
    dispatch_cancel(dispatcher, 7);
    for (int i = 0; i < 20000 && server_closed(server) < server_connections(server); i++)
        usleep(1000);
    assert_int_equal(server_closed(server), server_connections(server));
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

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)
    const struct CMUnitTest tests[] = {
        T(test_pieces_as_they_arrive),     T(test_failure_is_not_streamed),   T(test_stream_that_breaks),
        T(test_stream_that_breaks_later),  T(test_cancelled_stream),          T(test_calls_run_at_the_same_time),
        T(test_connections_are_kept),      T(test_a_call_goes_out_once),      T(test_cancel),
        T(test_stop_with_calls_in_flight), T(test_connections_are_one_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
