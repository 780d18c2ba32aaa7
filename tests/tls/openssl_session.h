/*
 * What the modes of openssl_client.c share: a session with the server in argv, a request written and a response read in each of
 * the ways that OpenSSL allows. Everything that is printed is the same in every run: no times, and no counts that depend on
 * how the network cuts the bytes.
 */
#ifndef XCS_TESTS_OPENSSL_SESSION_H
#define XCS_TESTS_OPENSSL_SESSION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

/* A way to use a session: a row of the table in openssl_client.c. */
struct way {
    const char *name;
    size_t step;   /* bytes asked for in a read */
    size_t piece;  /* bytes handed to a write; 0: all at once */
    bool ex;       /* SSL_read_ex, SSL_write_ex, SSL_peek_ex */
    bool peeks;    /* looks before each read */
    bool waits;    /* does not block: select or poll, as SSL_get_error says */
    bool polls;    /* poll instead of select */
    bool first;    /* waits before it reads, unless SSL_pending has something */
    bool moves;    /* a write that is tried again comes from another buffer */
    long mode;     /* SSL_MODE_*, added */
    long not_mode; /* taken away */
};

struct session {
    const struct way *way;
    SSL *ssl;
    int fd;
};

struct text {
    char *bytes;
    size_t len, cap;
};

/* All print into the calling thread's own text, which show_text() puts out. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void show_text(void);

/* The error queue must be empty, after whatever went well. */
void say_queue(const char *where);

int dial(const char *server);
SSL_CTX *new_context(void);

/* A session that has been connected and verified, on `fd`; ends the program when that fails. */
void open_session(struct session *s, SSL_CTX *ctx, int fd, const struct way *way);
void handshake(struct session *s);
void close_session(struct session *s);

/* Waits as the error of SSL_get_error asks; false: it is not one to wait for. */
bool wait_for(const struct session *s, int error);

/* A whole request for `prompt`, padded to `size` bytes of body. Must be freed. */
struct text request_of(const char *prompt, size_t size, const char *more_headers);
bool write_all(struct session *s, const char *bytes, size_t len);

/* One read, in the session's way: SSL_get_error's code, 0 when *got bytes came. */
int read_once(struct session *s, char *bytes, size_t n, size_t *got);

/* Prints a response: status, length and sum of the body, and the model's text, which is returned (must be freed). */
char *show_response(const char *label, const struct text *response);

void send_request(struct session *s, const char *prompt, size_t size, const char *more_headers);
/* Reads a response and prints it; as show_response. */
char *get_answer(struct session *s, const char *label, bool to_end);

/* Request and response; all that was printed is put out. */
char *ask(struct session *s, const char *label, const char *prompt);

/* Of openssl_client.c: the server in argv, a prompt for each call, and that call. */
#define CALLS 8
extern const char *url;
void question(char prompt[64], int i);
char *ask_question(struct session *s, int i);

/* Of openssl_modes.c. */
void mode_threads(SSL_CTX *ctx, const struct way *way);
void mode_memory(SSL_CTX *ctx, const struct way *way);
void mode_descriptors(SSL_CTX *ctx, const struct way *way);
void mode_bio(SSL_CTX *ctx, const struct way *way);
void mode_layered(SSL_CTX *ctx, const struct way *way);
void mode_seen(SSL_CTX *ctx, const struct way *way);
void mode_limit(SSL_CTX *ctx, const struct way *way);
void mode_exact(SSL_CTX *ctx, const struct way *way);
void mode_parting(SSL_CTX *ctx, const struct way *way);
void mode_abandons(SSL_CTX *ctx, const struct way *way);

/* Of openssl_late.c. */
void mode_late(SSL_CTX *ctx, const struct way *way);

/* Of openssl_watched.c. */
void mode_watched(SSL_CTX *ctx, const struct way *way);

/* Of openssl_stricter.c. */
void mode_stricter(SSL_CTX *ctx, const struct way *way);

/* Of openssl_midway.c. */
void mode_midway(SSL_CTX *ctx, const struct way *way);

#endif
