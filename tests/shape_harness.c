/* See shape_harness.h. */
#include "shape_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct xcs_addr origin = {.len = sizeof(struct sockaddr_in), .u.in = {.sin_family = AF_INET}};

void ask(struct place *p, const char *target, const char *body) {
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

int place_setup(void **state) {
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

int place_teardown(void **state) {
    struct place *p = *state;
    forget_made(p);
    request_free(p->request);
    json_decref(p->call.body);
    shape_free(p->shape);
    free(p);
    return 0;
}

void learn_with(struct place *p, const char *head, const char *body, size_t len) {
    struct buf raw = {0};
    buf_print(&raw, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", head, len);
    buf_add(&raw, body, len);
    shape_learn(&p->shape, raw.p, raw.len, &p->call);
    buf_free(&raw);
}

void learn(struct place *p, const char *body) {
    learn_with(p, "Content-Type: application/json\r\n", body, strlen(body));
}

void learn_chat(struct place *p, const char *content) {
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

const json_t *make(struct place *p) {
    forget_made(p);
    assert_non_null(p->shape);
    assert_true(shape_make(p->shape, &p->canaries, &p->call, p->request, false, &p->raw));
    assert_int_equal(response_parse(&p->response, p->raw.p, p->raw.len, false), RESPONSE_WHOLE);
    p->json = json_loadb(p->response.body.p, p->response.body.len, 0, NULL);
    assert_non_null(p->json);
    return p->json;
}

const json_t *at(const json_t *v, const char *place) {
    while (v && *place) {
        size_t n = strcspn(place, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(place)) : json_object_getn(v, place, n);
        place += n + (place[n] == '.');
    }
    return v;
}

const char *text_at(const json_t *v, const char *place) {
    const char *text = json_string_value(at(v, place));
    assert_non_null(text);
    return text;
}

const char *content(struct place *p) {
    return text_at(make(p), "choices.0.message.content");
}

bool is_canary(const struct place *p, const char *text) {
    return strlen(text) == CANARY_LEN && canary_find(&p->canaries, text, CANARY_LEN) == text;
}

json_t *inner(struct place *p) {
    json_t *v = json_loads(content(p), 0, NULL);
    assert_non_null(v);
    return v;
}
