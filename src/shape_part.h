/*
 * The learned form of one JSON value: what stays, and what varies from response to response. A tree like the value's own.
 *
 * What a value is in the built-in placeholder of the same call (the guide) tells most of it: where that has a canary the model's text
 * stands, where it has a word ("stop") there is a constant, and a list that is as long as the guide's is so for every
 * request. What the guide does not know is a constant until it has been seen to differ.
 */
#ifndef XCS_SHAPE_PART_H
#define XCS_SHAPE_PART_H

#include "canary.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct part;

/* What building the parts of one response finds out and needs. */
struct learning {
    const struct canaries *canaries; /* the guide's */
    size_t dimension;                /* of the embeddings in it, or 0 */
};

/* The part of a value. `guide` may be NULL. */
struct part *part_of(struct learning *l, const json_t *v, const json_t *guide);

/* The part of a text that a model wrote: JSON inside it keeps its form. */
struct part *part_of_text(struct learning *l, const char *text, size_t len);

/* `p` is of the response that came after those that `old` was learned from: takes over what they taught. `old` is used up. */
void part_inherit(struct part *p, struct part *old);

/* What a rendering is made with. */
struct rendering {
    const struct canaries *canaries;
    bool feeds; /* the text goes into other requests: one in which there is no canary must not pass for known */
};

/* The value with new canaries where it varies. A new reference. */
json_t *part_render(const struct part *p, const json_t *guide, const struct rendering *r);

/* Is it a text that has a form: JSON, a number? */
bool part_has_form(const struct part *p);

/* Bytes that it takes, or that a rendering with this guide would take: rough, never much too low. */
size_t part_size(const struct part *p);
size_t part_rendered_size(const struct part *p, const json_t *guide);

void part_free(struct part *p);

#endif
