/*
 * The answer to a libcurl call as frames (shim/curl_call.h), made from a placeholder and taken apart for what is learned from it.
 */
#ifndef XCS_CURL_FRAMES_H
#define XCS_CURL_FRAMES_H

#include "buf.h"
#include "intake.h"

/* A raw HTTP response (a placeholder: made by us, whole) as the frames of a transfer that gave it to the call `r`. */
void curl_frames_from_response(struct buf *out, const char *raw, size_t len, const struct request *r);

/* The last response of some frames as a raw HTTP response with the same body. The frames may be cut anywhere. */
void curl_frames_to_response(struct buf *out, const char *frames, size_t len);

#endif
