/* Builders of placeholders (placeholder_impl.h) in OpenAI's forms, which many others speak too. */
#include "placeholder_impl.h"
#include <time.h>

json_t *build_usage(void) {
    return json_pack("{s:i, s:i, s:i}", "prompt_tokens", 16, "completion_tokens", 16, "total_tokens", 32);
}

/* What the OpenAI-compatible responses have in common. */
static json_t *envelope(const struct canaries *c, const struct call *call, const char *object) {
    return json_pack("{s:o, s:s, s:I, s:o, s:o}", "id", canary_leaf(c), "object", object, "created",
                     (json_int_t)time(NULL), "model", model_of(call), "usage", build_usage());
}

json_t *build_chat(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *choices = json_array();
    size_t n = bounded(json_object_get(call->body, "n"), 1);
    (void)dimension;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(choices, json_pack("{s:i, s:{s:s, s:o, s:n}, s:n, s:s}", "index", (int)i, "message",
                                                 "role", "assistant", "content", canary_leaf(c), "refusal", "logprobs",
                                                 "finish_reason", "stop"));
    json_t *v = envelope(c, call, "chat.completion");
    json_object_set_new(v, "choices", choices);
    return v;
}

json_t *build_completion(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *choices = json_array();
    size_t n = inputs_in(json_object_get(call->body, "prompt")) * bounded(json_object_get(call->body, "n"), 1);
    (void)dimension;
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(choices, json_pack("{s:i, s:o, s:n, s:s}", "index", (int)i, "text", canary_leaf(c),
                                                 "logprobs", "finish_reason", "stop"));
    json_t *v = envelope(c, call, "text_completion");
    json_object_set_new(v, "choices", choices);
    return v;
}

json_t *build_response(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *item = json_pack("{s:s, s:o, s:s, s:s, s:[{s:s, s:o, s:[], s:[]}]}", "type", "message", "id",
                             canary_leaf(c), "status", "completed", "role", "assistant", "content", "type",
                             "output_text", "text", canary_leaf(c), "annotations", "logprobs");
    json_t *counts =
        json_pack("{s:i, s:{s:i}, s:i, s:{s:i}, s:i}", "input_tokens", 16, "input_tokens_details", "cached_tokens", 0,
                  "output_tokens", 16, "output_tokens_details", "reasoning_tokens", 0, "total_tokens", 32);
    (void)dimension;
    return json_pack(
        "{s:o, s:s, s:I, s:s, s:n, s:n, s:n, s:n, s:o, s:[o], s:b, s:n, s:{s:n, s:n}, s:b, s:f, s:{s:{s:s}},"
        " s:s, s:[], s:f, s:s, s:o, s:n, s:{}}",
        "id", canary_leaf(c), "object", "response", "created_at", (json_int_t)time(NULL), "status", "completed",
        "error", "incomplete_details", "instructions", "max_output_tokens", "model", model_of(call), "output", item,
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

json_t *build_moderation(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *results = json_array();
    size_t n = inputs_in(json_object_get(call->body, "input"));
    (void)dimension;
    for (size_t i = 0; i < n && i < LIST_MAX; i++) {
        json_t *flags = json_object(), *scores = json_object(), *types = json_object();
        for (size_t k = 0; k < sizeof moderated / sizeof *moderated; k++) {
            json_object_set_new(flags, moderated[k], json_false());
            json_object_set_new(scores, moderated[k], json_real(canary_number(c, 0)));
            json_object_set_new(types, moderated[k], json_pack("[s]", "text"));
        }
        json_array_append_new(results, json_pack("{s:b, s:o, s:o, s:o}", "flagged", 0, "categories", flags,
                                                 "category_scores", scores, "category_applied_input_types", types));
    }
    return json_pack("{s:o, s:o, s:o}", "id", canary_leaf(c), "model", model_of(call), "results", results);
}

/* A picture that is text all the same: what a program does with it is to write it down, or to fetch it. */
json_t *build_image(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *format = json_object_get(call->body, "response_format");
    const char *model = json_string_value(json_object_get(call->body, "model"));
    bool packed = json_is_string(format) ? strcmp(json_string_value(format), "b64_json") == 0
                                         : model && strncmp(model, "gpt-image", 9) == 0;
    json_t *list = json_array();
    size_t n = bounded(json_object_get(call->body, "n"), 1);
    (void)dimension;
    for (size_t i = 0; i < n; i++) {
        char word[CANARY_LEN + 1];
        canary_make(c, word);
        json_array_append_new(list, packed ? json_pack("{s:s}", "b64_json", word)
                                           : json_pack("{s:o, s:o}", "url",
                                                       json_sprintf("https://%s.invalid/image.png", word),
                                                       "revised_prompt", canary_leaf(c)));
    }
    return json_pack("{s:I, s:o}", "created", (json_int_t)time(NULL), "data", list);
}

/* In the order of the documents: as good as any. The scores are made up and fall. */
json_t *build_rerank(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *documents = json_object_get(call->body, "documents");
    bool wanted = json_is_true(json_object_get(call->body, "return_documents"));
    size_t n = json_array_size(documents);
    size_t top = bounded(json_object_get(call->body, "top_n"), n);
    json_t *list = json_array();
    (void)dimension;
    for (size_t i = 0; i < n && i < top; i++) {
        json_t *v =
            json_pack("{s:i, s:f}", "index", (int)i, "relevance_score", canary_number(c, 2 * LIST_MAX - (unsigned)i));
        json_t *document = json_array_get(documents, i);
        if (wanted)
            json_object_set_new(
                v, "document", json_is_string(document) ? json_pack("{s:O}", "text", document) : json_incref(document));
        json_array_append_new(list, v);
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:{s:{s:s}, s:{s:i}}}", "id", canary_leaf(c), "model", model_of(call),
                     "usage", build_usage(), "results", list, "meta", "api_version", "version", "2", "billed_units",
                     "search_units", 1);
}
