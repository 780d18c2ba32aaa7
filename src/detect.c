/* See detect.h. The table of APIs is shim/apis.h; what else a call must look like is here. */
#include "detect.h"
#include <string.h>

static const struct {
    const char *name, *suffix;
} apis[] = {{"none", NULL},
#define X(id, name, suffix) {name, suffix},
            XCS_MODEL_APIS(X)
#undef X
};

/* The prompt's key, by API: a body without it is no model call whatever its path. */
static const char *const inputs[] = {[API_CHAT] = "messages", [API_COMPLETION] = "prompt", [API_EMBEDDING] = "input"};

/* Set to true, these make a call leave state behind or answer in pieces. */
static const char *const refused[] = {"stream", "store", "background"};

const char *api_name(enum api api) {
    return apis[api].name;
}

uint64_t hash_bytes(uint64_t h, const void *p, size_t n) {
    const unsigned char *b = p;
    for (size_t i = 0; i < n; i++)
        h = (h ^ b[i]) * 1099511628211ull;
    return h;
}

static uint64_t hash_text(uint64_t h, const char *s) {
    return hash_bytes(h, s ? s : "", s ? strlen(s) + 1 : 1);
}

static enum api api_of(const char *target) {
    size_t n = strcspn(target, "?");
    for (size_t i = 1; i < sizeof apis / sizeof *apis; i++) {
        size_t s = strlen(apis[i].suffix);
        if (n >= s && memcmp(target + n - s, apis[i].suffix, s) == 0)
            return (enum api)i;
    }
    return API_NONE;
}

/* Keys and nesting, not values; a list counts by its first element, so that its length does not matter. */
static uint64_t hash_skeleton(uint64_t h, const json_t *v) {
    const char *key;
    json_t *child;
    int type = (int)json_typeof(v);
    h = hash_bytes(h, &type, sizeof type);
    if (json_is_object(v)) {
        json_object_foreach((json_t *)(uintptr_t)v, key, child) h = hash_skeleton(hash_text(h, key), child);
    } else if (json_is_array(v) && json_array_size(v) > 0) {
        h = hash_skeleton(h, json_array_get(v, 0));
    }
    return h;
}

static uint64_t hash_site(const struct xcs_addr *addr, const struct request *r, const json_t *body) {
    uint64_t h = hash_bytes(HASH_START, &addr->u, addr->len);
    h = hash_bytes(h, r->target, strcspn(r->target, "?"));
    h = hash_skeleton(h, body);
    h = hash_text(h, json_string_value(json_object_get(body, "model")));
    const json_t *messages = json_object_get(body, "messages"), *m;
    size_t i;
    json_array_foreach(messages, i, m) {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (role && strcmp(role, "system") == 0)
            h = hash_text(h, json_string_value(json_object_get(m, "content")));
    }
    return h;
}

static bool fail(struct call *out, const char **why, const char *reason) {
    json_decref(out->body);
    *out = (struct call){0};
    *why = reason;
    return false;
}

bool detect(const struct xcs_addr *addr, const struct request *r, struct call *out, const char **why) {
    *out = (struct call){0};
    if (strcmp(r->method, "POST") != 0 || (out->api = api_of(r->target)) == API_NONE)
        return fail(out, why, "not a model call");
    if (r->expects || request_header(r, "content-encoding"))
        return fail(out, why, "a form of request that is left alone");
    out->body = json_loadb(r->body.p ? r->body.p : "", r->body.len, 0, NULL);
    if (!json_is_object(out->body) || !json_object_get(out->body, inputs[out->api]))
        return fail(out, why, "body is not that of a model call");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (json_is_true(json_object_get(out->body, refused[i])))
            return fail(out, why, i == 0 ? "asks for a stream" : "leaves state behind");
    out->site = hash_site(addr, r, out->body);
    return true;
}
