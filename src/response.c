/* See response.h. http-parser calls back with pieces; a header's name and value may each come in several. */
#include "response.h"
#include <http_parser.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define HEADERS_MAX 128

struct taking {
    struct response *out;
    struct buf name, value;
    bool in_value, whole;
};

static bool add_header(struct taking *t) {
    struct response *r = t->out;
    if (!t->in_value)
        return true;
    t->in_value = false;
    if (r->nheaders == HEADERS_MAX)
        return false;
    r->headers = realloc(r->headers, (r->nheaders + 1) * sizeof *r->headers);
    if (!r->headers)
        abort();
    r->headers[r->nheaders++] =
        (struct header){xstrndup(t->name.p, t->name.len), xstrndup(t->value.p ? t->value.p : "", t->value.len)};
    t->name.len = t->value.len = 0;
    return true;
}

/* An interim response (1xx) may come first: what counts is the last one. */
static int on_begin(http_parser *p) {
    struct taking *t = p->data;
    response_free(t->out);
    t->name.len = t->value.len = 0;
    t->in_value = t->whole = false;
    return 0;
}

static int on_name(http_parser *p, const char *at, size_t n) {
    struct taking *t = p->data;
    if (!add_header(t))
        return 1;
    buf_add(&t->name, at, n);
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t n) {
    struct taking *t = p->data;
    buf_add(&t->value, at, n);
    t->in_value = true;
    return 0;
}

static int on_headers(http_parser *p) {
    struct taking *t = p->data;
    t->out->status = (int)p->status_code;
    return add_header(t) ? 0 : -1; /* 1 would mean "no body" */
}

static int on_body(http_parser *p, const char *at, size_t n) {
    struct taking *t = p->data;
    buf_add(&t->out->body, at, n);
    return 0;
}

static int on_complete(http_parser *p) {
    struct taking *t = p->data;
    t->whole = p->status_code >= 200;
    if (t->whole)
        http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

enum response_result response_parse(struct response *out, const char *raw, size_t len, bool ended) {
    struct taking t = {.out = out};
    http_parser parser;
    *out = (struct response){0};
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = &t;
    http_parser_execute(&parser, &settings, raw, len);
    if (ended && HTTP_PARSER_ERRNO(&parser) == HPE_OK)
        http_parser_execute(&parser, &settings, "", 0);
    enum http_errno err = HTTP_PARSER_ERRNO(&parser);
    buf_free(&t.name);
    buf_free(&t.value);
    if (t.whole && (err == HPE_OK || err == HPE_PAUSED))
        return RESPONSE_WHOLE;
    response_free(out);
    return err == HPE_OK && !ended ? RESPONSE_MORE : RESPONSE_BAD;
}

/* Both codings have a head that zlib knows them by. */
static bool inflate_into(struct buf *out, const struct buf *in, size_t max) {
    z_stream z = {.next_in = (Bytef *)(uintptr_t)in->p, .avail_in = (uInt)in->len};
    char piece[16 * 1024];
    int r = Z_OK;
    if (!in->p || in->len > UINT_MAX || inflateInit2(&z, MAX_WBITS + 32) != Z_OK)
        return false;
    while (r == Z_OK && out->len <= max) {
        z.next_out = (Bytef *)piece;
        z.avail_out = sizeof piece;
        r = inflate(&z, Z_NO_FLUSH);
        buf_add(out, piece, sizeof piece - z.avail_out);
    }
    inflateEnd(&z);
    return r == Z_STREAM_END && out->len <= max;
}

bool response_decode(struct response *r, size_t max) {
    const char *coding = response_header(r, "content-encoding");
    struct buf plain = {0};
    if (!coding || strcasecmp(coding, "identity") == 0)
        return r->body.len <= max;
    bool known =
        strcasecmp(coding, "gzip") == 0 || strcasecmp(coding, "x-gzip") == 0 || strcasecmp(coding, "deflate") == 0;
    if (!known || !inflate_into(&plain, &r->body, max)) {
        buf_free(&plain);
        return false;
    }
    buf_free(&r->body);
    r->body = plain;
    return true;
}

void response_free(struct response *r) {
    for (size_t i = 0; i < r->nheaders; i++) {
        free(r->headers[i].name);
        free(r->headers[i].value);
    }
    free(r->headers);
    buf_free(&r->body);
    *r = (struct response){0};
}

const char *response_header(const struct response *r, const char *name) {
    for (size_t i = 0; i < r->nheaders; i++)
        if (strcasecmp(r->headers[i].name, name) == 0)
            return r->headers[i].value;
    return NULL;
}
