/*
 * What shapes promise of a response's envelope: a placeholder looks like the real ones seen, what is always the same is kept, the
 * model's words are canaries, lists follow the request.
 */
#include "shape_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        T(test_constants_are_kept),
        T(test_same_keys_in_the_same_order),
        T(test_what_differs_varies),
        T(test_choices_follow_the_request),
        T(test_blocks_do_not_follow),
        T(test_tool_calls),
        T(test_vectors),
        T(test_vectors_in_base64),
        T(test_short_vectors_and_long_words),
        T(test_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
