/*
 * The dispatcher against a server that says what its script has, for the tests of the dispatcher: both are started anew for each
 * test.
 */
#ifndef XCS_TEST_DISPATCH_HARNESS_H
#define XCS_TEST_DISPATCH_HARNESS_H

#include "../src/dispatch.h"
#include "scripted_server.h"

#include <stdbool.h>
#include <stddef.h>

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define CHUNKED_HEAD "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What the server says: each test program has its own. */
extern const struct script scripts[];
extern const size_t nscripts;

extern struct scripted_server *server;
extern struct dispatch *dispatcher;

/* cmocka's setup and teardown. */
int dispatch_setup(void **state);
int dispatch_teardown(void **state);

/* A small POST to that target. */
struct dispatch_call call_to(uint64_t id, const char *target);

/* Waits up to `ms` for a result. */
bool next_result(struct dispatch_result *out, int ms);

/* One call and its result, which has to come. */
struct dispatch_result perform(struct dispatch_call call);
struct dispatch_result fetch(const char *target);

void assert_raw(const struct dispatch_result *r, const char *expected);
/* Without a byte and with an error's text. */
void assert_failed(const char *target);

#endif
