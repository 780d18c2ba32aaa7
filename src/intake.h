/*
 * Intake: raw bytes to HTTP requests (http-parser). From main a whole request comes at once, from a run-ahead a stream.
 * The bytes are the user's program's, but treated as hostile all the same: sizes are bounded.
 */
#ifndef XCS_INTAKE_H
#define XCS_INTAKE_H

#include "buf.h"
#include <stdbool.h>
#include <stddef.h>

struct header {
    char *name, *value;
};

struct request {
    char *method, *target;
    bool http10, chunked, keep_alive, expects; /* expects: Expect or Upgrade, which only a real server can answer */
    struct header *headers;
    size_t nheaders;
    struct buf body; /* decoded */
};

struct intake;

enum intake_result {
    INTAKE_MORE,
    INTAKE_REQUEST, /* one whole request; the intake is ready for the next */
    INTAKE_BAD      /* malformed, too large, or bytes beyond the request (pipelining) */
};

struct intake *intake_new(void);
void intake_free(struct intake *in);

/* On INTAKE_REQUEST *out is the caller's, to be freed with request_free. */
enum intake_result intake_feed(struct intake *in, const void *bytes, size_t n, struct request **out);

void request_free(struct request *r);

/* The value of the first header of that name (any case), or NULL. */
const char *request_header(const struct request *r, const char *name);

#endif
