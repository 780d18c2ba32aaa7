/*
 * Interposed: libcurl's easy interface (libcurl-easy(3)). Every call goes to the caller's own libcurl; what is set on a handle is recorded on
 * the way, and curl_easy_perform and what can be asked after it are XCS's when the call is one that it can stand for. Handles in a
 * multi handle are never.
 */
#include "curl_handle.h"
#include "curl_headers.h"
#include "curl_lesson.h"
#include "curl_perform.h"
#include "shim.h"
#include <stdarg.h>

/* libcurl's own calls of its functions come by here too. */
#define LIBRARY                                                                                                        \
    bool inner = false;                                                                                                \
    const struct curl_real *lib = curl_real_of(__builtin_return_address(0), &inner);                                   \
    bool looks = lib && lib->usable && xcs_mode != XCS_MODE_OFF && !inner

XCS_EXPORT CURL *curl_easy_init(void) {
    LIBRARY;
    CURL *easy = lib ? lib->easy_init() : NULL;
    if (looks)
        curl_handle_new(lib, easy);
    return easy;
}

/* Whatever its type, the third argument is passed as a pointer would be. */
XCS_EXPORT CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    LIBRARY;
    va_list ap;
    va_start(ap, option);
    void *argument = va_arg(ap, void *);
    va_end(ap);
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    bool lent = h && h->lent && (option == CURLOPT_WRITEFUNCTION || option == CURLOPT_WRITEDATA);
    CURLcode code = lent ? CURLE_OK : lib ? lib->easy_setopt(easy, option, argument) : CURLE_FAILED_INIT;
    if (h && code == CURLE_OK)
        curl_handle_set(h, option, argument);
    return code;
}

XCS_EXPORT CURLcode curl_easy_perform(CURL *easy) {
    LIBRARY;
    if (!lib)
        return CURLE_FAILED_INIT;
    return looks ? curl_perform(lib, easy) : lib->easy_perform(easy);
}

XCS_EXPORT CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...) {
    LIBRARY;
    va_list ap;
    va_start(ap, info);
    void *out = va_arg(ap, void *);
    va_end(ap);
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h && h->answer && !h->busy && out && info == CURLINFO_CERTINFO) {
        *(const struct curl_certinfo **)out = curl_answer_certs(h->answer);
        return CURLE_OK;
    }
    if (h && h->answer && out && curl_answer_info(h->answer, info, out))
        return CURLE_OK;
    return lib ? lib->easy_getinfo(easy, info, out) : CURLE_FAILED_INIT;
}

XCS_EXPORT CURLHcode curl_easy_header(CURL *easy, const char *name, size_t index, unsigned origin, int request,
                                      struct curl_header **out) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h && h->answer)
        return curl_headers_find(h->answer, name, index, origin, request, out);
    return lib && lib->easy_header ? lib->easy_header(easy, name, index, origin, request, out) : CURLHE_NOT_BUILT_IN;
}

XCS_EXPORT struct curl_header *curl_easy_nextheader(CURL *easy, unsigned origin, int request,
                                                    struct curl_header *previous) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h && h->answer)
        return curl_headers_next(h->answer, origin, request, previous);
    return lib && lib->easy_nextheader ? lib->easy_nextheader(easy, origin, request, previous) : NULL;
}

XCS_EXPORT CURL *curl_easy_duphandle(CURL *easy) {
    LIBRARY;
    CURL *copy = lib ? lib->easy_duphandle(easy) : NULL;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h)
        curl_handle_copy(h, copy);
    if (h && h->lent && copy)
        curl_lesson_put_back(h, copy);
    return copy;
}

XCS_EXPORT void curl_easy_reset(CURL *easy) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h)
        curl_handle_reset(h);
    if (lib)
        lib->easy_reset(easy);
}

/* In a run-ahead nothing is said to servers, not even that a connection ends. */
XCS_EXPORT void curl_easy_cleanup(CURL *easy) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h)
        curl_handle_end(h);
    if (lib && !(h && xcs_mode == XCS_MODE_AHEAD))
        lib->easy_cleanup(easy);
}

XCS_EXPORT CURLcode curl_easy_pause(CURL *easy, int mask) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h && h->busy) {
        h->paused = (mask & CURLPAUSE_RECV) != 0;
        return CURLE_OK;
    }
    return lib ? lib->easy_pause(easy, mask) : CURLE_FAILED_INIT;
}

XCS_EXPORT CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h && h->busy)
        return CURLM_ADDED_ALREADY;
    if (h)
        curl_handle_used(h);
    CURLMcode code = lib ? lib->multi_add_handle(multi, easy) : CURLM_INTERNAL_ERROR;
    if (h && code == CURLM_OK) {
        curl_answer_free(h->answer);
        h->answer = NULL;
        h->in_multi = true;
    }
    return code;
}

XCS_EXPORT CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy) {
    LIBRARY;
    struct curl_handle *h = looks ? curl_handle_of(easy) : NULL;
    if (h)
        h->in_multi = false;
    return lib ? lib->multi_remove_handle(multi, easy) : CURLM_INTERNAL_ERROR;
}
