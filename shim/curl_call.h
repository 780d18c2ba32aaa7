/*
 * A libcurl call as it passes between shim and engine: part of the contract of protocol.h.
 *
 * The call is written as an HTTP request, so that all that the engine does with requests (is it a model call, is it the same,
 * does it hold a placeholder) is done with calls too:
 *
 *   POST <path and query of the URL> HTTP/1.1
 *   xcs-10002: =<the URL>            an option's number, then "=" and its value, or "-" for NULL
 *   xcs-10203: =<item>               once for each item of a list
 *   Name: value                      a plain item of the header list, as itself
 *   xcs-header: =<item>              any other item of it ("Name:", "Name;", or what frames a message), in its place
 *   Content-Length: <n>              of the body, which follows
 *
 * Numbers are decimal, blobs hexadecimal; in texts "%", controls and bytes above 0x7e are written %XX.
 *
 * It has no peer's address: names are resolved by whoever makes the call. `addr` is of the family XCS_AF_CALL, laid out as
 * sockaddr_in6, its address a hash of the URL's scheme, host and port; that tells a call from a request, on any channel.
 *
 * The answer is a sequence of frames, on a HIT's socket as in a run-ahead.
 */
#ifndef XCS_CURL_CALL_H
#define XCS_CURL_CALL_H

#include "protocol.h"
#include <stdbool.h>
#include <stdint.h>

#define XCS_CALL_OPTION "xcs-"
#define XCS_CALL_HEADER "xcs-header"

enum xcs_frame_type {
    XCS_FRAME_HEADER = 1, /* one line, its end and the empty line included, of any response on the way */
    XCS_FRAME_BODY,       /* decoded as the call asked for */
    XCS_FRAME_INFO,       /* arg: CURLINFO number; a text with its zero (none: NULL), or 8 bytes: int64_t or double */
    XCS_FRAME_CERT, /* a certificate's texts, each with its zero: one frame for each of CURLINFO_CERTINFO, in order */
    XCS_FRAME_END   /* arg: CURLcode; nothing follows */
};

struct xcs_frame {
    uint32_t type;
    uint32_t arg;
    uint64_t len; /* of what follows */
};

static inline bool xcs_is_call(const struct xcs_addr *addr) {
    return addr->len == sizeof addr->u.in6 && addr->u.sa.sa_family == XCS_AF_CALL;
}

#endif
