/*
 * Where two bodies differ first, for XCS_DEBUG and the trace: a place, never what stands there.
 */
#ifndef XCS_DIFFERENCE_H
#define XCS_DIFFERENCE_H

#include "buf.h"
#include <stddef.h>

/* "body: messages[1].content differs", or "body differs at byte N" where the two are not JSON or are equal as such. */
void describe_difference(const struct buf *a, const struct buf *b, char *out, size_t room);

#endif
