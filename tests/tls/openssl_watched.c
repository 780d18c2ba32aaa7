/* A mode of openssl_client.c, "watched": callbacks that are told of what passes on a connection. */
#include "openssl_session.h"
#include <stdio.h>
#include <stdlib.h>

static int told_of;

static void count_events(const SSL *ssl, int where, int ret) {
    (void)ssl;
    (void)ret;
    told_of += (where & SSL_CB_HANDSHAKE_START) != 0;
}

static int count_sessions(SSL *ssl, SSL_SESSION *session) {
    (void)ssl;
    (void)session;
    told_of++;
    return 0;
}

/* How many records a response comes in is the server's affair. */
static void see_records(int out, int protocol, int type, const void *bytes, size_t n, SSL *ssl, void *arg) {
    (void)out;
    (void)protocol;
    (void)bytes;
    (void)n;
    (void)ssl;
    (void)arg;
    if (type == SSL3_RT_HEADER)
        told_of = 1;
}

static void watch_events(SSL_CTX *ctx) {
    SSL_CTX_set_info_callback(ctx, count_events);
}

static void watch_sessions(SSL_CTX *ctx) {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, count_sessions);
}

static void watch_records(SSL_CTX *ctx) {
    SSL_CTX_set_msg_callback(ctx, see_records);
}

static const struct {
    const char *name;
    void (*begin)(SSL_CTX *);
} watchers[] = {{"events", watch_events}, {"sessions", watch_sessions}, {"records", watch_records}};

/* Each watcher: connections of two calls each. */
void mode_watched(SSL_CTX *plain, const struct way *way) {
    (void)plain; /* what watches stays for the context's life */
    for (size_t i = 0; i < sizeof watchers / sizeof *watchers; i++) {
        SSL_CTX *ctx = new_context();
        watchers[i].begin(ctx);
        for (int k = 0; k < 6; k++) {
            static struct session s;
            char prompt[64];
            if (k % 2 == 0)
                open_session(&s, ctx, dial(url), way);
            told_of = 0;
            snprintf(prompt, sizeof prompt, "%s %d", watchers[i].name, k);
            free(ask(&s, prompt, prompt));
            say("told of %d\n", told_of);
            if (k % 2)
                close_session(&s);
        }
        SSL_CTX_free(ctx);
    }
}
