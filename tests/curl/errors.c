/*
 * Calls that fail, between calls that do not: URL WAY. Prints codes, statuses and libcurl's messages, in which digits
 * (times, mostly) are shown as "#".
 */
#include "call.h"
#include <ctype.h>

static void show_error(struct call *c, const char *what, CURLcode code) {
    show_code(what, code, c->easy);
    for (char *p = c->error; *p; p++) {
        if (isdigit((unsigned char)p[0]) && isdigit((unsigned char)p[1]))
            memmove(p, p + 1, strlen(p)), p--;
        else if (isdigit((unsigned char)p[0]))
            *p = '#';
    }
    printf("%zu bytes, message [%s]\n", c->answer.len, c->error);
    fflush(stdout);
    text_clear(&c->answer);
}

static void good(struct call *c, int number) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, ask(c, number)));
    show_error(c, "good", curl_easy_perform(c->easy));
}

/* Good calls, a bad one whose prompt holds `marker`, good ones again. */
static void bad_between(struct call *c, const char *marker) {
    char prompt[128];
    good(c, 0);
    good(c, 1);
    snprintf(prompt, sizeof prompt, "%s bad question", marker);
    body_of(c->body, prompt);
    MUST(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body));
    show_error(c, "bad", curl_easy_perform(c->easy));
    good(c, 2);
    good(c, 3);
}

static void with_marker(const char *url, const char *marker, bool fail_on_error) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_FAILONERROR, fail_on_error ? 1L : 0L));
    bad_between(&c, marker);
    call_close(&c);
}

static void status_400(const char *url) {
    with_marker(url, "[[status=400]]", false);
}

static void status_429(const char *url) {
    with_marker(url, "[[status=429]]", false);
}

static void status_500(const char *url) {
    with_marker(url, "[[status=500]]", false);
}

static void fail_404(const char *url) {
    with_marker(url, "[[status=404]]", true);
}

static void fail_503(const char *url) {
    with_marker(url, "[[status=503]]", true);
}

static void drop(const char *url) {
    with_marker(url, "[[drop=20]]", false);
}

static void reset(const char *url) {
    with_marker(url, "[[reset=20]]", false);
}

static void hangup(const char *url) {
    with_marker(url, "[[hangup]]", false);
}

static void timeout(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_TIMEOUT_MS, 700L));
    bad_between(&c, "[[latency=3000]]");
    call_close(&c);
}

static void too_large(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_MAXFILESIZE, 2000L));
    bad_between(&c, "[[size=5000]]");
    call_close(&c);
}

/* ---- callbacks that end the transfer ---- */

static bool refuses; /* this call is the one that is to be ended */

static size_t short_write(char *data, size_t one, size_t len, void *user) {
    return refuses ? one * len - 1 : collect(data, one, len, user);
}

static size_t no_header(char *data, size_t one, size_t len, void *user) {
    (void)data;
    (void)user;
    return refuses && len == 2 ? 0 : one * len;
}

static int stop(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    (void)user;
    (void)total;
    (void)up_total;
    (void)up_now;
    return refuses && now > 0;
}

static int stop_at_once(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    (void)user;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return refuses;
}

static size_t no_body(char *to, size_t one, size_t room, void *user) {
    (void)to;
    (void)one;
    (void)room;
    (void)user;
    return CURL_READFUNC_ABORT;
}

static void refuse_second(struct call *c) {
    for (int i = 0; i < CALLS; i++) {
        refuses = i == 2;
        good(c, i);
    }
    refuses = false;
}

static void write_error(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, short_write));
    refuse_second(&c);
    call_close(&c);
}

static void header_error(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_HEADERFUNCTION, no_header));
    refuse_second(&c);
    call_close(&c);
}

static void abort_with(const char *url, curl_xferinfo_callback how) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFOFUNCTION, how));
    MUST(curl_easy_setopt(c.easy, CURLOPT_NOPROGRESS, 0L));
    refuse_second(&c);
    call_close(&c);
}

static void progress_abort(const char *url) {
    abort_with(url, stop);
}

static void progress_abort_first(const char *url) {
    abort_with(url, stop_at_once);
}

static void read_abort(const char *url) {
    struct call c;
    call_open(&c, url);
    good(&c, 0);
    good(&c, 1);
    MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDS, NULL));
    MUST(curl_easy_setopt(c.easy, CURLOPT_POST, 1L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, 80L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_READFUNCTION, no_body));
    show_error(&c, "bad", curl_easy_perform(c.easy));
    MUST(curl_easy_setopt(c.easy, CURLOPT_POSTFIELDSIZE, -1L));
    good(&c, 2);
    good(&c, 3);
    call_close(&c);
}

/* The write callback pauses the transfer once; the progress callback lets it go on. */
struct pausing {
    struct call *call;
    int paused, resumed;
};

static size_t pause_once(char *data, size_t one, size_t len, void *user) {
    struct pausing *p = user;
    if (!p->paused) {
        p->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }
    return collect(data, one, len, &p->call->answer);
}

static int go_on(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    struct pausing *p = user;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    if (p->paused && !p->resumed) {
        p->resumed = 1;
        curl_easy_pause(p->call->easy, CURLPAUSE_CONT);
    }
    return 0;
}

static void pause_and_go_on(const char *url) {
    struct call c;
    struct pausing p = {.call = &c};
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEFUNCTION, pause_once));
    MUST(curl_easy_setopt(c.easy, CURLOPT_WRITEDATA, &p));
    MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFOFUNCTION, go_on));
    MUST(curl_easy_setopt(c.easy, CURLOPT_XFERINFODATA, &p));
    MUST(curl_easy_setopt(c.easy, CURLOPT_NOPROGRESS, 0L));
    for (int i = 0; i < CALLS; i++) {
        p.paused = p.resumed = i % 2;
        good(&c, i);
    }
    call_close(&c);
}

/* ---- peers that are not there, or not to be trusted ---- */

static void elsewhere(const char *url, const char *where) {
    struct call c;
    call_open(&c, url);
    good(&c, 0);
    good(&c, 1);
    for (int i = 0; i < 2; i++) {
        MUST(curl_easy_setopt(c.easy, CURLOPT_URL, where));
        call_question(&c, 50 + i);
        show_error(&c, "bad", curl_easy_perform(c.easy));
        MUST(curl_easy_setopt(c.easy, CURLOPT_URL, c.url));
        good(&c, 2 + i);
    }
    call_close(&c);
}

static void refused(const char *url) {
    elsewhere(url, "http://127.0.0.1:9/v1/chat/completions");
}

static void unknown_host(const char *url) {
    elsewhere(url, "http://no-such-host.invalid/v1/chat/completions");
}

static void bad_url(const char *url) {
    elsewhere(url, "http:///v1/chat/completions");
}

static void unknown_scheme(const char *url) {
    elsewhere(url, "model://127.0.0.1/v1/chat/completions");
}

/* All calls to a peer whose certificate is not to be believed. */
static void untrusted(const char *url) {
    struct call c;
    call_open(&c, url);
    for (int i = 0; i < 3; i++)
        good(&c, i);
    call_close(&c);
}

/* A file of authorities that is not there, between calls with one that is. */
static void no_authorities(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_FRESH_CONNECT, 1L));
    good(&c, 0);
    good(&c, 1);
    MUST(curl_easy_setopt(c.easy, CURLOPT_CAINFO, "/nowhere/ca.pem"));
    good(&c, 2);
    trust(c.easy);
    good(&c, 3);
    good(&c, 4);
    call_close(&c);
}

/* The same peer without verification, and then with it again: what was allowed once is not allowed for good. */
static void verified_late(const char *url) {
    struct call c;
    call_open(&c, url);
    MUST(curl_easy_setopt(c.easy, CURLOPT_SSL_VERIFYPEER, 0L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_SSL_VERIFYHOST, 0L));
    for (int i = 0; i < CALLS; i++)
        good(&c, i);
    MUST(curl_easy_setopt(c.easy, CURLOPT_SSL_VERIFYPEER, 1L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_SSL_VERIFYHOST, 2L));
    MUST(curl_easy_setopt(c.easy, CURLOPT_FRESH_CONNECT, 1L));
    for (int i = CALLS; i < CALLS + 2; i++)
        good(&c, i);
    call_close(&c);
}

static const struct way ways[] = {
    {"status-400", status_400},
    {"status-429", status_429},
    {"status-500", status_500},
    {"fail-404", fail_404},
    {"fail-503", fail_503},
    {"drop", drop},
    {"reset", reset},
    {"hangup", hangup},
    {"timeout", timeout},
    {"too-large", too_large},
    {"write-error", write_error},
    {"header-error", header_error},
    {"progress-abort", progress_abort},
    {"progress-abort-first", progress_abort_first},
    {"read-abort", read_abort},
    {"pause", pause_and_go_on},
    {"refused", refused},
    {"unknown-host", unknown_host},
    {"bad-url", bad_url},
    {"unknown-scheme", unknown_scheme},
    {"untrusted", untrusted},
    {"no-authorities", no_authorities},
    {"verified-late", verified_late},
};

int main(int argc, char **argv) {
    return RUN_WAY(argc, argv, ways);
}
