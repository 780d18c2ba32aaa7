/*
 * What the files of the dispatcher share: a call, and how its request is told to libcurl and its response taken from it. A call is either
 * one request on a connection (dispatch_http.c) or one of libcurl's own (dispatch_curl.c). All but call_new and call_free is for
 * the dispatcher's thread.
 */
#ifndef XCS_DISPATCH_IMPL_H
#define XCS_DISPATCH_IMPL_H

#include "../shim/curl_call.h"
#include "curl_lib.h"
#include "dispatch.h"
#include "response_head.h"
#include <uthash.h>

#define CALL_LISTS 8

enum call_state {
    CALL_QUEUED,
    CALL_RUNNING,
    CALL_DONE
};

/* One call, from submission until its result is taken. */
struct call {
    uint64_t id;
    enum call_state state;
    bool cancelled; /* running, and not wanted any more: the thread frees it */

    struct xcs_addr addr;
    char *method, *target;
    char **headers;
    size_t nheaders;
    char *body;
    size_t body_len;
    bool http10, chunked, streams;
    bool asks_close;          /* its request asks the server to close, which need not say that it does */
    char *tls_name, *tls_key; /* both or neither */
    char *tunnel;
    uint64_t peer;

    CURL *easy;
    struct curl_slist *lists[CALL_LISTS]; /* that `easy` refers to */
    bool sent;                            /* its request has gone out, or begun to */
    __typeof__(curl_easy_getinfo) *get_info;
    struct response_head head;
    size_t raw_size; /* allocated for result.raw */
    struct dispatch_result result;
    struct dispatch *owner;
    struct links *links; /* dispatch_link.h */
    uint64_t link_id;    /* the one it was sent on, 0: none */
    uint64_t looked_ns;  /* when `served` was found out, 0: not yet */
    enum dispatch_served served;
    bool listed;  /* running and in d->done: pieces have arrived (streams) */
    size_t taken; /* bytes of result.raw that were handed over (streams) */

    struct call *prev, *next; /* in d->queued, or in d->done */
    UT_hash_handle hh;        /* in d->calls, by id, unless cancelled */
};

/*
 * Appends to the result what has come of the response. False: it is too long, or memory is. `call_tell`: the receiver of a stream may
 * have it now.
 */
bool call_keep(struct call *call, const void *data, size_t len);
void call_tell(struct call *call);

/* dispatch_call.c. The copy of what was submitted, NULL without memory. */
struct call *call_new(const struct dispatch_call *from);
void call_free(struct call *call);

/* Appends to one of the call's lists. */
bool call_append(const struct curl_lib *curl, struct curl_slist **list, const char *text);

/*
 * dispatch_http.c: options and callbacks of a request on a connection (false: it cannot be issued so), and whether its response,
 * which has succeeded, can be handed over.
 */
bool call_set_http(const struct curl_lib *curl, struct call *call);
bool call_end_http(struct call *call);

/*
 * dispatch_tunnel.c: the options of one that goes through the proxy at that place; what they refer to is added to the lists. And of one that was
 * refused: was it by the proxy? What that has said instead of making the tunnel is the result's error.
 */
bool call_set_tunnel(const struct curl_lib *curl, struct call *call, const char *proxy, struct curl_slist **to,
                     struct curl_slist **lines);
bool call_lacks_tunnel(const struct curl_lib *curl, struct call *call);

/* dispatch_curl.c: the same of a libcurl call, to whose response something is added. */
bool call_set_curl(const struct curl_lib *curl, struct call *call);
bool call_end_curl(struct call *call);

#endif
