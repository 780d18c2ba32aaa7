/*
 * See curl_deliver.h. Called in main and in run-aheads, in the thread that called curl_easy_perform, without any lock: the callbacks may
 * do anything, curl_easy_getinfo and curl_easy_pause on the same handle included.
 */
#include "curl_deliver.h"
#include "raw.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAUSE_STEP_MS 10
#define PROGRESS_STEPS 100

/* The callbacks that take a response: what they are called with is the same for headers and body. */
typedef size_t write_callback(char *data, size_t one, size_t len, void *user);

struct sink {
    write_callback *write;
    void *user;
};

static void *function_of(const struct curl_handle *h, CURLoption option) {
    return curl_pointer_of(h, option);
}

static size_t to_file(char *data, size_t one, size_t len, void *user) {
    return fwrite(data, one, len, user);
}

static struct sink body_sink(const struct curl_handle *h) {
    const struct curl_value *user = curl_value_of(h, CURLOPT_WRITEDATA);
    void *write = function_of(h, CURLOPT_WRITEFUNCTION);
    return (struct sink){write ? (write_callback *)write : to_file, user ? user->pointer : stdout};
}

size_t curl_write(const struct curl_handle *h, char *data, size_t one, size_t len) {
    struct sink to = body_sink(h);
    return to.write(data, one, len, to.user);
}

/* Without a header callback, header data alone makes the write callback take headers too. */
static struct sink header_sink(const struct curl_handle *h) {
    void *write = function_of(h, CURLOPT_HEADERFUNCTION), *user = curl_pointer_of(h, CURLOPT_HEADERDATA);
    struct sink body = body_sink(h);
    return (struct sink){write ? (write_callback *)write : user ? body.write : NULL, user};
}

void curl_error_text(const struct curl_handle *h, const char *text) {
    char *to = curl_pointer_of(h, CURLOPT_ERRORBUFFER);
    if (!to || *to)
        return;
    strncpy(to, text, CURL_ERROR_SIZE - 1);
    to[CURL_ERROR_SIZE - 1] = '\0';
}

/* --- progress --- */

bool curl_progress(struct curl_handle *h) {
    const struct curl_value *off = curl_value_of(h, CURLOPT_NOPROGRESS);
    void *xferinfo = function_of(h, CURLOPT_XFERINFOFUNCTION), *progress = function_of(h, CURLOPT_PROGRESSFUNCTION);
    void *user = curl_pointer_of(h, CURLOPT_XFERINFODATA);
    if (!off || off->number || !(xferinfo || progress))
        return true;
    struct xcs_frame f;
    const char *p;
    curl_off_t now = 0, total = h->answer ? curl_answer_number(h->answer, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T) : 0;
    for (size_t at = 0; h->answer && at < h->answer->given && curl_answer_frame(h->answer, &at, &f, &p);)
        now += f.type == XCS_FRAME_BODY ? (curl_off_t)f.len : 0;
    curl_off_t sent = h->answer && h->answer->len ? (curl_off_t)h->answer->sent : 0;
    total = total < 0 ? 0 : total;
    int stop = xferinfo
                   ? ((curl_xferinfo_callback)xferinfo)(user, total, now, sent, sent)
                   : ((curl_progress_callback)progress)(user, (double)total, (double)now, (double)sent, (double)sent);
    if (stop == 0 || stop == CURL_PROGRESSFUNC_CONTINUE)
        return true;
    curl_error_text(h, "Callback aborted");
    return false;
}

/* The program's write callback has paused the transfer: until it, or another of its callbacks, lets it go on. */
static bool wait_for_unpause(struct curl_handle *h) {
    const struct timespec step = {0, PAUSE_STEP_MS * 1000000L};
    for (unsigned waited = 1; h->paused; waited++) {
        if (waited % PROGRESS_STEPS == 1 && !curl_progress(h))
            return false;
        if (h->paused)
            xcs_sys2(SYS_nanosleep, &step, 0);
    }
    return true;
}

/* --- one frame --- */

/* Hands one piece over, again after a pause. */
static CURLcode hand_over(struct curl_handle *h, struct sink to, const char *data, size_t len, CURLcode refused) {
    for (;;) {
        size_t took = to.write((char *)(uintptr_t)data, 1, len, to.user);
        if (took == len)
            return CURLE_OK;
        if (took != CURL_WRITEFUNC_PAUSE)
            return refused;
        h->paused = true;
        if (!wait_for_unpause(h))
            return CURLE_ABORTED_BY_CALLBACK;
    }
}

static CURLcode to_body(struct curl_handle *h, const char *data, size_t len) {
    const struct curl_value *size = curl_value_of(h, CURLOPT_BUFFERSIZE);
    bool small = size && size->number > 0 && size->number < CURL_MAX_WRITE_SIZE;
    size_t step = small ? (size_t)size->number : CURL_MAX_WRITE_SIZE;
    for (size_t n; len > 0; data += n, len -= n) {
        n = len < step ? len : step;
        CURLcode code = hand_over(h, body_sink(h), data, n, CURLE_WRITE_ERROR);
        if (code != CURLE_OK) {
            curl_error_text(h, "Failure writing output to destination");
            return code;
        }
    }
    return CURLE_OK;
}

static CURLcode to_header(struct curl_handle *h, const char *data, size_t len) {
    const struct curl_value *in_body = curl_value_of(h, CURLOPT_HEADER);
    CURLcode code = in_body && in_body->number ? to_body(h, data, len) : CURLE_OK;
    struct sink to = header_sink(h);
    if (code == CURLE_OK && to.write) {
        code = hand_over(h, to, data, len, CURLE_WRITE_ERROR);
        if (code != CURLE_OK)
            curl_error_text(h, "Failed writing header");
    }
    return code;
}

enum curl_delivery curl_deliver(struct curl_handle *h, CURLcode *code) {
    struct curl_answer *a = h->answer;
    struct xcs_frame f;
    const char *data;
    for (size_t at = a->given; curl_answer_frame(a, &at, &f, &data);) {
        a->given = at;
        *code = CURLE_OK;
        if (f.type == XCS_FRAME_HEADER)
            *code = to_header(h, data, (size_t)f.len);
        else if (f.type == XCS_FRAME_BODY)
            *code = to_body(h, data, (size_t)f.len);
        if (*code != CURLE_OK)
            return CURL_DELIVERY_OVER;
        if (f.type == XCS_FRAME_END || (f.type == XCS_FRAME_BODY && !curl_progress(h))) {
            *code = f.type == XCS_FRAME_END ? (CURLcode)f.arg : CURLE_ABORTED_BY_CALLBACK;
            return CURL_DELIVERY_OVER;
        }
    }
    return CURL_DELIVERY_MORE;
}
