/* See curl_answer.h. The engine is not trusted to keep to the form: lengths are checked. */
#include "curl_answer.h"
#include "curl_headers.h"
#include "curl_infos.h"
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX (2 * (size_t)XCS_RESPONSE_MAX)

static const CURLINFO infos[] = {
#define X(name) CURLINFO_##name,
    XCS_CURL_INFOS(X)
#undef X
};

struct curl_answer *curl_answer_new(const char *url, size_t sent) {
    struct curl_answer *a = calloc(1, sizeof *a);
    if (a && !(a->url = strdup(url))) {
        free(a);
        return NULL;
    }
    if (a)
        a->sent = sent;
    return a;
}

void curl_answer_free(struct curl_answer *a) {
    if (!a)
        return;
    curl_headers_free(a->headers);
    free(a->certs);
    free(a->bytes);
    free(a->url);
    free(a);
}

char *curl_answer_room(struct curl_answer *a, size_t n) {
    if (n > ANSWER_MAX || a->len > ANSWER_MAX - n)
        return NULL;
    if (a->len + n > a->room) {
        size_t room = a->room * 2 > a->len + n ? a->room * 2 : a->len + n;
        char *more = realloc(a->bytes, room);
        if (!more)
            return NULL;
        a->bytes = more;
        a->room = room;
    }
    return a->bytes + a->len;
}

bool curl_answer_frame(const struct curl_answer *a, size_t *at, struct xcs_frame *frame, const char **data) {
    if (a->len - *at < sizeof *frame)
        return false;
    memcpy(frame, a->bytes + *at, sizeof *frame);
    if (frame->len > a->len - *at - sizeof *frame)
        return false;
    *data = a->bytes + *at + sizeof *frame;
    *at += sizeof *frame + (size_t)frame->len;
    return true;
}

/* What was told last counts. */
static bool find(const struct curl_answer *a, CURLINFO info, struct xcs_frame *out, const char **data) {
    struct xcs_frame f;
    const char *p;
    bool found = false;
    for (size_t at = 0; curl_answer_frame(a, &at, &f, &p);) {
        if (f.type == XCS_FRAME_INFO && f.arg == (uint32_t)info) {
            *out = f;
            *data = p;
            found = true;
        }
    }
    return found;
}

static bool is_known(CURLINFO info) {
    for (size_t i = 0; i < sizeof infos / sizeof *infos; i++)
        if (infos[i] == info)
            return true;
    return false;
}

static char *text_of(const struct curl_answer *a, CURLINFO info, bool found, const struct xcs_frame *f, const char *p) {
    if (!found && info == CURLINFO_EFFECTIVE_URL)
        return a->url;
    if (!found && info == CURLINFO_SCHEME)
        return strncmp(a->url, "https", 5) == 0 ? "HTTPS" : "HTTP";
    bool whole = found && f->len > 0 && p[f->len - 1] == '\0';
    return whole ? (char *)(uintptr_t)p : NULL;
}

bool curl_answer_info(const struct curl_answer *a, CURLINFO info, void *out) {
    struct xcs_frame f = {0};
    const char *p = NULL;
    int64_t bits = 0;
    if (!is_known(info))
        return false;
    bool found = find(a, info, &f, &p);
    if (found && f.len == sizeof bits)
        memcpy(&bits, p, sizeof bits);
    switch ((unsigned)info & CURLINFO_TYPEMASK) {
    case CURLINFO_STRING:
        *(char **)out = text_of(a, info, found, &f, p);
        return true;
    case CURLINFO_LONG:
        *(long *)out = (long)bits;
        return true;
    case CURLINFO_DOUBLE:
        memcpy(out, &bits, sizeof(double));
        return true;
    default:
        *(curl_off_t *)out = bits;
        return true;
    }
}

curl_off_t curl_answer_number(const struct curl_answer *a, CURLINFO info) {
    curl_off_t n = 0;
    return curl_answer_info(a, info, &n) ? n : 0;
}
