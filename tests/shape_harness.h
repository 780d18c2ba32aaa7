/*
 * A call site of one session by hand, for the tests of shapes: real responses are learned, placeholders in their shape are made.
 */
#ifndef XCS_TEST_SHAPE_HARNESS_H
#define XCS_TEST_SHAPE_HARNESS_H

#include "../src/response.h"
#include "../src/shape.h"

#include <stdbool.h>
#include <stddef.h>

/* What was learned at it, and its last placeholder. */
struct place {
    struct canaries canaries;
    struct shape *shape;
    struct request *request;
    struct call call;
    struct buf raw;
    struct response response;
    json_t *json;
};

/* cmocka's setup and teardown: *state is a place at which a chat completion was asked for and nothing is learned. */
int place_setup(void **state);
int place_teardown(void **state);

/* The program's request, which the next placeholder is for. */
void ask(struct place *p, const char *target, const char *body);

/* A response of status 200 with these further header lines. */
void learn_with(struct place *p, const char *head, const char *body, size_t len);
void learn(struct place *p, const char *json);
/* A chat completion whose text is `content`, written as JSON. */
void learn_chat(struct place *p, const char *content);

/* The placeholder in the learned shape, taken apart; valid until the next one. */
const json_t *make(struct place *p);
/* Its text, as of a chat completion; and the JSON in that, to be freed. */
const char *content(struct place *p);
json_t *inner(struct place *p);

/* The value at a place like "choices.0.message", and the text there. */
const json_t *at(const json_t *v, const char *place);
const char *text_at(const json_t *v, const char *place);

bool is_canary(const struct place *p, const char *text);

#endif
