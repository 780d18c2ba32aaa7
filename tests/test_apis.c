/*
 * One test a row of shim/apis.h: the request as the real SDK sends it is a call of that API, its placeholder has the
 * real answer's form with a canary where the text is; and what leaves state behind or answers in pieces under the same
 * path is left alone.
 */
#include "../src/detect.h"
#include "../src/placeholder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define USER "[{\"role\":\"user\",\"content\":\"Hello\"}]"
#define OLLAMA_CHAT(stream) "{\"model\":\"m\",\"messages\":" USER "," stream "\"tools\":[],\"options\":{}}"
#define OLLAMA_GENERATE(stream) "{\"model\":\"m\",\"prompt\":\"Hello\"" stream "}"
#define GOOGLE "/v1beta/models/gemini-2.0-flash"
#define GOOGLE_CONTENTS "\"contents\":[{\"parts\":[{\"text\":\"Hello\"}],\"role\":\"user\"}]"
#define ANTHROPIC "\"max_tokens\":100,\"messages\":" USER ",\"model\":\"m\""
#define RESPONSE(more) "{\"input\":\"Hello\",\"model\":\"m\"" more "}"

static const struct xcs_addr origin = {
    .len = sizeof(struct sockaddr_in),
    .u.in = {.sin_family = AF_INET, .sin_port = 0x5000},
};

/* `text`: where the answer's first text (a canary) is; `numbers`: or its first vector. */
static const struct {
    const char *target, *body;
    enum api api;
    const char *text, *numbers;
} calls[] = {
    {"/v1/chat/completions", "{\"messages\":" USER ",\"model\":\"m\"}", API_CHAT, "choices.0.message.content", NULL},
    {"/openai/deployments/d/chat/completions?api-version=1", "{\"messages\":" USER "}", API_CHAT,
     "choices.0.message.content", NULL},
    {"/v1/completions", "{\"model\":\"m\",\"prompt\":\"Hello\"}", API_COMPLETION, "choices.0.text", NULL},
    {"/v1/responses", RESPONSE(",\"store\":false"), API_RESPONSE, "output.0.content.0.text", NULL},
    {"/v1/moderations", "{\"input\":\"Hello\"}", API_MODERATION, "id", NULL},
    {"/v1/messages", "{" ANTHROPIC "}", API_MESSAGE, "content.0.text", NULL},
    {"/v1/messages?beta=true", "{" ANTHROPIC ",\"stream\":false}", API_MESSAGE, "content.0.text", NULL},
    {GOOGLE ":generateContent", "{" GOOGLE_CONTENTS ",\"generationConfig\":{}}", API_GENERATE,
     "candidates.0.content.parts.0.text", NULL},
    {GOOGLE ":generateContent?key=k", "{" GOOGLE_CONTENTS "}", API_GENERATE, "candidates.0.content.parts.0.text", NULL},
    {GOOGLE ":embedContent", "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}", API_EMBED_CONTENT, NULL,
     "embedding.values"},
    {GOOGLE ":batchEmbedContents", "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"model\":\"m\"}]}",
     API_EMBED_CONTENTS, NULL, "embeddings.0.values"},
    {"/api/chat", OLLAMA_CHAT("\"stream\":false,"), API_OLLAMA_CHAT, "message.content", NULL},
    {"/api/generate", OLLAMA_GENERATE(",\"stream\":false"), API_OLLAMA_GENERATE, "response", NULL},
    {"/api/embed", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}", API_OLLAMA_EMBED, NULL, "embeddings.1"},
    {"/api/embeddings", "{\"model\":\"m\",\"prompt\":\"a\"}", API_OLLAMA_EMBEDDING, NULL, "embedding"},
    {"/api/embeddings", "{\"model\":\"m\",\"input\":\"a\"}", API_EMBEDDING, NULL, "data.0.embedding"},
    {"/v1/embeddings", "{\"input\":\"a\",\"model\":\"m\"}", API_EMBEDDING, NULL, "data.0.embedding"},
};

static const struct {
    const char *target, *body;
} others[] = {
    {"/v1/responses", RESPONSE("")},
    {"/v1/responses", RESPONSE(",\"store\":null")},
    {"/v1/responses", RESPONSE(",\"store\":true")},
    {"/v1/responses", RESPONSE(",\"store\":false,\"background\":true")},
    {"/v1/responses", RESPONSE(",\"store\":false,\"conversation\":\"conv_1\"")},
    {"/v1/responses", RESPONSE(",\"store\":false,\"conversation\":{\"id\":\"conv_1\"}")},
    {"/v1/responses", RESPONSE(",\"store\":false,\"tools\":[{\"type\":\"mcp\",\"server_url\":\"x\"}]")},
    {"/v1/responses", RESPONSE(",\"store\":false,\"stream\":true")},
    {"/v1/responses/resp_1/cancel", "{}"},
    {"/v1/messages", "{" ANTHROPIC ",\"stream\":true}"},
    {"/v1/messages", "{" ANTHROPIC ",\"mcp_servers\":[{\"type\":\"url\"}]}"},
    {"/v1/messages", "{" ANTHROPIC ",\"container\":\"c\"}"},
    {"/v1/messages", "{\"messages\":" USER ",\"model\":\"m\"}"},
    {"/v1/messages/batches", "{\"requests\":[{\"params\":{" ANTHROPIC "}}]}"},
    {"/v1/threads/thread_1/messages", "{" ANTHROPIC "}"},
    {"/v1/threads/thread_1/messages", "{\"role\":\"user\",\"content\":\"Hello\"}"},
    {GOOGLE ":streamGenerateContent?alt=sse", "{" GOOGLE_CONTENTS "}"},
    {GOOGLE ":generateContent", "{\"content\":[]}"},
    {"/v1beta/cachedContents", "{" GOOGLE_CONTENTS "}"},
    {"/v1/files?x=:generateContent", "{" GOOGLE_CONTENTS "}"},
    {"/api/chat", OLLAMA_CHAT("")},
    {"/api/chat", OLLAMA_CHAT("\"stream\":true,")},
    {"/api/chat", OLLAMA_CHAT("\"stream\":null,")},
    {"/api/generate", OLLAMA_GENERATE("")},
    {"/api/pull", OLLAMA_GENERATE(",\"stream\":false")},
};

static struct request *request(const char *target, const char *body) {
    struct intake *in = intake_new();
    struct request *r = NULL;
    struct buf text = {0};
    buf_print(&text, "POST %s HTTP/1.1\r\nContent-Length: %zu\r\n\r\n%s", target, strlen(body), body);
    assert_int_equal(intake_feed(in, text.p, text.len, &r), INTAKE_REQUEST);
    buf_free(&text);
    intake_free(in);
    return r;
}

/* The value at a path like "content.0.text". */
static const json_t *value_at(const json_t *v, const char *path) {
    while (v && *path) {
        size_t n = strcspn(path, ".");
        v = json_is_array(v) ? json_array_get(v, (size_t)atoi(path)) : json_object_getn(v, path, n);
        path += n + (path[n] == '.');
    }
    return v;
}

static json_t *placeholder(const struct canaries *c, const struct call *call, const struct request *r) {
    struct buf raw = {0};
    placeholder_make(c, call, r, 4, &raw);
    const char *body = strstr(raw.p, "\r\n\r\n");
    assert_non_null(body);
    json_t *v = json_loads(body, 0, NULL);
    assert_non_null(v);
    buf_free(&raw);
    return v;
}

static void test_calls(void **state) {
    struct canaries c;
    (void)state;
    canaries_init(&c);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        struct request *r = request(calls[i].target, calls[i].body);
        struct call call;
        const char *why = NULL;
        if (!detect(&origin, r, &call, &why))
            fail_msg("%s: %s", calls[i].target, why);
        assert_int_equal(call.api, calls[i].api);
        json_t *v = placeholder(&c, &call, r);
        if (calls[i].text) {
            const char *text = json_string_value(value_at(v, calls[i].text));
            assert_non_null(text);
            assert_ptr_equal(canary_find(&c, text, strlen(text)), text);
        } else {
            assert_int_equal(json_array_size(value_at(v, calls[i].numbers)), 4);
        }
        json_decref(v);
        json_decref(call.body);
        request_free(r);
    }
}

static void test_every_row_is_tried(void **state) {
    (void)state;
#define X(id, ...) API_##id,
    static const enum api all[] = {XCS_MODEL_APIS(X)};
#undef X
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof(calls) / sizeof(calls[0]); k++)
            found |= calls[k].api == all[i];
        if (!found)
            fail_msg("no test for %s", api_name(all[i]));
    }
}

static void test_left_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct request *r = request(others[i].target, others[i].body);
        struct call call;
        const char *why = NULL;
        if (detect(&origin, r, &call, &why))
            fail_msg("taken for a model call: %s %s", others[i].target, others[i].body);
        assert_null(call.body);
        assert_non_null(why);
        request_free(r);
    }
}

static uint64_t site(const char *target, const char *body) {
    struct request *r = request(target, body);
    struct call call;
    const char *why = NULL;
    assert_true(detect(&origin, r, &call, &why));
    json_decref(call.body);
    request_free(r);
    return call.site;
}

static void test_system_text_tells_sites(void **state) {
    (void)state;
    static const struct {
        const char *target, *before, *after;
    } rows[] = {
        {"/v1/messages", "{" ANTHROPIC ",\"system\":\"", "\"}"},
        {"/v1/messages", "{" ANTHROPIC ",\"system\":[{\"type\":\"text\",\"text\":\"", "\"}]}"},
        {GOOGLE ":generateContent", "{" GOOGLE_CONTENTS ",\"systemInstruction\":{\"parts\":[{\"text\":\"", "\"}]}}"},
        {"/v1/responses", "{\"model\":\"m\",\"input\":\"a\",\"store\":false,\"instructions\":\"", "\"}"},
        {"/v1/chat/completions", "{\"messages\":[{\"role\":\"developer\",\"content\":\"", "\"}]}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ids[3];
        for (size_t k = 0; k < 3; k++) {
            struct buf body = {0};
            buf_print(&body, "%s%s%s", rows[i].before, k < 2 ? "be brief" : "be verbose", rows[i].after);
            ids[k] = site(rows[i].target, body.p);
            buf_free(&body);
        }
        assert_int_equal(ids[0], ids[1]);
        assert_int_not_equal(ids[0], ids[2]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_every_row_is_tried),
        cmocka_unit_test(test_left_alone),
        cmocka_unit_test(test_system_text_tells_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
