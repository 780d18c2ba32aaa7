/*
 * What the test programs on libcurl share: the base URL in argv[1], a way of doing it in argv[2], a model call's handle with
 * the usual options, and printing what came of it. Small on purpose: each program sets the options that it is about.
 *
 * What is printed must be the same in two runs against the same server: no times, no addresses, no local ports.
 */
#ifndef XCS_TESTS_CURL_CALL_H
#define XCS_TESTS_CURL_CALL_H

/* Programs use old options too. */
#define CURL_DISABLE_DEPRECATION

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS 6

/* For calls of libcurl's that must succeed. */
#define MUST(call)                                                                                                     \
    do {                                                                                                               \
        CURLcode must_ = (call);                                                                                       \
        if (must_ != CURLE_OK) {                                                                                       \
            printf("%s: %s\n", #call, curl_easy_strerror(must_));                                                      \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

struct text {
    char *data;
    size_t len;
};

struct call {
    CURL *easy;
    struct curl_slist *headers;
    struct text answer;
    char url[512];
    char body[512];
    char error[CURL_ERROR_SIZE];
};

/* One way of doing it: a row of a program's table. */
struct way {
    const char *name;
    void (*run)(const char *url);
};

static inline size_t collect(char *data, size_t one, size_t len, void *user) {
    struct text *text = user;
    char *longer = realloc(text->data, text->len + one * len + 1);
    if (!longer)
        return 0;
    memcpy(longer + text->len, data, one * len);
    text->data = longer;
    text->len += one * len;
    longer[text->len] = '\0';
    return one * len;
}

static inline void text_clear(struct text *text) {
    free(text->data);
    *text = (struct text){0};
}

static inline void body_of(char body[512], const char *prompt) {
    snprintf(body, 512, "{\"model\": \"test-model\", \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}",
             prompt);
}

/* A number's question, as the call's body. */
static inline const char *ask(struct call *c, int number) {
    char prompt[64];
    snprintf(prompt, sizeof prompt, "question %d", number);
    body_of(c->body, prompt);
    return c->body;
}

/* The certificates to trust, where the test has made its own. */
static inline void trust(CURL *easy) {
    const char *file = getenv("CA_FILE");
    if (file)
        MUST(curl_easy_setopt(easy, CURLOPT_CAINFO, file));
}

/* All options of a model call but its body. */
static inline void call_options(struct call *c) {
    trust(c->easy);
    MUST(curl_easy_setopt(c->easy, CURLOPT_URL, c->url));
    MUST(curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers));
    MUST(curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, collect));
    MUST(curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &c->answer));
    MUST(curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error));
}

static inline void call_open(struct call *c, const char *url) {
    *c = (struct call){.easy = curl_easy_init()};
    snprintf(c->url, sizeof c->url, "%s/chat/completions", url);
    c->headers = curl_slist_append(c->headers, "Content-Type: application/json");
    c->headers = curl_slist_append(c->headers, "Authorization: Bearer test-key");
    call_options(c);
}

static inline void call_close(struct call *c) {
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    text_clear(&c->answer);
}

/* Prints the first "content" of an answer, or the answer's start, and forgets it. */
static inline void show_answer(struct text *answer) {
    const char *content = answer->data ? strstr(answer->data, "\"content\":\"") : NULL;
    if (content)
        printf("%.*s\n", (int)strcspn(content + 11, "\""), content + 11);
    else
        printf("no content: %.60s\n", answer->data ? answer->data : "");
    fflush(stdout);
    text_clear(answer);
}

static inline void show_code(const char *what, CURLcode code, CURL *easy) {
    long status = -1;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    printf("%s: %d %s, status %ld\n", what, (int)code, curl_easy_strerror(code), status);
    fflush(stdout);
}

/* Performs and prints the answer, or what went wrong. */
static inline void call_perform(struct call *c) {
    CURLcode code = curl_easy_perform(c->easy);
    if (code == CURLE_OK)
        show_answer(&c->answer);
    else
        show_code("perform", code, c->easy);
}

/* Sets a number's question as the body of the next call. */
static inline void call_question(struct call *c, int number) {
    MUST(curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, ask(c, number)));
}

/* A number's question, and its answer printed. */
static inline void call_ask(struct call *c, int number) {
    call_question(c, number);
    call_perform(c);
}

/* Each question on a handle of its own, in a share of these things. */
static inline void ask_in_a_share(const char *url, const curl_lock_data *things, size_t count) {
    CURLSH *share = curl_share_init();
    for (size_t i = 0; i < count; i++)
        curl_share_setopt(share, CURLSHOPT_SHARE, things[i]);
    for (int i = 0; i < CALLS; i++) {
        struct call c;
        call_open(&c, url);
        MUST(curl_easy_setopt(c.easy, CURLOPT_SHARE, share));
        call_ask(&c, i);
        call_close(&c);
    }
    curl_share_cleanup(share);
}

static inline int run_way(int argc, char **argv, const struct way *ways, size_t count) {
    for (size_t i = 0; argc > 2 && i < count; i++) {
        if (strcmp(ways[i].name, argv[2]) == 0) {
            curl_global_init(CURL_GLOBAL_DEFAULT);
            ways[i].run(argv[1]);
            curl_global_cleanup();
            return 0;
        }
    }
    return 2;
}

#define RUN_WAY(argc, argv, ways) run_way((argc), (argv), (ways), sizeof(ways) / sizeof((ways)[0]))

#endif
