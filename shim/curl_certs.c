/* CURLINFO_CERTINFO of an answer of ours (curl_answer.h): the certificates' frames as libcurl's lists, which live as long as the answer. */
#include "curl_answer.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CERTS_MAX 64
#define TEXTS_MAX 256

/* The texts stay where they are, in the answer. */
struct curl_certs {
    struct curl_certinfo told;
    struct curl_slist *lists[CERTS_MAX];
    struct curl_slist items[CERTS_MAX][TEXTS_MAX];
};

static struct curl_slist *list_of(struct curl_slist *items, const char *texts, size_t len) {
    size_t n = 0;
    while (len > 0 && n < TEXTS_MAX) {
        size_t text = strnlen(texts, len);
        if (text == len)
            break;
        items[n].data = (char *)(uintptr_t)texts;
        if (n > 0)
            items[n - 1].next = &items[n];
        n++;
        texts += text + 1;
        len -= text + 1;
    }
    return n ? items : NULL;
}

const struct curl_certinfo *curl_answer_certs(struct curl_answer *a) {
    struct xcs_frame f;
    const char *texts;
    if (a->certs || !(a->certs = calloc(1, sizeof *a->certs)))
        return a->certs ? &a->certs->told : NULL;
    struct curl_certs *c = a->certs;
    c->told.certinfo = c->lists;
    for (size_t at = 0; c->told.num_of_certs < CERTS_MAX && curl_answer_frame(a, &at, &f, &texts);) {
        if (f.type != XCS_FRAME_CERT)
            continue;
        int i = c->told.num_of_certs++;
        c->lists[i] = list_of(c->items[i], texts, (size_t)f.len);
    }
    return &c->told;
}
