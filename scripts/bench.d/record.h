/* The TLS libraries of the benchmark's record.c: one row each, over a connected pair of descriptors that do not block. */
#ifndef XCS_BENCH_RECORD_H
#define XCS_BENCH_RECORD_H

#include <stddef.h>

struct pair {
    void *client, *server; /* the library's sessions */
};

struct library {
    const char *name;
    /* Handshakes made, with a key and a certificate of this process alone. Ends the process where it cannot be. */
    struct pair (*open)(int client, int server);
    /* Bytes, or <= 0: nothing yet. */
    long (*send)(void *session, const void *p, size_t n);
    long (*receive)(void *session, void *p, size_t n);
};

extern const struct library openssl, gnutls;

#endif
