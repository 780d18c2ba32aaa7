/*
 * Response heads for the dispatcher: see response_head.h. Nothing here keeps a pointer into a line or copies one.
 */
#include "response_head.h"

#include <stdlib.h>
#include <string.h>

/* Takes `name` off the front of the line; false when the header is another one. */
static bool header_value(const char *line, size_t len, const char *name, const char **value, size_t *value_len) {
    size_t n = strlen(name);
    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0)
        return false;
    *value = line + n + 1;
    *value_len = len - n - 1;
    return true;
}

static bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Is `token` an element of the comma-separated list? */
static bool list_has(const char *list, size_t len, const char *token) {
    const char *end = list + len;
    while (list < end) {
        const char *stop = memchr(list, ',', (size_t)(end - list));
        const char *last = stop ? stop : end;
        const char *first = list;
        list = stop ? stop + 1 : end;
        while (first < last && is_space(*first))
            first++;
        while (last > first && is_space(last[-1]))
            last--;
        if ((size_t)(last - first) == strlen(token) && strncasecmp(first, token, strlen(token)) == 0)
            return true;
    }
    return false;
}

/*
 * A value without the blank before it and the line's end. Blanks after it are for some parsers a part of it, so they are one here.
 */
static size_t bare(const char **value, size_t len) {
    while (len > 0 && ((*value)[len - 1] == '\n' || (*value)[len - 1] == '\r'))
        len--;
    while (len > 0 && is_space(**value))
        ++*value, len--;
    return len;
}

static bool is_number(const char *value, size_t len) {
    len = bare(&value, len);
    for (size_t i = 0; i < len; i++)
        if (value[i] < '0' || value[i] > '9')
            return false;
    return len > 0 && len <= 18;
}

static bool is_chunked(const char *value, size_t len) {
    static const char chunked[] = "chunked";
    len = bare(&value, len);
    return len == sizeof chunked - 1 && strncasecmp(value, chunked, len) == 0;
}

/* Some parsers drop another line than "Name: value", some what comes after it, and some join it to the one before. */
static bool is_header(const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    for (const char *p = line; colon && p < colon; p++)
        if (is_space(*p))
            return false;
    return colon && colon > line;
}

/* "HTTP/1.1 200 OK" */
static void status_line(struct response_head *h, const char *line, size_t len) {
    const char *space = memchr(line, ' ', len);
    *h = (struct response_head){.http10 = len >= 8 && memcmp(line, "HTTP/1.0", 8) == 0};
    if (!space || line + len - space < 4)
        return;
    for (const char *digit = space + 1; digit < space + 4; digit++) {
        if (*digit < '0' || *digit > '9')
            return;
        h->status = 10 * h->status + (*digit - '0');
    }
    h->interim = h->status >= 100 && h->status < 200 && h->status != 101;
}

void response_head_line(struct response_head *h, const char *line, size_t len) {
    const char *value;
    size_t value_len;
    if (h->status == 0 || h->complete) {
        status_line(h, line, len);
    } else if (len == 0 || line[0] == '\r' || line[0] == '\n') {
        h->complete = true;
        h->odd |= h->has_length && h->chunked;
    } else if (!is_header(line, len)) {
        h->odd = true;
    } else if (header_value(line, len, "Connection", &value, &value_len)) {
        h->close |= header_says_close(line, len);
        h->keep_alive |= list_has(value, value_len, "keep-alive");
    } else if (header_value(line, len, "Transfer-Encoding", &value, &value_len)) {
        h->odd |= h->chunked || !is_chunked(value, value_len);
        h->chunked = true;
    } else if (header_value(line, len, "Content-Length", &value, &value_len)) {
        h->odd |= h->has_length || !is_number(value, value_len);
        h->has_length = true;
    }
}

/* The line that begins at `at` ends with CR LF: the place after it, else 0. */
static size_t after_line(const char *body, size_t len, size_t at) {
    const char *end = at < len ? memchr(body + at, '\n', len - at) : NULL;
    return end && end > body + at && end[-1] == '\r' ? (size_t)(end + 1 - body) : 0;
}

/* A chunk's size, from the line that begins at `line` and ends with CR LF. False: it is none. */
static bool chunk_size(const char *line, size_t *size) {
    size_t digits = strspn(line, "0123456789abcdefABCDEF");
    *size = digits > 0 && digits <= 8 ? strtoul(line, NULL, 16) : 0;
    return digits > 0 && digits <= 8 && (line[digits] == '\r' || line[digits] == ';');
}

bool response_chunks_plain(const char *body, size_t len) {
    size_t at = 0, next, size;
    do {
        next = after_line(body, len, at);
        if (!next || !chunk_size(body + at, &size))
            return false;
        at = next;
        if (size > 0 && (size > len - at || len - at - size < 2 || memcmp(body + at + size, "\r\n", 2) != 0))
            return false;
        at += size > 0 ? size + 2 : 0;
    } while (size > 0);
    while ((next = after_line(body, len, at)) > at + 2) /* trailers */
        at = next;
    return next > 0 && next == len;
}

bool header_says_close(const char *line, size_t len) {
    const char *value;
    size_t value_len;
    return header_value(line, len, "Connection", &value, &value_len) && list_has(value, value_len, "close");
}

bool response_head_closes(const struct response_head *h) {
    bool bodiless = h->status == 204 || h->status == 304;
    if (h->close || (h->http10 && !h->keep_alive))
        return true;
    return !bodiless && !h->has_length && !h->chunked;
}
