/* See placeholder.h. The builders of the table in shim/apis.h, by vendor; each answers in the form of the real service. */
#include "placeholder.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define DIMENSION 1536
#define LIST_MAX 4096

/* What one placeholder may cost to write, in numbers of base64; written out, a number costs several times that. */
#define BUDGET (1024 * 1024)
#define WRITTEN_OUT 4

static size_t budget; /* left for the placeholder at hand */
static bool too_large;

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

/* The model's name as the call has it; Google's call has it in its path, and an answer's may differ anyway. */
static json_t *model_of(const struct call *call) {
    const json_t *model = json_object_get(call->body, "model");
    return json_string(json_is_string(model) ? json_string_value(model) : "model");
}

/* What the OpenAI-compatible responses have in common. */
static json_t *envelope(const struct canaries *c, const struct call *call, const char *object) {
    return json_pack("{s:o, s:s, s:I, s:o, s:o}", "id", canary(c), "object", object, "created", (json_int_t)time(NULL),
                     "model", model_of(call), "usage", usage());
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
    size_t cost = as_base64 ? dimension : dimension * WRITTEN_OUT;
    if (cost > budget) {
        too_large = true;
        return json_array();
    }
    budget -= cost;
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

/* --- OpenAI: responses, moderations --- */

static json_t *response(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *item = json_pack("{s:s, s:o, s:s, s:s, s:[{s:s, s:o, s:[], s:[]}]}", "type", "message", "id", canary(c),
                             "status", "completed", "role", "assistant", "content", "type", "output_text", "text",
                             canary(c), "annotations", "logprobs");
    json_t *counts =
        json_pack("{s:i, s:{s:i}, s:i, s:{s:i}, s:i}", "input_tokens", 16, "input_tokens_details", "cached_tokens", 0,
                  "output_tokens", 16, "output_tokens_details", "reasoning_tokens", 0, "total_tokens", 32);
    (void)dimension;
    return json_pack(
        "{s:o, s:s, s:I, s:s, s:n, s:n, s:n, s:n, s:o, s:[o], s:b, s:n, s:{s:n, s:n}, s:b, s:f, s:{s:{s:s}},"
        " s:s, s:[], s:f, s:s, s:o, s:n, s:{}}",
        "id", canary(c), "object", "response", "created_at", (json_int_t)time(NULL), "status", "completed", "error",
        "incomplete_details", "instructions", "max_output_tokens", "model", model_of(call), "output", item,
        "parallel_tool_calls", 1, "previous_response_id", "reasoning", "effort", "summary", "store", 0, "temperature",
        1.0, "text", "format", "type", "text", "tool_choice", "auto", "tools", "top_p", 1.0, "truncation", "disabled",
        "usage", counts, "user", "metadata");
}

static const char *const moderated[] = {
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
};

static json_t *moderation(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *results = json_array();
    size_t n = inputs_in(json_object_get(call->body, "input"));
    (void)dimension;
    for (size_t i = 0; i < n && i < LIST_MAX; i++) {
        json_t *flags = json_object(), *scores = json_object(), *types = json_object();
        for (size_t k = 0; k < sizeof moderated / sizeof *moderated; k++) {
            json_object_set_new(flags, moderated[k], json_false());
            json_object_set_new(scores, moderated[k], json_real(1e-6));
            json_object_set_new(types, moderated[k], json_pack("[s]", "text"));
        }
        json_array_append_new(results, json_pack("{s:b, s:o, s:o, s:o}", "flagged", 0, "categories", flags,
                                                 "category_scores", scores, "category_applied_input_types", types));
    }
    return json_pack("{s:o, s:o, s:o}", "id", canary(c), "model", model_of(call), "results", results);
}

/* --- Anthropic --- */

static json_t *message(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)dimension;
    return json_pack("{s:o, s:s, s:s, s:o, s:[{s:s, s:o}], s:s, s:n, s:{s:i, s:i, s:i, s:i, s:s}}", "id", canary(c),
                     "type", "message", "role", "assistant", "model", model_of(call), "content", "type", "text", "text",
                     canary(c), "stop_reason", "end_turn", "stop_sequence", "usage", "input_tokens", 16,
                     "cache_creation_input_tokens", 0, "cache_read_input_tokens", 0, "output_tokens", 16,
                     "service_tier", "standard");
}

/* --- Google --- */

static json_t *candidates(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *list = json_array();
    size_t n = bounded(json_object_get(json_object_get(call->body, "generationConfig"), "candidateCount"), 1);
    (void)dimension;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:{s:[{s:o}], s:s}, s:s, s:i}", "content", "parts", "text", canary(c),
                                              "role", "model", "finishReason", "STOP", "index", (int)i));
    return json_pack("{s:o, s:{s:i, s:i, s:i}, s:o, s:o}", "candidates", list, "usageMetadata", "promptTokenCount", 16,
                     "candidatesTokenCount", 16, "totalTokenCount", 32, "modelVersion", model_of(call), "responseId",
                     canary(c));
}

static size_t google_width(const json_t *request, size_t dimension) {
    return bounded(json_object_get(request, "outputDimensionality"), dimension ? dimension : DIMENSION);
}

static json_t *values(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)c;
    return json_pack("{s:{s:o}}", "embedding", "values", vector(google_width(call->body, dimension), false));
}

static json_t *values_list(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *requests = json_object_get(call->body, "requests");
    json_t *list = json_array();
    (void)c;
    for (size_t i = 0; i < json_array_size(requests) && i < LIST_MAX; i++)
        json_array_append_new(
            list, json_pack("{s:o}", "values", vector(google_width(json_array_get(requests, i), dimension), false)));
    return json_pack("{s:o}", "embeddings", list);
}

/* --- Ollama --- */

/* What its generated answers have in common: the time, and how long it took (in nanoseconds). */
static json_t *ollama_envelope(const struct call *call) {
    char now[40];
    time_t t = time(NULL);
    struct tm tm;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%S.000000Z", gmtime_r(&t, &tm));
    return json_pack("{s:o, s:s, s:b, s:s, s:i, s:i, s:i, s:i, s:i, s:i}", "model", model_of(call), "created_at", now,
                     "done", 1, "done_reason", "stop", "total_duration", 100000000, "load_duration", 1000000,
                     "prompt_eval_count", 16, "prompt_eval_duration", 10000000, "eval_count", 16, "eval_duration",
                     80000000);
}

static json_t *ollama_chat(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *v = ollama_envelope(call);
    (void)dimension;
    json_object_set_new(v, "message", json_pack("{s:s, s:o}", "role", "assistant", "content", canary(c)));
    return v;
}

static json_t *ollama_generate(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *v = ollama_envelope(call);
    (void)dimension;
    json_object_set_new(v, "response", canary(c));
    json_object_set_new(v, "context", json_pack("[i, i, i]", 1, 2, 3));
    return v;
}

static json_t *ollama_embed(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *list = json_array();
    size_t n = inputs_in(json_object_get(call->body, "input"));
    size_t wide = bounded(json_object_get(call->body, "dimensions"), dimension ? dimension : DIMENSION);
    (void)c;
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, vector(wide, false));
    return json_pack("{s:o, s:o, s:i, s:i, s:i}", "model", model_of(call), "embeddings", list, "total_duration",
                     100000000, "load_duration", 1000000, "prompt_eval_count", 16);
}

static json_t *ollama_embedding(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)c;
    (void)call;
    return json_pack("{s:o}", "embedding", vector(dimension ? dimension : DIMENSION, false));
}

typedef json_t *builder(const struct canaries *, const struct call *, size_t dimension);
static builder *const builders[] = {
#define X(id, name, suffix, keys, unless, rules, builder) [API_##id] = builder,
    XCS_MODEL_APIS(X)
#undef X
};

json_t *placeholder_json(const struct canaries *c, const struct call *call, size_t dimension) {
    budget = BUDGET;
    too_large = false;
    json_t *v = builders[call->api](c, call, dimension);
    if (!too_large)
        return v;
    json_decref(v);
    return NULL;
}

bool placeholder_make(const struct canaries *c, const struct call *call, const struct request *r, size_t dimension,
                      struct buf *out) {
    json_t *v = placeholder_json(c, call, dimension);
    if (!v)
        return false;
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
    return true;
}
