/* See difference.h. The bodies are the program's own: nothing of a value may get into the text, and of keys only what is a plain name. */
#include "difference.h"
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BODY_MAX (1024 * 1024) /* a longer one is not worth taking apart for a message */
#define KEY_MAX 32
#define PATH_MAX_LEN 80

static size_t differing_byte(const struct buf *a, const struct buf *b) {
    size_t i = 0, n = a->len < b->len ? a->len : b->len;
    while (i < n && a->p && b->p && a->p[i] == b->p[i])
        i++;
    return i;
}

/* A key that is no plain name may be data of the user's. */
static bool is_name(const char *key) {
    size_t n = 0;
    while (isalnum((unsigned char)key[n]) || key[n] == '_' || key[n] == '-')
        n++;
    return n > 0 && n <= KEY_MAX && key[n] == '\0';
}

static void add_key(struct buf *path, const char *key) {
    buf_print(path, "%s%s", path->len ? "." : "", is_name(key) ? key : "*");
}

static bool find(const json_t *a, const json_t *b, struct buf *path);

static bool find_in_objects(const json_t *a, const json_t *b, struct buf *path) {
    const char *key;
    json_t *child;
    size_t len = path->len;
    json_object_foreach((json_t *)(uintptr_t)a, key, child) {
        const json_t *other = json_object_get(b, key);
        add_key(path, key);
        if (!other || find(child, other, path))
            return true;
        path->len = len;
    }
    json_object_foreach((json_t *)(uintptr_t)b, key, child) {
        if (!json_object_get(a, key)) {
            add_key(path, key);
            return true;
        }
    }
    return false;
}

static bool find_in_lists(const json_t *a, const json_t *b, struct buf *path) {
    size_t n = json_array_size(a), m = json_array_size(b), len = path->len;
    for (size_t i = 0; i < n || i < m; i++) {
        buf_print(path, "[%zu]", i);
        if (i >= n || i >= m || find(json_array_get(a, i), json_array_get(b, i), path))
            return true;
        path->len = len;
    }
    return false;
}

/* True: they differ, and `path` says where. */
static bool find(const json_t *a, const json_t *b, struct buf *path) {
    if (json_is_object(a) && json_is_object(b))
        return find_in_objects(a, b, path);
    if (json_is_array(a) && json_is_array(b))
        return find_in_lists(a, b, path);
    return !json_equal(a, b);
}

void describe_difference(const struct buf *a, const struct buf *b, char *out, size_t room) {
    struct buf path = {0};
    json_t *x = NULL, *y = NULL;
    if (room > 0 && a->len <= BODY_MAX && b->len <= BODY_MAX) {
        x = json_loadb(a->p ? a->p : "", a->len, JSON_ALLOW_NUL, NULL);
        y = json_loadb(b->p ? b->p : "", b->len, JSON_ALLOW_NUL, NULL);
    }
    if (x && y && find(x, y, &path) && path.len > 0)
        snprintf(out, room, "body: %.*s%s differs", PATH_MAX_LEN, path.p, path.len > PATH_MAX_LEN ? "..." : "");
    else
        snprintf(out, room, "body differs at byte %zu", differing_byte(a, b));
    buf_free(&path);
    json_decref(x);
    json_decref(y);
}
