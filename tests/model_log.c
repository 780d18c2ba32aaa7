/*
 * The record of the test model server (see model_log.h). Called from the server's one network thread only.
 */
#include "model_log.h"
#include "sha256.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define BODY_SHOWN 16384

static const char *const secret_headers[] = {"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"};
static FILE *out;

int log_open(const char *path) {
    if (!path)
        return 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd >= 0 && fchmod(fd, 0600) == 0 && (out = fdopen(fd, "w"));
}

void log_header(json_t *headers, const char *name, const char *value) {
    char hex[SHA256_HEX];
    for (size_t i = 0; i < sizeof secret_headers / sizeof secret_headers[0]; i++) {
        if (strcasecmp(name, secret_headers[i]) == 0) {
            sha256_hex(value, strlen(value), hex);
            json_array_append_new(headers, json_sprintf("%s: (hash %.8s)", name, hex));
            return;
        }
    }
    json_array_append_new(headers, json_sprintf("%s: %s", name, value));
}

static int by_text(const void *a, const void *b) {
    const json_t *const *x = a;
    const json_t *const *y = b;
    return strcmp(json_string_value(*x), json_string_value(*y));
}

static json_t *sorted(const json_t *list) {
    size_t n = json_array_size(list);
    json_t *copy = json_array();
    json_t **items = calloc(n + 1, sizeof(json_t *));
    if (!items)
        abort();
    for (size_t i = 0; i < n; i++)
        items[i] = json_array_get(list, i);
    qsort(items, n, sizeof(json_t *), by_text);
    for (size_t i = 0; i < n; i++)
        json_array_append(copy, items[i]);
    free(items);
    return copy;
}

void log_write(const struct log_entry *entry) {
    char hex[SHA256_HEX];
    if (!out)
        return;
    sha256_hex(entry->body, entry->body_len, hex);
    json_t *line = json_pack("{s:I,s:s,s:s,s:o,s:s,s:I}", "seq", (json_int_t)entry->seq, "method", entry->method,
                             "target", entry->target, "headers", sorted(entry->headers), "body_sha256", hex, "body_len",
                             (json_int_t)entry->body_len);
    if (!line)
        return; /* a target that is not UTF-8 */
    json_t *body = entry->body_len <= BODY_SHOWN ? json_stringn(entry->body, entry->body_len) : NULL;
    if (body)
        json_object_set_new(line, "body", body);
    json_object_set_new(line, "status", json_integer(entry->status));
    json_object_set_new(line, "whole", json_boolean(entry->whole));
    json_object_set_new(line, "start_ms", json_real((double)entry->start_us / 1000.0));
    json_object_set_new(line, "answer_ms", json_real((double)entry->answer_us / 1000.0));
    json_object_set_new(line, "end_ms", json_real((double)entry->end_us / 1000.0));
    json_object_set_new(line, "concurrent", json_integer(entry->concurrent));
    json_object_set_new(line, "connection", json_integer((json_int_t)entry->connection));
    json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    fputc('\n', out);
    fflush(out);
    json_decref(line);
}
