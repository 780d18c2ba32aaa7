/*
 * The test model server's record: one JSON line a request, written when its answer has been delivered.
 * Credentials are never written, only a short hash that lets tests see whether they are equal.
 */
#ifndef XCS_TESTS_MODEL_LOG_H
#define XCS_TESTS_MODEL_LOG_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct log_entry {
    uint64_t seq;
    uint64_t connection;
    const char *method;
    const char *target;
    json_t *headers; /* array of "Name: value", any order */
    const char *body;
    size_t body_len;
    int status; /* 0: no answer was begun */
    int whole;  /* the answer was delivered to its end */
    uint64_t start_us, answer_us, end_us;
    unsigned concurrent;
};

/* Opens the log, mode 0600. Null path: no log. Returns false when it cannot be written. */
int log_open(const char *path);

/* Adds a header to entry->headers, hiding the value of one that carries a credential. */
void log_header(json_t *headers, const char *name, const char *value);

/* Writes one line and flushes it. */
void log_write(const struct log_entry *entry);

#endif
