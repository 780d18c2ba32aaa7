/* Builders of placeholders (placeholder_impl.h): the answers that are text, of all who have a form of their own. */
#include "placeholder_impl.h"
#include <time.h>

/* --- Anthropic --- */

json_t *build_message(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)dimension;
    return json_pack("{s:o, s:s, s:s, s:o, s:[{s:s, s:o}], s:s, s:n, s:{s:i, s:i, s:i, s:i, s:s}}", "id",
                     canary_leaf(c), "type", "message", "role", "assistant", "model", model_of(call), "content", "type",
                     "text", "text", canary_leaf(c), "stop_reason", "end_turn", "stop_sequence", "usage",
                     "input_tokens", 16, "cache_creation_input_tokens", 0, "cache_read_input_tokens", 0,
                     "output_tokens", 16, "service_tier", "standard");
}

/* --- Google --- */

json_t *build_candidates(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *list = json_array();
    size_t n = bounded(json_object_get(json_object_get(call->body, "generationConfig"), "candidateCount"), 1);
    (void)dimension;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list,
                              json_pack("{s:{s:[{s:o}], s:s}, s:s, s:i}", "content", "parts", "text", canary_leaf(c),
                                        "role", "model", "finishReason", "STOP", "index", (int)i));
    return json_pack("{s:o, s:{s:i, s:i, s:i}, s:o, s:o}", "candidates", list, "usageMetadata", "promptTokenCount", 16,
                     "candidatesTokenCount", 16, "totalTokenCount", 32, "modelVersion", model_of(call), "responseId",
                     canary_leaf(c));
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

json_t *build_ollama_chat(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *v = ollama_envelope(call);
    (void)dimension;
    json_object_set_new(v, "message", json_pack("{s:s, s:o}", "role", "assistant", "content", canary_leaf(c)));
    return v;
}

json_t *build_ollama_generate(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *v = ollama_envelope(call);
    (void)dimension;
    json_object_set_new(v, "response", canary_leaf(c));
    json_object_set_new(v, "context", json_pack("[i, i, i]", 1, 2, 3));
    return v;
}

/* --- llama.cpp --- */

json_t *build_llama(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *prompt = json_object_get(call->body, "prompt");
    const json_t *first = json_array_get(prompt, 0);
    bool several = json_array_size(prompt) > 1 && json_is_string(first) && json_is_string(json_array_get(prompt, 1));
    size_t n = several ? json_array_size(prompt) : 1;
    json_t *list = json_array();
    (void)dimension;
    for (size_t i = 0; i < n && i < LIST_MAX; i++)
        json_array_append_new(
            list,
            json_pack("{s:i, s:o, s:[], s:i, s:b, s:o, s:i, s:i, s:{}, s:O?, s:b, s:b, s:s, s:s, s:i, s:{s:i, s:f,"
                      " s:i, s:f}}",
                      "index", (int)i, "content", canary_leaf(c), "tokens", "id_slot", 0, "stop", 1, "model",
                      model_of(call), "tokens_predicted", 16, "tokens_evaluated", 16, "generation_settings", "prompt",
                      several ? json_array_get(prompt, i) : prompt, "has_new_line", 0, "truncated", 0, "stop_type",
                      "eos", "stopping_word", "", "tokens_cached", 31, "timings", "prompt_n", 16, "prompt_ms", 10.0,
                      "predicted_n", 16, "predicted_ms", 100.0));
    if (several)
        return list;
    json_t *only = json_incref(json_array_get(list, 0));
    json_decref(list);
    return only;
}

/* --- Cohere --- */

json_t *build_cohere_chat(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    (void)dimension;
    return json_pack("{s:o, s:s, s:{s:s, s:[{s:s, s:o}]}, s:{s:{s:i, s:i}, s:{s:i, s:i}}}", "id", canary_leaf(c),
                     "finish_reason", "COMPLETE", "message", "role", "assistant", "content", "type", "text", "text",
                     canary_leaf(c), "usage", "billed_units", "input_tokens", 16, "output_tokens", 16, "tokens",
                     "input_tokens", 16, "output_tokens", 16);
}

json_t *build_cohere_chat_1(const struct canaries *c, const struct call *call, size_t dimension) {
    json_t *text = canary_leaf(c), *history = json_object_get(call->body, "chat_history");
    (void)dimension;
    history = json_is_array(history) ? json_copy(history) : json_array();
    json_array_append_new(history,
                          json_pack("{s:s, s:O}", "role", "USER", "message", json_object_get(call->body, "message")));
    json_array_append_new(history, json_pack("{s:s, s:O}", "role", "CHATBOT", "message", text));
    return json_pack("{s:o, s:o, s:o, s:o, s:s, s:{s:{s:s}, s:{s:i, s:i}, s:{s:i, s:i}}}", "response_id",
                     canary_leaf(c), "text", text, "generation_id", canary_leaf(c), "chat_history", history,
                     "finish_reason", "COMPLETE", "meta", "api_version", "version", "1", "billed_units", "input_tokens",
                     16, "output_tokens", 16, "tokens", "input_tokens", 16, "output_tokens", 16);
}

/* --- text-generation-inference, Hugging Face --- */

json_t *build_tgi(const struct canaries *c, const struct call *call, size_t dimension) {
    const json_t *parameters = json_object_get(call->body, "parameters");
    json_t *v = json_pack("{s:o}", "generated_text", canary_leaf(c));
    (void)dimension;
    if (json_is_true(json_object_get(parameters, "details")))
        json_object_set_new(v, "details",
                            json_pack("{s:s, s:i, s:n, s:[], s:[]}", "finish_reason", "eos_token", "generated_tokens",
                                      16, "seed", "prefill", "tokens"));
    return v;
}

json_t *build_generated(const struct canaries *c, const struct call *call, size_t dimension) {
    return json_pack("[o]", build_tgi(c, call, dimension));
}

/* --- Bedrock --- */

json_t *build_converse(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    (void)dimension;
    return json_pack("{s:{s:{s:s, s:[{s:o}]}}, s:s, s:{s:i, s:i, s:i}, s:{s:i}}", "output", "message", "role",
                     "assistant", "content", "text", canary_leaf(c), "stopReason", "end_turn", "usage", "inputTokens",
                     16, "outputTokens", 16, "totalTokens", 32, "metrics", "latencyMs", 500);
}

json_t *build_titan(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    (void)dimension;
    return json_pack("{s:i, s:[{s:i, s:o, s:s}]}", "inputTextTokenCount", 16, "results", "tokenCount", 16, "outputText",
                     canary_leaf(c), "completionReason", "FINISH");
}

json_t *build_bedrock_llama(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    (void)dimension;
    return json_pack("{s:o, s:i, s:i, s:s}", "generation", canary_leaf(c), "prompt_token_count", 16,
                     "generation_token_count", 16, "stop_reason", "stop");
}

json_t *build_bedrock_mistral(const struct canaries *c, const struct call *call, size_t dimension) {
    (void)call;
    (void)dimension;
    return json_pack("{s:[{s:o, s:s}]}", "outputs", "text", canary_leaf(c), "stop_reason", "stop");
}
