/*
 * What a program has set on its libcurl handles: the record from which a call is told to the engine (curl_render.c) and its answer
 * delivered (curl_deliver.c). The real handle has all of it too and is never asked.
 *
 * A handle is one thread's at a time, by libcurl's own rule; only the list of handles is shared. Allocating is fine everywhere here:
 * libcurl is not async-signal-safe.
 */
#ifndef XCS_CURL_HANDLE_H
#define XCS_CURL_HANDLE_H

#include "curl_options.h"
#include "curl_real.h"
#include <stddef.h>

enum curl_method {
    CURL_METHOD_GET,
    CURL_METHOD_POST,
    CURL_METHOD_OTHER
};

/* In the order in which they were set last. Texts and blobs are copies, lists and other pointers the program's. */
struct curl_value {
    CURLoption option;
    curl_off_t number;
    void *pointer; /* a copy's when `owned` */
    size_t len;    /* of a blob */
    bool owned;
};

struct curl_answer;

struct curl_handle {
    CURL *easy;
    const struct curl_real *lib;
    enum curl_method method;
    bool opaque;           /* an option that XCS does not know, or a value that could not be kept */
    bool in_multi;         /* driven by curl_multi_*: never ours */
    bool busy;             /* in a call of ours */
    bool paused;           /* by its write callback, while an answer is delivered */
    bool lent;             /* the real handle's write callback is ours (curl_lesson.c) */
    bool keeps;            /* cookies, names and so on, which neither another value nor a reset takes from it */
    bool names_used;       /* what RESOLVE says is in libcurl's cache */
    bool no_body, uploads; /* even when there is a body to post */
    struct curl_value *values;
    size_t count, room;
    const char *postfields; /* the program's, or the copy */
    char *copied;           /* what COPYPOSTFIELDS has copied */
    size_t copied_len;
    struct curl_answer *answer; /* of the last call, if that was ours: answers curl_easy_getinfo */
    struct curl_handle *next;
};

/* A handle that XCS has seen the making of, or NULL. */
struct curl_handle *curl_handle_of(CURL *easy);

/* The program has made a handle, copied it, reset it, or is about to clean it up. */
void curl_handle_new(const struct curl_real *lib, CURL *easy);
void curl_handle_copy(const struct curl_handle *from, CURL *easy);
void curl_handle_reset(struct curl_handle *h);
void curl_handle_end(struct curl_handle *h);

/* The program has set an option, with success. `argument`: as it came in the variable argument list. */
void curl_handle_set(struct curl_handle *h, CURLoption option, void *argument);

enum curl_treatment curl_treatment_of(CURLoption option);
const char *curl_option_name(CURLoption option); /* of the table */

/* Libcurl is about to read what it reads once: the list of names and addresses, which the program may free afterwards. */
void curl_handle_used(struct curl_handle *h);

/* What is set; NULL: never since the last reset. */
const struct curl_value *curl_value_of(const struct curl_handle *h, CURLoption option);
void *curl_pointer_of(const struct curl_handle *h, CURLoption option); /* or NULL */

/* In the child of a fork. */
void curl_handle_child_reset(void);

#endif
