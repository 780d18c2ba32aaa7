/*
 * curl_easy_header and curl_easy_nextheader for an answer of ours (libcurl-easy(3), since 7.83).
 */
#ifndef XCS_CURL_HEADERS_H
#define XCS_CURL_HEADERS_H

#include "curl_answer.h"

struct curl_headers;

CURLHcode curl_headers_find(struct curl_answer *a, const char *name, size_t index, unsigned origin, int request,
                            struct curl_header **out);
struct curl_header *curl_headers_next(struct curl_answer *a, unsigned origin, int request,
                                      struct curl_header *previous);

void curl_headers_free(struct curl_headers *all); /* NULL is fine */

#endif
