/* The test model server's answers in the forms of those who have one of their own (model_forms.h). */
#include "model_forms.h"
#include <stdlib.h>
#include <string.h>

/* How many texts a value is. */
static size_t texts_in(const json_t *v) {
    return json_is_array(v) ? json_array_size(v) : 1;
}

/* ---- Anthropic, Google ---- */

json_t *answer_message(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *messages = json_object_get(call, "messages");
    if (!json_is_array(messages) || !json_object_get(call, "max_tokens"))
        return NULL;
    return json_pack("{s:o,s:s,s:s,s:s,s:[{s:s,s:o}],s:s,s:n,s:{s:i,s:i}}", "id", id_of(req, "msg_"), "type", "message",
                     "role", "assistant", "model", model_of(call), "content", "type", "text", "text",
                     text_of(req, how, last_user_text(messages)), "stop_reason", "end_turn", "stop_sequence", "usage",
                     "input_tokens", 8, "output_tokens", 8);
}

json_t *answer_generate(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *contents = json_object_get(call, "contents");
    if (!json_array_size(contents))
        return NULL;
    const json_t *last = json_array_get(contents, json_array_size(contents) - 1);
    return json_pack("{s:[{s:{s:[{s:o}],s:s},s:s,s:i}],s:{s:i,s:i,s:i},s:s}", "candidates", "content", "parts", "text",
                     text_of(req, how, content_text(json_object_get(last, "parts"))), "role", "model", "finishReason",
                     "STOP", "index", 0, "usageMetadata", "promptTokenCount", 8, "candidatesTokenCount", 8,
                     "totalTokenCount", 16, "modelVersion", "test-model");
}

json_t *answer_embed_content(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    (void)call;
    return json_pack("{s:{s:o}}", "embedding", "values", vector_of(req, 0));
}

json_t *answer_embed_contents(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    json_t *list = json_array();
    (void)how;
    for (size_t i = 0; i < json_array_size(json_object_get(call, "requests")); i++)
        json_array_append_new(list, json_pack("{s:o}", "values", vector_of(req, i)));
    return json_pack("{s:o}", "embeddings", list);
}

/* ---- Ollama ---- */

/* Ollama's two: `key` holds what was generated. */
static json_t *ollama(const json_t *call, const char *key, json_t *generated) {
    return json_pack("{s:s,s:s,s:o,s:b,s:s,s:i,s:i,s:i}", "model", model_of(call), "created_at", "2023-11-14T22:13:20Z",
                     key, generated, "done", 1, "done_reason", "stop", "total_duration", 1000, "prompt_eval_count", 8,
                     "eval_count", 8);
}

json_t *answer_ollama_chat(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const char *prompt = last_user_text(json_object_get(call, "messages"));
    json_t *text = text_of(req, how, prompt);
    return ollama(call, "message", json_pack("{s:s,s:o}", "role", "assistant", "content", text));
}

json_t *answer_ollama_generate(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return ollama(call, "response", text_of(req, how, content_text(json_object_get(call, "prompt"))));
}

json_t *answer_ollama_embed(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    return json_pack("{s:s,s:o,s:i}", "model", model_of(call), "embeddings",
                     vectors_of(req, texts_in(json_object_get(call, "input"))), "prompt_eval_count", 8);
}

json_t *answer_ollama_embedding(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    (void)call;
    return json_pack("{s:o}", "embedding", vector_of(req, 0));
}

/* ---- llama.cpp ---- */

json_t *answer_llama(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *prompt = json_object_get(call, "prompt");
    if (!prompt)
        prompt = json_object_get(call, "input_prefix");
    return json_pack("{s:i,s:o,s:b,s:s,s:i,s:i,s:s,s:{s:i}}", "index", 0, "content",
                     text_of(req, how, content_text(prompt)), "stop", 1, "model", model_of(call), "tokens_predicted", 8,
                     "tokens_evaluated", 8, "stop_type", "eos", "timings", "predicted_n", 8);
}

json_t *answer_llama_embedding(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    json_t *list = json_array();
    (void)how;
    for (size_t i = 0; i < texts_in(json_object_get(call, "content")); i++)
        json_array_append_new(list, json_pack("{s:i,s:[o]}", "index", (int)i, "embedding", vector_of(req, i)));
    return list;
}

/* ---- Cohere ---- */

json_t *answer_cohere_chat(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const char *prompt = last_user_text(json_object_get(call, "messages"));
    return json_pack("{s:o,s:s,s:{s:s,s:[{s:s,s:o}]},s:{s:{s:i,s:i}}}", "id", id_of(req, ""), "finish_reason",
                     "COMPLETE", "message", "role", "assistant", "content", "type", "text", "text",
                     text_of(req, how, prompt), "usage", "tokens", "input_tokens", 8, "output_tokens", 8);
}

json_t *answer_cohere_chat_1(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    json_t *message = json_object_get(call, "message"), *text = text_of(req, how, content_text(message));
    return json_pack("{s:o,s:o,s:o,s:[{s:s,s:O},{s:s,s:O}],s:s,s:{s:{s:s}}}", "response_id", id_of(req, ""), "text",
                     text, "generation_id", id_of(req, "g-"), "chat_history", "role", "USER", "message", message,
                     "role", "CHATBOT", "message", text, "finish_reason", "COMPLETE", "meta", "api_version", "version",
                     "1");
}

json_t *answer_cohere_embed(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    json_t *texts = json_object_get(call, "texts");
    bool typed = json_object_get(call, "embedding_types") || strstr(req->target, "/v2/");
    json_t *vectors = vectors_of(req, texts_in(texts));
    (void)how;
    return json_pack("{s:o,s:o,s:O,s:s}", "id", id_of(req, ""), "embeddings",
                     typed ? json_pack("{s:o}", "float", vectors) : vectors, "texts", texts, "response_type",
                     typed ? "embeddings_by_type" : "embeddings_floats");
}

/* ---- text-generation-inference, Hugging Face ---- */

json_t *answer_tgi(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return json_pack("{s:o}", "generated_text", text_of(req, how, content_text(json_object_get(call, "inputs"))));
}

json_t *answer_generated(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return json_pack("[o]", answer_tgi(req, how, call));
}

json_t *answer_features(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *inputs = json_object_get(call, "inputs");
    (void)how;
    return json_is_array(inputs) ? vectors_of(req, json_array_size(inputs)) : vector_of(req, 0);
}

/* ---- Bedrock ---- */

json_t *answer_converse(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const char *prompt = last_user_text(json_object_get(call, "messages"));
    return json_pack("{s:{s:{s:s,s:[{s:o}]}},s:s,s:{s:i,s:i,s:i},s:{s:i}}", "output", "message", "role", "assistant",
                     "content", "text", text_of(req, how, prompt), "stopReason", "end_turn", "usage", "inputTokens", 8,
                     "outputTokens", 8, "totalTokens", 16, "metrics", "latencyMs", 100);
}

json_t *answer_titan(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return json_pack("{s:i,s:[{s:i,s:o,s:s}]}", "inputTextTokenCount", 8, "results", "tokenCount", 8, "outputText",
                     text_of(req, how, content_text(json_object_get(call, "inputText"))), "completionReason", "FINISH");
}

json_t *answer_titan_embed(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    (void)call;
    return json_pack("{s:o,s:i}", "embedding", vector_of(req, 0), "inputTextTokenCount", 8);
}

json_t *answer_bedrock_llama(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return json_pack("{s:o,s:i,s:i,s:s}", "generation",
                     text_of(req, how, content_text(json_object_get(call, "prompt"))), "prompt_token_count", 8,
                     "generation_token_count", 8, "stop_reason", "stop");
}

json_t *answer_bedrock_mistral(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return json_pack("{s:[{s:o,s:s}]}", "outputs", "text",
                     text_of(req, how, content_text(json_object_get(call, "prompt"))), "stop_reason", "stop");
}
