/*
 * Detector: is a request a model call, of which API, and from which call site. A site is the shape of a request that stays the
 * same from call to call: origin, path, JSON keys, model and system text.
 */
#ifndef XCS_DETECT_H
#define XCS_DETECT_H

#include "../shim/apis.h"
#include "../shim/protocol.h"
#include "intake.h"
#include <jansson.h>
#include <stdint.h>

enum api {
    API_NONE = 0,
#define X(id, ...) API_##id,
    XCS_MODEL_APIS(X)
#undef X
};

struct call {
    enum api api;
    json_t *body; /* parsed; the caller's reference */
    uint64_t site;
    bool streams; /* asks for the answer in pieces */
};

/* False with a constant reason when it is no call that may be issued early; out->body is then NULL. */
bool detect(const struct xcs_addr *addr, const struct request *r, struct call *out, const char **why);
const char *api_name(enum api api);
enum xcs_stream api_stream(enum api api);

/* "openai-chat m example.com/v1/chat/completions": what a user knows the call's site by, printable whatever the request holds.
 * No query, which may hold a key, and nothing of the texts. The caller frees it. */
char *call_name(const struct request *r, const struct call *call);

/* FNV-1a, continued from h; start with HASH_START. */
#define HASH_START 14695981039346656037ull
uint64_t hash_bytes(uint64_t h, const void *p, size_t n);

#endif
