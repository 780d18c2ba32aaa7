/*
 * What shapes are learned from: all that a response's bytes may be, coded, in pieces, streamed; and what a server sends, whatever
 * it is, can do no more than teach nothing.
 */
#include "shape_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

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

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)
    const struct CMUnitTest tests[] = {
        T(test_chunked), T(test_status),          T(test_until_the_end_of_the_connection),
        T(test_streams), T(test_stream_of_words), T(test_content_codings),
        T(test_bomb),    T(test_teaches_nothing), T(test_depth),
        T(test_sizes),   T(test_rendered_size),   T(test_mangled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
