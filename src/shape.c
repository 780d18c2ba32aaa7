/* See shape.h. A response's head and the whole; the form of its JSON is shape_part.c's. */
#include "shape.h"
#include "placeholder.h"
#include "response.h"
#include "shape_json.h"
#include "shape_part.h"
#include "stream_text.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define HEAD_MAX (16 * 1024)
#define AGAIN_MAX (64 * 1024)
#define RENDERED_MAX (4 * 1024 * 1024)

struct field {
    char *name, *value;
    bool varies;
};

struct shape {
    struct field *fields;
    size_t nfields;
    int status;
    struct part *body; /* NULL: a stream */
    struct part *text; /* of a stream */
    size_t dimension;
};

/* Said of one response or one connection, or made anew; a cookie would make requests differ that are the same in main. */
static const char *const own_fields[] = {
    "connection",  "keep-alive", "content-length", "transfer-encoding", "content-encoding",
    "date",        "trailer",    "upgrade",        "set-cookie",        "age",
    "etag",        "expires",    "alt-svc",        "server-timing",     "last-modified",
    "retry-after", "via",
};

static bool is_own(const char *name) {
    for (size_t i = 0; i < sizeof own_fields / sizeof *own_fields; i++)
        if (strcasecmp(name, own_fields[i]) == 0)
            return true;
    return false;
}

/* Names one response: x-request-id, cf-ray. */
static bool names_response(const char *name) {
    size_t n = strlen(name);
    return (n > 2 && strcasecmp(name + n - 2, "id") == 0) || (n > 4 && strcasecmp(name + n - 4, "-ray") == 0);
}

/* --- learning --- */

static const char *value_of(const struct shape *s, const char *name) {
    for (size_t i = 0; i < s->nfields; i++)
        if (strcasecmp(s->fields[i].name, name) == 0)
            return s->fields[i].value;
    return NULL;
}

static bool varied(const struct shape *s, const char *name) {
    for (size_t i = 0; i < s->nfields; i++)
        if (s->fields[i].varies && strcasecmp(s->fields[i].name, name) == 0)
            return true;
    return false;
}

static void learn_fields(struct shape *s, const struct response *r, const struct shape *old) {
    size_t size = 0;
    s->fields = xcalloc(r->nheaders ? r->nheaders : 1, sizeof *s->fields);
    for (size_t i = 0; i < r->nheaders; i++) {
        const struct header *h = &r->headers[i];
        size += strlen(h->name) + strlen(h->value) + 4;
        if (is_own(h->name) || size > HEAD_MAX)
            continue;
        const char *before = old ? value_of(old, h->name) : NULL;
        /* Counters and times are numbers: as last seen. */
        bool number = h->value[0] >= '0' && h->value[0] <= '9';
        bool varies = names_response(h->name) || (old && varied(old, h->name)) ||
                      (before && !number && strcmp(before, h->value) != 0);
        s->fields[s->nfields++] =
            (struct field){xstrndup(h->name, strlen(h->name)), xstrndup(h->value, strlen(h->value)), varies};
    }
}

/* The guide is only compared with: its canaries are of nobody's. */
static const struct canaries *guide_canaries(void) {
    static struct canaries c;
    if (!c.prefix[0])
        canaries_init(&c);
    return &c;
}

static bool learn_stream(struct shape *s, struct learning *l, const struct buf *text) {
    s->text = part_of_text(l, text->p, text->len);
    return s->text != NULL;
}

static bool learn_document(struct shape *s, struct learning *l, const json_t *v, const struct call *call) {
    json_t *guide = placeholder_json(l->canaries, call, 0);
    bool alike = guide && json_typeof(v) == json_typeof(guide);
    if (alike)
        s->body = part_of(l, v, guide);
    json_decref(guide);
    return alike;
}

static bool learn_body(struct shape *s, const struct buf *body, const struct call *call) {
    struct learning l = {.canaries = guide_canaries()};
    struct buf text = {0};
    bool ok = false;
    if (!body->p || json_is_deep(body->p, body->len))
        return false;
    json_t *v = json_loadb(body->p, body->len, 0, NULL);
    if (v ? call->streams && stream_text_of_list(v, &text) : stream_text(body->p, body->len, &text))
        ok = learn_stream(s, &l, &text);
    else if (v)
        ok = learn_document(s, &l, v, call);
    s->dimension = l.dimension;
    buf_free(&text);
    json_decref(v);
    return ok;
}

static size_t size_of(const struct shape *s) {
    return (s->body ? part_size(s->body) : 0) + (s->text ? part_size(s->text) : 0);
}

/* What earlier responses have taught stays known. */
static void inherit(struct shape *s, struct shape *old) {
    if (s->body && old->body) {
        part_inherit(s->body, old->body);
        old->body = NULL;
    }
    if (s->text && old->text) {
        part_inherit(s->text, old->text);
        old->text = NULL;
    }
    if (!s->dimension)
        s->dimension = old->dimension;
}

/* Vectors are of one length and large responses take long: one of them has taught enough. */
static bool is_enough(const struct shape *s, size_t len) {
    return s && (s->dimension || len > AGAIN_MAX);
}

void shape_learn(struct shape **sp, const char *raw, size_t len, const struct call *call) {
    struct response r;
    if (len > SHAPE_RAW_MAX || is_enough(*sp, len) || response_parse(&r, raw, len, true) != RESPONSE_WHOLE)
        return;
    struct shape *s = xcalloc(1, sizeof *s), *old = *sp;
    if (r.status >= 200 && r.status < 300 && response_decode(&r, SHAPE_RAW_MAX) && learn_body(s, &r.body, call) &&
        size_of(s) <= SHAPE_MAX) {
        learn_fields(s, &r, old);
        s->status = r.status;
        if (old)
            inherit(s, old);
        *sp = s;
        s = old;
    }
    shape_free(s);
    response_free(&r);
}

void shape_free(struct shape *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->nfields; i++) {
        free(s->fields[i].name);
        free(s->fields[i].value);
    }
    free(s->fields);
    part_free(s->body);
    part_free(s->text);
    free(s);
}

/* --- making --- */

static void add_head(const struct shape *s, const struct canaries *c, const struct request *r, size_t len,
                     struct buf *out) {
    char word[CANARY_LEN + 1], date[64];
    time_t now = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    buf_print(out, "HTTP/1.1 %d OK\r\nDate: %s\r\n", s->status, date);
    for (size_t i = 0; i < s->nfields; i++) {
        const struct field *f = &s->fields[i];
        const char *value = f->value;
        if (f->varies) {
            canary_make(c, word);
            value = word;
        }
        buf_add(out, f->name, strlen(f->name));
        buf_add(out, ": ", 2);
        buf_add(out, value, strlen(value));
        buf_add(out, "\r\n", 2);
    }
    buf_print(out, "Content-Length: %zu\r\n%s\r\n", len, r->keep_alive ? "" : "Connection: close\r\n");
}

bool shape_make(const struct shape *s, const struct canaries *c, const struct call *call, const struct request *r,
                bool feeds, struct buf *out) {
    const struct rendering how = {c, feeds};
    if (!s->body)
        return false;
    json_t *guide = placeholder_json(c, call, s->dimension);
    if (!guide)
        return false;
    if (part_rendered_size(s->body, guide) > RENDERED_MAX) {
        json_decref(guide);
        return false;
    }
    json_t *v = part_render(s->body, guide, &how);
    char *text = json_dumps(v, JSON_COMPACT);
    json_decref(v);
    json_decref(guide);
    if (!text)
        return false;
    add_head(s, c, r, strlen(text), out);
    buf_add(out, text, strlen(text));
    free(text);
    return true;
}

char *shape_text(const struct shape *s, const struct canaries *c, bool feeds) {
    const struct rendering how = {c, feeds};
    if (!s || !s->text || !part_has_form(s->text))
        return NULL;
    json_t *v = part_render(s->text, NULL, &how);
    char *text = xstrndup(json_string_value(v), json_string_length(v));
    json_decref(v);
    return text;
}

size_t shape_dimension(const struct shape *s) {
    return s ? s->dimension : 0;
}
