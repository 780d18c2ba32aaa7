/* See curl_handle.h. What the options that say what is sent do to each other is libcurl's: curl_easy_setopt(3) and the options' pages. */
#include "curl_handle.h"
#include "curl_answer.h"
#include "shim.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct curl_handle *handles;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct row {
    CURLoption option;
    enum curl_treatment treatment;
    const char *name;
} rows[XCS_CURL_OPTION_END] = {
#define X(name, treatment) [XCS_CURL_NUMBER(CURLOPT_##name)] = {CURLOPT_##name, CURL_##treatment, #name},
    XCS_CURL_OPTIONS(X)
#undef X
};

/* A run-ahead is alone, and the lock may have been another thread's when it was made. */
static bool lock_list(void) {
    bool locks = xcs_mode != XCS_MODE_AHEAD;
    if (locks)
        pthread_mutex_lock(&list_lock);
    return locks;
}

static void unlock_list(bool locked) {
    if (locked)
        pthread_mutex_unlock(&list_lock);
}

void curl_handle_child_reset(void) {
    pthread_mutex_init(&list_lock, NULL);
}

enum curl_treatment curl_treatment_of(CURLoption option) {
    unsigned n = XCS_CURL_NUMBER(option);
    return n < XCS_CURL_OPTION_END && rows[n].option == option ? rows[n].treatment : CURL_OPAQUE;
}

const char *curl_option_name(CURLoption option) {
    return curl_treatment_of(option) == CURL_OPAQUE ? "an option" : rows[XCS_CURL_NUMBER(option)].name;
}

/* --- the list --- */

struct curl_handle *curl_handle_of(CURL *easy) {
    bool locked = lock_list();
    struct curl_handle **at = &handles;
    while (*at && (*at)->easy != easy)
        at = &(*at)->next;
    struct curl_handle *h = *at;
    if (h && h != handles) {
        *at = h->next; /* to the front: it will be asked for again */
        h->next = handles;
        handles = h;
    }
    unlock_list(locked);
    return h;
}

static struct curl_handle *add(const struct curl_real *lib, CURL *easy) {
    struct curl_handle *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->easy = easy;
    h->lib = lib;
    bool locked = lock_list();
    h->next = handles;
    handles = h;
    unlock_list(locked);
    return h;
}

void curl_handle_new(const struct curl_real *lib, CURL *easy) {
    if (easy)
        add(lib, easy);
}

static void free_list(struct curl_slist *list) {
    for (struct curl_slist *next; list; list = next) {
        next = list->next;
        free(list->data);
        free(list);
    }
}

/* False: no memory. */
static bool copy_list(struct curl_slist **to, const struct curl_slist *from) {
    struct curl_slist *all = NULL, **at = &all;
    for (; from; from = from->next, at = &(*at)->next) {
        *at = calloc(1, sizeof **at);
        if (!*at || !((*at)->data = strdup(from->data))) {
            free_list(all);
            return false;
        }
    }
    *to = all;
    return true;
}

static bool same_list(const struct curl_slist *a, const struct curl_slist *b) {
    while (a && b && strcmp(a->data, b->data) == 0) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

static void drop(struct curl_value *v) {
    if (v->owned && v->option == CURLOPT_RESOLVE)
        free_list(v->pointer);
    else if (v->owned)
        free(v->pointer);
}

/* --- values --- */

/* Its entry, moved to the end; NULL: no memory. */
static struct curl_value *entry(struct curl_handle *h, CURLoption option) {
    size_t i = 0;
    while (i < h->count && h->values[i].option != option)
        i++;
    if (i < h->count) {
        drop(&h->values[i]);
        memmove(&h->values[i], &h->values[i + 1], (h->count - i - 1) * sizeof *h->values);
        h->count--;
    } else if (h->count == h->room) {
        size_t room = h->room ? 2 * h->room : 32;
        struct curl_value *more = realloc(h->values, room * sizeof *more);
        if (!more)
            return NULL;
        h->values = more;
        h->room = room;
    }
    struct curl_value *v = &h->values[h->count++];
    *v = (struct curl_value){.option = option};
    return v;
}

static void *copy_of(const void *from, size_t len) {
    char *copy = malloc(len + 1);
    if (copy) {
        memcpy(copy, from, len);
        copy[len] = '\0';
    }
    return copy;
}

static bool is_text(CURLoption option) {
    if (XCS_CURL_TYPE(option) != CURLOPTTYPE_OBJECTPOINT)
        return false;
    enum curl_treatment t = curl_treatment_of(option);
    return t == CURL_CARRY || t == CURL_PATH || option == CURLOPT_URL || option == CURLOPT_PROXY ||
           option == CURLOPT_NOPROXY || option == CURLOPT_CAINFO || option == CURLOPT_CAPATH;
}

static bool set_value(struct curl_value *v, const void *argument) {
    v->pointer = (void *)(uintptr_t)argument;
    if (XCS_CURL_TYPE(v->option) == CURLOPTTYPE_BLOB) {
        const struct curl_blob *blob = argument;
        v->len = blob ? blob->len : 0;
        v->owned = blob && (blob->flags & CURL_BLOB_COPY);
        v->pointer = !blob ? NULL : v->owned ? copy_of(blob->data, blob->len) : blob->data;
        return !blob || v->pointer;
    }
    if (is_text(v->option) && argument) {
        v->owned = true;
        v->pointer = copy_of(argument, strlen(argument));
        return v->pointer != NULL;
    }
    return true;
}

const struct curl_value *curl_value_of(const struct curl_handle *h, CURLoption option) {
    for (size_t i = 0; i < h->count; i++)
        if (h->values[i].option == option)
            return &h->values[i];
    return NULL;
}

void *curl_pointer_of(const struct curl_handle *h, CURLoption option) {
    const struct curl_value *v = curl_value_of(h, option);
    return v ? v->pointer : NULL;
}

/* --- what is sent --- */

static void set_body(struct curl_handle *h, const char *body, bool copies) {
    const struct curl_value *size = curl_value_of(h, CURLOPT_POSTFIELDSIZE_LARGE);
    free(h->copied);
    h->copied = NULL;
    h->postfields = body;
    if (!copies || !body)
        return;
    h->copied_len = size && size->number >= 0 ? (size_t)size->number : strlen(body);
    h->postfields = h->copied = copy_of(body, h->copied_len);
    h->opaque |= !h->copied;
}

/* A copy is shorter than what is to be sent now: libcurl drops it. */
static void set_body_size(struct curl_handle *h, curl_off_t size) {
    const struct curl_value *before = curl_value_of(h, CURLOPT_POSTFIELDSIZE_LARGE);
    if (h->copied && (before ? before->number : -1) < size)
        set_body(h, NULL, false);
}

/* Libcurl asks for a body or sends one whatever the method is. */
static void set_direction(struct curl_handle *h, CURLoption option, bool on) {
    if (option == CURLOPT_NOBODY)
        h->no_body = on;
    else if (option == CURLOPT_UPLOAD || option == CURLOPT_PUT)
        h->uploads = on;
    else if (on && (option == CURLOPT_POST || option == CURLOPT_HTTPGET))
        h->no_body = h->uploads = false;
}

/* Set to nothing, those of other methods still change it, and not in the same way in every version. */
static void set_method(struct curl_handle *h, CURLoption option, const void *argument) {
    bool on = XCS_CURL_TYPE(option) == CURLOPTTYPE_LONG ? (long)(intptr_t)argument != 0 : argument != NULL;
    set_direction(h, option, on);
    switch (option) {
    case CURLOPT_POST:
        h->method = on ? CURL_METHOD_POST : CURL_METHOD_GET;
        break;
    case CURLOPT_POSTFIELDS:
        set_body(h, argument, false);
        h->method = CURL_METHOD_POST;
        break;
    case CURLOPT_COPYPOSTFIELDS:
        set_body(h, argument, true);
        h->method = CURL_METHOD_POST;
        break;
    case CURLOPT_HTTPGET:
        h->method = on ? CURL_METHOD_GET : h->method;
        break;
    case CURLOPT_NOBODY:
        h->method = on ? CURL_METHOD_OTHER : h->method;
        break;
    case CURLOPT_UPLOAD:
    case CURLOPT_PUT:
    case CURLOPT_HTTPPOST:
    case CURLOPT_MIMEPOST:
        h->method = CURL_METHOD_OTHER;
        break;
    default:
        break;
    }
}

/* What libcurl keeps for a handle's life once it has it. */
static bool is_kept(const struct curl_handle *h, CURLoption option, const void *argument) {
    switch (option) {
    case CURLOPT_COOKIEFILE:
    case CURLOPT_COOKIEJAR:
    case CURLOPT_COOKIELIST:
    case CURLOPT_HSTS:
    case CURLOPT_HSTS_CTRL:
    case CURLOPT_HSTSREADFUNCTION:
    case CURLOPT_ALTSVC:
    case CURLOPT_ALTSVC_CTRL:
        return argument != NULL;
    case CURLOPT_RESOLVE:
        return h->names_used && !same_list(curl_pointer_of(h, option), argument);
    default:
        return false;
    }
}

void curl_handle_used(struct curl_handle *h) {
    struct curl_slist *copy;
    for (size_t i = 0; i < h->count; i++) {
        struct curl_value *v = &h->values[i];
        if (v->option != CURLOPT_RESOLVE || v->owned || !v->pointer)
            continue;
        h->names_used = true;
        v->owned = copy_list(&copy, v->pointer);
        h->opaque |= !v->owned;
        v->pointer = v->owned ? copy : NULL;
    }
}

void curl_handle_set(struct curl_handle *h, CURLoption option, void *argument) {
    enum curl_treatment t = curl_treatment_of(option);
    if (t == CURL_OPAQUE)
        h->opaque = true;
    if (t == CURL_OPAQUE || t == CURL_NEUTRAL)
        return;
    bool is_size = option == CURLOPT_POSTFIELDSIZE || option == CURLOPT_POSTFIELDSIZE_LARGE;
    bool is_long = XCS_CURL_TYPE(option) == CURLOPTTYPE_LONG;
    h->keeps |= is_kept(h, option, argument);
    set_method(h, option, argument);
    curl_off_t number = is_long ? (long)(intptr_t)argument : (curl_off_t)(intptr_t)argument;
    if (is_size)
        set_body_size(h, number);
    struct curl_value *v = entry(h, is_size ? CURLOPT_POSTFIELDSIZE_LARGE : option);
    if (!v) {
        h->opaque = true;
        return;
    }
    v->number = number;
    if (!set_value(v, argument))
        h->opaque = true;
}

/* --- a handle's life --- */

void curl_handle_reset(struct curl_handle *h) {
    for (size_t i = 0; i < h->count; i++)
        drop(&h->values[i]);
    set_body(h, NULL, false);
    if (!h->busy) { /* else by a callback, to which it is being delivered */
        curl_answer_free(h->answer);
        h->answer = NULL;
    }
    h->keeps |= h->names_used;
    h->no_body = h->uploads = false;
    h->count = 0;
    h->method = CURL_METHOD_GET;
    h->opaque = false;
}

void curl_handle_end(struct curl_handle *h) {
    bool locked = lock_list();
    for (struct curl_handle **at = &handles; *at; at = &(*at)->next) {
        if (*at == h) {
            *at = h->next;
            break;
        }
    }
    unlock_list(locked);
    curl_handle_reset(h);
    free(h->values);
    free(h);
}

void curl_handle_copy(const struct curl_handle *from, CURL *easy) {
    struct curl_handle *h = easy ? add(from->lib, easy) : NULL;
    if (!h)
        return;
    h->method = from->method;
    h->opaque = from->opaque;
    h->keeps = from->keeps;
    h->no_body = from->no_body;
    h->uploads = from->uploads;
    h->postfields = from->postfields;
    h->copied_len = from->copied_len;
    if (from->copied) {
        h->postfields = h->copied = copy_of(from->copied, from->copied_len);
        h->opaque |= !h->copied;
    }
    for (size_t i = 0; i < from->count; i++) {
        const struct curl_value *v = &from->values[i];
        struct curl_value *to = entry(h, v->option);
        struct curl_slist *names;
        if (!to) {
            h->opaque = true;
            return;
        }
        *to = *v;
        if (v->option == CURLOPT_RESOLVE) {
            to->owned = copy_list(&names, v->pointer);
            to->pointer = to->owned ? names : NULL;
            h->opaque |= !to->owned;
        } else if (v->owned && !(to->pointer = copy_of(v->pointer, v->len ? v->len : strlen(v->pointer))))
            h->opaque = true;
    }
}
