/*
 * A HIT's delivery: the engine's end of the socket that main reads a foreseen response from.
 */
#ifndef XCS_HIT_H
#define XCS_HIT_H

#include "loop.h"
#include <stdbool.h>
#include <stddef.h>

struct hit;

/* Told when main closed its end before the whole response was there. The hit is gone then. */
typedef void hit_over(void *owner);

/* Makes the socket pair; *theirs is main's end, for the caller to pass on and close. NULL on failure. */
struct hit *hit_new(void *owner, hit_over *over, int *theirs);

/* The response is complete: hands it over, whole. Takes `raw` over (malloc'ed); the hit then lives by itself. */
void hit_deliver(struct hit *h, char *raw, size_t len, bool closes);

/* The same in pieces, as they arrive. Copies; after hit_end the hit lives by itself. */
void hit_piece(struct hit *h, const char *bytes, size_t len);
void hit_end(struct hit *h, bool closes);

/* The call failed, or the owner goes: closes without a further byte; `over` is not called. Not after hit_deliver or hit_end. */
void hit_cancel(struct hit *h);

#endif
