/*
 * What shapes promise: a placeholder looks like the real responses seen, its text is canaries, what is always the same is kept, lists
 * follow the request; and what a server sends, whatever it is, can do no more than teach nothing.
 */
#include "../src/response.h"
#include "../src/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

static const struct xcs_addr origin = {.len = sizeof(struct sockaddr_in), .u.in = {.sin_family = AF_INET}};

/* A call site of one session: what was learned, and its last placeholder. */
struct place {
    struct canaries canaries;
    struct shape *shape;
    struct request *request;
    struct call call;
    struct buf raw;
    struct response response;
    json_t *json;
};

static void ask(struct place *p, const char *target, const char *body) {
    struct intake *in = intake_new();
    struct buf text = {0};
    const char *why = NULL;
    request_free(p->request);
    json_decref(p->call.body);
    buf_print(&text, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", target, strlen(body));
    buf_add(&text, body, strlen(body));
    assert_int_equal(intake_feed(in, text.p, text.len, &p->request), INTAKE_REQUEST);
    assert_true(detect(&origin, p->request, &p->call, &why));
    intake_free(in);
    buf_free(&text);
}

static int setup(void **state) {
    struct place *p = calloc(1, sizeof(*p));
    canaries_init(&p->canaries);
    ask(p, "/v1/chat/completions", "{\"model\":\"m\",\"messages\":[]}");
    *state = p;
    return 0;
}

static void forget_made(struct place *p) {
    buf_free(&p->raw);
    response_free(&p->response);
    json_decref(p->json);
    p->json = NULL;
}

static int teardown(void **state) {
    struct place *p = *state;
    forget_made(p);
    request_free(p->request);
    json_decref(p->call.body);
    shape_free(p->shape);
    free(p);
    return 0;
}

static void learn_with(struct place *p, const char *head, const char *body, size_t len) {
    struct buf raw = {0};
    buf_print(&raw, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", head, len);
    buf_add(&raw, body, len);
    shape_learn(&p->shape, raw.p, raw.len, &p->call);
    buf_free(&raw);
}

static void learn(struct place *p, const char *body) {
    learn_with(p, "Content-Type: application/json\r\n", body, strlen(body));
}

/* A chat completion whose text is `content`, written as JSON. */
static void learn_chat(struct place *p, const char *content) {
    static int number;
    json_t *v = json_pack("{s:o, s:s, s:i, s:s, s:s, s:[{s:i, s:{s:s, s:s}, s:s}], s:{s:i}}", "id",
                          json_sprintf("chatcmpl-%d", ++number), "object", "chat.completion", "created", 1700000000,
                          "model", "m-2024-08-06", "fingerprint", "fp_1", "choices", "index", 0, "message", "role",
                          "assistant", "content", content, "finish_reason", "stop", "usage", "total_tokens", 7);
    char *text = json_dumps(v, 0);
    learn(p, text);
    free(text);
    json_decref(v);
}

/* The placeholder in the learned shape, taken apart. */
static const json_t *make(struct place *p) {
    forget_made(p);
    assert_non_null(p->shape);
    assert_true(shape_make(p->shape, &p->canaries, &p->call, p->request, false, &p->raw));
    assert_int_equal(response_parse(&p->response, p->raw.p, p->raw.len, false), RESPONSE_WHOLE);
    p->json = json_loadb(p->response.body.p, p->response.body.len, 0, NULL);
    assert_non_null(p->json);
    return p->json;
}

/* The value at a place like "choices.0.message". */
static const json_t *at(const json_t *v, const char *place) {
    while (v && *place) {
        size_t n = strcspn(place, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(place)) : json_object_getn(v, place, n);
        place += n + (place[n] == '.');
    }
    return v;
}

static const char *text_at(const json_t *v, const char *place) {
    const char *text = json_string_value(at(v, place));
    assert_non_null(text);
    return text;
}

static const char *content(struct place *p) {
    return text_at(make(p), "choices.0.message.content");
}

static bool is_canary(const struct place *p, const char *text) {
    return strlen(text) == CANARY_LEN && canary_find(&p->canaries, text, CANARY_LEN) == text;
}

/* The JSON in the placeholder's text, to be freed. */
static json_t *inner(struct place *p) {
    json_t *v = json_loads(content(p), 0, NULL);
    assert_non_null(v);
    return v;
}

/* --- the envelope --- */

static void test_constants_are_kept(void **state) {
    struct place *p = *state;
    learn_chat(p, "Paris.");
    const json_t *v = make(p);
    assert_string_equal(text_at(v, "object"), "chat.completion");
    assert_string_equal(text_at(v, "model"), "m-2024-08-06");
    assert_string_equal(text_at(v, "fingerprint"), "fp_1");
    assert_string_equal(text_at(v, "choices.0.message.role"), "assistant");
    assert_string_equal(text_at(v, "choices.0.finish_reason"), "stop");
    assert_int_equal(json_integer_value(at(v, "usage.total_tokens")), 7);
    assert_true(is_canary(p, text_at(v, "choices.0.message.content")));
    assert_true(is_canary(p, text_at(v, "id")));
    assert_null(json_object_get(at(v, "usage"), "prompt_tokens")); /* the built-in one has that */
}

static void test_same_keys_in_the_same_order(void **state) {
    struct place *p = *state;
    static const char body[] =
        "{\"zeta\":1,\"choices\":[{\"message\":{\"content\":\"x\",\"annotations\":[],\"b\":null}}],"
        "\"alpha\":true,\"id\":\"1\"}";
    learn(p, body);
    make(p);
    char *text = json_dumps(p->json, JSON_COMPACT);
    char *word = strstr(text, "\"content\":\"") + 11;
    memmove(word + 1, word + CANARY_LEN, strlen(word + CANARY_LEN) + 1);
    *word = 'x';
    word = strstr(text, "\"id\":\"") + 6;
    memmove(word + 1, word + CANARY_LEN, strlen(word + CANARY_LEN) + 1);
    *word = '1';
    assert_string_equal(text, body);
    free(text);
}

/* What we do not know is a constant until it differs; what a program branches on is the usual value. */
static void test_what_differs_varies(void **state) {
    struct place *p = *state;
    static const char form[] =
        "{\"tag\":\"%s\",\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"%s\"}]}";
    static const char *const tags[] = {"one", "one", "two"}, *const reasons[] = {"stop", "stop", "length"};
    char body[256];
    for (size_t i = 0; i < 3; i++) {
        snprintf(body, sizeof(body), form, tags[i], reasons[i]);
        learn(p, body);
        const json_t *v = make(p);
        if (i < 2)
            assert_string_equal(text_at(v, "tag"), "one");
        else
            assert_true(is_canary(p, text_at(v, "tag")));
        assert_string_equal(text_at(v, "choices.0.finish_reason"), "stop");
    }
    snprintf(body, sizeof(body), form, "two", "length");
    learn(p, body);
    learn(p, body);
    assert_true(is_canary(p, text_at(make(p), "tag"))); /* from then on */
    assert_string_equal(text_at(make(p), "choices.0.finish_reason"), "length");
}

static void test_choices_follow_the_request(void **state) {
    struct place *p = *state;
    learn_chat(p, "Paris.");
    ask(p, "/v1/chat/completions", "{\"model\":\"m\",\"messages\":[],\"n\":3}");
    const json_t *v = make(p);
    assert_int_equal(json_array_size(at(v, "choices")), 3);
    assert_int_equal(json_integer_value(at(v, "choices.2.index")), 2);
    assert_string_not_equal(text_at(v, "choices.0.message.content"), text_at(v, "choices.1.message.content"));
}

/* Lists of our own making only: the blocks of a message are as many as they were. */
static void test_blocks_do_not_follow(void **state) {
    struct place *p = *state;
    ask(p, "/v1/messages", "{\"model\":\"m\",\"messages\":[],\"max_tokens\":9}");
    learn(p, "{\"id\":\"1\",\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Let me see now\"},"
             "{\"type\":\"text\",\"text\":\"Paris.\"}],\"stop_reason\":\"end_turn\"}");
    const json_t *v = make(p);
    assert_int_equal(json_array_size(at(v, "content")), 2);
    assert_string_equal(text_at(v, "content.0.type"), "thinking");
    assert_true(is_canary(p, text_at(v, "content.0.thinking"))); /* words, which nobody told us of */
    assert_string_equal(text_at(v, "content.1.type"), "text");
    assert_true(is_canary(p, text_at(v, "content.1.text")));
}

static void test_tool_calls(void **state) {
    struct place *p = *state;
    learn(p, "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\","
             "\"function\":{\"name\":\"look_up\",\"arguments\":\"{\\\"city\\\": \\\"Paris\\\", \\\"days\\\": 3}\"}}]},"
             "\"finish_reason\":\"tool_calls\"}]}");
    const json_t *v = at(make(p), "choices.0");
    assert_true(json_is_null(at(v, "message.content")));
    assert_string_equal(text_at(v, "message.tool_calls.0.function.name"), "look_up");
    json_t *arguments = json_loads(text_at(v, "message.tool_calls.0.function.arguments"), 0, NULL);
    assert_true(is_canary(p, text_at(arguments, "city")));
    assert_int_equal(json_integer_value(at(arguments, "days")), 3);
    json_decref(arguments);
}

static void test_vectors(void **state) {
    struct place *p = *state;
    ask(p, "/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}");
    learn(p, "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.5,0.25,1]},"
             "{\"object\":\"embedding\",\"index\":1,\"embedding\":[0.5,0.75,0]}],\"model\":\"m\"}");
    assert_int_equal(shape_dimension(p->shape), 3);
    ask(p, "/v1/embeddings", "{\"model\":\"m\",\"input\":[\"a\",\"b\",\"c\"]}");
    const json_t *v = make(p);
    assert_int_equal(json_array_size(at(v, "data")), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *item = json_array_get(at(v, "data"), i);
        assert_string_equal(text_at(item, "object"), "embedding");
        assert_int_equal(json_integer_value(at(item, "index")), i);
        assert_int_equal(json_array_size(at(item, "embedding")), 3);
        assert_true(json_real_value(at(item, "embedding.0")) != 0.5); /* no real vector is handed out for another */
    }
    assert_null(json_object_get(v, "usage"));
}

static void test_vectors_in_base64(void **state) {
    struct place *p = *state;
    char body[256];
    ask(p, "/v1/embeddings", "{\"input\":\"a\",\"encoding_format\":\"base64\"}");
    snprintf(body, sizeof(body), "{\"data\":[{\"index\":0,\"embedding\":\"%s\"}]}", "AAAAPwAAgD4AAIA/AAAAPwAAgD4AAIA/");
    learn(p, body);
    assert_int_equal(shape_dimension(p->shape), 6);
    assert_int_equal(strlen(text_at(make(p), "data.0.embedding")), 32);
}

/* As short as the request asked for, and a model whose name could be base64. */
static void test_short_vectors_and_long_words(void **state) {
    struct place *p = *state;
    ask(p, "/v1/embeddings",
        "{\"model\":\"gpt4turbopreview\",\"input\":\"a\",\"encoding_format\":\"base64\","
        "\"dimensions\":3}");
    learn(p, "{\"model\":\"gpt4turbopreview\",\"data\":[{\"index\":0,\"embedding\":\"AAAAPwAAgD4AAIA/\"}]}");
    assert_int_equal(shape_dimension(p->shape), 3);
    const json_t *v = make(p);
    assert_string_equal(text_at(v, "model"), "gpt4turbopreview");
    assert_string_not_equal(text_at(v, "data.0.embedding"), "AAAAPwAAgD4AAIA/");
    assert_int_equal(strlen(text_at(v, "data.0.embedding")), 16);
    learn(p, "{\"model\":\"gpt4turbopreview\",\"data\":[{\"index\":0,\"embedding\":\"AAAAPwAAgD4AAIA/\"}]}");
    assert_int_equal(shape_dimension(p->shape), 3);
}

/* --- text that is JSON --- */

static void test_json_text(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"name\": \"Ann\", \"tags\": [\"x\", \"y\"], \"age\": 41, \"ok\": true, \"next\": null}");
    json_t *v = inner(p);
    assert_true(is_canary(p, text_at(v, "name")));
    assert_true(is_canary(p, text_at(v, "tags.0")));
    assert_true(is_canary(p, text_at(v, "tags.1")));
    assert_int_equal(json_array_size(at(v, "tags")), 2);
    assert_int_equal(json_integer_value(at(v, "age")), 41);
    assert_true(json_is_true(at(v, "ok")));
    assert_true(json_is_null(at(v, "next")));
    json_decref(v);
}

/* A word that is the same in two responses is a constant, until a third one differs. */
static void test_words_in_json_text(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"kind\":\"city\",\"name\":\"Paris\",\"population\":1}");
    json_t *v = inner(p);
    assert_true(is_canary(p, text_at(v, "kind")));
    json_decref(v);
    learn_chat(p, "{\"kind\":\"city\",\"name\":\"Rome\",\"population\":2}");
    v = inner(p);
    assert_string_equal(text_at(v, "kind"), "city");
    assert_true(is_canary(p, text_at(v, "name")));
    assert_int_equal(json_integer_value(at(v, "population")), 2);
    json_decref(v);
    learn_chat(p, "{\"kind\":\"village\",\"name\":\"Rome\",\"population\":2}");
    learn_chat(p, "{\"kind\":\"village\",\"name\":\"Rome\",\"population\":2}");
    v = inner(p);
    assert_true(is_canary(p, text_at(v, "kind")));
    assert_true(is_canary(p, text_at(v, "name")));
    json_decref(v);
}

static void test_fence_and_words_around(void **state) {
    struct place *p = *state;
    learn_chat(p, "Here it is:\n```json\n{\n  \"a\": \"b\"\n}\n```\nDone.");
    const char *text = content(p);
    assert_ptr_equal(strstr(text, "Here it is:\n```json\n{\n  \"a\": \""), text);
    assert_non_null(strstr(text, "\"\n}\n```\nDone."));
    learn_chat(p, "Of course:\n```json\n{\n  \"a\": \"c\"\n}\n```\nDone.");
    text = content(p);
    assert_ptr_equal(canary_find(&p->canaries, text, strlen(text)), text);
    assert_ptr_equal(strstr(text, "\n```json\n{\n  \"a\": \""), text + CANARY_LEN);
    assert_non_null(strstr(text, "\n```\nDone."));
}

static void test_styles(void **state) {
    struct place *p = *state;
    static const char *const forms[] = {"{\"a\":1,\"b\":[1,2]}", "{\"a\": 1, \"b\": [1, 2]}",
                                        "{\n    \"a\": 1,\n    \"b\": [\n        1,\n        2\n    ]\n}"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        learn_chat(p, forms[i]);
        assert_string_equal(content(p), forms[i]);
    }
}

/* No JSON, and no text that could stand for another one without a canary in it. */
static void test_what_is_no_json_text(void **state) {
    static const char *const texts[] = {
        "Paris.", "42 km", "\"quoted\"",          "As shown in [1] and [2].", "[1] says so.",    "{}  and more",
        "{a: 1}", "{\"a",  "set notation {1, 2}", "```\nno json\n```",        "I like {} a lot", "[",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        void *own;
        (void)state;
        setup(&own);
        learn_chat(own, texts[i]);
        if (!is_canary(own, content(own)))
            fail_msg("taken for JSON: %s", texts[i]);
        teardown(&own);
    }
    struct place *p = *state;
    learn_chat(p, "The score: {\"score\": 5}");
    const char *text = content(p);
    assert_non_null(canary_find(&p->canaries, text, strlen(text)));
    assert_non_null(strstr(text, "{\"score\": 5}"));
}

/* A text that is a number each time is one again, as last seen. */
static void test_numbers(void **state) {
    struct place *p = *state;
    learn_chat(p, "7");
    assert_string_equal(content(p), "7");
    learn_chat(p, " -0.5\n");
    assert_string_equal(content(p), " -0.5\n");
    learn_chat(p, "none");
    learn_chat(p, "7");
    assert_true(is_canary(p, content(p)));
}

/* Where the text goes into other requests, nothing made up may go out in them. */
static void test_made_up_text_is_not_fed(void **state) {
    static const char *const texts[] = {"7", "[1, 2]", "{\"score\": 5}", "```json\n{\"score\": 5}\n```"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct place *p = *state;
        struct buf made = {0};
        learn_chat(p, texts[i]);
        assert_string_equal(content(p), texts[i]);
        assert_true(shape_make(p->shape, &p->canaries, &p->call, p->request, true, &made));
        const char *text = strstr(made.p, "\"content\":\"") + 11;
        assert_ptr_equal(canary_find(&p->canaries, text, strlen(text)), text);
        buf_free(&made);
        teardown(state);
        setup(state);
    }
}

/* One answer that is broken does not undo what many have taught. */
static void test_broken_json_is_an_exception(void **state) {
    struct place *p = *state;
    learn_chat(p, "{\"a\": 1}");
    learn_chat(p, "{\"a\": 2}");
    learn_chat(p, "Sorry, I cannot.");
    assert_string_equal(content(p), "{\"a\": 2}");
    learn_chat(p, "Sorry, I cannot.");
    assert_true(is_canary(p, content(p)));
}

/* --- heads --- */

static void test_headers(void **state) {
    struct place *p = *state;
    static const char body[] = "{\"choices\":[]}";
    learn_with(p,
               "content-type: application/json; charset=utf-8\r\nServer: s\r\nX-Request-Id: r1\r\nSet-Cookie: a=b\r\n"
               "Date: then\r\nX-Remaining: 5\r\nX-Way: a\r\nConnection: close\r\n",
               body, strlen(body));
    make(p);
    assert_string_equal(response_header(&p->response, "content-type"), "application/json; charset=utf-8");
    assert_string_equal(response_header(&p->response, "server"), "s");
    assert_string_equal(response_header(&p->response, "x-remaining"), "5");
    assert_string_equal(response_header(&p->response, "x-way"), "a");
    assert_true(is_canary(p, response_header(&p->response, "x-request-id")));
    assert_string_not_equal(response_header(&p->response, "date"), "then");
    assert_null(response_header(&p->response, "set-cookie"));
    assert_null(response_header(&p->response, "connection"));
    learn_with(p, "X-Remaining: 4\r\nX-Way: b\r\n", body, strlen(body));
    make(p);
    assert_string_equal(response_header(&p->response, "x-remaining"), "4");
    assert_true(is_canary(p, response_header(&p->response, "x-way")));
}

/* --- transfer codings, streams --- */

static void test_chunked(void **state) {
    struct place *p = *state;
    static const char raw[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "9\r\n{\"a\":\"kee\r\n3;x=y\r\np\"}\r\n0\r\n\r\n";
    shape_learn(&p->shape, raw, strlen(raw), &p->call);
    assert_string_equal(text_at(make(p), "a"), "keep");
    assert_null(response_header(&p->response, "transfer-encoding"));
}

static void test_status(void **state) {
    struct place *p = *state;
    static const char raw[] = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
    shape_learn(&p->shape, raw, strlen(raw), &p->call);
    make(p);
    assert_int_equal(p->response.status, 201);
}

static void test_until_the_end_of_the_connection(void **state) {
    struct place *p = *state;
    static const char raw[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\nX-A: b\r\n\r\n{\"a\":\"keep\"}";
    shape_learn(&p->shape, raw, strlen(raw), &p->call);
    assert_string_equal(text_at(make(p), "a"), "keep");
    assert_string_equal(response_header(&p->response, "x-a"), "b");
}

static void check_stream(struct place *p, const char *body) {
    shape_free(p->shape);
    p->shape = NULL;
    p->call.streams = true;
    learn_with(p, "Content-Type: text/event-stream\r\n", body, strlen(body));
    struct buf none = {0};
    char *text = shape_text(p->shape, &p->canaries, false);
    assert_non_null(text);
    json_t *v = json_loads(text, 0, NULL);
    assert_true(is_canary(p, text_at(v, "a")));
    assert_false(shape_make(p->shape, &p->canaries, &p->call, p->request, false, &none));
    json_decref(v);
    free(text);
}

static void test_streams(void **state) {
    struct place *p = *state;
    check_stream(p, "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
                    "data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"a\\\"\"}}]}\n\n"
                    "data: {\"choices\":[{\"delta\":{\"content\":\":\\\"b\\\"}\"}}]}\n\ndata: [DONE]\n\n");
    check_stream(
        p, "event: message_start\ndata: {\"type\":\"message_start\"}\n\nevent: content_block_delta\n"
           "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"{\\\"a\\\":\"}}\n\n"
           "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"\\\"b\\\"}\"}}\n\n");
    check_stream(p, "data: {\"type\":\"response.output_text.delta\",\"delta\":\"{\\\"a\\\":\"}\r\n\r\n"
                    "data: {\"type\":\"response.function_call_arguments.delta\",\"delta\":\"zzz\"}\r\n\r\n"
                    "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\\"b\\\"}\"}\r\n\r\n");
    check_stream(p, "{\"message\":{\"role\":\"assistant\",\"content\":\"{\\\"a\\\":\"},\"done\":false}\n"
                    "{\"message\":{\"content\":\"\\\"b\\\"}\"},\"done\":false}\n"
                    "{\"message\":{\"content\":\"\"},\"done\":true}\n");
    check_stream(p, "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"{\\\"a\\\":\"}]}}]},\n"
                    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\\\"b\\\"}\"}]}}]}]");
}

static void test_stream_of_words(void **state) {
    struct place *p = *state;
    learn(p, "data: {\"choices\":[{\"delta\":{\"content\":\"Paris\"}}]}\n\n");
    assert_non_null(p->shape);
    assert_null(shape_text(p->shape, &p->canaries, false));
    assert_null(shape_text(NULL, &p->canaries, false));
}

/* --- content codings --- */

/* `bits` as deflateInit2 takes them: 15 + 16 makes gzip, 15 the "deflate" of HTTP. */
static size_t compress_with(int bits, const char *text, size_t len, char *out, size_t size) {
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)len, .next_out = (Bytef *)out, .avail_out = (uInt)size};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return size - z.avail_out;
}

static void test_content_codings(void **state) {
    static const struct {
        const char *head;
        int bits;
    } codings[] = {{"Content-Encoding: gzip\r\n", 31}, {"Content-Encoding: deflate\r\n", 15}};
    static const char body[] = "{\"choices\":[{\"message\":{\"content\":\"{\\\"age\\\":7}\"}}],\"mark\":\"constant\"}";
    struct place *p = *state;
    char packed[512];
    for (size_t i = 0; i < 2; i++) {
        shape_free(p->shape);
        p->shape = NULL;
        size_t n = compress_with(codings[i].bits, body, strlen(body), packed, sizeof(packed));
        learn_with(p, codings[i].head, packed, n);
        assert_string_equal(json_string_value(at(make(p), "choices.0.message.content")), "{\"age\":7}");
        assert_null(response_header(&p->response, "content-encoding"));
    }
}

/* A small response may unfold to a large one: it teaches nothing, and takes no memory to speak of. */
static void test_bomb(void **state) {
    struct place *p = *state;
    size_t len = 64 * 1024 * 1024, size = 1024 * 1024;
    char *zeros = calloc(1, len), *packed = malloc(size);
    size_t n = compress_with(31, zeros, len, packed, size);
    learn_with(p, "Content-Encoding: gzip\r\n", packed, n);
    assert_null(p->shape);
    free(zeros);
    free(packed);
}

/* --- what a server may send --- */

static void test_teaches_nothing(void **state) {
    struct place *p = *state;
    static const char *const raws[] = {
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\n{\"a\":\"b\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":\"b\"}",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nContent-Encoding: gzip\r\n\r\n{\"a\":\"b\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{\"a\":\"b\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"\xff\xfe\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"\xed\xa0\x80\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"\\u0000\"}",
        "HTTP/1.1 200 OK\r\n\r\n{\"a\":99999999999999999999}",
        "HTTP/1.1 200 OK\r\n\r\n\"text\"",
        "HTTP/1.1 200 OK\r\n\r\nnull",
        "HTTP/1.1 200 OK\r\n\r\n[]",
        "HTTP/1.1 200 OK\r\n\r\n[1,{\"candidates\":7},{\"choices\":[]}]",
        "HTTP/1.1 200 OK\r\n\r\ndata: \ndata\ndata:\n\n",
    };
    for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++) {
        shape_learn(&p->shape, raws[i], strlen(raws[i]), &p->call);
        if (p->shape)
            fail_msg("learned from: %s", raws[i]);
    }
    learn_chat(p, "Paris.");
    for (size_t i = 0; i < sizeof(raws) / sizeof(raws[0]); i++)
        shape_learn(&p->shape, raws[i], strlen(raws[i]), &p->call);
    assert_string_equal(text_at(make(p), "object"), "chat.completion");
}

static void nested(struct buf *out, const char *before, size_t depth, const char *after) {
    out->len = 0;
    buf_add(out, before, strlen(before));
    for (size_t i = 0; i < depth; i++)
        buf_add(out, "[", 1);
    for (size_t i = 0; i < depth; i++)
        buf_add(out, "]", 1);
    buf_add(out, after, strlen(after));
}

static void test_depth(void **state) {
    struct place *p = *state;
    struct buf body = {0};
    nested(&body, "{\"a\":", 64, "}");
    learn(p, body.p);
    assert_null(p->shape);
    nested(&body, "{\"a\":", 100000, "}");
    learn(p, body.p);
    assert_null(p->shape);
    nested(&body, "", 100000, "");
    learn_chat(p, body.p);
    assert_true(is_canary(p, content(p)));
    nested(&body, "{\"a\":", 63, ",\"object\":\"deep\"}");
    learn(p, body.p);
    assert_string_equal(text_at(make(p), "object"), "deep");
    buf_free(&body);
}

static void test_sizes(void **state) {
    struct place *p = *state;
    struct buf body = {0};
    buf_print(&body, "{\"a\":[");
    for (size_t i = 0; i < SHAPE_MAX / 32; i++)
        buf_print(&body, "\"\",");
    buf_print(&body, "\"\"]}");
    learn(p, body.p);
    assert_null(p->shape);

    body.len = 0;
    buf_print(&body, "{\"a\":\"b\",\"c\":\"");
    while (body.len < SHAPE_RAW_MAX)
        buf_add(&body, "          ", 10);
    buf_print(&body, "\"}");
    learn(p, body.p);
    assert_null(p->shape);
    buf_free(&body);
}

/* A large form and a request for thousands of items do not multiply. */
static void test_rendered_size(void **state) {
    struct place *p = *state;
    struct buf text = {0}, none = {0};
    while (text.len < 200000)
        buf_add(&text, "x", 1);
    json_t *v = json_pack("{s:[{s:s}]}", "choices", "note", text.p);
    char *body = json_dumps(v, 0);
    learn(p, body);
    assert_non_null(p->shape);
    ask(p, "/v1/chat/completions", "{\"messages\":[],\"n\":4000}");
    assert_false(shape_make(p->shape, &p->canaries, &p->call, p->request, false, &none));
    free(body);
    json_decref(v);
    buf_free(&text);
}

/* Whatever is cut off or changed in a response, nothing breaks. */
static void test_mangled(void **state) {
    struct place *p = *state;
    static const char body[] = "{\"id\":\"1\",\"choices\":[{\"index\":0,\"message\":{\"content\":"
                               "\"w\\n```json\\n{\\\"a\\\": [\\\"b\\\", 2]}\\n``` z\"}}]}";
    char raw[512];
    snprintf(raw, sizeof(raw), "HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n",
             strlen(body), body);
    size_t len = strlen(raw);
    shape_learn(&p->shape, raw, len, &p->call);
    assert_non_null(p->shape);
    for (size_t i = 0; i < len; i++) {
        static const char others[] = "\"{}[]\\`:0\n\xff";
        shape_learn(&p->shape, raw, i, &p->call);
        for (size_t k = 0; k < sizeof(others) - 1; k++) {
            char was = raw[i];
            struct buf made = {0};
            raw[i] = others[k];
            shape_learn(&p->shape, raw, len, &p->call);
            shape_make(p->shape, &p->canaries, &p->call, p->request, false, &made);
            buf_free(&made);
            raw[i] = was;
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_constants_are_kept),
        TEST(test_same_keys_in_the_same_order),
        TEST(test_what_differs_varies),
        TEST(test_choices_follow_the_request),
        TEST(test_blocks_do_not_follow),
        TEST(test_tool_calls),
        TEST(test_vectors),
        TEST(test_vectors_in_base64),
        TEST(test_short_vectors_and_long_words),
        TEST(test_json_text),
        TEST(test_words_in_json_text),
        TEST(test_fence_and_words_around),
        TEST(test_styles),
        TEST(test_what_is_no_json_text),
        TEST(test_numbers),
        TEST(test_made_up_text_is_not_fed),
        TEST(test_broken_json_is_an_exception),
        TEST(test_headers),
        TEST(test_chunked),
        TEST(test_status),
        TEST(test_until_the_end_of_the_connection),
        TEST(test_streams),
        TEST(test_stream_of_words),
        TEST(test_content_codings),
        TEST(test_bomb),
        TEST(test_teaches_nothing),
        TEST(test_depth),
        TEST(test_sizes),
        TEST(test_rendered_size),
        TEST(test_mangled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
