/* What the test model server says, in whatever form (model_forms.h). */
#include "model_forms.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ECHO_BYTES 60
#define EMBEDDING_VALUES 8

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
const char *content_text(const json_t *content) {
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

const char *last_user_text(const json_t *messages) {
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

char *answer_text(const struct request_view *req, const struct behaviour *how, const char *prompt, size_t choice) {
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

const char *model_of(const json_t *call) {
    const char *model = json_string_value(json_object_get(call, "model"));
    return model ? model : "test-model";
}

json_t *text_of(const struct request_view *req, const struct behaviour *how, const char *prompt) {
    char *text = answer_text(req, how, prompt, 0);
    json_t *v = json_string(text);
    free(text);
    return v;
}

json_t *id_of(const struct request_view *req, const char *prefix) {
    return json_sprintf("%s%.24s", prefix, req->hash);
}

json_t *vector_of(const struct request_view *req, size_t i) {
    json_t *values = json_array();
    for (size_t k = 0; k < EMBEDDING_VALUES; k++) {
        char digits[5] = {0};
        memcpy(digits, req->hash + (4 * (k + i)) % 60, 4);
        json_array_append_new(values, json_real((double)strtol(digits, NULL, 16) / 65536.0 - 0.5));
    }
    return values;
}

json_t *vectors_of(const struct request_view *req, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, vector_of(req, i));
    return list;
}
