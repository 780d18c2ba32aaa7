/*
 * What the test model server answers: a pure function of the request and of how often this very request came before.
 * Knows HTTP only by status and content type; model_server.c delivers the answer.
 */
#ifndef XCS_TESTS_MODEL_ANSWER_H
#define XCS_TESTS_MODEL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

/* How a request is to be treated. The server's flags set it for all, "[[name=value]]" in a body for one request. */
struct behaviour {
    long latency_ms;   /* from the complete request to the first byte of the answer */
    long size;         /* the answer's text is padded to this many bytes */
    long status;       /* 200, or an error to answer with */
    long retry_after;  /* seconds, sent with 429 and 503 */
    long fail_first;   /* status for the first time that this very request is seen, 0: none */
    long drop;         /* close after this many bytes of the body, -1: never */
    long reset;        /* the same with a reset instead of an orderly end */
    long hangup;       /* close without a byte of an answer */
    long chunked;      /* no Content-Length, chunked coding */
    long slow_body_ms; /* from the headers to the body */
    long close;        /* close the connection after the answer */
    long count_equal;  /* the k-th of equal requests gets an answer that says k */
};

extern const struct behaviour behaviour_default;

/* Sets the behaviour `name` (`len` bytes of it). A null value means 1. False: no such behaviour. */
bool behaviour_set(struct behaviour *how, const char *name, size_t len, const char *value);

/* Applies each "[[name=value]]" of a request body; what is not one is left alone. */
void behaviour_from_body(struct behaviour *how, const char *body, size_t len);

/* Prints the names for a usage text. */
void behaviour_usage(void);

struct request_view {
    const char *method;
    const char *target;
    const char *body; /* ends with a zero byte that `len` does not count */
    size_t len;
    const char *hash;    /* of method, target and body */
    unsigned occurrence; /* 1 for the first of equal requests */
};

struct answer {
    int status;
    const char *type;
    bool chunked;
    char *body;
    size_t len;
    size_t *pauses; /* stream: offsets before which to wait gap_ms; null otherwise */
    size_t npauses;
    long gap_ms;
};

/* Is the answer one in pieces? Those are spread over the second half of the latency. */
bool answer_streams(const struct request_view *req);

/* Fills `out`, whose body and pauses the caller frees. Always succeeds: what is not understood gets a 400 or 404. */
void answer_make(const struct request_view *req, const struct behaviour *how, struct answer *out);

#endif
