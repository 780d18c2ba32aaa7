/*
 * A libcurl call on its way (shim/curl_call.h): what a program sets on a handle is what is set on the engine's, hostile text sets nothing,
 * the tables are complete, and frames may be cut anywhere.
 */
#include "../shim/curl_call.h"
#include "../shim/curl_handle.h"
#include "../shim/curl_headers.h"
#include "../shim/curl_infos.h"
#include "../shim/curl_render.h"
#include "../shim/shim.h"
#include "../src/curl_frames.h"
#include "../src/dispatch_impl.h"
#include "../src/intake.h"
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URL "http://model.test:8080/v1/chat/completions?x=1"
#define URL_SET "10002=" URL "\n"
#define BODY "{\"model\":\"m\",\"messages\":[]}"
#define COUNT(a) (sizeof(a) / sizeof *(a))

enum xcs_mode xcs_mode = XCS_MODE_MAIN;

/* --- a libcurl that writes down what is set --- */

static char log_text[16384];
static char easy_one, easy_two;

static void note(const char *format, ...) {
    size_t n = strlen(log_text);
    va_list ap;
    va_start(ap, format);
    vsnprintf(log_text + n, sizeof log_text - n, format, ap);
    va_end(ap);
}

static CURLcode fake_setopt(CURL *easy, CURLoption option, ...) {
    va_list ap;
    va_start(ap, option);
    void *p = va_arg(ap, void *);
    va_end(ap);
    (void)easy;
    switch (XCS_CURL_TYPE(option)) {
    case CURLOPTTYPE_LONG:
    case CURLOPTTYPE_OFF_T:
        note("%d=%lld\n", (int)option, (long long)(intptr_t)p);
        break;
    case CURLOPTTYPE_FUNCTIONPOINT:
        note("%d\n", (int)option);
        break;
    case CURLOPTTYPE_BLOB:
        note("%d=%.*s\n", (int)option, p ? (int)((struct curl_blob *)p)->len : 0,
             p ? (char *)((struct curl_blob *)p)->data : "");
        break;
    default:
        if (option == CURLOPT_HTTPHEADER || option == CURLOPT_RESOLVE) {
            struct curl_slist *last = p;
            while (last && last->next)
                last = last->next;
            note("%d+%s\n", (int)option, last ? last->data : "-");
        } else if (option == CURLOPT_WRITEDATA || option == CURLOPT_HEADERDATA || option == CURLOPT_PREREQDATA) {
            note("%d\n", (int)option);
        } else {
            note("%d=%s\n", (int)option, p ? (char *)p : "-");
        }
    }
    return CURLE_OK;
}

static CURLcode fake_getinfo(CURL *easy, CURLINFO info, ...) {
    va_list ap;
    va_start(ap, info);
    char **out = va_arg(ap, char **);
    va_end(ap);
    (void)easy;
    *out = NULL;
    if (info == CURLINFO_CAINFO)
        *out = (char *)(uintptr_t) "/built/in.pem";
    return CURLE_OK;
}

static struct curl_slist *append(struct curl_slist *list, const char *text) {
    struct curl_slist *item = calloc(1, sizeof *item), **at = &list;
    item->data = strdup(text);
    while (*at)
        at = &(*at)->next;
    *at = item;
    return list;
}

static void free_list(struct curl_slist *list) {
    while (list) {
        struct curl_slist *next = list->next;
        free(list->data);
        free(list);
        list = next;
    }
}

static const struct curl_real program_lib = {.easy_getinfo = fake_getinfo, .usable = true};
static const struct curl_lib engine_lib = {
    .easy_setopt = fake_setopt, .easy_getinfo = fake_getinfo, .slist_append = append, .slist_free_all = free_list};

/* The dispatcher's thread is not there: nothing comes back. */
static bool set(char **lines, size_t n) {
    struct call call = {.easy = &easy_two, .headers = lines, .nheaders = n, .body = (char *)(uintptr_t)BODY};
    log_text[0] = '\0';
    bool ok = call_set_curl(&engine_lib, &call);
    for (size_t i = 0; i < CALL_LISTS; i++)
        free_list(call.lists[i]);
    return ok;
}

static bool set_one(const char *line) {
    char copy[256], *lines[] = {copy};
    strcpy(copy, line);
    return set(lines, 1);
}

/* --- there --- */

static struct curl_handle *open_handle(void) {
    curl_handle_new(&program_lib, &easy_one);
    struct curl_handle *h = curl_handle_of(&easy_one);
    assert_non_null(h);
    curl_handle_set(h, CURLOPT_URL, (void *)(uintptr_t)URL);
    curl_handle_set(h, CURLOPT_POSTFIELDS, (void *)(uintptr_t)BODY);
    return h;
}

static void what_is_set_arrives(void **state) {
    (void)state;
    struct curl_handle *h = open_handle();
    struct curl_slist *headers =
        append(append(append(append(NULL, "X-Plain: some value"), "Expect:"), "Content-Length: 99"), "X-Odd;");
    struct curl_slist *names = append(NULL, "model.test:8080:127.0.0.1");
    char authority[] = "a blob\x01";
    struct curl_blob blob = {authority, sizeof authority - 1, CURL_BLOB_COPY};
    curl_handle_set(h, CURLOPT_HTTPHEADER, headers);
    curl_handle_set(h, CURLOPT_RESOLVE, names);
    curl_handle_set(h, CURLOPT_TIMEOUT, (void *)7);
    curl_handle_set(h, CURLOPT_USERAGENT, (void *)(uintptr_t) "a %41gent \xc3\xa4\r\nX: y");
    curl_handle_set(h, CURLOPT_ACCEPT_ENCODING, NULL);
    curl_handle_set(h, CURLOPT_ISSUERCERT_BLOB, &blob);
    struct curl_call call;
    const char *against;
    assert_true(curl_render(h, &call, &against));
    assert_true(xcs_is_call(&call.addr));

    struct intake *in = intake_new();
    struct request *r = NULL;
    assert_int_equal(intake_feed(in, call.text, call.len, &r), INTAKE_REQUEST);
    assert_string_equal(r->target, "/v1/chat/completions?x=1");
    assert_string_equal(r->body.p, BODY);
    assert_string_equal(request_header(r, "x-plain"), "some value");
    assert_null(request_header(r, "expect"));
    char **lines = calloc(r->nheaders, sizeof *lines);
    for (size_t i = 0; i < r->nheaders; i++) {
        lines[i] = malloc(strlen(r->headers[i].name) + strlen(r->headers[i].value) + 3);
        sprintf(lines[i], "%s: %s", r->headers[i].name, r->headers[i].value);
    }
    assert_true(set(lines, r->nheaders));
    static const char *const wanted[] = {
        URL_SET, // NOLINT(bugprone-suspicious-missing-comma): one line in two parts
        "10004=\n",
        "10177=\n",
        "10065=/built/in.pem\n",
        "10097=-\n",
        "13=7\n",
        "10102=-\n",
        "10018=a %41gent \xc3\xa4\r\nX: y\n",
        "40295=a blob\x01\n",
        "10203+model.test:8080:127.0.0.1\n",
        "10023+X-Plain: some value\n10023+Expect:\n10023+Content-Length: 99\n10023+X-Odd;\n"};
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!strstr(log_text, wanted[i]))
            fail_msg("%s is not in\n%s", wanted[i], log_text);
    for (size_t i = 0; i < r->nheaders; i++)
        free(lines[i]);
    free(lines);
    request_free(r);
    intake_free(in);
    curl_call_free(&call);
    curl_handle_end(h);
    free_list(headers);
    free_list(names);
}

/* --- eligible or not --- */

static void is_left(struct curl_handle *h, bool left) {
    struct curl_call call;
    const char *against;
    bool rendered = curl_render(h, &call, &against);
    assert_int_equal(rendered, !left);
    if (rendered)
        curl_call_free(&call);
}

static void what_cannot_be_carried_is_left(void **state) {
    (void)state;
    struct curl_handle *h = open_handle();
    is_left(h, false);
    curl_handle_set(h, CURLOPT_VERBOSE, (void *)1);
    is_left(h, true);
    curl_handle_set(h, CURLOPT_VERBOSE, NULL);
    is_left(h, false);
    curl_handle_set(h, CURLOPT_CAINFO, (void *)(uintptr_t) "relative.pem");
    is_left(h, true);
    curl_handle_set(h, CURLOPT_CAINFO, (void *)(uintptr_t) "/absolute.pem");
    is_left(h, false);
    curl_handle_set(h, CURLOPT_HTTPGET, (void *)1);
    is_left(h, true);
    curl_handle_set(h, CURLOPT_POST, (void *)1);
    is_left(h, false);
    curl_handle_set(h, CURLOPT_UPLOAD, NULL); /* makes it a GET */
    is_left(h, true);
    curl_handle_set(h, CURLOPT_COPYPOSTFIELDS, (void *)(uintptr_t)BODY);
    is_left(h, false);
    curl_handle_set(h, CURLOPT_POSTFIELDSIZE, (void *)1000); /* more than was copied */
    is_left(h, true);
    curl_handle_set(h, CURLOPT_POSTFIELDSIZE, (void *)-1);
    curl_handle_set(h, CURLOPT_POSTFIELDS, (void *)(uintptr_t)BODY);
    is_left(h, false);
    curl_handle_set(h, (CURLoption)399, (void *)1);
    is_left(h, true);
    curl_handle_reset(h);
    is_left(h, true);
    curl_handle_set(h, CURLOPT_URL, (void *)(uintptr_t) "http://model.test/v1/models");
    curl_handle_set(h, CURLOPT_POSTFIELDS, (void *)(uintptr_t)BODY);
    is_left(h, true);
    curl_handle_end(h);
}

static bool is_tls(struct curl_handle *h) {
    struct curl_call call;
    const char *against;
    assert_true(curl_render(h, &call, &against));
    bool tls = call.tls;
    curl_call_free(&call);
    return tls;
}

/* An answer's peer must be proven wherever one may be met. */
static void peers_are_met_on_the_way_too(void **state) {
    (void)state;
    struct curl_handle *h = open_handle();
    curl_handle_set(h, CURLOPT_URL, (void *)(uintptr_t) "http://model.test/v1/chat/completions");
    curl_handle_set(h, CURLOPT_PROXY, (void *)(uintptr_t) "");
    assert_false(is_tls(h));
    curl_handle_set(h, CURLOPT_FOLLOWLOCATION, (void *)1);
    assert_true(is_tls(h));
    curl_handle_set(h, CURLOPT_FOLLOWLOCATION, NULL);
    curl_handle_set(h, CURLOPT_PROXY, (void *)(uintptr_t) "https://proxy.test");
    assert_true(is_tls(h));
    curl_handle_set(h, CURLOPT_PROXY, (void *)(uintptr_t) "");
    curl_handle_set(h, CURLOPT_URL, (void *)(uintptr_t) "model.test/v1/chat/completions");
    assert_false(is_tls(h));
    curl_handle_set(h, CURLOPT_DEFAULT_PROTOCOL, (void *)(uintptr_t) "https");
    is_left(h, true);
    curl_handle_end(h);
}

static void hostile_lines_set_nothing(void **state) {
    (void)state;
    static const char *const refused[] = {
        "xcs-20011: =1",                /* a callback */
        "xcs-10001: =1",                /* its pointer */
        "xcs-10010: =1",                /* an error buffer */
        "xcs-10015: =body",             /* the body itself */
        "xcs-10031: =/etc/passwd",      /* a cookie file */
        "xcs-10025: =/etc/shadow",      /* a client certificate */
        "xcs-10231: =/run/docker.sock", /* a local socket */
        "xcs-41: =1",                   /* verbose */
        "xcs-399: =1",
        "xcs-0: =1",
        "xcs--13: =1",
        "xcs-: =1",
        "xcs-13: =",
        "xcs-13: =7x",
        "xcs-13: =99999999999999999999",
        "xcs-13: 7",
        "xcs-13:=7",
        "xcs-99999999999999999999: =1",
        "xcs-10018: =%",
        "xcs-10018: =%4",
        "xcs-10018: =%zz",
        "xcs-10018: =a%00b",
        "xcs-40295: =123",
        "xcs-40295: =zz",
        "xcs-10318: =ftp,file",
        "xcs-header: =%00",
        "xcs-header: Expect:",
        "xcs-anything: =1",
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        if (set_one(refused[i]))
            fail_msg("taken: %s", refused[i]);
    assert_true(set_one("xcs-10018: =a%41"));
    assert_true(set_one("xcs-10318: =file,HTTPS,ftp"));
    assert_non_null(strstr(log_text, "10318=https\n"));
    assert_true(set_one("xcs-181: =-1"));
    assert_non_null(strstr(log_text, "181=3\n"));
}

/* --- tables --- */

static void every_option_has_its_row_or_none(void **state) {
    (void)state;
    void *lib = dlopen("libcurl.so.4", RTLD_NOW);
    const struct curl_easyoption *(*next)(const struct curl_easyoption *) =
        lib ? (__typeof__(next))dlsym(lib, "curl_easy_option_next") : NULL;
    if (!next)
        skip();
    unsigned count[XCS_CURL_OPTION_END] = {0};
#define X(name, treatment) count[XCS_CURL_NUMBER(CURLOPT_##name)]++;
    XCS_CURL_OPTIONS(X)
#undef X
    for (size_t i = 0; i < COUNT(count); i++)
        if (count[i] > 1)
            fail_msg("option %zu has %u rows", i, count[i]);
    for (const struct curl_easyoption *o = next(NULL); o; o = next(o))
        if (curl_treatment_of(o->id) == CURL_OPAQUE)
            fail_msg("%s has no row", o->name);
}

static void every_info_is_told_or_the_handle_s_own(void **state) {
    (void)state;
    static const CURLINFO own[] = {CURLINFO_PRIVATE,  CURLINFO_SSL_ENGINES, CURLINFO_COOKIELIST,   CURLINFO_LASTSOCKET,
                                   CURLINFO_CERTINFO, CURLINFO_TLS_SESSION, CURLINFO_ACTIVESOCKET, CURLINFO_TLS_SSL_PTR,
                                   CURLINFO_CAINFO,   CURLINFO_CAPATH};
    static const CURLINFO told[] = {
#define X(name) CURLINFO_##name,
        XCS_CURL_INFOS(X)
#undef X
    };
    bool seen[CURLINFO_LASTONE + 1] = {false};
    for (size_t i = 0; i < COUNT(own); i++)
        seen[own[i] & CURLINFO_MASK] = true;
    for (size_t i = 0; i < COUNT(told); i++)
        seen[told[i] & CURLINFO_MASK] = true;
    for (size_t i = 1; i <= CURLINFO_LASTONE; i++)
        if (!seen[i])
            fail_msg("CURLINFO number %zu is in no table", i);
}

/* --- back --- */

static const char raw[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Two: a\r\nx-two:  b \r\n"
                          "Content-Length: 4\r\n\r\nbody";

static struct curl_answer *answer(struct buf *frames) {
    struct request r = {0};
    struct curl_answer *a = curl_answer_new(URL, 5);
    curl_frames_from_response(frames, raw, sizeof raw - 1, &r);
    memcpy(curl_answer_room(a, frames->len), frames->p, frames->len);
    a->len = frames->len;
    return a;
}

static void frames_say_what_the_response_says(void **state) {
    (void)state;
    struct buf frames = {0}, back = {0};
    struct curl_answer *a = answer(&frames);
    long status = 0;
    double size = 0;
    char *text = NULL;
    void *own = NULL;
    assert_true(curl_answer_info(a, CURLINFO_RESPONSE_CODE, &status));
    assert_int_equal(status, 200);
    assert_true(curl_answer_info(a, CURLINFO_SIZE_DOWNLOAD, &size));
    assert_true(size > 3.9 && size < 4.1);
    assert_true(curl_answer_info(a, CURLINFO_CONTENT_TYPE, &text));
    assert_string_equal(text, "application/json");
    assert_true(curl_answer_info(a, CURLINFO_EFFECTIVE_URL, &text));
    assert_string_equal(text, URL);
    assert_false(curl_answer_info(a, CURLINFO_PRIVATE, &own));
    struct curl_header *h = NULL;
    assert_int_equal(curl_headers_find(a, "X-TWO", 1, CURLH_HEADER, -1, &h), CURLHE_OK);
    assert_string_equal(h->value, "b");
    assert_int_equal(h->amount, 2);
    assert_int_equal(curl_headers_find(a, "X-TWO", 2, CURLH_HEADER, -1, &h), CURLHE_BADINDEX);
    assert_int_equal(curl_headers_find(a, "x", 0, CURLH_HEADER, 1, &h), CURLHE_NOREQUEST);
    size_t n = 0;
    for (h = NULL; (h = curl_headers_next(a, CURLH_HEADER, 0, h));)
        n++;
    assert_int_equal(n, 4);
    curl_frames_to_response(&back, frames.p, frames.len);
    assert_non_null(strstr(back.p, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(back.p, "Content-Length: 4\r\n\r\nbody"));
    curl_answer_free(a);
    buf_free(&frames);
    buf_free(&back);
}

/* Each beginning of an answer, in memory of just that size, and each with one length that is a lie. */
static void frames_may_be_cut_anywhere(void **state) {
    (void)state;
    struct buf frames = {0};
    curl_answer_free(answer(&frames));
    for (size_t len = 0; len <= frames.len; len++) {
        struct buf back = {0};
        char *some = malloc(len ? len : 1);
        memcpy(some, frames.p, len);
        curl_frames_to_response(&back, some, len);
        struct curl_answer a = {.bytes = some, .len = len, .url = (char *)(uintptr_t)URL};
        struct curl_header *h;
        long status;
        curl_answer_info(&a, CURLINFO_RESPONSE_CODE, &status);
        curl_headers_find(&a, "x-two", 0, CURLH_HEADER, -1, &h);
        curl_headers_free(a.headers);
        if (len >= sizeof(struct xcs_frame)) {
            struct xcs_frame lie = {XCS_FRAME_HEADER, 0, UINT64_MAX - len % 32};
            a.headers = NULL;
            memcpy(some, &lie, sizeof lie);
            curl_answer_info(&a, CURLINFO_RESPONSE_CODE, &status);
            curl_frames_to_response(&back, some, len);
        }
        buf_free(&back);
        free(some);
    }
    buf_free(&frames);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_arrives),
        cmocka_unit_test(what_cannot_be_carried_is_left),
        cmocka_unit_test(peers_are_met_on_the_way_too),
        cmocka_unit_test(hostile_lines_set_nothing),
        cmocka_unit_test(every_option_has_its_row_or_none),
        cmocka_unit_test(every_info_is_told_or_the_handle_s_own),
        cmocka_unit_test(frames_say_what_the_response_says),
        cmocka_unit_test(frames_may_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
