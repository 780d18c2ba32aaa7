/*
 * Placeholders of answers in pieces (placeholder.h): what a server sends to a call that asks for a stream, complete and all at once. The
 * deltas of a text join to one canary, or to the text that the caller gives; it comes in one piece, so that a program that looks at
 * pieces alone hands on a whole one.
 *
 * A form is a function below that adds the events in their order; the table says which form is whose.
 */
#include "placeholder_impl.h"
#include <stdlib.h>
#include <time.h>

enum framing {
    FRAME_DATA,  /* server-sent events that have no name */
    FRAME_NAMED, /* named by their type */
    FRAME_LINE,  /* one JSON a line */
    FRAME_ITEM   /* of one JSON list */
};

struct stream {
    const struct canaries *canaries;
    const struct call *call;
    const struct request *request;
    const char *text; /* NULL: a canary of its own for each answer */
    const char *type;
    enum framing framing;
    const char *newline;
    struct buf body;
    size_t events;
};

/* A piece of the body, as a chunk of its own; HTTP/1.0 has none. */
static void add_piece(struct stream *s, const struct buf *piece) {
    if (!s->request->http10)
        buf_print(&s->body, "%zx\r\n", piece->len);
    buf_add(&s->body, piece->p, piece->len);
    if (!s->request->http10)
        buf_add(&s->body, "\r\n", 2);
}

static void add_text(struct buf *piece, const char *text) {
    buf_add(piece, text, strlen(text));
}

/* Uses the event up. */
static void add(struct stream *s, json_t *event) {
    struct buf piece = {0};
    const char *type = json_string_value(json_object_get(event, "type"));
    char *text = json_dumps(event, JSON_COMPACT);
    if (s->framing == FRAME_NAMED)
        buf_print(&piece, "event: %s\n", type ? type : "message");
    if (s->framing == FRAME_DATA || s->framing == FRAME_NAMED)
        add_text(&piece, "data: ");
    if (s->framing == FRAME_ITEM)
        add_text(&piece, s->events ? ",\r\n" : "[");
    add_text(&piece, text ? text : "{}");
    if (s->framing != FRAME_ITEM)
        add_text(&piece, s->newline);
    if (s->framing == FRAME_DATA || s->framing == FRAME_NAMED)
        add_text(&piece, s->newline);
    add_piece(s, &piece);
    s->events++;
    free(text);
    buf_free(&piece);
    json_decref(event);
}

/* What is no event: "[DONE]", or a list's end. */
static void add_end(struct stream *s, const char *text) {
    struct buf piece = {0};
    add_text(&piece, text);
    add_piece(s, &piece);
    buf_free(&piece);
}

static json_t *leaf(const struct stream *s) {
    return s->text ? json_string(s->text) : canary_leaf(s->canaries);
}

/* The API's whole answer, from which the events are made. */
static json_t *whole(const struct stream *s) {
    json_t *v = placeholder_json(s->canaries, s->call, 0);
    return v ? v : json_object();
}

/* --- OpenAI --- */

/* One chunk; `choice` is used up, NULL for none. Who asks for the usage gets a field for it in each. */
static void add_openai(struct stream *s, const json_t *envelope, json_t *choice, json_t *usage) {
    json_t *v = json_copy((json_t *)(uintptr_t)envelope);
    json_t *choices = json_array();
    if (choice)
        json_array_append_new(choices, choice);
    json_object_set_new(v, "choices", choices);
    if (usage)
        json_object_set_new(v, "usage", usage);
    add(s, v);
}

static json_t *openai_choice(size_t i, const char *key, json_t *value, const char *finish) {
    return json_pack("{s:i, s:o, s:n, s:s?}", "index", (int)i, key, value, "logprobs", "finish_reason", finish);
}

static void openai(struct stream *s, const char *object, bool chat) {
    const json_t *options = json_object_get(s->call->body, "stream_options");
    bool counts = json_is_true(json_object_get(options, "include_usage"));
    json_t *v = whole(s);
    size_t n = json_array_size(json_object_get(v, "choices"));
    json_t *envelope = json_pack("{s:o, s:s, s:I, s:o}", "id", canary_leaf(s->canaries), "object", object, "created",
                                 (json_int_t)time(NULL), "model", model_of(s->call));
    for (size_t i = 0; i < n; i++) {
        if (chat)
            add_openai(s, envelope,
                       openai_choice(i, "delta", json_pack("{s:s, s:s}", "role", "assistant", "content", ""), NULL),
                       counts ? json_null() : NULL);
        add_openai(s, envelope,
                   chat ? openai_choice(i, "delta", json_pack("{s:o}", "content", leaf(s)), NULL)
                        : openai_choice(i, "text", leaf(s), NULL),
                   counts ? json_null() : NULL);
        add_openai(s, envelope,
                   chat ? openai_choice(i, "delta", json_object(), "stop")
                        : openai_choice(i, "text", json_string(""), "stop"),
                   counts ? json_null() : NULL);
    }
    if (counts)
        add_openai(s, envelope, NULL, build_usage());
    add_end(s, "data: [DONE]\n\n");
    json_decref(envelope);
    json_decref(v);
}

static void chat(struct stream *s) {
    openai(s, "chat.completion.chunk", true);
}

static void completion(struct stream *s) {
    openai(s, "text_completion", false);
}

/* An event of the responses API: `place` tells which item and part of it the event is of. */
static void add_response(struct stream *s, const char *type, const char *key, json_t *value, const json_t *place) {
    json_t *v = json_pack("{s:s, s:I, s:o}", "type", type, "sequence_number", (json_int_t)s->events, key, value);
    if (place)
        json_object_update(v, (json_t *)(uintptr_t)place);
    add(s, v);
}

static void response(struct stream *s) {
    json_t *v = whole(s), *begun = json_deep_copy(v);
    json_t *item = json_array_get(json_object_get(v, "output"), 0);
    json_t *part = json_array_get(json_object_get(item, "content"), 0);
    json_t *text = leaf(s), *empty_item = json_copy(item), *empty_part = json_copy(part);
    json_object_set(part, "text", text);
    json_object_set_new(empty_part, "text", json_string(""));
    json_object_set_new(empty_item, "content", json_array());
    json_object_set_new(empty_item, "status", json_string("in_progress"));
    json_object_set_new(begun, "output", json_array());
    json_object_set_new(begun, "status", json_string("in_progress"));
    json_object_set_new(begun, "usage", json_null());
    json_t *of_output = json_pack("{s:i}", "output_index", 0);
    json_t *of_part =
        json_pack("{s:O, s:i, s:i}", "item_id", json_object_get(item, "id"), "output_index", 0, "content_index", 0);

    add_response(s, "response.created", "response", json_incref(begun), NULL);
    add_response(s, "response.in_progress", "response", begun, NULL);
    add_response(s, "response.output_item.added", "item", empty_item, of_output);
    add_response(s, "response.content_part.added", "part", empty_part, of_part);
    json_object_set_new(of_part, "logprobs", json_array());
    add_response(s, "response.output_text.delta", "delta", json_incref(text), of_part);
    add_response(s, "response.output_text.done", "text", text, of_part);
    json_object_del(of_part, "logprobs");
    add_response(s, "response.content_part.done", "part", json_incref(part), of_part);
    add_response(s, "response.output_item.done", "item", json_incref(item), of_output);
    json_decref(of_output);
    json_decref(of_part);
    add_response(s, "response.completed", "response", v, NULL);
}

/* --- Anthropic --- */

static void message(struct stream *s) {
    json_t *v = whole(s);
    json_object_set_new(v, "content", json_array());
    json_object_set_new(v, "stop_reason", json_null());
    add(s, json_pack("{s:s, s:o}", "type", "message_start", "message", v));
    add(s, json_pack("{s:s, s:i, s:{s:s, s:s}}", "type", "content_block_start", "index", 0, "content_block", "type",
                     "text", "text", ""));
    add(s, json_pack("{s:s}", "type", "ping"));
    add(s, json_pack("{s:s, s:i, s:{s:s, s:o}}", "type", "content_block_delta", "index", 0, "delta", "type",
                     "text_delta", "text", leaf(s)));
    add(s, json_pack("{s:s, s:i}", "type", "content_block_stop", "index", 0));
    add(s, json_pack("{s:s, s:{s:s, s:n}, s:{s:i}}", "type", "message_delta", "delta", "stop_reason", "end_turn",
                     "stop_sequence", "usage", "output_tokens", 16));
    add(s, json_pack("{s:s}", "type", "message_stop"));
}

/* --- Google --- */

/* Server-sent events for those who ask for them, else a JSON list. */
static void google(struct stream *s) {
    const char *query = strchr(s->request->target, '?');
    if (!query || !strstr(query, "alt=sse")) {
        s->framing = FRAME_ITEM;
        s->type = "application/json; charset=UTF-8";
    }
    s->newline = "\r\n";
    json_t *end = whole(s), *v = json_deep_copy(end), *candidate;
    size_t i;
    json_array_foreach(json_object_get(v, "candidates"), i, candidate) {
        json_t *part = json_array_get(json_object_get(json_object_get(candidate, "content"), "parts"), 0);
        json_object_set_new(part, "text", leaf(s));
        json_object_del(candidate, "finishReason");
    }
    json_array_foreach(json_object_get(end, "candidates"), i, candidate) {
        json_t *part = json_array_get(json_object_get(json_object_get(candidate, "content"), "parts"), 0);
        json_object_set_new(part, "text", json_string(""));
    }
    add(s, v);
    add(s, end);
    if (s->framing == FRAME_ITEM)
        add_end(s, "]");
}

/* --- Ollama --- */

static void ollama(struct stream *s) {
    json_t *end = whole(s), *message = json_object_get(end, "message");
    json_t *v = json_pack("{s:O, s:O, s:b}", "model", json_object_get(end, "model"), "created_at",
                          json_object_get(end, "created_at"), "done", 0);
    if (message) {
        json_object_set_new(v, "message", json_pack("{s:s, s:o}", "role", "assistant", "content", leaf(s)));
        json_object_set_new(message, "content", json_string(""));
    } else {
        json_object_set_new(v, "response", leaf(s));
        json_object_set_new(end, "response", json_string(""));
    }
    add(s, v);
    add(s, end);
}

/* --- llama.cpp --- */

static void llama(struct stream *s) {
    json_t *v = whole(s), *end;
    json_t *list = json_is_array(v) ? v : json_pack("[o]", v);
    size_t i;
    json_array_foreach(list, i, end) {
        add(s, json_pack("{s:i, s:o, s:[], s:b, s:i, s:i, s:i}", "index", (int)i, "content", leaf(s), "tokens", "stop",
                         0, "id_slot", 0, "tokens_predicted", 16, "tokens_evaluated", 16));
        json_object_set_new(end, "content", json_string(""));
        add(s, json_incref(end));
    }
    json_decref(list);
}

/* --- Cohere --- */

static void cohere(struct stream *s) {
    add(s, json_pack("{s:s, s:o, s:{s:{s:s, s:[], s:s, s:[], s:[]}}}", "type", "message-start", "id",
                     canary_leaf(s->canaries), "delta", "message", "role", "assistant", "content", "tool_plan", "",
                     "tool_calls", "citations"));
    add(s, json_pack("{s:s, s:i, s:{s:{s:{s:s, s:s}}}}", "type", "content-start", "index", 0, "delta", "message",
                     "content", "type", "text", "text", ""));
    add(s, json_pack("{s:s, s:i, s:{s:{s:{s:o}}}}", "type", "content-delta", "index", 0, "delta", "message", "content",
                     "text", leaf(s)));
    add(s, json_pack("{s:s, s:i}", "type", "content-end", "index", 0));
    json_t *v = whole(s);
    add(s, json_pack("{s:s, s:{s:s, s:O}}", "type", "message-end", "delta", "finish_reason", "COMPLETE", "usage",
                     json_object_get(v, "usage")));
    json_decref(v);
}

static void cohere_1(struct stream *s) {
    json_t *v = whole(s), *text = leaf(s), *history = json_object_get(v, "chat_history");
    json_object_set(v, "text", text);
    json_object_set(json_array_get(history, json_array_size(history) - 1), "message", text);
    add(s, json_pack("{s:b, s:s, s:O}", "is_finished", 0, "event_type", "stream-start", "generation_id",
                     json_object_get(v, "generation_id")));
    add(s, json_pack("{s:b, s:s, s:o}", "is_finished", 0, "event_type", "text-generation", "text", text));
    add(s, json_pack("{s:b, s:s, s:s, s:o}", "is_finished", 1, "event_type", "stream-end", "finish_reason", "COMPLETE",
                     "response", v));
}

/* --- text-generation-inference --- */

static void tgi(struct stream *s) {
    json_t *text = leaf(s);
    add(s, json_pack("{s:i, s:{s:i, s:O, s:f, s:b}, s:n, s:n}", "index", 1, "token", "id", 1, "text", text, "logprob",
                     -0.1, "special", 0, "generated_text", "details"));
    add(s, json_pack("{s:i, s:{s:i, s:s, s:f, s:b}, s:o, s:n}", "index", 2, "token", "id", 2, "text", "</s>", "logprob",
                     -0.1, "special", 1, "generated_text", text, "details"));
}

#define EVENTS "text/event-stream"

static const struct {
    void (*add_events)(struct stream *s);
    const char *type;
    enum framing framing;
} forms[] = {
    [XCS_STREAM_CHAT] = {chat, EVENTS, FRAME_DATA},
    [XCS_STREAM_COMPLETION] = {completion, EVENTS, FRAME_DATA},
    [XCS_STREAM_RESPONSE] = {response, EVENTS, FRAME_NAMED},
    [XCS_STREAM_MESSAGE] = {message, EVENTS, FRAME_NAMED},
    [XCS_STREAM_GOOGLE] = {google, EVENTS, FRAME_DATA},
    [XCS_STREAM_OLLAMA] = {ollama, "application/x-ndjson", FRAME_LINE},
    [XCS_STREAM_LLAMA] = {llama, EVENTS, FRAME_DATA},
    [XCS_STREAM_COHERE] = {cohere, EVENTS, FRAME_NAMED},
    [XCS_STREAM_COHERE_1] = {cohere_1, "application/stream+json", FRAME_LINE},
    [XCS_STREAM_TGI] = {tgi, EVENTS, FRAME_DATA},
};

bool placeholder_stream(const struct canaries *c, const struct call *call, const struct request *r, const char *text,
                        struct buf *out) {
    enum xcs_stream form = api_stream(call->api);
    if (form == XCS_STREAM_NONE)
        return false;
    struct stream s = {.canaries = c,
                       .call = call,
                       .request = r,
                       .text = text,
                       .type = forms[form].type,
                       .framing = forms[form].framing,
                       .newline = "\n"};
    forms[form].add_events(&s);
    if (!r->http10)
        buf_add(&s.body, "0\r\n\r\n", 5);
    placeholder_head(out, r, s.type);
    if (r->http10)
        buf_print(out, "Content-Length: %zu\r\n\r\n", s.body.len);
    else
        buf_print(out, "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    buf_add(out, s.body.p, s.body.len);
    buf_free(&s.body);
    return true;
}
