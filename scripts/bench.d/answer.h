/*
 * An answer as the benchmark's two programs on libcurl take it, easy.c and multi.c: all its pieces, one after the other.
 */
#ifndef XCS_BENCH_ANSWER_H
#define XCS_BENCH_ANSWER_H

#include <stdlib.h>
#include <string.h>

struct answer {
    char *text;
    size_t len;
};

/* libcurl's write callback; `user` is the answer. */
static size_t collect(char *data, size_t one, size_t len, void *user) {
    struct answer *answer = user;
    (void)one;
    char *longer = realloc(answer->text, answer->len + len + 1);
    if (!longer)
        return 0;
    answer->text = longer;
    memcpy(longer + answer->len, data, len);
    answer->len += len;
    longer[answer->len] = '\0';
    return len;
}

#endif
