/* A call's memory (dispatch_impl.h): everything that was submitted is copied. */
#include "dispatch_impl.h"
#include <stdlib.h>
#include <string.h>

void call_free(struct call *call) {
    if (!call)
        return;
    free(call->method);
    free(call->target);
    for (size_t i = 0; i < call->nheaders; i++)
        free(call->headers[i]);
    free(call->headers);
    free(call->body);
    free(call->tls_name);
    free(call->tls_key);
    free(call->tunnel);
    free(call->result.raw);
    free(call);
}

static bool call_copy_headers(struct call *call, const struct dispatch_call *from) {
    call->headers = calloc(from->nheaders + 1, sizeof(*call->headers));
    if (!call->headers)
        return false;
    for (; call->nheaders < from->nheaders; call->nheaders++) {
        call->headers[call->nheaders] = strdup(from->headers[call->nheaders]);
        if (!call->headers[call->nheaders])
            return false;
    }
    return true;
}

struct call *call_new(const struct dispatch_call *from) {
    struct call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->id = call->result.id = from->id;
    call->addr = from->addr;
    call->http10 = from->http10;
    call->chunked = from->chunked;
    call->streams = from->streams;
    call->peer = from->peer;
    call->method = strdup(from->method);
    call->target = strdup(from->target);
    call->body = malloc(from->body_len + 1);
    bool tls = true;
    if (from->tls_name) {
        call->tls_name = strdup(from->tls_name);
        call->tls_key = strdup(from->tls_key);
        tls = call->tls_name && call->tls_key;
    }
    if (from->tunnel) {
        call->tunnel = strdup(from->tunnel);
        tls = tls && call->tunnel;
    }
    if (!tls || !call->method || !call->target || !call->body || !call_copy_headers(call, from)) {
        call_free(call);
        return NULL;
    }
    if (from->body_len)
        memcpy(call->body, from->body, from->body_len);
    call->body_len = from->body_len;
    return call;
}

bool call_append(const struct curl_lib *curl, struct curl_slist **list, const char *text) {
    struct curl_slist *longer = curl->slist_append(*list, text);
    if (!longer)
        return false;
    *list = longer;
    return true;
}
