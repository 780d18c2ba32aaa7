/*
 * The text of a streamed answer: the pieces of its events put together. For what is learned from streams (shape.c).
 */
#ifndef XCS_STREAM_TEXT_H
#define XCS_STREAM_TEXT_H

#include "buf.h"
#include <jansson.h>
#include <stdbool.h>

/* Of server-sent events or lines of JSON. False: they hold no text that we know of. */
bool stream_text(const char *body, size_t len, struct buf *text);

/* The same of events that came as one JSON list. */
bool stream_text_of_list(const json_t *events, struct buf *text);

#endif
