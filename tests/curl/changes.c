/*
 * What a handle keeps although it was told otherwise, and what callbacks change and ask while a call runs: URL WAY.
 */
#include "call.h"

static struct text other;

/* The body's place is chosen when the headers are there. */
static size_t choose_place(char *data, size_t one, size_t len, void *user) {
    struct call *c = user;
    if (one * len == 2 && data[0] == '\r')
        MUST(curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &other));
    return one * len;
}

static void late_place(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, choose_place));
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, &c));
    for (int i = 0; i < CALLS; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, &c.answer));
        call_question(&c, i);
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        printf("in the first place: %zu bytes\n", c.answer.len);
        show_answer(&other);
    }
    call_close(&c);
}

/* A copy made while a call runs is a handle like any other afterwards. */
static CURL *copied;

static size_t copy_handle(char *data, size_t one, size_t len, void *user) {
    struct call *c = user;
    (void)data;
    if (!copied)
        copied = curl_easy_duphandle(c->easy);
    return one * len;
}

static void copy_inside(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, copy_handle));
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERDATA, &c));
    call_ask(&c, 0);
    curl_easy_cleanup(c.easy);
    c.easy = copied;
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, NULL));
    for (int i = 1; i < CALLS; i++)
        call_ask(&c, i);
    call_close(&c);
}

/* Cookies that were taken once are sent on. */
static void jar_kept(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_COOKIELIST, "Set-Cookie: a=b; domain=127.0.0.1; path=/"));
    MUST(curl_easy_setopt(c.easy, CURLOPT_COOKIELIST, NULL));
    for (int i = 0; i < CALLS; i++) {
        call_ask(&c, i);
        if (i % 2) {
            curl_easy_reset(c.easy);
            call_options(&c);
        } else {
            MUST(curl_easy_setopt(c.easy, CURLOPT_COOKIELIST, NULL));
        }
    }
    call_close(&c);
}

/* Handles without cookies of their own send those that they share. */
static void jar_shared(const char *url) {
    static const curl_lock_data jar = CURL_LOCK_DATA_COOKIE;
    ask_in_a_share(url, &jar, 1);
}

/* A name's address stays known when its list is gone: libcurl reads that once. */
static void names_kept(const char *url) {
    struct call c;
    char text[64];
    call_open(&c, url);
    long port = strtol(strrchr(url, ':') + 1, NULL, 10);
    snprintf(text, sizeof text, "model.test:%ld:127.0.0.1", port);
    struct curl_slist *names = curl_slist_append(NULL, text);
    snprintf(c.url, sizeof c.url, "http://model.test:%ld/v1/chat/completions", port);
    MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
    MUST(curl_easy_setopt(c.easy, CURLOPT_RESOLVE, names));
    for (int i = 0; i < CALLS; i++) {
        call_ask(&c, i);
        if (i == 0) {
            memset(names->data, 'x', strlen(names->data));
            curl_slist_free_all(names);
        }
        if (i == 3)
            MUST(curl_easy_setopt(c.easy, CURLOPT_RESOLVE, NULL));
    }
    call_close(&c);
}

/* Without a body, whatever there is to send. */
static void no_body(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_NOBODY, 1L));
    for (int i = 0; i < 3; i++)
        call_ask(&c, i);
    call_close(&c);
}

/* The status and type are known when the body comes. */
static size_t ask_status(char *data, size_t one, size_t len, void *user) {
    struct call *c = user;
    long status = 0;
    char *type = NULL;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
    if (!c->answer.len)
        printf("status %ld, %s\n", status, type ? type : "no type");
    return collect(data, one, len, &c->answer);
}

static void status_inside(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, ask_status));
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, &c));
    for (int i = 0; i < CALLS; i++) {
        snprintf(c.body, sizeof c.body,
                 "{\"model\": \"m\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"q %d\"}]}",
                 i);
        MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, c.body));
        show_code("perform", curl_easy_perform(c.easy), c.easy);
        printf("%s", c.answer.data ? c.answer.data : "");
        text_clear(&c.answer);
    }
    call_close(&c);
}

static const struct way ways[] = {
    {"late-place", late_place},       {"copy-inside", copy_inside}, {"jar-kept", jar_kept},
    {"jar-shared", jar_shared},       {"names-kept", names_kept},   {"no-body", no_body},
    {"status-inside", status_inside},
};

int main(int argc, char **argv) {
    return RUN_WAY(argc, argv, ways);
}
