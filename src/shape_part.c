/* See shape_part.h. */
#include "shape_part.h"
#include "buf.h"
#include "shape_json.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* Shorter than this, what looks like base64 is a word, and whole numbers are no vector. */
#define BASE64_MIN 16
#define VECTOR_MIN 16

/* Digits that a number may have, and not an identifier. */
#define NUMBER_MAX 10

enum kind {
    KIND_VALUE, /* nothing in it varies by itself: as last seen */
    KIND_BUILT, /* as the guide has it: vectors, numbers of list items */
    KIND_STRING,
    KIND_JSON, /* a string that holds JSON */
    KIND_OBJECT,
    KIND_LIST
};

/* When a string varies. Of two that were learned for one place, the first counts. */
enum rule {
    RULE_TEXT,      /* always: the model's words */
    RULE_GENERATED, /* unless it was the same in all responses, two at least: a word in the model's JSON */
    RULE_DIFFERS,   /* once it has differed: a field of the envelope that we do not know */
    RULE_CONSTANT   /* never: the value that is seen most */
};

struct part {
    enum kind kind;
    enum rule rule;
    char *key;        /* in an object */
    json_t *value;    /* as last seen; of an object, list or JSON NULL */
    unsigned seen;    /* responses; of a constant and of JSON: those for it less those against it */
    bool number;      /* a text that was a number each time */
    bool differs;     /* from response to response */
    bool follows;     /* a list that is as long as the guide's; `children` is the first item alone */
    struct found how; /* KIND_JSON: how it was written */
    char *around[2];  /* KIND_JSON: the text before and after it */
    bool around_differs[2];
    struct part *children, *next;
};

/* Values that a program branches on, wherever they stand. */
static const char *const constant_keys[] = {"type",   "name",   "model",         "role",
                                            "status", "object", "finish_reason", "stop_reason"};

/* What a model fills in when it calls a tool. */
static const char *const generated_keys[] = {"arguments", "input", "args"};

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define LISTED(key, list) is_listed((key), (list), COUNT(list))

static bool is_listed(const char *key, const char *const *list, size_t n) {
    for (size_t i = 0; key && i < n; i++)
        if (strcmp(key, list[i]) == 0)
            return true;
    return false;
}

void part_free(struct part *p) {
    if (!p)
        return;
    struct part *child, *next;
    LL_FOREACH_SAFE(p->children, child, next) part_free(child);
    json_decref(p->value);
    free(p->key);
    free(p->around[0]);
    free(p->around[1]);
    free(p);
}

static struct part *new_part(enum kind kind, const json_t *v) {
    struct part *p = xcalloc(1, sizeof *p);
    p->kind = kind;
    p->seen = 1;
    if (v)
        p->value = json_incref((json_t *)(uintptr_t)v);
    return p;
}

/* --- learning --- */

static struct part *learn(struct learning *l, const json_t *v, const json_t *guide, const char *key, bool generated);

static bool has_text(const json_t *v) {
    const char *key;
    json_t *child;
    size_t i;
    if (json_is_string(v))
        return true;
    json_object_foreach((json_t *)(uintptr_t)v, key, child) if (has_text(child)) return true;
    json_array_foreach(v, i, child) if (has_text(child)) return true;
    return false;
}

/* "7", " -0.5\n": a program that asks for it calculates with it. */
static bool is_number(const char *text, size_t len) {
    static const char space[] = " \t\r\n", digits[] = "0123456789";
    const char *p = text + strspn(text, space);
    p += *p == '-';
    size_t n = strspn(p, digits);
    p += n;
    if (n && *p == '.')
        p += 1 + strspn(p + 1, digits);
    p += strspn(p, space);
    return n > 0 && n < NUMBER_MAX && p == text + len;
}

/* Is there more around JSON than its fence? */
static bool has_words(const char *around) {
    around += strspn(around, " \t\r\n");
    return *around && strncmp(around, "```", 3) != 0;
}

static struct part *learn_text(struct learning *l, const json_t *v) {
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);
    struct found how;
    json_t *inner = json_find(text, len, &how);
    if (!inner) {
        struct part *p = new_part(KIND_STRING, v);
        p->rule = len ? RULE_TEXT : RULE_GENERATED;
        p->number = is_number(text, len);
        return p;
    }
    struct part *p = new_part(KIND_JSON, NULL);
    p->how = how;
    p->around[0] = xstrndup(text, how.start);
    p->around[1] = xstrndup(text + how.end, len - how.end);
    /* A text of numbers alone needs a canary somewhere. */
    for (int i = 0; i < 2; i++)
        p->around_differs[i] = !has_text(inner) && has_words(p->around[i]);
    p->children = learn(l, inner, NULL, NULL, true);
    json_decref(inner);
    return p;
}

static bool is_base64(const json_t *v) {
    const char *s = json_string_value(v);
    size_t len = json_string_length(v);
    size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return len >= BASE64_MIN && len % 4 == 0 && len - n <= 2 && strspn(s + n, "=") == len - n;
}

static bool is_prose(const char *s) {
    const char *blank = strchr(s, ' ');
    return blank && strchr(blank + 1, ' ');
}

static struct part *learn_string(struct learning *l, const json_t *v, const json_t *guide, const char *key,
                                 bool generated) {
    const char *known = json_string_value(guide);
    if (known && canary_find(l->canaries, known, json_string_length(guide)))
        return learn_text(l, v);
    if (known && !LISTED(key, constant_keys) && is_base64(guide) && is_base64(v)) {
        l->dimension = json_string_length(v) / 4 * 3 / sizeof(float);
        return new_part(KIND_BUILT, v);
    }
    if (!known && !generated && LISTED(key, generated_keys))
        return learn_text(l, v);
    struct part *p = new_part(KIND_STRING, v);
    if (generated || (!known && is_prose(json_string_value(v))))
        p->rule = RULE_GENERATED;
    else
        p->rule = known || LISTED(key, constant_keys) ? RULE_CONSTANT : RULE_DIFFERS;
    return p;
}

static struct part *learn_list(struct learning *l, const json_t *v, const json_t *guide, bool generated) {
    size_t n = json_array_size(v), known = json_array_size(guide);
    const json_t *first = json_array_get(guide, 0);
    bool vector = json_is_real(first) || (json_is_integer(first) && known >= VECTOR_MIN);
    if (vector && json_is_number(json_array_get(v, 0))) {
        l->dimension = n;
        return new_part(KIND_BUILT, v);
    }
    struct part *p = new_part(KIND_LIST, NULL), *last = NULL;
    p->follows = n > 0 && n == known;
    for (size_t i = 0; i < n; i++) {
        const json_t *item_guide = known ? json_array_get(guide, i < known ? i : known - 1) : NULL;
        struct part *item = learn(l, json_array_get(v, i), item_guide, NULL, generated);
        if (p->follows && p->children) {
            /* Two items tell what differs as two responses do. */
            part_inherit(item, p->children);
            p->children = item;
        } else if (last) {
            last->next = item;
            last = item;
        } else {
            p->children = last = item;
        }
    }
    return p;
}

static struct part *learn_object(struct learning *l, const json_t *v, const json_t *guide, bool generated) {
    struct part *p = new_part(KIND_OBJECT, NULL), *last = NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)v, key, value) {
        const json_t *known = json_object_get(guide, key);
        struct part *child = learn(l, value, known, key, generated);
        child->key = xstrndup(key, strlen(key));
        if (last)
            last->next = child;
        else
            p->children = child;
        last = child;
    }
    return p;
}

static struct part *learn(struct learning *l, const json_t *v, const json_t *guide, const char *key, bool generated) {
    bool alike = guide && json_typeof(guide) == json_typeof(v);
    bool inside = generated || (!guide && LISTED(key, generated_keys));
    if (json_is_string(v))
        return learn_string(l, v, guide, key, generated);
    if (alike && json_is_integer(v) && key && strcmp(key, "index") == 0)
        return new_part(KIND_BUILT, v);
    if (!alike && !has_text(v))
        return new_part(KIND_VALUE, v);
    if (json_is_array(v))
        return learn_list(l, v, guide, inside);
    if (json_is_object(v))
        return learn_object(l, v, guide, inside);
    return new_part(KIND_VALUE, v);
}

struct part *part_of(struct learning *l, const json_t *v, const json_t *guide) {
    return learn(l, v, guide, NULL, false);
}

struct part *part_of_text(struct learning *l, const char *text, size_t len) {
    json_t *v = json_stringn(text, len);
    if (!v)
        return NULL;
    struct part *p = learn_text(l, v);
    json_decref(v);
    return p;
}

static struct part *member(struct part *list, const char *key) {
    struct part *p;
    LL_FOREACH(list, p) if (strcmp(p->key, key) == 0) return p;
    return NULL;
}

/* Takes one child of old's out of it, so that it can be used up alone. */
static void inherit_child(struct part *child, struct part *old, struct part *from) {
    LL_DELETE(old->children, from);
    from->next = NULL;
    part_inherit(child, from);
}

static void inherit_string(struct part *p, struct part *old) {
    bool same = json_equal(p->value, old->value);
    bool constant = p->rule == RULE_CONSTANT && old->rule == RULE_CONSTANT;
    if (old->rule < p->rule)
        p->rule = old->rule;
    p->differs = old->differs || !same;
    p->number &= old->number;
    if (!constant || same) {
        p->seen += old->seen;
    } else if (old->seen > 1) {
        json_t *rare = p->value;
        p->value = old->value;
        old->value = rare;
        p->seen = old->seen - 1;
    }
}

static void inherit_json(struct part *p, struct part *old) {
    p->seen += old->seen;
    for (int i = 0; i < 2; i++)
        p->around_differs[i] |= old->around_differs[i] || strcmp(p->around[i], old->around[i]) != 0;
    inherit_child(p->children, old, old->children);
}

/* A text that was JSON so far and is not this time: an exception, unless it happens more often than not. */
static void inherit_broken_json(struct part *p, struct part *old) {
    if (old->seen < 2)
        return;
    struct part plain = *p, *next = p->next;
    char *key = p->key;
    *p = *old;
    p->next = next;
    p->key = key;
    p->seen--;
    plain.key = old->key;
    plain.next = NULL;
    *old = plain;
}

static void inherit_object(const struct part *p, struct part *old) {
    struct part *child;
    LL_FOREACH(p->children, child) {
        struct part *from = member(old->children, child->key);
        if (from)
            inherit_child(child, old, from);
    }
}

static void inherit_list(const struct part *p, struct part *old) {
    struct part *child;
    LL_FOREACH(p->children, child) {
        if (old->children)
            inherit_child(child, old, old->children);
    }
}

void part_inherit(struct part *p, struct part *old) {
    if (p->kind == KIND_STRING && old->kind == KIND_STRING)
        inherit_string(p, old);
    else if (p->kind == KIND_JSON && old->kind == KIND_JSON)
        inherit_json(p, old);
    else if (p->kind == KIND_STRING && old->kind == KIND_JSON)
        inherit_broken_json(p, old);
    else if (p->kind == KIND_OBJECT && old->kind == KIND_OBJECT)
        inherit_object(p, old);
    else if (p->kind == KIND_LIST && old->kind == KIND_LIST)
        inherit_list(p, old);
    part_free(old);
}

/* --- rendering --- */

static bool varies(const struct part *p, const struct rendering *r) {
    switch (p->rule) {
    case RULE_TEXT:
        return !p->number || r->feeds;
    case RULE_GENERATED:
        return p->differs || p->seen < 2;
    case RULE_DIFFERS:
        return p->differs;
    case RULE_CONSTANT:
        break;
    }
    return false;
}

static json_t *canary(const struct canaries *c) {
    char word[CANARY_LEN + 1];
    canary_make(c, word);
    return json_string(word);
}

/* Text around JSON that differs: a canary in the place of its words; its fence stays. */
static void add_around(struct buf *out, const char *text, bool differs, bool before, const struct canaries *c) {
    char word[CANARY_LEN + 1];
    size_t len = strlen(text);
    if (!differs) {
        buf_add(out, text, len);
        return;
    }
    const char *fence = memmem(text, len, "```", 3);
    size_t kept = fence ? (size_t)(fence - text) : before ? len : 0; /* where the words end, or begin again */
    canary_make(c, word);
    if (before) {
        buf_print(out, "%s\n", word);
        buf_add(out, text + kept, len - kept);
    } else {
        size_t close = fence ? kept + 3 : 0;
        buf_add(out, text, close);
        buf_print(out, "\n%s", word);
    }
}

static json_t *render_json(const struct part *p, const struct rendering *r) {
    struct buf out = {0};
    json_t *inner = part_render(p->children, NULL, r);
    char *text = json_dumps(inner, p->how.flags);
    json_decref(inner);
    if (!text)
        abort();
    add_around(&out, p->around[0], p->around_differs[0], true, r->canaries);
    buf_add(&out, text, strlen(text));
    add_around(&out, p->around[1], p->around_differs[1], false, r->canaries);
    free(text);
    bool known = r->feeds && !canary_find(r->canaries, out.p, out.len);
    json_t *v = known ? canary(r->canaries) : json_stringn(out.p, out.len);
    buf_free(&out);
    return v;
}

static json_t *render_list(const struct part *p, const json_t *guide, const struct rendering *r) {
    json_t *list = json_array();
    const struct part *item;
    size_t i = 0, known = json_array_size(guide);
    if (p->follows) {
        for (; i < known; i++)
            json_array_append_new(list, part_render(p->children, json_array_get(guide, i), r));
        return list;
    }
    LL_FOREACH(p->children, item) {
        const json_t *item_guide = known ? json_array_get(guide, i < known ? i : known - 1) : NULL;
        json_array_append_new(list, part_render(item, item_guide, r));
        i++;
    }
    return list;
}

static json_t *render_object(const struct part *p, const json_t *guide, const struct rendering *r) {
    json_t *object = json_object();
    const struct part *child;
    LL_FOREACH(p->children, child)
    json_object_set_new(object, child->key, part_render(child, json_object_get(guide, child->key), r));
    return object;
}

json_t *part_render(const struct part *p, const json_t *guide, const struct rendering *r) {
    switch (p->kind) {
    case KIND_STRING:
        return varies(p, r) ? canary(r->canaries) : json_incref(p->value);
    case KIND_JSON:
        return render_json(p, r);
    case KIND_OBJECT:
        return render_object(p, guide, r);
    case KIND_LIST:
        return render_list(p, guide, r);
    case KIND_BUILT:
        if (guide && json_typeof(guide) == json_typeof(p->value))
            return json_incref((json_t *)(uintptr_t)guide);
        break;
    case KIND_VALUE:
        break;
    }
    return json_incref(p->value);
}

bool part_has_form(const struct part *p) {
    return p->kind == KIND_JSON || p->number;
}

/* --- sizes --- */

static size_t value_size(const json_t *v) {
    const char *key;
    json_t *child;
    size_t i, n = 32 + (json_is_string(v) ? json_string_length(v) : 0);
    json_object_foreach((json_t *)(uintptr_t)v, key, child) n += strlen(key) + value_size(child);
    json_array_foreach(v, i, child) n += value_size(child);
    return n;
}

size_t part_size(const struct part *p) {
    size_t n = sizeof *p + (p->key ? strlen(p->key) : 0) + (p->value ? value_size(p->value) : 0);
    const struct part *child;
    if (p->kind == KIND_JSON)
        n += strlen(p->around[0]) + strlen(p->around[1]);
    LL_FOREACH(p->children, child) n += part_size(child);
    return n;
}

size_t part_rendered_size(const struct part *p, const json_t *guide) {
    const struct part *child;
    if (p->kind == KIND_LIST && p->follows)
        return json_array_size(guide) * part_rendered_size(p->children, json_array_get(guide, 0));
    if (!p->children)
        return part_size(p);
    size_t n = sizeof *p;
    LL_FOREACH(p->children, child)
    n += part_rendered_size(child, child->key ? json_object_get(guide, child->key) : json_array_get(guide, 0));
    return n;
}
