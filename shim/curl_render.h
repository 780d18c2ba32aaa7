/*
 * A libcurl call as the request that the engine is asked about (curl_call.h).
 */
#ifndef XCS_CURL_RENDER_H
#define XCS_CURL_RENDER_H

#include "curl_handle.h"
#include "protocol.h"

struct curl_call {
    struct xcs_addr addr;
    char *url;
    char *text; /* the rendered request */
    size_t len;
    size_t body_len;
    bool tls;
};

/*
 * What curl_easy_perform would send on h now. False: no model call, or one that cannot be carried over exactly; it passes
 * untouched. Nothing is to be freed then, and `against` says what is against it if it may be a model call, else it is NULL.
 */
bool curl_render(const struct curl_handle *h, struct curl_call *out, const char **against);
void curl_call_free(struct curl_call *c);

#endif
