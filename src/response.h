/*
 * A whole raw HTTP response taken apart: for what is learned from responses (shape.h). The bytes come from the network:
 * any bytes, any length.
 */
#ifndef XCS_RESPONSE_H
#define XCS_RESPONSE_H

#include "buf.h"
#include "intake.h"
#include <stdbool.h>
#include <stddef.h>

struct response {
    int status;
    struct header *headers;
    size_t nheaders;
    struct buf body; /* without its transfer coding; its content coding stays */
};

enum response_result {
    RESPONSE_WHOLE,
    RESPONSE_MORE, /* it goes on after these bytes */
    RESPONSE_BAD   /* malformed, or of too many or too large headers */
};

/* `ended`: the connection has ended after these bytes. Only of RESPONSE_WHOLE there is something to free. */
enum response_result response_parse(struct response *out, const char *raw, size_t len, bool ended);
void response_free(struct response *r);

/* Takes the content coding off the body (gzip, deflate; RFC 9110, 8.4.1). False: another one, a broken one, or more than `max` bytes. */
bool response_decode(struct response *r, size_t max);

/* The value of the first header of that name (any case), or NULL. */
const char *response_header(const struct response *r, const char *name);

#endif
