/*
 * What the builders of placeholders share. A builder makes the JSON of one API's answer, in the form of the real service and with a
 * canary for each text; which API has which is the table in shim/apis.h.
 */
#ifndef XCS_PLACEHOLDER_IMPL_H
#define XCS_PLACEHOLDER_IMPL_H

#include "placeholder.h"
#include <string.h>

/* `dimension`: length of the site's embeddings as last seen, 0: never. */
typedef json_t *builder(const struct canaries *c, const struct call *call, size_t dimension);
#define X(id, name, path, keys, unless, rules, builder, stream)                                                        \
    json_t *build_##builder(const struct canaries *, const struct call *, size_t);
XCS_MODEL_APIS(X)
#undef X

#define LIST_MAX 4096

json_t *canary_leaf(const struct canaries *c);

/* A number that the call gives, within what a list may be long. */
size_t bounded(const json_t *v, size_t otherwise);

/* The model's name as the call has it. Google's call has it in its path, and an answer's may differ anyway. */
json_t *model_of(const struct call *call);

/* How many texts the call brings: a list of texts is one each, a list of numbers (tokens) is a single one. */
size_t inputs_in(const json_t *v);

/* Tokens used, as OpenAI tells it. */
json_t *build_usage(void);

/* The response's head but for how long its body is, and the empty line. */
void placeholder_head(struct buf *out, const struct request *r, const char *type);

/* Takes from what the placeholder at hand may cost; false: there is not enough left, it is given up. */
bool placeholder_afford(size_t cost);

#endif
