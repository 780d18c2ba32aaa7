/*
 * The benchmark's work in C with libcurl's multi interface, as an expert would write it: URL CALLS. It keeps 64 calls
 * in flight on kept connections, and prints the answers (JSON) in order.
 */
#include "answer.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONCURRENCY 64

/* A call under way: its body has to stay until it has ended. */
struct call {
    char body[256];
    struct answer answer;
};

static void add(CURLM *multi, CURL *easy, struct call *call, const char *url, struct curl_slist *headers, int number) {
    snprintf(call->body, sizeof(call->body),
             "{\"model\": \"bench\", \"messages\": [{\"role\": \"user\", \"content\": \"Question number %d.\"}]}",
             number);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call->answer);
    curl_multi_add_handle(multi, easy);
}

int main(int argc, char **argv) {
    int calls = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0, next = 0, running = 0, failed = 0;
    char url[512];
    if (calls < 1)
        return 2;
    snprintf(url, sizeof(url), "%s/v1/chat/completions", argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONCURRENCY);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    struct call *all = calloc((size_t)calls, sizeof(*all));
    for (; next < calls && next < CONCURRENCY; next++)
        add(multi, curl_easy_init(), &all[next], url, headers, next);
    do {
        CURLMsg *msg;
        int left;
        curl_multi_perform(multi, &running);
        while ((msg = curl_multi_info_read(multi, &left))) {
            CURL *easy = msg->easy_handle;
            failed += msg->data.result != CURLE_OK;
            curl_multi_remove_handle(multi, easy);
            if (next < calls) {
                add(multi, easy, &all[next], url, headers, next);
                next++;
                running++;
            } else {
                curl_easy_cleanup(easy);
            }
        }
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    for (int i = 0; i < calls; i++) {
        puts(all[i].answer.text ? all[i].answer.text : "");
        free(all[i].answer.text);
    }
    free(all);
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
    return failed != 0;
}
