/*
 * Shapes: what the responses to one call site look like, learned from the real ones, so that a program which takes answers apart
 * keeps running ahead. What is the same in all of them is kept, what varies becomes canaries.
 *
 * A shape belongs to a session: what is in it is the program's own. It is bounded, and responses are hostile: one that does not fit
 * in any way teaches nothing.
 */
#ifndef XCS_SHAPE_H
#define XCS_SHAPE_H

#include "buf.h"
#include "canary.h"
#include "detect.h"
#include "intake.h"
#include <stdbool.h>
#include <stddef.h>

#define SHAPE_RAW_MAX (1024 * 1024) /* a longer response teaches nothing */
#define SHAPE_MAX (256 * 1024)      /* bytes of a shape */

struct shape;

/* Learns from a whole raw response (status line, headers, body in its transfer coding) to `call`; *s is NULL at first. */
void shape_learn(struct shape **s, const char *raw, size_t len, const struct call *call);
void shape_free(struct shape *s);

/*
 * The placeholder for a call in that shape. `feeds`: the site's text goes into the requests of other calls, so that none may be made up
 * without a canary in it. False: that cannot be, the built-in one must do.
 */
bool shape_make(const struct shape *s, const struct canaries *c, const struct call *call, const struct request *r,
                bool feeds, struct buf *out);

/* The text of a streamed answer if it has a form of its own (JSON, a number), malloc'ed; NULL: a bare canary will do. */
char *shape_text(const struct shape *s, const struct canaries *c, bool feeds);

/* Length of the embedding vectors seen; 0: none. `s` may be NULL. */
size_t shape_dimension(const struct shape *s);

#endif
