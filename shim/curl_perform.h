/*
 * A call of curl_easy_perform that XCS can stand for: in main and in run-aheads.
 */
#ifndef XCS_CURL_PERFORM_H
#define XCS_CURL_PERFORM_H

#include "curl_handle.h"

/* As curl_easy_perform, for any handle. */
CURLcode curl_perform(const struct curl_real *lib, CURL *easy);

#endif
