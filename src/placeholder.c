/* See placeholder.h. One builder for each API; a new API adds a row to `builders`. */
#include "placeholder.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DIMENSION 1536
#define LIST_MAX 4096

static json_t *canary(const struct canaries *c) {
    char word[CANARY_LEN + 1];
    canary_make(c, word);
    return json_string(word);
}

static size_t bounded(const json_t *v, size_t otherwise) {
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : (json_int_t)otherwise;
    return n < 1 ? 1 : n > LIST_MAX ? LIST_MAX : (size_t)n;
}

static json_t *usage(void) {
    return json_pack("{s:i, s:i, s:i}", "prompt_tokens", 16, "completion_tokens", 16, "total_tokens", 32);
}

/* What the OpenAI-compatible responses have in common. */
static json_t *envelope(const struct canaries *c, const struct call *call, const char *object) {
    const json_t *model = json_object_get(call->body, "model");
    return json_pack("{s:o, s:s, s:I, s:o, s:o}", "id", canary(c), "object", object, "created", (json_int_t)time(NULL),
                     "model", json_is_string(model) ? json_copy((json_t *)(uintptr_t)model) : json_string("model"),
                     "usage", usage());
}

static json_t *chat(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *choices = json_array();
    size_t n = bounded(json_object_get(call->body, "n"), 1);
    (void)dimension;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(choices, json_pack("{s:i, s:{s:s, s:o, s:n}, s:n, s:s}", "index", (int)i, "message",
                                                 "role", "assistant", "content", canary(c), "refusal", "logprobs",
                                                 "finish_reason", "stop"));
    json_t *v = envelope(c, call, "chat.completion");
    json_object_set_new(v, "choices", choices);
    return v;
}

/* A list of texts is one prompt each, a list of numbers (tokens) is a single one. */
static size_t inputs_in(const json_t *v) {
    const json_t *first = json_array_get(v, 0);
    return json_is_array(v) && (json_is_string(first) || json_is_array(first)) ? json_array_size(v) : 1;
}

static json_t *completion(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *choices = json_array();
    size_t n = inputs_in(json_object_get(call->body, "prompt")) * bounded(json_object_get(call->body, "n"), 1);
    (void)dimension;
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(choices, json_pack("{s:i, s:o, s:n, s:s}", "index", (int)i, "text", canary(c), "logprobs",
                                                 "finish_reason", "stop"));
    json_t *v = envelope(c, call, "text_completion");
    json_object_set_new(v, "choices", choices);
    return v;
}

static json_t *base64(const void *data, size_t n) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = data;
    struct buf out = {0};
    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (i + 1 < n ? (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
        char four[4] = {digits[v >> 18], digits[v >> 12 & 63], i + 1 < n ? digits[v >> 6 & 63] : '=',
                        i + 2 < n ? digits[v & 63] : '='};
        buf_add(&out, four, 4);
    }
    json_t *s = json_stringn(out.p ? out.p : "", out.len);
    buf_free(&out);
    return s;
}

/* Numbers cannot be canaries that survive arithmetic; a program that computes with them only mispredicts. */
static json_t *vector(size_t dimension, bool as_base64) {
    float *f = xcalloc(dimension, sizeof *f);
    uint32_t seed = 1;
    if (getrandom(&seed, sizeof seed, 0) < 0)
        seed = 1;
    for (size_t i = 0; i < dimension; i++) {
        seed = seed * 1664525u + 1013904223u;
        f[i] = (float)(seed >> 8) / (float)(1u << 24) - 0.5f;
    }
    json_t *v;
    if (as_base64) {
        v = base64(f, dimension * sizeof *f);
    } else {
        v = json_array();
        for (size_t i = 0; i < dimension; i++)
            json_array_append_new(v, json_real((double)f[i]));
    }
    free(f);
    return v;
}

static json_t *embedding(const struct canaries *c, const struct call *call, size_t dimension) {
    const char *format = json_string_value(json_object_get(call->body, "encoding_format"));
    size_t n = inputs_in(json_object_get(call->body, "input"));
    size_t wide = bounded(json_object_get(call->body, "dimensions"), dimension ? dimension : DIMENSION);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", (int)i, "embedding",
                                              vector(wide, format && strcmp(format, "base64") == 0)));
    json_t *v = envelope(c, call, "list");
    json_object_set_new(v, "data", list);
    return v;
}

typedef json_t *builder(const struct canaries *, const struct call *, size_t dimension);
static builder *const builders[] = {[API_CHAT] = chat, [API_COMPLETION] = completion, [API_EMBEDDING] = embedding};

void placeholder_make(const struct canaries *c, const struct call *call, const struct request *r, size_t dimension,
                      struct buf *out) {
    json_t *v = builders[call->api](c, call, dimension);
    char *text = json_dumps(v, JSON_COMPACT);
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    json_decref(v);
    if (!text)
        abort();
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_print(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: %s\r\nContent-Length: %zu\r\n%s\r\n",
              date, strlen(text), r->keep_alive ? "" : "Connection: close\r\n");
    buf_add(out, text, strlen(text));
    free(text);
}
