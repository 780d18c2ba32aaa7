/* See dispatch_harness.h. */
#include "dispatch_harness.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const some_headers[] = {"Host: model.example:8000", "Content-Length: 7",
                                           "Content-Type: application/json"};

struct scripted_server *server;
struct dispatch *dispatcher;

int dispatch_setup(void **state) {
    (void)state;
    server = server_start(AF_INET, scripts, nscripts);
    dispatcher = dispatch_start();
    return server && dispatcher ? 0 : -1;
}

int dispatch_teardown(void **state) {
    (void)state;
    dispatch_stop(dispatcher);
    server_stop(server);
    return 0;
}

struct dispatch_call call_to(uint64_t id, const char *target) {
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

bool next_result(struct dispatch_result *out, int ms) {
    struct pollfd pfd = {.fd = dispatch_fd(dispatcher), .events = POLLIN};
    return poll(&pfd, 1, ms) == 1 && dispatch_next(dispatcher, out);
}

struct dispatch_result perform(struct dispatch_call call) {
    struct dispatch_result result = {0};
    assert_true(dispatch_submit(dispatcher, &call));
    assert_true(next_result(&result, 20000));
    assert_int_equal(result.id, call.id);
    return result;
}

struct dispatch_result fetch(const char *target) {
    return perform(call_to(1, target));
}

void assert_raw(const struct dispatch_result *r, const char *expected) {
    assert_non_null(r->raw);
    assert_int_equal(r->raw_len, strlen(expected));
    assert_memory_equal(r->raw, expected, r->raw_len);
}

void assert_failed(const char *target) {
    struct dispatch_result r = fetch(target);
    if (r.raw || r.status || !r.error[0])
        fail_msg("%s has not failed", target);
}
