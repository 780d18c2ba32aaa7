/* See curl_frames.h. Frames are our own, but the texts in them come from the network. */
#include "curl_frames.h"
#include "../shim/curl_call.h"
#include "curl_lib.h"
#include "response.h"
#include <string.h>
#include <strings.h>

static void add_frame(struct buf *out, enum xcs_frame_type type, uint32_t arg, const void *data, size_t len) {
    struct xcs_frame f = {type, arg, len};
    buf_add(out, &f, sizeof f);
    buf_add(out, data, len);
}

static void add_text(struct buf *out, uint32_t info, const char *text) {
    add_frame(out, XCS_FRAME_INFO, info, text, text ? strlen(text) + 1 : 0);
}

/* A number in each of the forms that libcurl tells it in. */
static void add_number(struct buf *out, uint32_t info, int64_t n) {
    double d = (double)n;
    bool is_double = (info & CURLINFO_TYPEMASK) == CURLINFO_DOUBLE;
    add_frame(out, XCS_FRAME_INFO, info, is_double ? (const void *)&d : (const void *)&n, 8);
}

/* The head's lines; where the body begins. */
static size_t add_head(struct buf *out, const char *raw, size_t len) {
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(raw + at, '\n', len - at);
        size_t n = end ? (size_t)(end - raw) + 1 - at : len - at;
        add_frame(out, XCS_FRAME_HEADER, 0, raw + at, n);
        at += n;
        if (n <= 2)
            break;
    }
    return at;
}

void curl_frames_from_response(struct buf *out, const char *raw, size_t len, const struct request *r) {
    struct response parsed;
    if (response_parse(&parsed, raw, len, true) != RESPONSE_WHOLE)
        return;
    size_t head = add_head(out, raw, len);
    int64_t body = (int64_t)parsed.body.len, sent = (int64_t)r->body.len;
    add_frame(out, XCS_FRAME_BODY, 0, parsed.body.p, parsed.body.len);
    add_text(out, CURLINFO_CONTENT_TYPE, response_header(&parsed, "content-type"));
    add_text(out, CURLINFO_EFFECTIVE_METHOD, "POST");
    const struct {
        uint32_t info;
        int64_t value;
    } numbers[] = {
        {CURLINFO_RESPONSE_CODE, parsed.status},
        {CURLINFO_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLINFO_NUM_CONNECTS, 1},
        {CURLINFO_HEADER_SIZE, (int64_t)head},
        {CURLINFO_SIZE_DOWNLOAD, body},
        {CURLINFO_SIZE_DOWNLOAD_T, body},
        {CURLINFO_CONTENT_LENGTH_DOWNLOAD, body},
        {CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, body},
        {CURLINFO_SIZE_UPLOAD, sent},
        {CURLINFO_SIZE_UPLOAD_T, sent},
        {CURLINFO_CONTENT_LENGTH_UPLOAD, sent},
        {CURLINFO_CONTENT_LENGTH_UPLOAD_T, sent},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(out, numbers[i].info, numbers[i].value);
    add_frame(out, XCS_FRAME_END, CURLE_OK, NULL, 0);
    response_free(&parsed);
}

/* What told of the body's form on its way is not true of the body in the frames. */
static bool is_framing(const char *line, size_t len) {
    static const char *const names[] = {"content-length:", "transfer-encoding:", "content-encoding:"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (len > strlen(names[i]) && strncasecmp(line, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

/* An HTTP/2 status line is not one of HTTP/1.1's. */
static void add_line(struct buf *head, const char *line, size_t len) {
    const char *status = len > 5 && memcmp(line, "HTTP/", 5) == 0 ? memchr(line, ' ', len) : NULL;
    if (status) {
        head->len = 0; /* the responses before it were answered by another request */
        buf_add(head, "HTTP/1.1", 8);
        buf_add(head, status, len - (size_t)(status - line));
    } else if (len > 2 && !is_framing(line, len)) {
        buf_add(head, line, len);
    }
}

void curl_frames_to_response(struct buf *out, const char *frames, size_t len) {
    struct buf head = {0}, body = {0};
    struct xcs_frame f;
    for (size_t at = 0; len - at >= sizeof f; at += f.len) {
        memcpy(&f, frames + at, sizeof f);
        at += sizeof f;
        if (f.len > len - at)
            break;
        if (f.type == XCS_FRAME_HEADER)
            add_line(&head, frames + at, f.len);
        else if (f.type == XCS_FRAME_BODY)
            buf_add(&body, frames + at, f.len);
    }
    buf_add(out, head.p, head.len);
    buf_print(out, "Content-Length: %zu\r\n\r\n", body.len);
    buf_add(out, body.p, body.len);
    buf_free(&head);
    buf_free(&body);
}
