/*
 * Placeholders: a valid HTTP response of an API that stands for one whose text is not known yet; its text leaves are canaries.
 */
#ifndef XCS_PLACEHOLDER_H
#define XCS_PLACEHOLDER_H

#include "buf.h"
#include "canary.h"
#include "detect.h"

/* The JSON of a response to a call; NULL: it would be too large to be worth it. A new reference. */
json_t *placeholder_json(const struct canaries *c, const struct call *call, size_t dimension);

/* The raw response to a call; false: it would be too large to be worth it. `dimension`: length of the site's embeddings as last seen, 0: never. */
bool placeholder_make(const struct canaries *c, const struct call *call, const struct request *r, size_t dimension,
                      struct buf *out);

/*
 * The same for a call that asks for its answer in pieces. `text`: what the pieces join to, NULL: a canary. False: the API has no form for
 * that.
 */
bool placeholder_stream(const struct canaries *c, const struct call *call, const struct request *r, const char *text,
                        struct buf *out);

#endif
