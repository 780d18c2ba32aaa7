/*
 * One test a row of shim/apis.h: the request as the real SDK sends it is a call of that API, its placeholder has the
 * real answer's form with a canary where the text is; and what leaves state behind under the same path is left alone.
 */
#include "../src/detect.h"
#include "../src/placeholder.h"
#include "../src/response.h"
#include "../src/stream_text.h"

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
#define RERANK(more) "{\"model\":\"m\",\"query\":\"a\",\"documents\":[\"b\",\"c\"]" more "}"
#define COHERE_EMBED "{\"model\":\"m\",\"input_type\":\"search_document\",\"texts\":[\"a\",\"b\"]"
#define BEDROCK(model) "/model/" model "/"
#define CONVERSE                                                                                                       \
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}],\"inferenceConfig\":{\"maxTokens\":16}}"
#define SSE "text/event-stream"
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
    {"/openai/v1/chat/completions", "{\"model\":\"m\",\"messages\":" USER "}", API_CHAT, "choices.0.message.content",
     NULL},
    {"/api/v1/chat/completions", "{\"model\":\"m\",\"messages\":" USER ",\"provider\":{}}", API_CHAT,
     "choices.0.message.content", NULL},
    {"/openai/deployments/d/completions?api-version=1", "{\"prompt\":\"Hello\"}", API_COMPLETION, "choices.0.text",
     NULL},
    {"/openai/deployments/d/embeddings?api-version=1", "{\"input\":\"a\"}", API_EMBEDDING, NULL, "data.0.embedding"},
    {"/openai/deployments/d/images/generations?api-version=1", "{\"prompt\":\"a cat\",\"n\":1}", API_IMAGE,
     "data.0.revised_prompt", NULL},
    {"/openai/responses?api-version=1", RESPONSE(",\"store\":false"), API_RESPONSE, "output.0.content.0.text", NULL},
    {"/v1/fim/completions", "{\"model\":\"m\",\"prompt\":\"def f(\",\"suffix\":\"return\"}", API_FIM,
     "choices.0.message.content", NULL},
    {"/v1/images/generations", "{\"model\":\"dall-e-3\",\"prompt\":\"a cat\",\"response_format\":\"b64_json\"}",
     API_IMAGE, "data.0.b64_json", NULL},
    {"/v1/images/generations", "{\"model\":\"gpt-image-1\",\"prompt\":\"a cat\",\"n\":2}", API_IMAGE, "data.1.b64_json",
     NULL},
    {"/completion", "{\"prompt\":\"Hello\",\"n_predict\":16}", API_LLAMA, "content", NULL},
    {"/completion", "{\"prompt\":[\"a\",\"b\"]}", API_LLAMA, "1.content", NULL},
    {"/infill", "{\"input_prefix\":\"a\",\"input_suffix\":\"b\"}", API_LLAMA_INFILL, "content", NULL},
    {"/embedding", "{\"content\":\"Hello\"}", API_LLAMA_EMBEDDING, NULL, "0.embedding.0"},
    {"/v1/rerank", RERANK(""), API_RERANK, "id", NULL},
    {"/v2/rerank", RERANK(",\"top_n\":1"), API_RERANK, "id", NULL},
    {"/rerank", RERANK(",\"return_documents\":true"), API_RERANK, "id", NULL},
    {"/v2/chat", "{\"model\":\"m\",\"messages\":" USER "}", API_COHERE_CHAT, "message.content.0.text", NULL},
    {"/v1/chat", "{\"message\":\"Hello\"}", API_COHERE_CHAT_1, "text", NULL},
    {"/v1/chat", "{\"message\":\"Hello\",\"chat_history\":[{\"role\":\"USER\",\"message\":\"a\"}]}", API_COHERE_CHAT_1,
     "chat_history.2.message", NULL},
    {"/v2/embed", COHERE_EMBED ",\"embedding_types\":[\"float\"]}", API_COHERE_EMBED, NULL, "embeddings.float.1"},
    {"/v2/embed", COHERE_EMBED ",\"embedding_types\":[\"int8\"]}", API_COHERE_EMBED, NULL, "embeddings.int8.1"},
    {"/v1/embed", COHERE_EMBED "}", API_COHERE_EMBED_1, NULL, "embeddings.1"},
    {"/v1/embed", COHERE_EMBED ",\"embedding_types\":[\"float\"]}", API_COHERE_EMBED_1, NULL, "embeddings.float.1"},
    {"/generate", "{\"inputs\":\"Hello\",\"parameters\":{\"max_new_tokens\":20}}", API_TGI, "generated_text", NULL},
    {"/hf-inference/models/org/name", "{\"inputs\":\"Hello\"}", API_HUGGING_FACE, "0.generated_text", NULL},
    {"/hf-inference/models/org/name/pipeline/feature-extraction", "{\"inputs\":[\"a\",\"b\"]}",
     API_HUGGING_FACE_VECTORS, NULL, "1"},
    {BEDROCK("anthropic.claude-3-haiku-20240307-v1%3A0") "converse", CONVERSE, API_CONVERSE,
     "output.message.content.0.text", NULL},
    {BEDROCK("us.anthropic.claude-3-haiku-20240307-v1:0") "invoke",
     "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":100,\"messages\":" USER "}", API_BEDROCK_CLAUDE,
     "content.0.text", NULL},
    {BEDROCK("amazon.nova-lite-v1:0") "invoke", CONVERSE, API_BEDROCK_NOVA, "output.message.content.0.text", NULL},
    {BEDROCK("amazon.titan-text-express-v1") "invoke", "{\"inputText\":\"Hello\",\"textGenerationConfig\":{}}",
     API_BEDROCK_TITAN, "results.0.outputText", NULL},
    {BEDROCK("amazon.titan-embed-text-v2:0") "invoke", "{\"inputText\":\"Hello\"}", API_BEDROCK_VECTOR, NULL,
     "embedding"},
    {BEDROCK("cohere.embed-english-v3") "invoke", "{\"texts\":[\"a\"],\"input_type\":\"search_query\"}",
     API_BEDROCK_COHERE, NULL, "embeddings.0"},
    {BEDROCK("meta.llama3-8b-instruct-v1:0") "invoke", "{\"prompt\":\"Hello\",\"max_gen_len\":16}", API_BEDROCK_LLAMA,
     "generation", NULL},
    {BEDROCK("mistral.mistral-7b-instruct-v0:2") "invoke", "{\"prompt\":\"Hello\",\"max_tokens\":16}",
     API_BEDROCK_MISTRAL, "outputs.0.text", NULL},
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

/* `type`: of the answer; `end`: what it ends with. */
static const struct {
    const char *target, *body;
    enum api api;
    const char *type, *end;
} streams[] = {
    {"/v1/chat/completions", "{\"messages\":" USER ",\"stream\":true}", API_CHAT, SSE, "\n\ndata: [DONE]\n\n"},
    {"/v1/chat/completions", "{\"messages\":" USER ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
     API_CHAT, SSE, "\"total_tokens\":32}}\n\ndata: [DONE]\n\n"},
    {"/v1/fim/completions", "{\"model\":\"m\",\"prompt\":\"a\",\"stream\":true}", API_FIM, SSE, "\n\ndata: [DONE]\n\n"},
    {"/v1/completions", "{\"prompt\":\"Hello\",\"stream\":true}", API_COMPLETION, SSE, "\n\ndata: [DONE]\n\n"},
    {"/v1/responses", RESPONSE(",\"store\":false,\"stream\":true"), API_RESPONSE, SSE, "\"metadata\":{}}}\n\n"},
    {"/v1/messages", "{" ANTHROPIC ",\"stream\":true}", API_MESSAGE, SSE,
     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
    {GOOGLE ":streamGenerateContent?alt=sse", "{" GOOGLE_CONTENTS "}", API_STREAM_GENERATE, SSE, "\r\n\r\n"},
    {GOOGLE ":streamGenerateContent", "{" GOOGLE_CONTENTS "}", API_STREAM_GENERATE, "application/json", "}]"},
    {"/api/chat", OLLAMA_CHAT(""), API_OLLAMA_CHAT, "application/x-ndjson", "}\n"},
    {"/api/chat", OLLAMA_CHAT("\"stream\":true,"), API_OLLAMA_CHAT, "application/x-ndjson", "}\n"},
    {"/api/chat", OLLAMA_CHAT("\"stream\":null,"), API_OLLAMA_CHAT, "application/x-ndjson", "}\n"},
    {"/api/generate", OLLAMA_GENERATE(""), API_OLLAMA_GENERATE, "application/x-ndjson", "}\n"},
    {"/completion", "{\"prompt\":\"Hello\",\"stream\":true}", API_LLAMA, SSE, "\n\n"},
    {"/infill", "{\"input_prefix\":\"a\",\"input_suffix\":\"b\",\"stream\":true}", API_LLAMA_INFILL, SSE, "\n\n"},
    {"/v2/chat", "{\"model\":\"m\",\"messages\":" USER ",\"stream\":true}", API_COHERE_CHAT, SSE, "\n\n"},
    {"/v1/chat", "{\"message\":\"Hello\",\"stream\":true}", API_COHERE_CHAT_1, "application/stream+json", "}}\n"},
    {"/generate", "{\"inputs\":\"Hello\",\"stream\":true}", API_TGI, SSE, "\n\n"},
    {"/generate_stream", "{\"inputs\":\"Hello\"}", API_TGI_STREAM, SSE, "\n\n"},
    {"/models/org/name", "{\"inputs\":\"Hello\",\"stream\":true}", API_HUGGING_FACE, SSE, "\n\n"},
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
    {"/v1/responses/resp_1/cancel", "{}"},
    {"/v1/chat/completions", "{\"messages\":" USER ",\"store\":true}"},
    {"/v1/assistants", "{\"model\":\"m\"}"},
    {"/v1/threads", "{\"messages\":" USER "}"},
    {"/v1/threads/runs", "{\"assistant_id\":\"a\"}"},
    {"/v1/conversations", "{\"items\":[]}"},
    {"/v1/batches", "{\"input_file_id\":\"f\",\"endpoint\":\"/v1/chat/completions\"}"},
    {"/v1/files", "{\"messages\":" USER ",\"prompt\":\"a\"}"},
    {"/v1/fine_tuning/jobs", "{\"model\":\"m\",\"training_file\":\"f\"}"},
    {"/v1/images/generations", "{\"prompt\":\"a cat\",\"stream\":true}"},
    {"/v1/images/edits", "{\"prompt\":\"a cat\"}"},
    {"/v1/chat", "{\"message\":\"Hello\",\"conversation_id\":\"c\"}"},
    {"/v1/chat", "{\"message\":\"Hello\",\"connectors\":[{\"id\":\"web-search\"}]}"},
    {"/v1/chat", "{\"model\":\"m\",\"input\":\"Hello\"}"},
    {"/v1/datasets", "{\"texts\":[]}"},
    {"/v1/embed-jobs", COHERE_EMBED "}"},
    {"/tokenize", "{\"inputs\":\"Hello\"}"},
    {"/slots/0?action=save", "{\"filename\":\"a\",\"prompt\":\"a\"}"},
    {"/models/org/name", "{\"text\":\"Hello\"}"},
    {"/model/a", CONVERSE},
    {BEDROCK("amazon.nova-lite-v1:0") "invoke-with-response-stream", CONVERSE},
    {BEDROCK("amazon.nova-lite-v1:0") "converse-stream", CONVERSE},
    {BEDROCK("some.other") "invoke", "{\"prompt\":\"a\"}"},
    {"/async-invoke", CONVERSE},
    {"/v1/messages", "{" ANTHROPIC ",\"tools\":[{\"type\":\"code_execution_20250522\",\"name\":\"code_execution\"}]}"},
    {"/v1/messages", "{" ANTHROPIC ",\"mcp_servers\":[{\"type\":\"url\"}]}"},
    {"/v1/messages", "{" ANTHROPIC ",\"container\":\"c\"}"},
    {"/v1/messages", "{\"messages\":" USER ",\"model\":\"m\"}"},
    {"/v1/messages/batches", "{\"requests\":[{\"params\":{" ANTHROPIC "}}]}"},
    {"/v1/threads/thread_1/messages", "{" ANTHROPIC "}"},
    {"/v1/threads/thread_1/messages", "{\"role\":\"user\",\"content\":\"Hello\"}"},
    {GOOGLE ":generateContent", "{\"content\":[]}"},
    {"/v1beta/cachedContents", "{" GOOGLE_CONTENTS "}"},
    {"/v1/files?x=:generateContent", "{" GOOGLE_CONTENTS "}"},
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

/* The placeholder of a stream, whole. */
static void make_stream(const struct canaries *c, const struct call *call, const struct request *r, const char *text,
                        struct response *out) {
    struct buf raw = {0};
    assert_true(placeholder_stream(c, call, r, text, &raw));
    assert_int_equal(response_parse(out, raw.p, raw.len, false), RESPONSE_WHOLE);
    assert_int_equal(out->status, 200);
    buf_free(&raw);
}

static void join(const struct response *r, struct buf *text) {
    json_t *list = json_loadb(r->body.p, r->body.len, 0, NULL);
    assert_true(json_is_array(list) ? stream_text_of_list(list, text) : stream_text(r->body.p, r->body.len, text));
    json_decref(list);
}

static void test_streams(void **state) {
    struct canaries c;
    (void)state;
    canaries_init(&c);
    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        struct request *r = request(streams[i].target, streams[i].body);
        struct call call;
        const char *why = NULL, *end = streams[i].end;
        if (!detect(&origin, r, &call, &why))
            fail_msg("%s: %s", streams[i].target, why);
        assert_int_equal(call.api, streams[i].api);
        assert_true(call.streams);
        for (int given = 0; given < 2; given++) {
            struct response answer;
            struct buf text = {0};
            make_stream(&c, &call, r, given ? "{\"a\": \"b\"}" : NULL, &answer);
            assert_memory_equal(response_header(&answer, "content-type"), streams[i].type, strlen(streams[i].type));
            assert_string_equal(response_header(&answer, "transfer-encoding"), "chunked");
            if (answer.body.len < strlen(end) || strcmp(answer.body.p + answer.body.len - strlen(end), end) != 0)
                fail_msg("%s ends otherwise: %s", streams[i].target, answer.body.p);
            join(&answer, &text);
            if (given) {
                assert_string_equal(text.p, "{\"a\": \"b\"}");
            } else {
                assert_int_equal(text.len, CANARY_LEN);
                assert_ptr_equal(canary_find(&c, text.p, text.len), text.p);
            }
            buf_free(&text);
            response_free(&answer);
        }
        json_decref(call.body);
        request_free(r);
    }
}

/* Each event of a stream in server-sent events, or each line, is JSON; counts those that hold `what`. */
static size_t events_with(const char *target, const char *body, const char *what) {
    struct canaries c;
    struct response answer;
    struct call call;
    const char *why = NULL;
    size_t n = 0;
    char *save = NULL;
    canaries_init(&c);
    struct request *r = request(target, body);
    assert_true(detect(&origin, r, &call, &why));
    make_stream(&c, &call, r, NULL, &answer);
    for (char *line = strtok_r(answer.body.p, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (strncmp(line, "event: ", 7) == 0 || strcmp(line, "data: [DONE]") == 0)
            continue;
        line += strncmp(line, "data: ", 6) == 0 ? 6 : 0;
        json_t *v = json_loads(line, 0, NULL);
        if (!json_is_object(v))
            fail_msg("%s: %s", target, line);
        n += strstr(line, what) != NULL;
        json_decref(v);
    }
    response_free(&answer);
    json_decref(call.body);
    request_free(r);
    return n;
}

static void test_stream_events(void **state) {
    (void)state;
    static const char messages[] = "{" ANTHROPIC ",\"stream\":true}", ollama[] = OLLAMA_CHAT("");
    static const char response[] = RESPONSE(",\"store\":false,\"stream\":true");
    static const char three[] = "{\"messages\":" USER ",\"n\":3,\"stream\":true}";
    static const char cohere[] = "{\"model\":\"m\",\"messages\":" USER ",\"stream\":true}";
    static const struct {
        const char *target, *body, *what;
        size_t n;
    } rows[] = {
        {"/v1/chat/completions", three, "\"finish_reason\":\"stop\"", 3},
        {"/v1/chat/completions", three, "\"role\":\"assistant\"", 3},
        {"/v1/chat/completions", three, "usage", 0},
        {"/v1/messages", messages, "\"type\":\"message_start\"", 1},
        {"/v1/messages", messages, "\"type\":\"content_block_start\"", 1},
        {"/v1/messages", messages, "\"type\":\"content_block_stop\"", 1},
        {"/v1/messages", messages, "\"stop_reason\":\"end_turn\"", 1},
        {"/v1/responses", response, "\"status\":\"in_progress\"", 3},
        {"/v1/responses", response, "\"type\":\"response.output_text.done\"", 1},
        {"/v1/responses", response, "\"type\":\"response.completed\"", 1},
        {"/v1/responses", response, "\"sequence_number\":8", 1},
        {GOOGLE ":streamGenerateContent?alt=sse", "{" GOOGLE_CONTENTS "}", "\"finishReason\":\"STOP\"", 1},
        {"/api/chat", ollama, "\"done\":true", 1},
        {"/api/chat", ollama, "\"done\":false", 1},
        {"/v2/chat", cohere, "\"type\":\"message-end\"", 1},
        {"/v2/chat", cohere, "\"type\":\"content-end\"", 1},
        {"/v1/chat", "{\"message\":\"Hello\",\"stream\":true}", "\"is_finished\":true", 1},
        {"/completion", "{\"prompt\":\"a\",\"stream\":true}", "\"stop\":true", 1},
        {"/generate_stream", "{\"inputs\":\"a\"}", "\"generated_text\":null", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = events_with(rows[i].target, rows[i].body, rows[i].what);
        if (n != rows[i].n)
            fail_msg("%s: %zu events with %s", rows[i].target, n, rows[i].what);
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
        bool found_stream = api_stream(all[i]) == XCS_STREAM_NONE;
        for (size_t k = 0; k < sizeof(streams) / sizeof(streams[0]); k++)
            found_stream |= streams[k].api == all[i];
        found = (found || all[i] == API_STREAM_GENERATE || all[i] == API_TGI_STREAM) && found_stream;
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
        cmocka_unit_test(test_calls),         cmocka_unit_test(test_streams),
        cmocka_unit_test(test_stream_events), cmocka_unit_test(test_every_row_is_tried),
        cmocka_unit_test(test_left_alone),    cmocka_unit_test(test_system_text_tells_sites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
