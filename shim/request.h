/*
 * Framing of an HTTP/1.1 request as a program sends it (RFC 9112): is it a model call, and where does it end; or a CONNECT.
 *
 * Only as much as the shim needs to decide what to hold; the engine parses it in full. Pure functions over
 * a buffer that holds the request from its first byte; fed again with the longer buffer as more arrives.
 */
#ifndef XCS_REQUEST_H
#define XCS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum request_kind {
    REQUEST_NEED,   /* may be a model call, not complete: hold it */
    REQUEST_MODEL,  /* a whole model call of `total` bytes; more bytes than that are pipelined ones */
    REQUEST_TUNNEL, /* a CONNECT, whole: what follows once it is answered is for another server */
    REQUEST_OTHER,  /* another request, of `total` bytes in all: let it pass, look at the next one */
    REQUEST_FORGET  /* not HTTP/1.1, or framing that we leave alone: never look at this connection again */
};

struct request {
    size_t head_len; /* bytes up to and with the empty line; 0 while unknown */
    size_t total;    /* head and body; 0 while unknown */
    size_t scan;     /* chunked: where the next chunk header is */
    bool chunked;
};

void request_init(struct request *r);
/* Is the path of a request target, without its query, that of a model call? */
bool request_is_model_target(const char *p, size_t len);

enum request_kind request_feed(struct request *r, const char *buf, size_t len);

#endif
