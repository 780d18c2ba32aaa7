/*
 * What the engine learns from a call that main makes itself (XCS_READ): the body is copied on its way to the program's write callback,
 * and shown afterwards as a raw HTTP response.
 */
#ifndef XCS_CURL_LESSON_H
#define XCS_CURL_LESSON_H

#include "curl_handle.h"
#include <stdint.h>

struct curl_lesson {
    struct curl_handle *h; /* NULL: none is given */
    char *body;
    size_t len;
};

/* Around the real curl_easy_perform. `wanted`: the engine asked for it. */
void curl_lesson_begin(struct curl_lesson *l, struct curl_handle *h, bool wanted);
void curl_lesson_end(struct curl_lesson *l, CURLcode code, uint64_t node);

/* The program's own write callback, or libcurl's default, on a real handle: h's, or a copy of it made meanwhile. */
void curl_lesson_put_back(const struct curl_handle *h, CURL *easy);

#endif
