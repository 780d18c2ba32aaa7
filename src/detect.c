/* See detect.h. The table of APIs is shim/apis.h; here is what its columns mean. */
#include "detect.h"
#include <string.h>

static const struct row {
    const char *name, *path, *keys, *unless;
    unsigned rules;
    enum xcs_stream stream;
} apis[] = {{"none", NULL, NULL, NULL, 0, XCS_STREAM_NONE},
#define X(id, name, path, keys, unless, rules, builder, stream) {name, path, keys, unless, rules, stream},
            XCS_MODEL_APIS(X)
#undef X
};

/* There and not null, these make a call change something on the server's side, whatever the API. */
static const char *const refused[] = {"background",  "conversation", "conversation_id",
                                      "mcp_servers", "container",    "connectors"};

/* Tools that the server itself runs and that reach beyond it or keep what they did, by how the value of "type" begins. */
static const char *const reaching_tools[] = {"mcp", "code_interpreter", "code_execution", "shell"};

/* Where the APIs have their system text, beside messages whose role says it. */
static const char *const system_keys[] = {"system", "systemInstruction", "system_instruction", "instructions",
                                          "preamble"};

#define NAME_MODEL_MAX 64
#define NAME_HOST_MAX 80
#define NAME_PATH_MAX 120

#define COUNT(a) (sizeof(a) / sizeof *(a))

const char *api_name(enum api api) {
    return apis[api].name;
}

enum xcs_stream api_stream(enum api api) {
    return apis[api].stream;
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

/* Without digits: a number or the time of day in a system prompt does not make another site of each call. */
static uint64_t hash_words(uint64_t h, const char *s) {
    for (; *s; s++)
        if (*s < '0' || *s > '9')
            h = hash_bytes(h, s, 1);
    return hash_bytes(h, "", 1);
}

/* Every text in a value: a system prompt is a string, a list of blocks or an object of parts. */
static uint64_t hash_texts(uint64_t h, const json_t *v) {
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_string(v))
        return hash_words(h, json_string_value(v));
    json_object_foreach((json_t *)(uintptr_t)v, key, child) h = hash_texts(h, child);
    json_array_foreach(v, i, child) h = hash_texts(h, child);
    return h;
}

/* At most `max` characters, each of them printable. */
static void add_printable(struct buf *out, const char *s, size_t len, size_t max) {
    for (size_t i = 0; i < len && i < max; i++) {
        char c = s[i] > ' ' && s[i] < 127 ? s[i] : '?';
        buf_add(out, &c, 1);
    }
}

/* A target for a proxy has the host in it, and perhaps a password before that. */
static const char *without_user(const char *target) {
    const char *host = strstr(target, "://");
    if (*target == '/' || !host)
        return target;
    host += 3;
    const char *at = memrchr(host, '@', strcspn(host, "/?"));
    return at ? at + 1 : host;
}

char *call_name(const struct request *r, const struct call *call) {
    const char *model = json_string_value(json_object_get(call->body, "model"));
    const char *host = request_header(r, "host");
    const char *target = without_user(r->target);
    struct buf out = {0};
    buf_print(&out, "%s ", api_name(call->api));
    if (model) {
        add_printable(&out, model, strlen(model), NAME_MODEL_MAX);
        buf_add(&out, " ", 1);
    }
    if (host && *target == '/')
        add_printable(&out, host, strlen(host), NAME_HOST_MAX);
    add_printable(&out, target, strcspn(target, "?"), NAME_PATH_MAX);
    return out.p;
}

static bool has_path(const struct row *row, const char *target) {
    size_t n = strcspn(target, "?");
    return xcs_path_fits(target, n, row->path) &&
           (!row->unless || !memmem(target, n, row->unless, strlen(row->unless)));
}

static bool has_keys(const struct row *row, const json_t *body) {
    for (const char *p = row->keys; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (!json_object_getn(body, p, n))
            return false;
        p += n;
    }
    return true;
}

/* The row of a target and, unless it is NULL, a body. */
static enum api api_of(const char *target, const json_t *body) {
    for (size_t i = 1; i < COUNT(apis); i++)
        if (has_path(&apis[i], target) && (!body || has_keys(&apis[i], body)))
            return (enum api)i;
    return API_NONE;
}

/* Is the switch `key` on, where it is on or off when nothing is said? */
static bool is_on(const json_t *body, const char *key, bool otherwise) {
    const json_t *v = json_object_get(body, key);
    return otherwise ? !json_is_false(v) : json_is_true(v);
}

static bool has_reaching_tool(const json_t *body) {
    size_t i;
    const json_t *tool;
    json_array_foreach(json_object_get(body, "tools"), i, tool) {
        const char *type = json_string_value(json_object_get(tool, "type"));
        for (size_t k = 0; type && k < COUNT(reaching_tools); k++)
            if (strncmp(type, reaching_tools[k], strlen(reaching_tools[k])) == 0)
                return true;
    }
    return false;
}

static bool leaves_state(const struct row *row, const json_t *body) {
    for (size_t i = 0; i < COUNT(refused); i++) {
        const json_t *v = json_object_get(body, refused[i]);
        if (v && !json_is_null(v) && !json_is_false(v))
            return true;
    }
    return is_on(body, "store", row->rules & XCS_API_STORES) || has_reaching_tool(body);
}

/*
 * Keys and nesting, not values. What may differ from call to call of one site does not count: the length of a list (its first
 * element stands for it), the order of keys (hash tables of some languages), a point in a number.
 */
static uint64_t hash_skeleton(uint64_t h, const json_t *v) {
    const char *key;
    json_t *child;
    int type = json_is_number(v) ? JSON_REAL : (int)json_typeof(v);
    h = hash_bytes(h, &type, sizeof type);
    if (json_is_object(v)) {
        uint64_t members = 0;
        json_object_foreach((json_t *)(uintptr_t)v, key, child) members +=
            hash_skeleton(hash_text(HASH_START, key), child);
        h = hash_bytes(h, &members, sizeof members);
    } else if (json_is_array(v) && json_array_size(v) > 0) {
        h = hash_skeleton(h, json_array_get(v, 0));
    }
    return h;
}

/* By its name where the request says it: a name may have several addresses. Of an address, what tells it from others. */
static uint64_t hash_origin(const struct xcs_addr *addr, const struct request *r) {
    const char *host = request_header(r, "host");
    bool in4 = addr->u.sa.sa_family == AF_INET;
    uint16_t port = in4 ? addr->u.in.sin_port : addr->u.in6.sin6_port;
    uint64_t h = hash_bytes(HASH_START, &port, sizeof port);
    if (host)
        return hash_text(h, host);
    return in4 ? hash_bytes(h, &addr->u.in.sin_addr, sizeof addr->u.in.sin_addr)
               : hash_bytes(h, &addr->u.in6.sin6_addr, sizeof addr->u.in6.sin6_addr);
}

static uint64_t hash_site(const struct xcs_addr *addr, const struct request *r, const json_t *body) {
    uint64_t h = hash_origin(addr, r);
    h = hash_bytes(h, r->target, strcspn(r->target, "?"));
    h = hash_skeleton(h, body);
    h = hash_text(h, json_string_value(json_object_get(body, "model")));
    const json_t *messages = json_object_get(body, "messages"), *m;
    size_t i;
    json_array_foreach(messages, i, m) {
        const char *role = json_string_value(json_object_get(m, "role"));
        if (role && (strcmp(role, "system") == 0 || strcmp(role, "developer") == 0))
            h = hash_texts(h, json_object_get(m, "content"));
    }
    for (i = 0; i < COUNT(system_keys); i++)
        h = hash_texts(h, json_object_get(body, system_keys[i]));
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
    if (strcmp(r->method, "POST") != 0 || api_of(r->target, NULL) == API_NONE)
        return fail(out, why, "not a model call");
    if (r->expects || request_header(r, "content-encoding"))
        return fail(out, why, "a form of request that is left alone");
    out->body = json_loadb(r->body.p ? r->body.p : "", r->body.len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(out->body) || (out->api = api_of(r->target, out->body)) == API_NONE)
        return fail(out, why, "body is not that of a model call");
    const struct row *row = &apis[out->api];
    out->streams = row->rules & XCS_API_STREAM_ONLY || is_on(out->body, "stream", row->rules & XCS_API_STREAMS);
    if (out->streams && row->stream == XCS_STREAM_NONE)
        return fail(out, why, "asks for a stream of a form that is not known");
    if (leaves_state(row, out->body))
        return fail(out, why, "leaves state behind");
    out->site = hash_site(addr, r, out->body);
    return true;
}
