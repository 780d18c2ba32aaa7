/*
 * A mode of openssl_client.c, "midway": a session that is asked, freed or made as new in the middle of something: before it was used, with
 * half a request written, with half a response read. With XCS its handshake may have been put off; nothing here may show it.
 */
#include "openssl_session.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A request for `prompt`; how long its head is. */
static size_t head_of(struct text *request, const char *prompt) {
    *request = request_of(prompt, 0, "");
    return (size_t)(strstr(request->bytes, "\r\n\r\n") + 4 - request->bytes);
}

static void answer(struct session *s, const char *name) {
    free(get_answer(s, name, false));
    show_text();
}

/* What is freed next to each other is taken again, and overwritten. */
static void overwrite_what_is_free(void) {
    void *taken[32];
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        size_t n = 64 + 320 * i;
        if ((taken[i] = malloc(n)))
            memset(taken[i], 0x55, n);
    }
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        free(taken[i]);
}

static void ask_held(struct session *s, const char *name) {
    struct text request;
    size_t head = head_of(&request, name);
    unsigned char bytes[64];
    write_all(s, request.bytes, head);
    say("version %x, session %d, finished %zu\n", SSL_version(s->ssl), SSL_get0_session(s->ssl) != NULL,
        SSL_get_finished(s->ssl, bytes, sizeof bytes));
    write_all(s, request.bytes + head, request.len - head);
    answer(s, name);
    free(request.bytes);
    close_session(s);
}

/* The program gives up. */
static void free_held(struct session *s, const char *name) {
    struct text request;
    size_t head = head_of(&request, name);
    write_all(s, request.bytes, head);
    free(request.bytes);
    SSL_free(s->ssl);
    overwrite_what_is_free();
    close(s->fd);
}

static void end_held(struct session *s, const char *name) {
    struct text request;
    size_t head = head_of(&request, name);
    write_all(s, request.bytes, head);
    free(request.bytes);
    say("shutdown %d\n", SSL_shutdown(s->ssl));
    say_queue("ended");
    SSL_free(s->ssl);
    close(s->fd);
}

/* The next session lies where the freed one did, over another kind of socket, and has no peer yet. */
static void free_answered(struct session *s, const char *name) {
    char some[16];
    size_t got = 0;
    int pair[2], error;
    SSL_CTX *ctx = SSL_get_SSL_CTX(s->ssl);
    send_request(s, name, 0, "");
    while ((error = read_once(s, some, sizeof some, &got)) != 0 && wait_for(s, error))
        ;
    SSL_free(s->ssl);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        return;
    SSL *next = SSL_new(ctx);
    SSL_set_fd(next, pair[0]);
    SSL_set_connect_state(next);
    say("certificate %d, finished %d, ", SSL_get_peer_certificate(next) != NULL, SSL_is_init_finished(next));
    int r = SSL_connect(next);
    say("connected %d, error %d\n", r, SSL_get_error(next, r));
    SSL_free(next);
    close(pair[0]);
    close(pair[1]);
    close(s->fd);
}

static void again(struct session *s, const char *name) {
    int fd = dial(url);
    fcntl(fd, F_SETFL, fcntl(s->fd, F_GETFL));
    say("clear %d, ", SSL_clear(s->ssl));
    say("fd %d\n", SSL_set_fd(s->ssl, fd));
    close(s->fd);
    s->fd = fd;
    SSL_set_connect_state(s->ssl);
    handshake(s);
    send_request(s, name, 0, "");
    answer(s, name);
    close_session(s);
}

static void clear_ended(struct session *s, const char *name) {
    send_request(s, name, 0, "");
    answer(s, name);
    SSL_shutdown(s->ssl);
    again(s, name);
}

static const struct {
    const char *name;
    void (*go)(struct session *, const char *name);
} ways_out[] = {{"asked while held", ask_held}, {"freed while held", free_held},
                {"ended while held", end_held}, {"freed while answered", free_answered},
                {"cleared unused", again},      {"cleared when ended", clear_ended}};

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* As in "late": these are left when 350 ms have passed, which they have in no run-ahead. */
void mode_midway(SSL_CTX *ctx, const struct way *way) {
    double began = seconds();
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++)
        for (int k = 0; k < 2; k++) {
            struct session s;
            char name[64];
            snprintf(name, sizeof name, "%s %d", ways_out[i].name, k);
            open_session(&s, ctx, dial(url), way);
            if (k && seconds() - began > 0.35) {
                ways_out[i].go(&s, name);
            } else {
                free(ask(&s, name, name));
                close_session(&s);
            }
            show_text();
        }
}
