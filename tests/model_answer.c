/*
 * Answers of the test model server (see model_answer.h): which path is answered in which form (model_forms.h), with what behaviour. A plain
 * JSON answer to any other POST.
 */
#include "model_forms.h"
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static json_t *answer_tool(const struct request_view *req, const struct behaviour *how, const json_t *call) {
    (void)how;
    (void)call;
    return json_pack("{s:b,s:i,s:s%}", "ok", 1, "length", (int)req->len, "hash", req->hash, (size_t)16);
}

enum streaming {
    WHEN_ASKED, /* "stream": true */
    UNLESS_NOT, /* unless "stream" is false */
    ALWAYS
};

/* The first row that fits answers: the path, and a key of the body if there is one. The last of the POSTs fits all. */
static const struct endpoint {
    const char *method, *path, *key;
    answer_form *make;
    enum stream_form stream;
    enum streaming when;
} endpoints[] = {
    {"POST", "*/chat/completions", "messages", answer_chat, STREAM_CHAT, WHEN_ASKED},
    {"POST", "*/fim/completions", "prompt", answer_fim, STREAM_CHAT, WHEN_ASKED},
    {"POST", "*/completions", "prompt", answer_completion, STREAM_COMPLETION, WHEN_ASKED},
    {"POST", "/api/embeddings", "prompt", answer_ollama_embedding, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/embeddings", "input", answer_embedding, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/responses", "input", answer_response, STREAM_RESPONSE, WHEN_ASKED},
    {"POST", "*/moderations", "input", answer_moderation, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/images/generations", "prompt", answer_image, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/rerank", "documents", answer_rerank, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/messages", "max_tokens", answer_message, STREAM_MESSAGE, WHEN_ASKED},
    {"POST", "*:generateContent", "contents", answer_generate, STREAM_NONE, WHEN_ASKED},
    {"POST", "*:streamGenerateContent", "contents", answer_generate, STREAM_GOOGLE, ALWAYS},
    {"POST", "*:embedContent", "content", answer_embed_content, STREAM_NONE, WHEN_ASKED},
    {"POST", "*:batchEmbedContents", "requests", answer_embed_contents, STREAM_NONE, WHEN_ASKED},
    {"POST", "/api/chat", "messages", answer_ollama_chat, STREAM_OLLAMA_CHAT, UNLESS_NOT},
    {"POST", "/api/generate", "prompt", answer_ollama_generate, STREAM_OLLAMA_GENERATE, UNLESS_NOT},
    {"POST", "/api/embed", "input", answer_ollama_embed, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/completion", "prompt", answer_llama, STREAM_LLAMA, WHEN_ASKED},
    {"POST", "*/infill", "input_prefix", answer_llama, STREAM_LLAMA, WHEN_ASKED},
    {"POST", "*/embedding", "content", answer_llama_embedding, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/v2/chat", "messages", answer_cohere_chat, STREAM_COHERE, WHEN_ASKED},
    {"POST", "*/v1/chat", "message", answer_cohere_chat_1, STREAM_COHERE_1, WHEN_ASKED},
    {"POST", "*/embed", "texts", answer_cohere_embed, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/generate", "inputs", answer_tgi, STREAM_TGI, WHEN_ASKED},
    {"POST", "*/generate_stream", "inputs", answer_tgi, STREAM_TGI, ALWAYS},
    {"POST", "*/models/*/pipeline/feature-extraction", "inputs", answer_features, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/models/*", "inputs", answer_generated, STREAM_TGI, WHEN_ASKED},
    {"POST", "*/model/*/converse", "messages", answer_converse, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*/invoke", "anthropic_version", answer_message, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*/invoke", "messages", answer_converse, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*embed*/invoke", "inputText", answer_titan_embed, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*/invoke", "inputText", answer_titan, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*/invoke", "texts", answer_cohere_embed, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*mistral*/invoke", "prompt", answer_bedrock_mistral, STREAM_NONE, WHEN_ASKED},
    {"POST", "*/model/*/invoke", "prompt", answer_bedrock_llama, STREAM_NONE, WHEN_ASKED},
    {"POST", "*", NULL, answer_tool, STREAM_NONE, WHEN_ASKED},
    {"GET", "*/models", NULL, answer_models, STREAM_NONE, WHEN_ASKED},
};

/* Sets *known when the path is one that wants a body of another form. */
static const struct endpoint *find_endpoint(const struct request_view *req, const json_t *call, bool *known) {
    char path[1024];
    size_t n = strcspn(req->target, "?");
    snprintf(path, sizeof path, "%.*s", n < sizeof path ? (int)n : (int)sizeof path - 1, req->target);
    *known = false;
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        const struct endpoint *e = &endpoints[i];
        if (strcmp(e->method, req->method) != 0 || fnmatch(e->path, path, 0) != 0)
            continue;
        if (!e->key ? !*known : json_object_get(call, e->key) != NULL)
            return e;
        *known = true;
    }
    return NULL;
}

static bool streams(const struct endpoint *e, const json_t *call) {
    const json_t *asked = json_object_get(call, "stream");
    return e->stream != STREAM_NONE &&
           (e->when == ALWAYS || (e->when == UNLESS_NOT ? !json_is_false(asked) : json_is_true(asked)));
}

bool answer_streams(const struct request_view *req) {
    bool known;
    json_t *call = json_loadb(req->body, req->len, JSON_ALLOW_NUL, NULL);
    const struct endpoint *e = find_endpoint(req, call, &known);
    bool yes = e && streams(e, call);
    json_decref(call);
    return yes;
}

/* ---- the whole ---- */

static json_t *error_body(int status) {
    return json_pack("{s:{s:s,s:s,s:i}}", "error", "message", "as the test asked for", "type", "test_error", "code",
                     status);
}

void answer_make(const struct request_view *req, const struct behaviour *how, struct answer *out) {
    *out = (struct answer){.status = (int)how->status, .type = "application/json"};
    bool known;
    json_t *call = json_loadb(req->body, req->len, JSON_ALLOW_NUL, NULL);
    const struct endpoint *endpoint = find_endpoint(req, call, &known);
    json_t *whole = NULL;
    if (how->fail_first && req->occurrence == 1)
        out->status = (int)how->fail_first;
    if (!endpoint)
        out->status = known ? 400 : 404;
    else if (out->status == 200 && !(whole = endpoint->make(req, how, call)))
        out->status = 400;
    if (!whole)
        whole = error_body(out->status);
    if (out->status == 200 && streams(endpoint, call)) {
        stream_make(endpoint->stream, req, how, call, whole, out);
    } else {
        out->body = json_dumps(whole, JSON_COMPACT);
        if (!out->body)
            abort();
        out->len = strlen(out->body);
    }
    json_decref(whole);
    json_decref(call);
}
