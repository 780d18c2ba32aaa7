/* See shape_json.h. */
#include "shape_json.h"
#include <string.h>

#define DEPTH_MAX 64
#define INDENT_MAX 8
#define FENCE "```"

bool json_is_deep(const char *text, size_t len) {
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return true;
        } else if (c == '}' || c == ']') {
            if (depth <= 1)
                return false;
            depth--;
        }
    }
    return false;
}

static bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(const char *text, size_t at, size_t len) {
    while (at < len && is_space(text[at]))
        at++;
    return at;
}

/* Compact, with blanks, or one member a line. */
static size_t style(const char *text, size_t len) {
    size_t at = skip_space(text, 1, len), line = at;
    while (line > 1 && text[line - 1] == ' ')
        line--;
    if (line > 1 && text[line - 1] == '\n' && at - line > 0)
        return JSON_INDENT(at - line > INDENT_MAX ? INDENT_MAX : at - line);
    return memmem(text, len, "\": ", 3) || memmem(text, len, ", ", 2) ? 0 : JSON_COMPACT;
}

/* The value that starts at `at`. What may follow it: words after an object with members, else only space. */
static json_t *value_at(const char *text, size_t at, size_t len, bool alone, struct found *how) {
    json_error_t err;
    if (at >= len || (text[at] != '{' && text[at] != '[') || json_is_deep(text + at, len - at))
        return NULL;
    json_t *v = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &err);
    if (!v)
        return NULL;
    how->start = at;
    how->end = at + (size_t)err.position;
    if ((alone || json_object_size(v) == 0) && skip_space(text, how->end, len) < len) {
        json_decref(v);
        return NULL;
    }
    how->flags = style(text + at, how->end - at);
    return v;
}

/* The value in the first fence. */
static json_t *fenced(const char *text, size_t len, struct found *how) {
    const char *open = memmem(text, len, FENCE, sizeof FENCE - 1);
    const char *line = open ? memchr(open, '\n', len - (size_t)(open - text)) : NULL;
    if (!line)
        return NULL;
    size_t at = (size_t)(line + 1 - text);
    const char *close = memmem(text + at, len - at, FENCE, sizeof FENCE - 1);
    return value_at(text, skip_space(text, at, len), close ? (size_t)(close - text) : len, true, how);
}

json_t *json_find(const char *text, size_t len, struct found *how) {
    size_t first = skip_space(text, 0, len);
    if (first < len && text[first] == '[')
        return value_at(text, first, len, true, how);
    if (first < len && text[first] == '{')
        return value_at(text, first, len, false, how);
    json_t *v = fenced(text, len, how);
    if (v)
        return v;
    /* Words before it: only an object is told from words in brackets. */
    const char *brace = memchr(text, '{', len);
    v = brace ? value_at(text, (size_t)(brace - text), len, false, how) : NULL;
    if (v && json_object_size(v) == 0) {
        json_decref(v);
        return NULL;
    }
    return v;
}
