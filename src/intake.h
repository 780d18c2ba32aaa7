/*
 * Intake: the bytes of an HTTP/1 request, as they come, become a struct request. Called by session.c (a whole request of
 * main's) and runahead.c (what a run-ahead writes). The bytes are hostile: whatever is odd is INTAKE_BAD, and the caller
 * leaves it alone (main) or ends the run-ahead.
 */
#ifndef XCS_INTAKE_H
#define XCS_INTAKE_H

#include "../shim/protocol.h"
#include "buf.h"

struct request {
    struct xcs_addr addr; /* where the program had connected to */
    char *method;
    char *target;
    bool http10;
    bool chunked;  /* the body came in chunks */
    bool close;    /* the connection ends after the response */
    bool expect;   /* has an Expect header */
    char **headers; /* "Name: value", in the program's order */
    size_t nheaders;
    struct buf body; /* decoded */
    uint64_t hash;   /* of all that must be equal for a match (match.c) */
};

enum intake_state {
    INTAKE_MORE,
    INTAKE_DONE, /* take it with intake_take */
    INTAKE_BAD
};

struct intake;

/* NULL when out of memory. */
struct intake *intake_new(const struct xcs_addr *addr);
void intake_free(struct intake *intake);

/*
 * Takes bytes. On INTAKE_DONE the request ended with them. Bytes that follow a complete request (pipelining) make it INTAKE_BAD.
 */
enum intake_state intake_feed(struct intake *intake, const char *data, size_t len);

/* No byte of a request has come. */
bool intake_idle(const struct intake *intake);

/* The complete request, the caller's to request_free; the intake is ready for the next. */
struct request *intake_take(struct intake *intake);

/* A whole request at once, with nothing after it; NULL if it is not that. */
struct request *intake_whole(const struct xcs_addr *addr, const char *data, size_t len);

void request_free(struct request *request);

/* The target's path without its query: its length. */
size_t request_path_len(const struct request *request);

/* Value of the first header of that name, or NULL. */
const char *request_header(const struct request *request, const char *name);

#endif
