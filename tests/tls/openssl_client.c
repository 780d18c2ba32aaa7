/*
 * Uses OpenSSL in every way that its manual pages allow, and prints what it sees: URL MODE [WAY]. run.py runs it without
 * and with XCS, built with OpenSSL 3 and 1.1, as a program and as a module that is loaded RTLD_LOCAL (-DMODULE: openssl_modules.c
 * and Python's ctypes call client()).
 */
#include "openssl_session.h"
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *url;

static const struct way ways[] = {
    {.name = "blocking", .step = 16384},
    {.name = "bytes", .step = 1},
    {.name = "sevens", .step = 7, .ex = true},
    {.name = "ex", .step = 16384, .ex = true},
    {.name = "peek", .step = 700, .peeks = true},
    {.name = "peek-ex", .step = 700, .peeks = true, .ex = true},
    {.name = "select", .step = 16384, .waits = true},
    {.name = "poll", .step = 1000, .waits = true, .polls = true},
    {.name = "select-ex", .step = 7, .ex = true, .waits = true},
    {.name = "poll-peek", .step = 300, .peeks = true, .waits = true, .polls = true},
    {.name = "select-first", .step = 500, .waits = true, .first = true},
    {.name = "poll-first", .step = 500, .waits = true, .first = true, .polls = true},
    {.name = "no-auto-retry", .step = 16384, .not_mode = SSL_MODE_AUTO_RETRY},
    {.name = "auto-retry", .step = 16384, .mode = SSL_MODE_AUTO_RETRY},
    {.name = "pieces", .step = 16384, .piece = 50},
    {.name = "partial",
     .step = 16384,
     .waits = true,
     .moves = true,
     .mode = SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER},
    {.name = "partial-pieces",
     .step = 100,
     .piece = 1,
     .ex = true,
     .waits = true,
     .polls = true,
     .mode = SSL_MODE_ENABLE_PARTIAL_WRITE},
};

void question(char prompt[64], int i) {
    snprintf(prompt, 64, "question %d", i);
}

char *ask_question(struct session *s, int i) {
    char prompt[64];
    question(prompt, i);
    return ask(s, prompt, prompt);
}

/* The final call of a loop: its request holds all the answers. */
static void sum_up(struct session *s, char *answers[CALLS]) {
    char prompt[8192] = "sum up:";
    for (int i = 0; i < CALLS; i++) {
        strncat(prompt, " ", sizeof prompt - strlen(prompt) - 1);
        strncat(prompt, answers[i], sizeof prompt - strlen(prompt) - 1);
        free(answers[i]);
    }
    free(ask(s, "final", prompt));
}

/* Independent calls on one connection, and one that needs them all. */
static void mode_loop(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char *answers[CALLS];
    open_session(&s, ctx, dial(url), way);
    for (int i = 0; i < CALLS; i++) {
        answers[i] = ask_question(&s, i);
    }
    sum_up(&s, answers);
    close_session(&s);
}

/* The same with a connection for each call. */
static void mode_each(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char *answers[CALLS], prompt[64];
    for (int i = 0; i <= CALLS; i++) {
        open_session(&s, ctx, dial(url), way);
        question(prompt, i);
        if (i < CALLS)
            answers[i] = ask(&s, prompt, prompt);
        else
            sum_up(&s, answers);
        close_session(&s);
    }
}

static void mode_one(SSL_CTX *ctx, const struct way *way) {
    static int number;
    struct session s;
    open_session(&s, ctx, dial(url), way);
    free(ask_question(&s, number++));
    close_session(&s);
}

static int tell_verification(int ok, X509_STORE_CTX *verification) {
    say("certificate at %d: %d\n", X509_STORE_CTX_get_error_depth(verification), ok);
    return ok;
}

/* The program looks at each handshake itself; every second call is another than the one that a made-up answer leads to. */
static void mode_callback(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    bool real = false;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tell_verification);
    for (int i = 0; i < CALLS; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "%s %d", i % 2 && !real ? "made up" : "question", i);
        open_session(&s, ctx, dial(url), way);
        char *answer = ask(&s, prompt, prompt);
        real = strstr(answer, "word") != NULL;
        free(answer);
        close_session(&s);
    }
}

/* Bodies of 1 and 10 MiB, there and back. */
static void mode_large(SSL_CTX *ctx, const struct way *way) {
    static const size_t sizes[] = {1, 1 << 20, 10 << 20, 1 << 20};
    struct session s;
    open_session(&s, ctx, dial(url), way);
    for (size_t i = 0; i < 2 * (sizeof sizes / sizeof *sizes); i++) {
        char prompt[64];
        size_t size = sizes[i / 2];
        snprintf(prompt, sizeof prompt, "large %zu [[size=%zu]]", i, i % 2 ? size : (size_t)1);
        send_request(&s, prompt, i % 2 ? 0 : size, "");
        free(get_answer(&s, i % 2 ? "response" : "request", false));
        show_text();
    }
    close_session(&s);
}

static void say_name(const char *what, X509_NAME *name) {
    char text[256];
    say("%s %s\n", what, name ? X509_NAME_oneline(name, text, sizeof text) : "none");
}

static void say_peer(SSL *ssl) {
    const unsigned char *alpn = NULL;
    unsigned n = 0;
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    X509 *certificate = SSL_get1_peer_certificate(ssl);
#else
    X509 *certificate = SSL_get_peer_certificate(ssl);
#endif
    say("verify result %ld, version %s, cipher %s\n", SSL_get_verify_result(ssl), SSL_get_version(ssl),
        SSL_get_cipher_name(ssl));
    say_name("subject", certificate ? X509_get_subject_name(certificate) : NULL);
    say_name("issuer", certificate ? X509_get_issuer_name(certificate) : NULL);
    say("for localhost %d\n", certificate ? X509_check_host(certificate, "localhost", 0, 0, NULL) : -1);
    SSL_get0_alpn_selected(ssl, &alpn, &n);
    say("chain %d, verified chain %d, name %s, ALPN %u bytes\n", sk_X509_num(SSL_get_peer_cert_chain(ssl)),
        sk_X509_num(SSL_get0_verified_chain(ssl)), SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name), n);
    say("finished %d, session %d, in init %d, server %d, state %s\n", SSL_is_init_finished(ssl), !!SSL_get_session(ssl),
        SSL_in_init(ssl), SSL_is_server(ssl), SSL_state_string_long(ssl));
    X509_free(certificate);
    say_queue("peer");
}

/* Before and after each call, what a client may ask about its peer. */
static void mode_questions(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    static const unsigned char alpn[] = "\x08http/1.1";
    SSL_CTX_set_alpn_protos(ctx, alpn, sizeof alpn - 1);
    for (int i = 0; i < CALLS; i++) {
        if (i % 3 == 0)
            open_session(&s, ctx, dial(url), way);
        say_peer(s.ssl);
        free(ask_question(&s, i));
        say_peer(s.ssl);
        if (i % 3 == 2)
            close_session(&s);
    }
    close_session(&s);
}

/* Calls that do nothing, in the places where a client may make them. */
static void say_nothings(SSL *ssl, const char *where) {
    size_t n = 7;
    int r = SSL_write(ssl, "", 0);
    say("%s: SSL_write of nothing %d, error %d\n", where, r, SSL_get_error(ssl, r));
    r = SSL_write_ex(ssl, "", 0, &n);
    say("%s: SSL_write_ex of nothing %d, %zu\n", where, r, n);
    say("%s: SSL_pending %d, SSL_has_pending %d, want %d\n", where, SSL_pending(ssl), SSL_has_pending(ssl),
        SSL_want(ssl));
    say_queue(where);
}

static void mode_nothings(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64];
    open_session(&s, ctx, dial(url), way);
    for (int i = 0; i < CALLS; i++) {
        char room[16];
        say_nothings(s.ssl, "before");
        question(prompt, i);
        struct text request = request_of(prompt, 0, "");
        write_all(&s, request.bytes, request.len / 2);
        say_nothings(s.ssl, "inside");
        write_all(&s, request.bytes + request.len / 2, request.len - request.len / 2);
        /* With data there, a read of none returns 0; without, OpenSSL would wait. */
        int seen = SSL_peek(s.ssl, room, 1), r = SSL_read(s.ssl, room, 0);
        say("peek %d, read of nothing %d, error %d\n", seen, r, SSL_get_error(s.ssl, r));
        say_queue("read of nothing");
        size_t got = 9;
        r = SSL_read_ex(s.ssl, room, 0, &got);
        say("SSL_read_ex of nothing %d, %zu, error %d\n", r, got, SSL_get_error(s.ssl, r));
        say_queue("SSL_read_ex of nothing");
        free(get_answer(&s, prompt, false));
        say_nothings(s.ssl, "after");
        show_text();
        free(request.bytes);
    }
    close_session(&s);
}

/* Reads a byte, then what SSL_pending says is there of its record, and so on. */
static void mode_pending(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64];
    open_session(&s, ctx, dial(url), way);
    for (int i = 0; i < CALLS; i++) {
        char room[32768];
        size_t n = 0;
        question(prompt, i);
        send_request(&s, prompt, 0, "");
        say("before: pending %d, %d\n", SSL_pending(s.ssl), SSL_has_pending(s.ssl));
        do {
            int r = SSL_read(s.ssl, room + n, 1);
            if (n == 0)
                say("after a byte: pending %d, %d\n", SSL_pending(s.ssl) > 0, SSL_has_pending(s.ssl));
            for (n += r > 0 ? (size_t)r : 0; r > 0 && SSL_pending(s.ssl) > 0; n += r > 0 ? (size_t)r : 0)
                r = SSL_read(s.ssl, room + n, SSL_pending(s.ssl));
            room[n] = '\0';
        } while (n > 0 && n < sizeof room / 2 && room[n - 1] != '}');
        struct text response = {.bytes = room, .len = n};
        free(show_response(prompt, &response));
        say_queue("pending");
        show_text();
    }
    close_session(&s);
}

/* The server ends each connection: what reads, writes and SSL_shutdown say then. */
static void mode_ends(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64], c;
    for (int i = 0; i < CALLS; i++) {
        open_session(&s, ctx, dial(url), way);
        question(prompt, i);
        send_request(&s, prompt, 0, "Connection: close\r\n");
        free(get_answer(&s, prompt, true));
        int r = SSL_read(s.ssl, &c, 1);
        say("read after the end: %d, error %d, shutdown state %d\n", r, SSL_get_error(s.ssl, r),
            SSL_get_shutdown(s.ssl));
        r = SSL_shutdown(s.ssl);
        say("shutdown %d, state %d\n", r, SSL_get_shutdown(s.ssl));
        say("once more %d\n", SSL_shutdown(s.ssl));
        say_queue("shutdown");
        /* In the last round only: it is where a run-ahead ends. */
        if (i == CALLS - 1) {
            r = SSL_write(s.ssl, "x", 1);
            say("write after shutdown %d, error %d\n", r, SSL_get_error(s.ssl, r));
            ERR_clear_error();
        }
        show_text();
        SSL_free(s.ssl);
        close(s.fd);
    }
}

/* The client ends a kept connection in both directions, then others in one, quietly, or not at all. */
static void mode_shutdowns(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64];
    open_session(&s, ctx, dial(url), way);
    for (int i = 0; i < CALLS; i++) {
        free(ask_question(&s, i));
        if (i < 3)
            continue;
        if (i == 3) {
            int first = SSL_shutdown(s.ssl), second = SSL_shutdown(s.ssl);
            say("shutdown %d, %d, error %d, state %d\n", first, second, SSL_get_error(s.ssl, second),
                SSL_get_shutdown(s.ssl));
            say_queue("shutdown");
        } else if (i % 3 == 1) {
            /* What comes of it depends on the server's manners, and on whether there was a handshake. */
            int r = SSL_shutdown(s.ssl);
            say("shutdown failed %d, then read something %d\n", r<0, SSL_read(s.ssl, prompt, 1)> 0);
            ERR_clear_error();
        } else if (i % 3 == 2) {
            SSL_set_quiet_shutdown(s.ssl, 1);
            say("quiet shutdown %d\n", SSL_shutdown(s.ssl));
            say_queue("quiet shutdown");
        }
        show_text();
        if (i % 2)
            close(s.fd);
        SSL_free(s.ssl);
        if (i % 2 == 0)
            close(s.fd);
        if (i + 1 < CALLS)
            open_session(&s, ctx, dial(url), way);
    }
}

/* One SSL object for many connections: cleared, with the session of before, and duplicated. */
static void mode_reuse(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    open_session(&s, ctx, dial(url), way);
    for (int i = 0; i < CALLS; i++) {
        free(ask_question(&s, i));
        SSL_shutdown(s.ssl);
        close(s.fd);
        if (i == 3) {
            SSL *fresh = SSL_new(ctx);
            SSL_set_tlsext_host_name(fresh, "localhost");
            SSL *copy = SSL_dup(fresh);
            SSL_free(fresh);
            SSL_free(s.ssl);
            s.ssl = copy;
        } else {
            say("clear %d\n", SSL_clear(s.ssl));
        }
        s.fd = dial(url);
        say("fd %d\n", SSL_set_fd(s.ssl, s.fd));
        SSL_set_connect_state(s.ssl);
        handshake(&s);
    }
    close_session(&s);
}

static const struct {
    const char *name;
    void (*run)(SSL_CTX *, const struct way *);
} modes[] = {
    {"loop", mode_loop},         {"each", mode_each},
    {"one", mode_one},           {"callback", mode_callback},
    {"large", mode_large},       {"questions", mode_questions},
    {"nothings", mode_nothings}, {"pending", mode_pending},
    {"ends", mode_ends},         {"shutdowns", mode_shutdowns},
    {"reuse", mode_reuse},       {"threads", mode_threads},
    {"memory", mode_memory},     {"descriptors", mode_descriptors},
    {"bio", mode_bio},           {"late", mode_late},
    {"watched", mode_watched},   {"midway", mode_midway},
    {"stricter", mode_stricter}, {"layered", mode_layered},
    {"exact", mode_exact},       {"limit", mode_limit},
    {"seen", mode_seen},         {"parting", mode_parting},
    {"abandons", mode_abandons},
};

__attribute__((visibility("default"))) int client(const char *server, const char *mode, const char *name) {
    url = server;
    const struct way *way = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].name, name) == 0)
            way = &ways[i];
    for (size_t i = 0; way && i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, mode) == 0) {
            SSL_CTX *ctx = new_context();
            modes[i].run(ctx, way);
            SSL_CTX_free(ctx);
            say_queue("end");
            show_text();
            return 0;
        }
    return 2;
}

#ifndef MODULE
int main(int argc, char **argv) {
    return argc < 3 ? 2 : client(argv[1], argv[2], argc > 3 ? argv[3] : "blocking");
}
#endif
