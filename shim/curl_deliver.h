/*
 * An answer's frames to the program: what libcurl would have called of its callbacks, with what, and what their results mean.
 */
#ifndef XCS_CURL_DELIVER_H
#define XCS_CURL_DELIVER_H

#include "curl_answer.h"
#include "curl_handle.h"

enum curl_delivery {
    CURL_DELIVERY_MORE, /* all frames that there are; the end is not among them */
    CURL_DELIVERY_OVER  /* *code is the call's result */
};

/* What is there of h->answer and was not delivered yet. */
enum curl_delivery curl_deliver(struct curl_handle *h, CURLcode *code);

/* Calls what takes the body, the program's write callback or libcurl's default. */
size_t curl_write(const struct curl_handle *h, char *data, size_t one, size_t len);

/* The progress callback, if there is one. False: the program wants the call to end (CURLE_ABORTED_BY_CALLBACK). */
bool curl_progress(struct curl_handle *h);

/* The text for the program's error buffer, unless there is one in it. */
void curl_error_text(const struct curl_handle *h, const char *text);

#endif
