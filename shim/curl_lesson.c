/*
 * See curl_lesson.h. For the time of one call the real handle's write callback is ours. Where the program's takes headers too, or a handle
 * has none of its own in the way that is expected here, no lesson is given.
 */
#include "curl_lesson.h"
#include "channel.h"
#include "curl_deliver.h"
#include "protocol.h"
#include "shim.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 256

static size_t copy_body(char *data, size_t one, size_t len, void *user) {
    struct curl_lesson *l = user;
    size_t n = one * len, took = curl_write(l->h, data, one, len);
    if (took != n) /* all of it comes again after a pause */
        return took;
    if (l->body && n <= XCS_LEARN_MAX - l->len) {
        memcpy(l->body + l->len, data, n);
        l->len += n;
    } else {
        free(l->body);
        l->body = NULL;
    }
    return took;
}

void curl_lesson_begin(struct curl_lesson *l, struct curl_handle *h, bool wanted) {
    const struct curl_value *in_body = curl_value_of(h, CURLOPT_HEADER);
    bool headers_too = (in_body && in_body->number) ||
                       (!curl_pointer_of(h, CURLOPT_HEADERFUNCTION) && curl_pointer_of(h, CURLOPT_HEADERDATA));
    *l = (struct curl_lesson){0};
    if (!wanted || headers_too || !(l->body = malloc(XCS_LEARN_MAX)))
        return;
    l->h = h;
    h->lent = true;
    h->lib->easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, copy_body);
    h->lib->easy_setopt(h->easy, CURLOPT_WRITEDATA, l);
}

void curl_lesson_put_back(const struct curl_handle *h, CURL *easy) {
    const struct curl_value *user = curl_value_of(h, CURLOPT_WRITEDATA);
    h->lib->easy_setopt(easy, CURLOPT_WRITEFUNCTION, curl_pointer_of(h, CURLOPT_WRITEFUNCTION));
    h->lib->easy_setopt(easy, CURLOPT_WRITEDATA, user ? user->pointer : stdout);
}

static void show(const struct curl_lesson *l, uint64_t node) {
    char head[HEAD_MAX], *type = NULL;
    long status = 0;
    sigset_t saved;
    l->h->lib->easy_getinfo(l->h->easy, CURLINFO_RESPONSE_CODE, &status);
    l->h->lib->easy_getinfo(l->h->easy, CURLINFO_CONTENT_TYPE, &type);
    int n = snprintf(head, sizeof head, "HTTP/1.1 %ld -\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status,
                     type && !strpbrk(type, "\r\n") ? type : "", l->len);
    if (n < 0 || n >= (int)sizeof head)
        return;
    xcs_lock(&saved);
    channel_show(node, head, (size_t)n);
    channel_show(node, l->body, l->len);
    xcs_unlock(&saved);
}

void curl_lesson_end(struct curl_lesson *l, CURLcode code, uint64_t node) {
    if (!l->h)
        return;
    l->h->lent = false;
    curl_lesson_put_back(l->h, l->h->easy);
    if (code == CURLE_OK && l->body)
        show(l, node);
    free(l->body);
}
