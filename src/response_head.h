/*
 * What the dispatcher has to know of a response's head, line by line as libcurl hands it over: is it an interim one,
 * its status, whether all readers of it agree where the response ends, and whether the connection ends with it. Called by the
 * dispatcher, in its thread. Lines and bodies come from the network: any bytes, any length, not terminated.
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
    bool odd; /* the program may see another end of the body in it than libcurl */
};

/* Takes one line, with its line end. */
void response_head_line(struct response_head *h, const char *line, size_t len);

/* The server closes after this response, or the connection's end is the body's. */
bool response_head_closes(const struct response_head *h);

/* A chunked body as every reader of it understands it: lines end as they should, and nothing comes after it. */
bool response_chunks_plain(const char *body, size_t len);

/* A header of a request or a response. */
bool header_says_close(const char *line, size_t len);

#endif
