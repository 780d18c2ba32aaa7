/*
 * What the dispatcher has to know of a response's head, line by line as libcurl hands it over: is it an interim one,
 * its status, and whether the connection ends with the response. Called by dispatch.c, in its thread. The lines come
 * from the network: any bytes, any length, not terminated.
 */
#ifndef XCS_RESPONSE_HEAD_H
#define XCS_RESPONSE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

struct response_head {
    int status;
    bool complete; /* the empty line was seen: the next line starts another head */
    bool interim;  /* 1xx: another head follows */
    bool http10, keep_alive, close, has_length, chunked;
};

/* Takes one line, with its line end. */
void response_head_line(struct response_head *h, const char *line, size_t len);

/* The server closes after this response, or the connection's end is the body's. */
bool response_head_closes(const struct response_head *h);

#endif
