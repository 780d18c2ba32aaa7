/*
 * The benchmark's work in C with libcurl's easy interface, one call after the other on one handle: URL CALLS [chain]. Prints the
 * answers (JSON) in order. With "chain" each call holds the answer before it, and stderr gets the median time of one in ms.
 */
#include "answer.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void question(char *body, size_t room, int number, const struct answer *last) {
    const char *content = last ? strstr(last->text, "\"content\":\"") : NULL;
    if (content)
        snprintf(body, room,
                 "{\"model\": \"bench\", \"messages\": [{\"role\": \"user\", \"content\": \"After %.40s\"}]}",
                 content + 11);
    else
        snprintf(body, room,
                 "{\"model\": \"bench\", \"messages\": [{\"role\": \"user\", \"content\": \"Question number %d.\"}]}",
                 number);
}

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    const double *x = a;
    const double *y = b;
    return (*x > *y) - (*x < *y);
}

int main(int argc, char **argv) {
    int calls = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0;
    int failed = 0;
    char url[512];
    char body[256];
    if (calls < 1)
        return 2;
    struct answer *answers = calloc((size_t)calls, sizeof(*answers));
    double *times = calloc((size_t)calls, sizeof(*times));
    if (!answers || !times)
        return 1;
    snprintf(url, sizeof(url), "%s/v1/chat/completions", argv[1]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    for (int i = 0; i < calls; i++) {
        question(body, sizeof(body), i, argc > 3 && i > 0 ? &answers[i - 1] : NULL);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answers[i]);
        times[i] = now_ms();
        failed += curl_easy_perform(easy) != CURLE_OK || !answers[i].text;
        times[i] = now_ms() - times[i];
        if (failed)
            break;
    }
    for (int i = 0; i < calls; i++) {
        puts(answers[i].text ? answers[i].text : "");
        free(answers[i].text);
    }
    qsort(times, (size_t)calls, sizeof(*times), by_size);
    if (argc > 3)
        fprintf(stderr, "%.4f\n", times[calls / 2]);
    free(answers);
    free(times);
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return failed != 0;
}
