/*
 * The test model server's answers in pieces (model_forms.h): the events that each service sends, word by word, made from the whole answer.
 * A form is a row: where the whole answer has its text, and what comes before the words, for each of them and after them.
 */
#include "model_forms.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum framing {
    DATA,  /* server-sent events without a name */
    NAMED, /* named by their type */
    LINES, /* JSON, one a line */
    LIST   /* one JSON list */
};

struct stream {
    FILE *f;
    struct answer *out;
    enum framing framing;
    const json_t *call, *whole;
    size_t offset, events;
};

static const json_t *follow(const json_t *v, const char *path) {
    while (v && *path) {
        size_t n = strcspn(path, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(path)) : json_object_getn(v, path, n);
        path += n + (path[n] == '.');
    }
    return v;
}

static json_t *at(const struct stream *s, const char *path) {
    return json_incref((json_t *)(uintptr_t)follow(s->whole, path));
}

static void send_text(struct stream *s, const char *before, const char *text, const char *after) {
    int n = fprintf(s->f, "%s%s%s", before, text, after);
    size_t *grown = realloc(s->out->pauses, (s->out->npauses + 1) * sizeof *grown);
    if (!grown || n < 0)
        abort();
    s->out->pauses = grown;
    s->out->pauses[s->out->npauses++] = s->offset;
    s->offset += (size_t)n;
    s->events++;
}

/* Uses the event up. */
static void send_event(struct stream *s, json_t *event) {
    char *text = json_dumps(event, JSON_COMPACT), name[64];
    if (!text)
        abort();
    const char *type = json_string_value(json_object_get(event, "type"));
    snprintf(name, sizeof name, "event: %s\ndata: ", type ? type : "message");
    static const char *const after[] = {[DATA] = "\n\n", [NAMED] = "\n\n", [LINES] = "\n", [LIST] = ""};
    const char *before[] = {[DATA] = "data: ", [NAMED] = name, [LINES] = "", [LIST] = s->events ? ",\r\n" : "["};
    send_text(s, before[s->framing], text, after[s->framing]);
    free(text);
    json_decref(event);
}

/* ---- OpenAI ---- */

static void send_chunk(struct stream *s, const char *object, json_t *choices) {
    send_event(s, json_pack("{s:o,s:s,s:o,s:o,s:o}", "id", at(s, "id"), "object", object, "created", at(s, "created"),
                            "model", at(s, "model"), "choices", choices));
}

static void send_delta(struct stream *s, json_t *delta, const char *finish) {
    send_chunk(s, "chat.completion.chunk",
               json_pack("[{s:i,s:o,s:s?}]", "index", 0, "delta", delta, "finish_reason", finish));
}

static void chat_begin(struct stream *s) {
    send_delta(s, json_pack("{s:s,s:s}", "role", "assistant", "content", ""), NULL);
}

static void chat_word(struct stream *s, json_t *word) {
    send_delta(s, json_pack("{s:o}", "content", word), NULL);
}

static void chat_end(struct stream *s) {
    send_delta(s, json_object(), "stop");
    if (json_is_true(follow(s->call, "stream_options.include_usage")))
        send_event(s,
                   json_pack("{s:o,s:s,s:o,s:o,s:[],s:o}", "id", at(s, "id"), "object", "chat.completion.chunk",
                             "created", at(s, "created"), "model", at(s, "model"), "choices", "usage", at(s, "usage")));
    send_text(s, "data: ", "[DONE]", "\n\n");
}

static void completion_word(struct stream *s, json_t *word) {
    send_chunk(s, "text_completion",
               json_pack("[{s:i,s:o,s:n,s:n}]", "index", 0, "text", word, "logprobs", "finish_reason"));
}

static void completion_end(struct stream *s) {
    send_chunk(s, "text_completion",
               json_pack("[{s:i,s:s,s:n,s:s}]", "index", 0, "text", "", "logprobs", "finish_reason", "stop"));
    send_text(s, "data: ", "[DONE]", "\n\n");
}

static void send_response(struct stream *s, const char *type, const char *key, json_t *value) {
    send_event(s, json_pack("{s:s,s:I,s:i,s:i,s:o,s:o}", "type", type, "sequence_number", (json_int_t)s->events,
                            "output_index", 0, "content_index", 0, "item_id", at(s, "output.0.id"), key, value));
}

static void response_begin(struct stream *s) {
    json_t *begun = json_copy((json_t *)(uintptr_t)s->whole),
           *item = json_copy((json_t *)(uintptr_t)follow(s->whole, "output.0"));
    json_object_set_new(begun, "output", json_array());
    json_object_set_new(begun, "status", json_string("in_progress"));
    json_object_set_new(item, "content", json_array());
    json_object_set_new(item, "status", json_string("in_progress"));
    send_response(s, "response.created", "response", json_incref(begun));
    send_response(s, "response.in_progress", "response", begun);
    send_response(s, "response.output_item.added", "item", item);
    send_response(s, "response.content_part.added", "part",
                  json_pack("{s:s,s:s,s:[]}", "type", "output_text", "text", "", "annotations"));
}

static void response_word(struct stream *s, json_t *word) {
    send_response(s, "response.output_text.delta", "delta", word);
}

static void response_end(struct stream *s) {
    send_response(s, "response.output_text.done", "text", at(s, "output.0.content.0.text"));
    send_response(s, "response.content_part.done", "part", at(s, "output.0.content.0"));
    send_response(s, "response.output_item.done", "item", at(s, "output.0"));
    send_response(s, "response.completed", "response", at(s, ""));
}

/* ---- Anthropic ---- */

static void message_begin(struct stream *s) {
    json_t *begun = json_copy((json_t *)(uintptr_t)s->whole);
    json_object_set_new(begun, "content", json_array());
    json_object_set_new(begun, "stop_reason", json_null());
    send_event(s, json_pack("{s:s,s:o}", "type", "message_start", "message", begun));
    send_event(s, json_pack("{s:s,s:i,s:{s:s,s:s}}", "type", "content_block_start", "index", 0, "content_block", "type",
                            "text", "text", ""));
    send_event(s, json_pack("{s:s}", "type", "ping"));
}

static void message_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:s,s:i,s:{s:s,s:o}}", "type", "content_block_delta", "index", 0, "delta", "type",
                            "text_delta", "text", word));
}

static void message_end(struct stream *s) {
    send_event(s, json_pack("{s:s,s:i}", "type", "content_block_stop", "index", 0));
    send_event(s, json_pack("{s:s,s:{s:o,s:o},s:{s:o}}", "type", "message_delta", "delta", "stop_reason",
                            at(s, "stop_reason"), "stop_sequence", at(s, "stop_sequence"), "usage", "output_tokens",
                            at(s, "usage.output_tokens")));
    send_event(s, json_pack("{s:s}", "type", "message_stop"));
}

/* ---- Google ---- */

static void google_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:[{s:{s:[{s:o}],s:s},s:i}],s:o}", "candidates", "content", "parts", "text", word, "role",
                            "model", "index", 0, "modelVersion", at(s, "modelVersion")));
}

static void google_end(struct stream *s) {
    send_event(s, json_pack("{s:[{s:{s:[{s:s}],s:s},s:s,s:i}],s:o,s:o}", "candidates", "content", "parts", "text", "",
                            "role", "model", "finishReason", "STOP", "index", 0, "usageMetadata",
                            at(s, "usageMetadata"), "modelVersion", at(s, "modelVersion")));
    if (s->framing == LIST)
        send_text(s, "", "]", "");
}

/* ---- Ollama ---- */

static void send_ollama(struct stream *s, const char *key, json_t *piece) {
    send_event(s, json_pack("{s:o,s:o,s:o,s:b}", "model", at(s, "model"), "created_at", at(s, "created_at"), key, piece,
                            "done", 0));
}

static void send_ollama_end(struct stream *s, const char *key, json_t *piece) {
    json_t *end = json_copy((json_t *)(uintptr_t)s->whole);
    json_object_set_new(end, key, piece);
    send_event(s, end);
}

static void ollama_chat_word(struct stream *s, json_t *word) {
    send_ollama(s, "message", json_pack("{s:s,s:o}", "role", "assistant", "content", word));
}

static void ollama_chat_end(struct stream *s) {
    send_ollama_end(s, "message", json_pack("{s:s,s:s}", "role", "assistant", "content", ""));
}

static void ollama_generate_word(struct stream *s, json_t *word) {
    send_ollama(s, "response", word);
}

static void ollama_generate_end(struct stream *s) {
    send_ollama_end(s, "response", json_string(""));
}

/* ---- llama.cpp ---- */

static void llama_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:i,s:o,s:b}", "index", 0, "content", word, "stop", 0));
}

static void llama_end(struct stream *s) {
    send_ollama_end(s, "content", json_string(""));
}

/* ---- Cohere ---- */

static void cohere_begin(struct stream *s) {
    send_event(s, json_pack("{s:s,s:o,s:{s:{s:s,s:[]}}}", "type", "message-start", "id", at(s, "id"), "delta",
                            "message", "role", "assistant", "content"));
    send_event(s, json_pack("{s:s,s:i,s:{s:{s:{s:s,s:s}}}}", "type", "content-start", "index", 0, "delta", "message",
                            "content", "type", "text", "text", ""));
}

static void cohere_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:s,s:i,s:{s:{s:{s:o}}}}", "type", "content-delta", "index", 0, "delta", "message",
                            "content", "text", word));
}

static void cohere_end(struct stream *s) {
    send_event(s, json_pack("{s:s,s:i}", "type", "content-end", "index", 0));
    send_event(s, json_pack("{s:s,s:{s:s,s:o}}", "type", "message-end", "delta", "finish_reason", "COMPLETE", "usage",
                            at(s, "usage")));
}

static void cohere_1_begin(struct stream *s) {
    send_event(s, json_pack("{s:b,s:s,s:o}", "is_finished", 0, "event_type", "stream-start", "generation_id",
                            at(s, "generation_id")));
}

static void cohere_1_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:b,s:s,s:o}", "is_finished", 0, "event_type", "text-generation", "text", word));
}

static void cohere_1_end(struct stream *s) {
    send_event(s, json_pack("{s:b,s:s,s:s,s:o}", "is_finished", 1, "event_type", "stream-end", "finish_reason",
                            "COMPLETE", "response", at(s, "")));
}

/* ---- text-generation-inference ---- */

static void tgi_word(struct stream *s, json_t *word) {
    send_event(s, json_pack("{s:i,s:{s:i,s:o,s:f,s:b},s:n,s:n}", "index", (int)s->events + 1, "token", "id", 1, "text",
                            word, "logprob", -0.1, "special", 0, "generated_text", "details"));
}

static void tgi_end(struct stream *s) {
    const json_t *text = follow(json_is_array(s->whole) ? json_array_get(s->whole, 0) : s->whole, "generated_text");
    send_event(s, json_pack("{s:i,s:{s:i,s:s,s:f,s:b},s:O,s:n}", "index", (int)s->events + 1, "token", "id", 2, "text",
                            "</s>", "logprob", -0.1, "special", 1, "generated_text", text, "details"));
}

/* ---- all of them ---- */

static void nothing(struct stream *s) {
    (void)s;
}

static const struct {
    const char *text; /* in the whole answer */
    void (*begin)(struct stream *s);
    void (*word)(struct stream *s, json_t *word);
    void (*end)(struct stream *s);
    const char *type;
    enum framing framing;
} forms[] = {
    [STREAM_CHAT] = {"choices.0.message.content", chat_begin, chat_word, chat_end, "text/event-stream", DATA},
    [STREAM_COMPLETION] = {"choices.0.text", nothing, completion_word, completion_end, "text/event-stream", DATA},
    [STREAM_RESPONSE] = {"output.0.content.0.text", response_begin, response_word, response_end, "text/event-stream",
                         NAMED},
    [STREAM_MESSAGE] = {"content.0.text", message_begin, message_word, message_end, "text/event-stream", NAMED},
    [STREAM_GOOGLE] = {"candidates.0.content.parts.0.text", nothing, google_word, google_end, "text/event-stream",
                       DATA},
    [STREAM_OLLAMA_CHAT] = {"message.content", nothing, ollama_chat_word, ollama_chat_end, "application/x-ndjson",
                            LINES},
    [STREAM_OLLAMA_GENERATE] = {"response", nothing, ollama_generate_word, ollama_generate_end, "application/x-ndjson",
                                LINES},
    [STREAM_LLAMA] = {"content", nothing, llama_word, llama_end, "text/event-stream", DATA},
    [STREAM_COHERE] = {"message.content.0.text", cohere_begin, cohere_word, cohere_end, "text/event-stream", NAMED},
    [STREAM_COHERE_1] = {"text", cohere_1_begin, cohere_1_word, cohere_1_end, "application/stream+json", LINES},
    [STREAM_TGI] = {"generated_text", nothing, tgi_word, tgi_end, "text/event-stream", DATA},
};

void stream_make(enum stream_form form, const struct request_view *req, const struct behaviour *how, const json_t *call,
                 const json_t *whole, struct answer *out) {
    const char *query = strchr(req->target, '?');
    bool list = form == STREAM_GOOGLE && !(query && strstr(query, "alt=sse"));
    struct stream s = {.f = open_memstream(&out->body, &out->len),
                       .out = out,
                       .framing = list ? LIST : forms[form].framing,
                       .call = call,
                       .whole = whole};
    const char *word =
        json_string_value(follow(json_is_array(whole) ? json_array_get(whole, 0) : whole, forms[form].text));
    if (!s.f || !word)
        abort();
    forms[form].begin(&s);
    while (*word) {
        size_t n = strspn(word, " ");
        n += strcspn(word + n, " ");
        forms[form].word(&s, json_stringn(word, n));
        word += n;
    }
    forms[form].end(&s);
    fclose(s.f);
    out->type = list ? "application/json" : forms[form].type;
    out->chunked = true;
    out->gap_ms = how->latency_ms / 2 / (long)out->npauses;
}
