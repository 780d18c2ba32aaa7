/* See intake.h. http-parser calls back with pieces; a header's name and value may each come in several. */
#include "intake.h"
#include "../shim/protocol.h"
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADERS_MAX 256

struct intake {
    http_parser parser;
    struct request *request;
    struct buf target, name, value;
    bool in_value, too_large, complete;
};

static void add_header(struct intake *in) {
    struct request *r = in->request;
    if (!in->in_value)
        return;
    in->in_value = false;
    if (r->nheaders == HEADERS_MAX) {
        in->too_large = true;
    } else {
        r->headers = realloc(r->headers, (r->nheaders + 1) * sizeof *r->headers);
        if (!r->headers)
            abort();
        r->headers[r->nheaders++] = (struct header){xstrndup(in->name.p, in->name.len),
                                                    xstrndup(in->value.p ? in->value.p : "", in->value.len)};
    }
    in->name.len = in->value.len = 0;
}

static int on_begin(http_parser *p) {
    struct intake *in = p->data;
    in->request = xcalloc(1, sizeof *in->request);
    in->target.len = in->name.len = in->value.len = 0;
    in->in_value = in->too_large = in->complete = false;
    return 0;
}

static int on_url(http_parser *p, const char *at, size_t n) {
    struct intake *in = p->data;
    buf_add(&in->target, at, n);
    return 0;
}

static int on_name(http_parser *p, const char *at, size_t n) {
    struct intake *in = p->data;
    add_header(in);
    buf_add(&in->name, at, n);
    return in->too_large;
}

static int on_value(http_parser *p, const char *at, size_t n) {
    struct intake *in = p->data;
    buf_add(&in->value, at, n);
    in->in_value = true;
    return 0;
}

static int on_headers(http_parser *p) {
    struct intake *in = p->data;
    struct request *r = in->request;
    add_header(in);
    r->method = strdup(http_method_str((enum http_method)p->method));
    r->target = xstrndup(in->target.p ? in->target.p : "", in->target.len);
    r->http10 = p->http_major == 1 && p->http_minor == 0;
    r->chunked = (p->flags & F_CHUNKED) != 0;
    r->keep_alive = http_should_keep_alive(p) != 0;
    r->expects = p->upgrade || request_header(r, "expect") != NULL;
    return !r->method || in->too_large ? -1 : 0; /* 1 would mean "no body" */
}

static int on_body(http_parser *p, const char *at, size_t n) {
    struct intake *in = p->data;
    if (in->request->body.len + n > XCS_REQUEST_MAX)
        return 1;
    buf_add(&in->request->body, at, n);
    return 0;
}

static int on_complete(http_parser *p) {
    struct intake *in = p->data;
    in->complete = true;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

struct intake *intake_new(void) {
    struct intake *in = xcalloc(1, sizeof *in);
    http_parser_init(&in->parser, HTTP_REQUEST);
    in->parser.data = in;
    return in;
}

void intake_free(struct intake *in) {
    if (!in)
        return;
    request_free(in->request);
    buf_free(&in->target);
    buf_free(&in->name);
    buf_free(&in->value);
    free(in);
}

enum intake_result intake_feed(struct intake *in, const void *bytes, size_t n, struct request **out) {
    size_t used = http_parser_execute(&in->parser, &settings, bytes, n);
    enum http_errno err = HTTP_PARSER_ERRNO(&in->parser);
    if (in->complete && err == HPE_PAUSED) {
        http_parser_pause(&in->parser, 0);
        in->complete = false;
        if (used != n)
            return INTAKE_BAD;
        *out = in->request;
        in->request = NULL;
        http_parser_init(&in->parser, HTTP_REQUEST);
        return INTAKE_REQUEST;
    }
    return err == HPE_OK && !in->parser.upgrade ? INTAKE_MORE : INTAKE_BAD;
}

void request_free(struct request *r) {
    if (!r)
        return;
    for (size_t i = 0; i < r->nheaders; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    free(r->headers);
    free(r->method);
    free(r->target);
    buf_free(&r->body);
    free(r);
}

const char *request_header(const struct request *r, const char *name) {
    for (size_t i = 0; i < r->nheaders; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}
