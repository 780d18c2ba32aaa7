/*
 * Response heads for the dispatcher: see response_head.h. Nothing here keeps a pointer into a line or copies one.
 */
#include "response_head.h"

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
    } else if (header_value(line, len, "Connection", &value, &value_len)) {
        h->close |= list_has(value, value_len, "close");
        h->keep_alive |= list_has(value, value_len, "keep-alive");
    } else if (header_value(line, len, "Transfer-Encoding", &value, &value_len)) {
        h->chunked |= list_has(value, value_len, "chunked");
    } else if (header_value(line, len, "Content-Length", &value, &value_len)) {
        h->has_length = true;
    }
}

bool response_head_closes(const struct response_head *h) {
    bool bodiless = h->status == 204 || h->status == 304;
    if (h->close || (h->http10 && !h->keep_alive))
        return true;
    return !bodiless && !h->has_length && !h->chunked;
}
