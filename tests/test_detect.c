/*
 * The detector's promises: only what is surely a model call is one; a call site is told by what stays the same from call to call.
 * And the placeholder's: a valid response of the call's API that a client library accepts, with canaries for its text.
 */
#include "../src/detect.h"
#include "../src/placeholder.h"

#include <arpa/inet.h>
#include <http_parser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHAT "/v1/chat/completions"

static const struct xcs_addr origin = {
    .len = sizeof(struct sockaddr_in),
    .u.in = {.sin_family = AF_INET, .sin_port = 0x5000, .sin_addr = {0x0100007f}},
};

static struct request *request(const char *method, const char *target, const char *extra, const char *body) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct buf text = {0};
    buf_print(&text, "%s %s HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n", method, target, extra, strlen(body));
    buf_add(&text, body, strlen(body));
    assert_int_equal(intake_feed(in, text.p, text.len, &r), INTAKE_REQUEST);
    buf_free(&text);
    intake_free(in);
    return r;
}

/* The API that is detected, API_NONE if none; the reason must be there exactly then. */
static enum api api_of(const char *method, const char *target, const char *extra, const char *body, uint64_t *site) {
    struct request *r = request(method, target, extra, body);
    struct call call;
    const char *why = NULL;
    bool is_call = detect(&origin, r, &call, &why);
    enum api api = is_call ? call.api : API_NONE;
    assert_int_equal(is_call, call.body != NULL);
    assert_int_equal(is_call, why == NULL);
    if (site)
        *site = call.site;
    json_decref(call.body);
    request_free(r);
    return api;
}

static void test_model_calls(void **state) {
    (void)state;
    static const struct {
        const char *target, *body;
        enum api api;
    } rows[] = {
        {CHAT, "{\"messages\":[]}", API_CHAT},
        {"/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", API_CHAT},
        {"/any/prefix/v3/chat/completions?api-version=1", "{\"messages\":[]}", API_CHAT},
        {"http://host:80/v1/chat/completions", "{\"messages\":[]}", API_CHAT},
        {"/v1/completions", "{\"prompt\":\"a\"}", API_COMPLETION},
        {"/v1/completions", "{\"prompt\":[\"a\",\"b\"],\"stream\":false}", API_COMPLETION},
        {"/v1/embeddings", "{\"input\":\"a\"}", API_EMBEDDING},
        {CHAT, "{\"messages\":[],\"store\":false,\"background\":null}", API_CHAT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(api_of("POST", rows[i].target, "", rows[i].body, NULL), rows[i].api);
    assert_string_equal(api_name(API_EMBEDDING), "openai-embedding");
}

static void test_left_alone(void **state) {
    (void)state;
    static const struct {
        const char *method, *target, *extra, *body;
    } rows[] = {
        {"GET", CHAT, "", "{\"messages\":[]}"},
        {"PUT", CHAT, "", "{\"messages\":[]}"},
        {"POST", "/v1/chat/completions/", "", "{\"messages\":[]}"},
        {"POST", "/v1/chat/completions/abc", "", "{\"messages\":[]}"},
        {"POST", "/v1/files", "", "{\"messages\":[]}"},
        {"POST", "/v1/files?x=/chat/completions", "", "{\"messages\":[]}"},
        {"POST", "/v1/xcompletions", "", "{\"prompt\":\"a\"}"},
        {"POST", CHAT, "", ""},
        {"POST", CHAT, "", "{"},
        {"POST", CHAT, "", "[]"},
        {"POST", CHAT, "", "\"messages\""},
        {"POST", CHAT, "", "{\"prompt\":\"a\"}"},
        {"POST", "/v1/embeddings", "", "{\"prompt\":\"a\"}"},
        {"POST", CHAT, "", "{\"messages\":[]} x"},
        {"POST", CHAT, "", "{\"messages\":[\"\xff\"]}"},
        {"POST", "/v1/embeddings", "", "{\"input\":\"a\",\"stream\":true}"},
        {"POST", CHAT, "", "{\"messages\":[],\"store\":true}"},
        {"POST", CHAT, "", "{\"messages\":[],\"background\":true}"},
        {"POST", CHAT, "Expect: 100-continue\r\n", "{\"messages\":[]}"},
        {"POST", CHAT, "Content-Encoding: gzip\r\n", "{\"messages\":[]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (api_of(rows[i].method, rows[i].target, rows[i].extra, rows[i].body, NULL) != API_NONE)
            fail_msg("taken for a model call: %zu", i);
}

static void test_deep_nesting(void **state) {
    (void)state;
    struct buf body = {0};
    buf_add(&body, "{\"messages\":", 12);
    for (int i = 0; i < 100000; i++)
        buf_add(&body, "[", 1);
    assert_int_equal(api_of("POST", CHAT, "", body.p, NULL), API_NONE);
    buf_free(&body);
}

/* --- sites --- */

#define MESSAGES(system, user)                                                                                         \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"" system "\"},"                                 \
    "{\"role\":\"user\",\"content\":\"" user "\"}]}"

static uint64_t site(const char *target, const char *body) {
    uint64_t id = 0;
    assert_int_not_equal(api_of("POST", target, "", body, &id), API_NONE);
    return id;
}

static void test_one_site(void **state) {
    (void)state;
    uint64_t one = site(CHAT, MESSAGES("be brief", "a"));
    assert_int_equal(one, site(CHAT, MESSAGES("be brief", "quite another text")));
    assert_int_equal(one, site(CHAT "?key=1", MESSAGES("be brief", "a")));
    assert_int_equal(site(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}"),
                     site(CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                                "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"c\"}]}"));
}

static void test_other_sites(void **state) {
    (void)state;
    const uint64_t ids[] = {
        site(CHAT, MESSAGES("be brief", "a")),
        site(CHAT, MESSAGES("be verbose", "a")),
        site("/v2/chat/completions", MESSAGES("be brief", "a")),
        site(CHAT, "{\"model\":\"m\",\"messages\":[]}"),
        site(CHAT, "{\"model\":\"n\",\"messages\":[]}"),
        site(CHAT, "{\"model\":\"m\",\"messages\":[],\"temperature\":0}"),
        site(CHAT, "{\"model\":\"m\",\"messages\":[],\"temperature\":\"0\"}"),
        site("/v1/completions", "{\"model\":\"m\",\"prompt\":\"a\"}"),
    };
    const size_t n = sizeof(ids) / sizeof(ids[0]);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(ids[i], ids[j]);
    }
}

/* --- placeholders --- */

static int on_body(http_parser *parser, const char *at, size_t len) {
    buf_add(parser->data, at, len);
    return 0;
}

static int on_complete(http_parser *parser) {
    http_parser_pause(parser, 1);
    return 0;
}

/* The JSON of a raw response, which must be one whole 200 response and nothing more. */
static json_t *parse(const struct buf *raw, bool *keep_alive) {
    const http_parser_settings settings = {.on_body = on_body, .on_message_complete = on_complete};
    struct buf body = {0};
    http_parser parser;
    http_parser_init(&parser, HTTP_RESPONSE);
    parser.data = &body;
    assert_int_equal(http_parser_execute(&parser, &settings, raw->p, raw->len), raw->len);
    assert_int_equal(HTTP_PARSER_ERRNO(&parser), HPE_PAUSED);
    assert_int_equal(parser.status_code, 200);
    *keep_alive = http_should_keep_alive(&parser) != 0;
    json_t *v = json_loadb(body.p, body.len, 0, NULL);
    assert_non_null(v);
    buf_free(&body);
    return v;
}

static json_t *placeholder(const struct canaries *c, const char *target, const char *extra, const char *body,
                           size_t dimension) {
    struct request *r = request("POST", target, extra, body);
    struct call call;
    const char *why;
    struct buf raw = {0};
    bool keep_alive;
    assert_true(detect(&origin, r, &call, &why));
    placeholder_make(c, &call, r, dimension, &raw);
    json_t *v = parse(&raw, &keep_alive);
    assert_int_equal(keep_alive, *extra == '\0');
    buf_free(&raw);
    json_decref(call.body);
    request_free(r);
    return v;
}

static const char *text_at(const json_t *v, const char *list, size_t i, const char *key, const char *inner) {
    const json_t *item = json_object_get(json_array_get(json_object_get(v, list), i), key);
    return json_string_value(inner ? json_object_get(item, inner) : item);
}

static void check_canary(const struct canaries *c, const char *text) {
    assert_non_null(text);
    assert_int_equal(strlen(text), CANARY_LEN);
    assert_ptr_equal(canary_find(c, text, strlen(text)), text);
}

static void test_chat_placeholder(void **state) {
    (void)state;
    struct canaries c;
    canaries_init(&c);
    json_t *v = placeholder(&c, CHAT, "", "{\"model\":\"m\\\"\xc3\xa9\",\"messages\":[],\"n\":3}", 0);
    assert_string_equal(json_string_value(json_object_get(v, "object")), "chat.completion");
    assert_string_equal(json_string_value(json_object_get(v, "model")), "m\"\xc3\xa9");
    assert_true(json_is_integer(json_object_get(v, "created")));
    assert_true(json_is_integer(json_object_get(json_object_get(v, "usage"), "total_tokens")));
    check_canary(&c, json_string_value(json_object_get(v, "id")));
    assert_int_equal(json_array_size(json_object_get(v, "choices")), 3);
    for (size_t i = 0; i < 3; i++) {
        check_canary(&c, text_at(v, "choices", i, "message", "content"));
        assert_string_equal(text_at(v, "choices", i, "message", "role"), "assistant");
        assert_string_equal(text_at(v, "choices", i, "finish_reason", NULL), "stop");
    }
    assert_string_not_equal(text_at(v, "choices", 0, "message", "content"),
                            text_at(v, "choices", 1, "message", "content"));
    json_decref(v);
}

static void test_odd_numbers_of_choices(void **state) {
    (void)state;
    static const char *const odd[] = {"0", "-1", "null", "\"x\"", "1.5", "[]", "9223372036854775807"};
    struct canaries c;
    char body[128];
    canaries_init(&c);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        snprintf(body, sizeof(body), "{\"messages\":[],\"n\":%s}", odd[i]);
        json_t *v = placeholder(&c, CHAT, "Connection: close\r\n", body, 0);
        size_t n = json_array_size(json_object_get(v, "choices"));
        assert_in_range(n, 1, 100000);
        json_decref(v);
    }
}

static void test_completion_placeholder(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t n;
    } rows[] = {
        {"{\"prompt\":\"a\"}", 1},   {"{\"prompt\":[\"a\",\"b\"]}", 2}, {"{\"prompt\":[\"a\",\"b\"],\"n\":2}", 4},
        {"{\"prompt\":[1,2,3]}", 1}, {"{\"prompt\":[[1,2],[3]]}", 2},
    };
    struct canaries c;
    canaries_init(&c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *v = placeholder(&c, "/v1/completions", "", rows[i].body, 0);
        assert_int_equal(json_array_size(json_object_get(v, "choices")), rows[i].n);
        check_canary(&c, text_at(v, "choices", rows[i].n - 1, "text", NULL));
        json_decref(v);
    }
}

static const json_t *embedding(const json_t *v, size_t i) {
    return json_object_get(json_array_get(json_object_get(v, "data"), i), "embedding");
}

static void test_embedding_placeholder(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t learned, n, wide;
    } rows[] = {
        {"{\"input\":\"a\"}", 0, 1, 1536},
        {"{\"input\":\"a\"}", 3, 1, 3},
        {"{\"input\":[\"a\",\"b\"],\"dimensions\":8}", 3, 2, 8},
        {"{\"input\":[1,2],\"dimensions\":8}", 0, 1, 8},
    };
    struct canaries c;
    canaries_init(&c);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *v = placeholder(&c, "/v1/embeddings", "", rows[i].body, rows[i].learned);
        assert_int_equal(json_array_size(json_object_get(v, "data")), rows[i].n);
        assert_int_equal(json_array_size(embedding(v, rows[i].n - 1)), rows[i].wide);
        assert_true(json_is_real(json_array_get(embedding(v, 0), rows[i].wide - 1)));
        json_decref(v);
    }
}

static void test_embedding_in_base64(void **state) {
    (void)state;
    struct canaries c;
    canaries_init(&c);
    for (int wide = 1; wide <= 7; wide++) {
        char body[128];
        snprintf(body, sizeof(body), "{\"input\":\"a\",\"dimensions\":%d,\"encoding_format\":\"base64\"}", wide);
        json_t *v = placeholder(&c, "/v1/embeddings", "", body, 0);
        const char *text = json_string_value(embedding(v, 0));
        size_t bytes = (size_t)wide * sizeof(float), len = strlen(text);
        assert_int_equal(len, (bytes + 2) / 3 * 4);
        assert_int_equal(strcspn(text, "="), (bytes * 8 + 5) / 6);
        json_decref(v);
    }
}

/* A later request that hands the numbers on is known to wait for them, and so is one that hands on a packed vector. */
static void test_embeddings_are_recognised(void **state) {
    (void)state;
    static const char *const formats[] = {"float", "base64"};
    struct canaries c, another;
    canaries_init(&c);
    do
        canaries_init(&another);
    while (another.digits == c.digits);
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        char body[128];
        snprintf(body, sizeof(body), "{\"input\":\"a\",\"dimensions\":8,\"encoding_format\":\"%s\"}", formats[i]);
        json_t *v = placeholder(&c, "/v1/embeddings", "", body, 0);
        char *text = json_dumps(embedding(v, 0), JSON_ENCODE_ANY);
        assert_true(canary_has_number(&c, text, strlen(text)));
        assert_false(canary_has_number(&another, text, strlen(text)));
        free(text);
        json_decref(v);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_calls),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_one_site),
        cmocka_unit_test(test_other_sites),
        cmocka_unit_test(test_chat_placeholder),
        cmocka_unit_test(test_odd_numbers_of_choices),
        cmocka_unit_test(test_completion_placeholder),
        cmocka_unit_test(test_embedding_placeholder),
        cmocka_unit_test(test_embedding_in_base64),
        cmocka_unit_test(test_embeddings_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
