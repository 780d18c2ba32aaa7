/* See stream_text.h. What the events of an API hold is a row of the table; the body is hostile, as all that comes from the network. */
#include "stream_text.h"
#include "shape_json.h"
#include <stdlib.h>
#include <string.h>

/* Where an event has its piece of text: keys and list indices, from the root. The first that is a string counts. */
static const char *const places[] = {
    "choices.0.delta.content",           /* OpenAI chat, Mistral, llama.cpp */
    "choices.0.text",                    /* OpenAI completions */
    "delta.text",                        /* Anthropic */
    "delta.message.content.text",        /* Cohere */
    "candidates.0.content.parts.0.text", /* Google */
    "message.content",                   /* Ollama chat */
    "response",                          /* Ollama generate */
    "token.text",                        /* TGI */
    "content",                           /* llama.cpp completion */
    "delta",                             /* OpenAI responses */
};

/* The events of OpenAI's responses whose "delta" is of the text and not of something else. */
#define RESPONSES_TEXT "response.output_text.delta"

static const json_t *follow(const json_t *v, const char *place) {
    while (v && *place) {
        size_t n = strcspn(place, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)strtoul(place, NULL, 10)) : json_object_getn(v, place, n);
        place += n + (place[n] == '.');
    }
    return v;
}

static bool add_event(const json_t *event, struct buf *text) {
    const char *type = json_string_value(json_object_get(event, "type"));
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *v = follow(event, places[i]);
        if (!json_is_string(v))
            continue;
        if (strcmp(places[i], "delta") == 0 && (!type || strcmp(type, RESPONSES_TEXT) != 0))
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
