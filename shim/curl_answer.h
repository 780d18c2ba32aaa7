/*
 * The answer to a call of ours: frames (curl_call.h) as they come from the engine, and what curl_easy_getinfo says of them.
 */
#ifndef XCS_CURL_ANSWER_H
#define XCS_CURL_ANSWER_H

#include "curl_call.h"
#include "curl_real.h"
#include <stddef.h>

struct curl_answer {
    char *bytes;
    size_t len, room;
    size_t given;                 /* of them, how many belong to frames that were delivered */
    size_t sent;                  /* bytes of the call's body */
    char *url;                    /* the call's own: an answer that does not say where it came from came from there */
    struct curl_headers *headers; /* these two are made when they are asked for */
    struct curl_certs *certs;
};

struct curl_answer *curl_answer_new(const char *url, size_t sent);
void curl_answer_free(struct curl_answer *a); /* NULL is fine */

/* Room for n more bytes, whose count is added to `len` when they are there; NULL: no memory, or too much. */
char *curl_answer_room(struct curl_answer *a, size_t n);

/* The frame at *at, which goes on to the next. False: it is not whole yet. */
bool curl_answer_frame(const struct curl_answer *a, size_t *at, struct xcs_frame *frame, const char **data);

/* As curl_easy_getinfo; false: a property of the handle itself, which has to be asked. */
bool curl_answer_info(const struct curl_answer *a, CURLINFO info, void *out);

/* CURLINFO_CERTINFO (curl_certs.c). Not before the whole answer is there. NULL: no memory. */
const struct curl_certinfo *curl_answer_certs(struct curl_answer *a);

/* A number that it tells of itself, 0 when it does not. */
curl_off_t curl_answer_number(const struct curl_answer *a, CURLINFO info);

#endif
