/*
 * Requests from bytes, with http-parser: see intake.h. Every size that the sender controls is limited here.
 */
#include "intake.h"

#include "match.h"

#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEAD_MAX (64u * 1024u)
#define HEADERS_MAX 256u

struct intake {
    http_parser parser;
    struct xcs_addr addr;
    struct request *request; /* NULL between requests */
    struct buf target, name, value;
    size_t head_len;
    size_t header_room;
    bool in_value, complete, begun;
};

/* --- the request --- */

void request_free(struct request *request) {
    if (!request)
        return;
    free(request->method);
    free(request->target);
    for (size_t i = 0; i < request->nheaders; i++)
        free(request->headers[i]);
    free(request->headers);
    buf_free(&request->body);
    free(request);
}

size_t request_path_len(const struct request *request) {
    return strcspn(request->target, "?#");
}

const char *request_header(const struct request *request, const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < request->nheaders; i++) {
        const char *line = request->headers[i];
        if (strncasecmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 2;
    }
    return NULL;
}

/* --- http-parser's callbacks: 0 to go on --- */

static struct intake *of(http_parser *parser) {
    return parser->data;
}

/* Text of the head: limited in all, and without control characters. */
static bool head_text(struct intake *in, struct buf *to, const char *at, size_t len) {
    in->head_len += len;
    if (in->head_len > HEAD_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)at[i] < 0x20 && at[i] != '\t') || at[i] == 0x7f)
            return false;
    }
    return buf_append(to, at, len);
}

static char *text_of(const struct buf *b) {
    return b->len ? strndup(b->data, b->len) : strdup("");
}

static int on_begin(http_parser *parser) {
    struct intake *in = of(parser);
    in->request = calloc(1, sizeof(*in->request));
    in->begun = true;
    if (!in->request)
        return 1;
    in->request->addr = in->addr;
    return 0;
}

static int on_url(http_parser *parser, const char *at, size_t len) {
    return !head_text(of(parser), &of(parser)->target, at, len);
}

/* The header collected so far becomes a line. */
static bool end_header(struct intake *in) {
    struct request *r = in->request;
    if (in->name.len == 0)
        return true;
    while (in->value.len && (in->value.data[in->value.len - 1] == ' ' || in->value.data[in->value.len - 1] == '\t'))
        in->value.len--;
    if (r->nheaders == in->header_room) {
        size_t room = in->header_room ? 2 * in->header_room : 16;
        char **longer = room > HEADERS_MAX ? NULL : realloc(r->headers, room * sizeof(*longer));
        if (!longer)
            return false;
        r->headers = longer;
        in->header_room = room;
    }
    SCOPED_BUF line = {0};
    if (!buf_append(&line, in->name.data, in->name.len) || !buf_append(&line, ": ", 2) ||
        !buf_append(&line, in->value.data, in->value.len) || !buf_append(&line, "", 1))
        return false;
    r->headers[r->nheaders++] = line.data;
    line = (struct buf){0};
    in->name.len = in->value.len = 0;
    in->in_value = false;
    return true;
}

static int on_field(http_parser *parser, const char *at, size_t len) {
    struct intake *in = of(parser);
    if (in->in_value && !end_header(in))
        return 1;
    return !head_text(in, &in->name, at, len);
}

static int on_value(http_parser *parser, const char *at, size_t len) {
    of(parser)->in_value = true;
    return !head_text(of(parser), &of(parser)->value, at, len);
}

static int on_head(http_parser *parser) {
    struct intake *in = of(parser);
    struct request *r = in->request;
    if (!end_header(in) || parser->http_major != 1 || parser->http_minor > 1 || parser->upgrade)
        return 1;
    if ((parser->flags & F_CONTENTLENGTH) && parser->content_length > XCS_REQUEST_MAX &&
        parser->content_length != UINT64_MAX)
        return 1;
    r->method = strdup(http_method_str((enum http_method)parser->method));
    r->target = text_of(&in->target);
    r->http10 = parser->http_minor == 0;
    r->chunked = (parser->flags & F_CHUNKED) != 0;
    r->close = !http_should_keep_alive(parser);
    if (!r->method || !r->target)
        return 1;
    r->expect = request_header(r, "Expect") != NULL;
    return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len) {
    struct buf *body = &of(parser)->request->body;
    return body->len + len > XCS_REQUEST_MAX || !buf_append(body, at, len);
}

static int on_complete(http_parser *parser) {
    struct intake *in = of(parser);
    /* A header after the body is a trailer: it could not be sent on as it came. */
    if (in->name.len || in->value.len)
        return 1;
    in->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* --- the intake --- */

static void restart(struct intake *in) {
    http_parser_init(&in->parser, HTTP_REQUEST);
    in->parser.data = in;
    in->target.len = in->name.len = in->value.len = 0;
    in->head_len = in->header_room = 0;
    in->in_value = in->complete = in->begun = false;
    in->request = NULL;
}

struct intake *intake_new(const struct xcs_addr *addr) {
    struct intake *in = calloc(1, sizeof(*in));
    if (!in)
        return NULL;
    in->addr = *addr;
    restart(in);
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

bool intake_idle(const struct intake *in) {
    return !in->begun;
}

enum intake_state intake_feed(struct intake *in, const char *data, size_t len) {
    if (in->complete || HTTP_PARSER_ERRNO(&in->parser) != HPE_OK)
        return INTAKE_BAD;
    size_t used = len ? http_parser_execute(&in->parser, &settings, data, len) : 0;
    if (!in->complete)
        return HTTP_PARSER_ERRNO(&in->parser) == HPE_OK ? INTAKE_MORE : INTAKE_BAD;
    /* A pause in on_message_complete leaves the message's last byte uncounted where no body byte preceded it. */
    if (used + 1 == len && data[used] == '\n')
        used++;
    if (used != len)
        return INTAKE_BAD;
    in->request->hash = match_hash(in->request);
    return INTAKE_DONE;
}

struct request *intake_take(struct intake *in) {
    struct request *request = in->complete ? in->request : NULL;
    if (request)
        restart(in);
    return request;
}

struct request *intake_whole(const struct xcs_addr *addr, const char *data, size_t len) {
    struct intake *in = intake_new(addr);
    struct request *request = NULL;
    if (in && intake_feed(in, data, len) == INTAKE_DONE)
        request = intake_take(in);
    intake_free(in);
    return request;
}
