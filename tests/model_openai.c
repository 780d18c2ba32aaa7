/* The test model server's answers in OpenAI's forms (model_forms.h), which many others speak too. */
#include "model_forms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *usage_of(const struct request_view *req, size_t answer_len) {
    json_int_t in = (json_int_t)(req->len / 4 + 1);
    json_int_t out = (json_int_t)(answer_len / 4 + 1);
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", in, "completion_tokens", out, "total_tokens", in + out);
}

/* A completion or chat completion with its n choices; `prompt` is what is echoed. */
static json_t *completion(const struct request_view *req, const struct behaviour *how, const json_t *call, bool chat,
                          const char *prompt) {
    json_int_t n = json_integer_value(json_object_get(call, "n"));
    json_t *choices = json_array();
    size_t total = 0;
    for (size_t i = 0; i < (size_t)(n < 1 ? 1 : n > 128 ? 128 : n); i++) {
        char *text = answer_text(req, how, prompt, i);
        total += strlen(text);
        json_t *choice =
            chat ? json_pack("{s:i,s:{s:s,s:s},s:n,s:s}", "index", (int)i, "message", "role", "assistant", "content",
                             text, "logprobs", "finish_reason", "stop")
                 : json_pack("{s:i,s:s,s:n,s:s}", "index", (int)i, "text", text, "logprobs", "finish_reason", "stop");
        json_array_append_new(choices, choice);
        free(text);
    }
    char id[48];
    snprintf(id, sizeof id, "%s-%.24s", chat ? "chatcmpl" : "cmpl", req->hash);
    return json_pack("{s:s,s:s,s:i,s:s,s:o,s:o}", "id", id, "object", chat ? "chat.completion" : "text_completion",
                     "created", CREATED, "model", model_of(call), "choices", choices, "usage", usage_of(req, total));
}

json_t *answer_chat(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *messages = json_object_get(call, "messages");
    return json_is_array(messages) ? completion(req, how, call, true, last_user_text(messages)) : NULL;
}

json_t *answer_fim(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return completion(req, how, call, true, content_text(json_object_get(call, "prompt")));
}

json_t *answer_completion(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *prompt = json_object_get(call, "prompt");
    return prompt ? completion(req, how, call, false, content_text(prompt)) : NULL;
}

json_t *answer_embedding(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    const json_t *input = json_object_get(call, "input");
    if (!input)
        return NULL;
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    json_t *data = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            data, json_pack("{s:s,s:i,s:o}", "object", "embedding", "index", (int)i, "embedding", vector_of(req, i)));
    return json_pack("{s:s,s:o,s:s,s:o}", "object", "list", "data", data, "model", model_of(call), "usage",
                     usage_of(req, 0));
}

json_t *answer_response(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *input = json_object_get(call, "input");
    if (!input)
        return NULL;
    const char *prompt = json_is_string(input) ? json_string_value(input) : last_user_text(input);
    return json_pack("{s:o,s:s,s:i,s:s,s:n,s:n,s:s,s:[{s:s,s:o,s:s,s:s,s:[{s:s,s:o,s:[]}]}],s:b,s:s,s:[],"
                     "s:{s:i,s:{s:i},s:i,s:{s:i},s:i}}",
                     "id", id_of(req, "resp_"), "object", "response", "created_at", CREATED, "status", "completed",
                     "error", "incomplete_details", "model", model_of(call), "output", "type", "message", "id",
                     id_of(req, "msg_"), "status", "completed", "role", "assistant", "content", "type", "output_text",
                     "text", text_of(req, how, prompt), "annotations", "parallel_tool_calls", 1, "tool_choice", "auto",
                     "tools", "usage", "input_tokens", 8, "input_tokens_details", "cached_tokens", 0, "output_tokens",
                     8, "output_tokens_details", "reasoning_tokens", 0, "total_tokens", 16);
}

json_t *answer_moderation(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    return json_pack("{s:o,s:s,s:[{s:b,s:{s:b,s:b},s:{s:f,s:f}}]}", "id", id_of(req, "modr-"), "model", model_of(call),
                     "results", "flagged", 0, "categories", "hate", 0, "violence", 0, "category_scores", "hate", 0.001,
                     "violence", 0.002);
}

/* Its hash in the place of a picture: who decodes it finds text. */
json_t *answer_image(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const char *format = json_string_value(json_object_get(call, "response_format"));
    bool packed = format && strcmp(format, "b64_json") == 0;
    (void)how;
    return json_pack("{s:i,s:[{s:o}]}", "created", CREATED, "data", packed ? "b64_json" : "url",
                     packed ? json_sprintf("%.32s", req->hash)
                            : json_sprintf("http://images.invalid/%.16s.png", req->hash));
}

/* The last document is the best. */
json_t *answer_rerank(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    size_t n = json_array_size(json_object_get(call, "documents"));
    json_t *results = json_array();
    (void)how;
    for (size_t i = n; i-- > 0;)
        json_array_append_new(
            results, json_pack("{s:i,s:f}", "index", (int)i, "relevance_score", (double)(i + 1) / (double)(n + 1)));
    return json_pack("{s:o,s:o,s:{s:{s:s}}}", "id", id_of(req, ""), "results", results, "meta", "api_version",
                     "version", "2");
}

json_t *answer_models(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)req;
    (void)how;
    (void)call;
    return json_pack("{s:s,s:[{s:s,s:s,s:i,s:s}]}", "object", "list", "data", "id", "test-model", "object", "model",
                     "created", CREATED, "owned_by", "tests");
}
