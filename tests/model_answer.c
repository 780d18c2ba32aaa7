/*
 * Answers of the test model server (see model_answer.h). As far as a client can see, an OpenAI-compatible server (chat
 * completions, also streamed, completions, embeddings, responses, the list of models), an Anthropic, a Google and an Ollama
 * one, and a plain JSON answer to any other POST.
 * Nothing here may depend on the clock or on anything but the arguments: tests compare runs byte for byte.
 */
#include "model_answer.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREATED 1700000000
#define ECHO_BYTES 60
#define EMBEDDING_VALUES 8
#define MARKER_MAX 64

const struct behaviour behaviour_default = {.status = 200, .retry_after = 1, .drop = -1, .reset = -1};

static const struct {
    const char *name;
    size_t offset;
} behaviours[] = {
    {"latency", offsetof(struct behaviour, latency_ms)},
    {"latency-ms", offsetof(struct behaviour, latency_ms)},
    {"size", offsetof(struct behaviour, size)},
    {"status", offsetof(struct behaviour, status)},
    {"retry-after", offsetof(struct behaviour, retry_after)},
    {"fail-first", offsetof(struct behaviour, fail_first)},
    {"drop", offsetof(struct behaviour, drop)},
    {"reset", offsetof(struct behaviour, reset)},
    {"hangup", offsetof(struct behaviour, hangup)},
    {"chunked", offsetof(struct behaviour, chunked)},
    {"slow-body", offsetof(struct behaviour, slow_body_ms)},
    {"close", offsetof(struct behaviour, close)},
    {"count-equal", offsetof(struct behaviour, count_equal)},
};

bool behaviour_set(struct behaviour *how, const char *name, size_t len, const char *value) {
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++) {
        if (strlen(behaviours[i].name) == len && memcmp(behaviours[i].name, name, len) == 0) {
            long number = value ? strtol(value, NULL, 10) : 1;
            memcpy((char *)how + behaviours[i].offset, &number, sizeof number);
            return true;
        }
    }
    return false;
}

void behaviour_from_body(struct behaviour *how, const char *body, size_t len) {
    const char *end = body + len;
    const char *p = body;
    while ((p = memmem(p, (size_t)(end - p), "[[", 2))) {
        p += 2;
        size_t room = (size_t)(end - p) < MARKER_MAX ? (size_t)(end - p) : MARKER_MAX;
        const char *stop = memmem(p, room, "]]", 2);
        if (!stop)
            continue;
        char marker[MARKER_MAX + 1];
        size_t n = (size_t)(stop - p);
        memcpy(marker, p, n);
        marker[n] = '\0';
        char *equals = strchr(marker, '=');
        if (equals)
            *equals = '\0';
        behaviour_set(how, marker, strlen(marker), equals ? equals + 1 : NULL);
    }
}

void behaviour_usage(void) {
    for (size_t i = 0; i < sizeof behaviours / sizeof behaviours[0]; i++)
        printf(" --%s[=N]", behaviours[i].name);
    putchar('\n');
}

/* ---- text ---- */

/* The first ECHO_BYTES or so of a text, cut between characters, without its markers. */
static void echo_of(const char *text, char *out, size_t room) {
    size_t n = 0;
    while (*text && n + 5 < room && n < ECHO_BYTES) {
        const char *stop = strncmp(text, "[[", 2) == 0 ? strstr(text, "]]") : NULL;
        if (stop) {
            text = stop + 2;
            continue;
        }
        do
            out[n++] = *text++;
        while (((unsigned char)*text & 0xc0) == 0x80);
    }
    out[n] = '\0';
}

/* The text of a message's content: a string, or the first text part of a list of parts. */
static const char *content_text(const json_t *content) {
    size_t i;
    json_t *part;
    if (json_is_string(content))
        return json_string_value(content);
    json_array_foreach(content, i, part) {
        if (json_is_string(part))
            return json_string_value(part);
        if (json_is_string(json_object_get(part, "text")))
            return json_string_value(json_object_get(part, "text"));
    }
    return "";
}

static const char *last_user_text(const json_t *messages) {
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *message = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(message, "role"));
        if (role && strcmp(role, "user") == 0)
            return content_text(json_object_get(message, "content"));
    }
    return "";
}

/* What a prompt asks for itself: the text X of "[[say X]]", or for "[[json]]" a small object. False: neither. */
static bool ordered_text(FILE *f, const struct request_view *req, const char *prompt) {
    const char *said = strstr(prompt, "[[say ");
    const char *stop = said ? strstr(said, "]]") : NULL;
    if (stop)
        return fwrite(said + 6, 1, (size_t)(stop - said - 6), f) > 0;
    if (!strstr(prompt, "[[json]]"))
        return false;
    fprintf(f, "{\"topic\": \"word%.4s\", \"kind\": \"report\", \"score\": %d, \"tags\": [\"word%.4s\", \"word%.4s\"]}",
            req->hash, req->hash[4] % 10, req->hash + 8, req->hash + 12);
    return true;
}

/* The answer to `prompt`: hash words, the prompt's start, and padding up to the size asked for. The caller frees it. */
static char *answer_text(const struct request_view *req, const struct behaviour *how, const char *prompt,
                         size_t choice) {
    char echo[ECHO_BYTES + 8];
    char *text = NULL;
    size_t len = 0;
    echo_of(prompt, echo, sizeof echo);
    FILE *f = open_memstream(&text, &len);
    if (!f)
        abort();
    if (!ordered_text(f, req, prompt)) {
        fprintf(f, "word%.4s word%.4s", req->hash, req->hash + 4);
        if (choice > 0)
            fprintf(f, " choice%zu", choice);
        if (how->count_equal)
            fprintf(f, " #%u", req->occurrence);
        fprintf(f, ": %s", echo);
    }
    fflush(f);
    for (size_t i = len; how->size > 0 && i < (size_t)how->size; i++)
        fputc("lorem ipsum dolor sit amet "[i % 27], f);
    fclose(f);
    return text;
}

/* ---- the endpoints ---- */

static json_t *usage_of(const struct request_view *req, size_t answer_len) {
    json_int_t in = (json_int_t)(req->len / 4 + 1);
    json_int_t out = (json_int_t)(answer_len / 4 + 1);
    return json_pack("{s:I,s:I,s:I}", "prompt_tokens", in, "completion_tokens", out, "total_tokens", in + out);
}

static const char *model_of(const json_t *call) {
    const char *model = json_string_value(json_object_get(call, "model"));
    return model ? model : "test-model";
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

static json_t *answer_chat(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *messages = json_object_get(call, "messages");
    return json_is_array(messages) ? completion(req, how, call, true, last_user_text(messages)) : NULL;
}

static json_t *answer_completion(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *prompt = json_object_get(call, "prompt");
    return prompt ? completion(req, how, call, false, content_text(prompt)) : NULL;
}

static json_t *answer_embedding(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    const json_t *input = json_object_get(call, "input");
    if (!input)
        return NULL;
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    json_t *data = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < EMBEDDING_VALUES; k++) {
            char digits[5] = {0};
            memcpy(digits, req->hash + (4 * (k + i)) % 60, 4);
            json_array_append_new(values, json_real((double)strtol(digits, NULL, 16) / 65536.0 - 0.5));
        }
        json_t *item = json_pack("{s:s,s:i,s:o}", "object", "embedding", "index", (int)i, "embedding", values);
        json_array_append_new(data, item);
    }
    return json_pack("{s:s,s:o,s:s,s:o}", "object", "list", "data", data, "model", model_of(call), "usage",
                     usage_of(req, 0));
}

/* The answer's text and usage, for the APIs that give one answer and have no form in common with OpenAI's. */
static json_t *text_of(const struct request_view *req, const struct behaviour *how, const char *prompt) {
    char *text = answer_text(req, how, prompt, 0);
    json_t *v = json_string(text);
    free(text);
    return v;
}

static json_t *id_of(const struct request_view *req, const char *prefix) {
    return json_sprintf("%s%.24s", prefix, req->hash);
}

static json_t *answer_response(const struct request_view *req, const struct behaviour *how, const json_t *call) {
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

static json_t *answer_message(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *messages = json_object_get(call, "messages");
    if (!json_is_array(messages) || !json_object_get(call, "max_tokens"))
        return NULL;
    return json_pack("{s:o,s:s,s:s,s:s,s:[{s:s,s:o}],s:s,s:n,s:{s:i,s:i}}", "id", id_of(req, "msg_"), "type", "message",
                     "role", "assistant", "model", model_of(call), "content", "type", "text", "text",
                     text_of(req, how, last_user_text(messages)), "stop_reason", "end_turn", "stop_sequence", "usage",
                     "input_tokens", 8, "output_tokens", 8);
}

static json_t *answer_generate(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const json_t *contents = json_object_get(call, "contents");
    if (!json_array_size(contents))
        return NULL;
    const json_t *last = json_array_get(contents, json_array_size(contents) - 1);
    return json_pack("{s:[{s:{s:[{s:o}],s:s},s:s,s:i}],s:{s:i,s:i,s:i},s:s}", "candidates", "content", "parts", "text",
                     text_of(req, how, content_text(json_object_get(last, "parts"))), "role", "model", "finishReason",
                     "STOP", "index", 0, "usageMetadata", "promptTokenCount", 8, "candidatesTokenCount", 8,
                     "totalTokenCount", 16, "modelVersion", "test-model");
}

/* Ollama's two: `key` holds what was generated. */
static json_t *ollama(const json_t *call, const char *key, json_t *generated) {
    return json_pack("{s:s,s:s,s:o,s:b,s:s,s:i,s:i,s:i}", "model", model_of(call), "created_at", "2023-11-14T22:13:20Z",
                     key, generated, "done", 1, "done_reason", "stop", "total_duration", 1000, "prompt_eval_count", 8,
                     "eval_count", 8);
}

static json_t *answer_ollama_chat(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    const char *prompt = last_user_text(json_object_get(call, "messages"));
    json_t *text = text_of(req, how, prompt);
    return ollama(call, "message", json_pack("{s:s,s:o}", "role", "assistant", "content", text));
}

static json_t *answer_ollama_generate(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    return ollama(call, "response", text_of(req, how, content_text(json_object_get(call, "prompt"))));
}

static json_t *answer_tool(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    (void)call;
    return json_pack("{s:b,s:i,s:s%}", "ok", 1, "length", (int)req->len, "hash", req->hash, (size_t)16);
}

static json_t *answer_models(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)req;
    (void)how;
    (void)call;
    return json_pack("{s:s,s:[{s:s,s:s,s:i,s:s}]}", "object", "list", "data", "id", "test-model", "object", "model",
                     "created", CREATED, "owned_by", "tests");
}

/* The first row that fits answers. The last suffix fits every target. */
static const struct endpoint {
    const char *method;
    const char *suffix;
    json_t *(*make)(const struct request_view *req, const struct behaviour *how, const json_t *call);
    bool wants_json;
} endpoints[] = {
    {"POST", "/chat/completions", answer_chat, true},
    {"POST", "/completions", answer_completion, true},
    {"POST", "/embeddings", answer_embedding, true},
    {"POST", "/responses", answer_response, true},
    {"POST", "/messages", answer_message, true},
    {"POST", ":generateContent", answer_generate, true},
    {"POST", "/api/chat", answer_ollama_chat, true},
    {"POST", "/api/generate", answer_ollama_generate, true},
    {"POST", "", answer_tool, false},
    {"GET", "/models", answer_models, false},
};

static const struct endpoint *find_endpoint(const char *method, const char *target) {
    size_t len = strcspn(target, "?");
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        size_t n = strlen(endpoints[i].suffix);
        if (strcmp(endpoints[i].method, method) == 0 && n <= len &&
            memcmp(target + len - n, endpoints[i].suffix, n) == 0)
            return &endpoints[i];
    }
    return NULL;
}

/* ---- server-sent events ---- */

static void add_event(FILE *f, struct answer *out, size_t *offset, const json_t *event) {
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    int n = fprintf(f, "data: %s\n\n", text ? text : "[DONE]");
    free(text);
    size_t *grown = realloc(out->pauses, (out->npauses + 1) * sizeof *grown);
    if (!grown || n < 0)
        abort();
    out->pauses = grown;
    out->pauses[out->npauses++] = *offset;
    *offset += (size_t)n;
}

static json_t *chunk_of(const json_t *whole, json_t *delta, const char *finish) {
    return json_pack("{s:O,s:s,s:O,s:O,s:[{s:i,s:o,s:s?}]}", "id", json_object_get(whole, "id"), "object",
                     "chat.completion.chunk", "created", json_object_get(whole, "created"), "model",
                     json_object_get(whole, "model"), "choices", "index", 0, "delta", delta, "finish_reason", finish);
}

/* The events of a streamed chat completion: the role, then word by word, spread over half the latency. */
static void stream_events(const json_t *whole, const struct behaviour *how, struct answer *out) {
    const json_t *message = json_object_get(json_array_get(json_object_get(whole, "choices"), 0), "message");
    const char *word = json_string_value(json_object_get(message, "content"));
    FILE *f = open_memstream(&out->body, &out->len);
    if (!f)
        abort();
    size_t offset = 0;
    json_t *event = chunk_of(whole, json_pack("{s:s,s:s}", "role", "assistant", "content", ""), NULL);
    add_event(f, out, &offset, event);
    json_decref(event);
    while (*word) {
        size_t n = strspn(word, " ");
        n += strcspn(word + n, " ");
        event = chunk_of(whole, json_pack("{s:s%}", "content", word, n), NULL);
        add_event(f, out, &offset, event);
        json_decref(event);
        word += n;
    }
    event = chunk_of(whole, json_object(), "stop");
    add_event(f, out, &offset, event);
    json_decref(event);
    add_event(f, out, &offset, NULL);
    fclose(f);
    out->type = "text/event-stream";
    out->gap_ms = how->latency_ms / 2 / (long)out->npauses;
}

/* ---- the whole ---- */

static json_t *error_body(int status) {
    return json_pack("{s:{s:s,s:s,s:i}}", "error", "message", "as the test asked for", "type", "test_error", "code",
                     status);
}

void answer_make(const struct request_view *req, const struct behaviour *how, struct answer *out) {
    *out = (struct answer){.status = (int)how->status, .type = "application/json"};
    const struct endpoint *endpoint = find_endpoint(req->method, req->target);
    json_t *call = json_loadb(req->body, req->len, JSON_ALLOW_NUL, NULL);
    json_t *whole = NULL;
    if (how->fail_first && req->occurrence == 1)
        out->status = (int)how->fail_first;
    if (!endpoint)
        out->status = 404;
    else if (endpoint->wants_json && !json_is_object(call))
        out->status = 400;
    else if (out->status == 200 && !(whole = endpoint->make(req, how, call)))
        out->status = 400;
    if (!whole)
        whole = error_body(out->status);
    if (out->status == 200 && endpoint->make == answer_chat && json_is_true(json_object_get(call, "stream"))) {
        stream_events(whole, how, out);
    } else {
        out->body = json_dumps(whole, JSON_COMPACT);
        if (!out->body)
            abort();
        out->len = strlen(out->body);
    }
    json_decref(whole);
    json_decref(call);
}
