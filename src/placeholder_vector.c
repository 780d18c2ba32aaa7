/*
 * Builders of placeholders (placeholder_impl.h) whose answers are embeddings. Their numbers are recognised as made up where a program hands
 * them on as they are (canary.h); a program that calculates with them only mispredicts.
 */
#include "base64.h"
#include "placeholder_impl.h"
#include <stdlib.h>
#include <sys/random.h>

#define DIMENSION 1536

/* A number that is written out costs several of base64. */
#define WRITTEN_OUT 4

enum form {
    FORM_NUMBERS,
    FORM_BASE64,
    FORM_BYTES, /* quantized: small whole numbers, in which nothing can be recognised */
    FORM_BITS   /* eight in one of those */
};

static double made_up(const struct canaries *c, uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return canary_number(c, *seed >> 8) * (*seed & 0x80 ? -1 : 1);
}

static json_t *packed(const struct canaries *c, size_t dimension, uint32_t seed) {
    float *f = xcalloc(dimension, sizeof *f);
    struct buf text = {0};
    for (size_t i = 0; i < dimension; i++)
        f[i] = (float)(i < 3 ? canary_number(c, (unsigned)i) : made_up(c, &seed));
    base64_add(&text, f, dimension * sizeof *f);
    json_t *v = json_stringn(text.p, text.len);
    buf_free(&text);
    free(f);
    return v;
}

static json_t *vector(const struct canaries *c, size_t dimension, enum form form) {
    uint32_t seed = 1;
    if (!placeholder_afford(form == FORM_BASE64 ? dimension : dimension * WRITTEN_OUT))
        return json_array();
    if (getrandom(&seed, sizeof seed, 0) < 0)
        seed = 1;
    if (form == FORM_BASE64)
        return packed(c, dimension, seed);
    json_t *v = json_array();
    for (size_t i = 0; i < (form == FORM_BITS ? (dimension + 7) / 8 : dimension); i++)
        json_array_append_new(v, form == FORM_NUMBERS ? json_real(made_up(c, &seed))
                                                      : json_integer((json_int_t)(i * seed >> 16 & 127)));
    return v;
}

static size_t width(const json_t *asked, size_t dimension) {
    return bounded(asked, dimension ? dimension : DIMENSION);
}

static json_t *vectors(const struct canaries *c, size_t n, size_t wide, enum form form) {
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, vector(c, wide, form));
    return list;
}

/* --- OpenAI, and those who speak like it --- */

json_t *build_embedding(const struct canaries *c, const struct call *call, size_t dimension) {
    const char *format = json_string_value(json_object_get(call->body, "encoding_format"));
    enum form form = format && strcmp(format, "base64") == 0 ? FORM_BASE64 : FORM_NUMBERS;
    size_t n = inputs_in(json_object_get(call->body, "input"));
    size_t wide = width(json_object_get(call->body, "dimensions"), dimension);
    json_t *list = json_array();
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:i, s:o}", "object", "embedding", "index", (int)i, "embedding",
                                              vector(c, wide, form)));
    return json_pack("{s:s, s:o, s:o, s:o}", "object", "list", "data", list, "model", model_of(call), "usage",
                     build_usage());
}

/* --- Google --- */

static size_t google_width(const json_t *request, size_t dimension) {
    return width(json_object_get(request, "outputDimensionality"), dimension);
}

json_t *build_values(const struct canaries *c, const struct call *call, size_t dimension) {
    return json_pack("{s:{s:o}}", "embedding", "values", vector(c, google_width(call->body, dimension), FORM_NUMBERS));
}

json_t *build_values_list(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *requests = json_object_get(call->body, "requests");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(requests) && i < LIST_MAX; i++)
        json_array_append_new(list,
                              json_pack("{s:o}", "values",
                                        vector(c, google_width(json_array_get(requests, i), dimension), FORM_NUMBERS)));
    return json_pack("{s:o}", "embeddings", list);
}

/* --- Ollama, llama.cpp --- */

json_t *build_ollama_embed(const struct canaries *c, const struct call *call, size_t dimension) {
    size_t n = inputs_in(json_object_get(call->body, "input"));
    json_t *list = vectors(c, n, width(json_object_get(call->body, "dimensions"), dimension), FORM_NUMBERS);
    return json_pack("{s:o, s:o, s:i, s:i, s:i}", "model", model_of(call), "embeddings", list, "total_duration",
                     100000000, "load_duration", 1000000, "prompt_eval_count", 16);
}

json_t *build_ollama_embedding(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    return json_pack("{s:o}", "embedding", vector(c, width(NULL, dimension), FORM_NUMBERS));
}

json_t *build_llama_embedding(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *list = json_array();
    size_t n = inputs_in(json_object_get(call->body, "content"));
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(list, json_pack("{s:i, s:o}", "index", (int)i, "embedding",
                                              vectors(c, 1, width(NULL, dimension), FORM_NUMBERS)));
    return list;
}

/* --- Cohere --- */

static const struct {
    const char *type;
    enum form form;
} cohere_types[] = {
    {"float", FORM_NUMBERS}, {"base64", FORM_BASE64}, {"int8", FORM_BYTES},
    {"uint8", FORM_BYTES},   {"binary", FORM_BITS},   {"ubinary", FORM_BITS},
};

/* The texts may also stand in a list of inputs of mixed kinds. */
static size_t cohere_inputs(const json_t *body) {
    static const char *const keys[] = {"texts", "images", "inputs"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_is_array(json_object_get(body, keys[i])))
            return json_array_size(json_object_get(body, keys[i]));
    return 1;
}

static bool asks_for(const json_t *types, const char *type) {
    const json_t *v;
    size_t i;
    json_array_foreach(types, i, v) if (json_is_string(v) && strcmp(json_string_value(v), type) == 0) return true;
    return false;
}

json_t *build_cohere_embed(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *types = json_object_get(call->body, "embedding_types"), *texts = json_object_get(call->body, "texts");
    size_t n = cohere_inputs(call->body), wide = width(json_object_get(call->body, "output_dimension"), dimension);
    json_t *by_type = json_object();
    for (size_t i = 0; i < sizeof cohere_types / sizeof *cohere_types; i++)
        if (asks_for(types, cohere_types[i].type) || (i == 0 && json_array_size(types) == 0))
            json_object_set_new(by_type, cohere_types[i].type, vectors(c, n, wide, cohere_types[i].form));
    return json_pack("{s:o, s:o, s:o, s:{s:{s:s}, s:{s:i}}, s:s}", "id", canary_leaf(c), "embeddings", by_type, "texts",
                     json_is_array(texts) ? json_incref((json_t *)(uintptr_t)texts) : json_array(), "meta",
                     "api_version", "version", "2", "billed_units", "input_tokens", 16, "response_type",
                     "embeddings_by_type");
}

/* The first version gives bare vectors to those who ask for no type. */
json_t *build_cohere_embed_1(const struct canaries *c, const struct call *call, size_t dimension) {
    if (json_array_size(json_object_get(call->body, "embedding_types")) > 0)
        return build_cohere_embed(c, call, dimension);
    json_t *texts = json_object_get(call->body, "texts");
    size_t n = cohere_inputs(call->body);
    return json_pack("{s:o, s:o, s:O, s:{s:{s:s}}, s:s}", "id", canary_leaf(c), "embeddings",
                     vectors(c, n, width(NULL, dimension), FORM_NUMBERS), "texts", texts, "meta", "api_version",
                     "version", "1", "response_type", "embeddings_floats");
}

/* --- Hugging Face, Bedrock --- */

json_t *build_features(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *inputs = json_object_get(call->body, "inputs");
    size_t wide = width(NULL, dimension);
    return json_is_array(inputs) ? vectors(c, json_array_size(inputs), wide, FORM_NUMBERS)
                                 : vector(c, wide, FORM_NUMBERS);
}

json_t *build_titan_embed(const struct canaries *c, const struct call *call, size_t dimension) {
    size_t wide = width(json_object_get(call->body, "dimensions"), dimension);
    return json_pack("{s:o, s:i}", "embedding", vector(c, wide, FORM_NUMBERS), "inputTextTokenCount", 16);
}
