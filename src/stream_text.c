/* See stream_text.h. What the events of an API hold is a row of the table; the body is hostile, as all that comes from the network. */
#include "stream_text.h"
#include "shape_json.h"
#include <stdlib.h>
#include <string.h>

/*
 * Where an event has its piece of text: keys and list indices, from the root. The first that is a string counts; `of`: only in an event whose
 * `tag` is that.
 */
static const struct {
    const char *place, *tag, *of;
} places[] = {
    {"choices.0.delta.content", NULL, NULL},           /* OpenAI chat, Mistral, llama.cpp */
    {"choices.0.text", NULL, NULL},                    /* OpenAI completions */
    {"delta.text", NULL, NULL},                        /* Anthropic */
    {"delta.message.content.text", NULL, NULL},        /* Cohere */
    {"candidates.0.content.parts.0.text", NULL, NULL}, /* Google */
    {"message.content", NULL, NULL},                   /* Ollama chat */
    {"response", NULL, NULL},                          /* Ollama generate */
    {"token.text", NULL, NULL},                        /* TGI */
    {"content", NULL, NULL},                           /* llama.cpp completion */
    {"text", "event_type", "text-generation"},         /* Cohere's first version */
    {"delta", "type", "response.output_text.delta"},   /* OpenAI responses */
};

static const json_t *follow(const json_t *v, const char *place) {
    while (v && *place) {
        size_t n = strcspn(place, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)strtoul(place, NULL, 10)) : json_object_getn(v, place, n);
        place += n + (place[n] == '.');
    }
    return v;
}

static bool has_tag(const json_t *event, const char *tag, const char *of) {
    const char *v = tag ? json_string_value(json_object_get(event, tag)) : NULL;
    return !tag || (v && strcmp(v, of) == 0);
}

static bool add_event(const json_t *event, struct buf *text) {
    if (json_is_true(follow(event, "token.special")))
        return false; /* TGI: no text, but the end of it */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *v = follow(event, places[i].place);
        if (!json_is_string(v) || !has_tag(event, places[i].tag, places[i].of))
            continue;
        buf_add(text, json_string_value(v), json_string_length(v));
        return true;
    }
    return false;
}

bool stream_text(const char *body, size_t len, struct buf *text) {
    const char *end = body + len;
    bool any = false;
    while (body < end) {
        const char *stop = memchr(body, '\n', (size_t)(end - body));
        const char *line = body;
        body = stop ? stop + 1 : end;
        if (body - line > 5 && memcmp(line, "data:", 5) == 0)
            line += 5;
        if (json_is_deep(line, (size_t)(body - line)))
            return false;
        json_t *event = json_loadb(line, (size_t)(body - line), 0, NULL);
        any |= event && add_event(event, text);
        json_decref(event);
    }
    return any;
}

bool stream_text_of_list(const json_t *events, struct buf *text) {
    bool any = false;
    const json_t *event;
    size_t i;
    json_array_foreach(events, i, event) any |= add_event(event, text);
    return any;
}
