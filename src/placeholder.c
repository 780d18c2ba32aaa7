/* See placeholder.h. What the builders share, and the response around what they build. */
#include "placeholder.h"
#include "placeholder_impl.h"
#include <stdlib.h>
#include <time.h>

/* What one placeholder may cost to write, in numbers of base64. */
#define BUDGET (1024 * 1024)

static size_t budget; /* left for the placeholder at hand */
static bool too_large;

bool placeholder_afford(size_t cost) {
    too_large |= cost > budget;
    if (!too_large)
        budget -= cost;
    return !too_large;
}

json_t *canary_leaf(const struct canaries *c) {
    char word[CANARY_LEN + 1];
    canary_make(c, word);
    return json_string(word);
}

size_t bounded(const json_t *v, size_t otherwise) {
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : (json_int_t)otherwise;
    return n < 1 ? 1 : n > LIST_MAX ? LIST_MAX : (size_t)n;
}

json_t *model_of(const struct call *call) {
    const json_t *model = json_object_get(call->body, "model");
    return json_string(json_is_string(model) ? json_string_value(model) : "model");
}

size_t inputs_in(const json_t *v) {
    const json_t *first = json_array_get(v, 0);
    return json_is_array(v) && (json_is_string(first) || json_is_array(first)) ? json_array_size(v) : 1;
}

static builder *const builders[] = {
#define X(id, name, path, keys, unless, rules, builder, stream) [API_##id] = build_##builder,
    XCS_MODEL_APIS(X)
#undef X
};

json_t *placeholder_json(const struct canaries *c, const struct call *call, size_t dimension) {
    budget = BUDGET;
    too_large = false;
    json_t *v = builders[call->api](c, call, dimension);
    if (v && !too_large)
        return v;
    json_decref(v);
    return NULL;
}

void placeholder_head(struct buf *out, const struct request *r, const char *type) {
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_print(out, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nDate: %s\r\n%s", type, date,
              r->keep_alive ? "" : "Connection: close\r\n");
}

bool placeholder_make(const struct canaries *c, const struct call *call, const struct request *r, size_t dimension,
                      struct buf *out) {
    json_t *v = placeholder_json(c, call, dimension);
    if (!v)
        return false;
    char *text = json_dumps(v, JSON_COMPACT);
    json_decref(v);
    if (!text)
        return false;
    placeholder_head(out, r, "application/json");
    buf_print(out, "Content-Length: %zu\r\n\r\n", strlen(text));
    buf_add(out, text, strlen(text));
    free(text);
    return true;
}
