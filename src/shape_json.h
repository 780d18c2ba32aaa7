/*
 * JSON in a text that a model wrote: alone, in a fence (```json), or after some words. Pure functions; the text is hostile.
 */
#ifndef XCS_SHAPE_JSON_H
#define XCS_SHAPE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Where it stands and how it was written. */
struct found {
    size_t start, end;
    size_t flags; /* for json_dumps */
};

/* An object or a list that the text holds, a new reference; NULL if there is none. */
json_t *json_find(const char *text, size_t len, struct found *how);

/* Is a JSON text nested deeper than what is learned from? Stops at the end of its first value. */
bool json_is_deep(const char *text, size_t len);

#endif
