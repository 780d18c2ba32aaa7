/* See openssl_session.h. */
#include "openssl_session.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536

static __thread struct text said;

static void fail(const char *what) {
    say("%s: errno %d\n", what, errno);
    show_text();
    exit(1);
}

static void append(struct text *t, const char *bytes, size_t n) {
    if (!t->bytes || t->len + n + 1 > t->cap) {
        t->cap = 2 * (t->len + n + 1);
        t->bytes = realloc(t->bytes, t->cap);
        if (!t->bytes)
            abort();
    }
    memcpy(t->bytes + t->len, bytes, n);
    t->len += n;
    t->bytes[t->len] = '\0';
}

void say(const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    append(&said, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
}

void show_text(void) {
    fwrite(said.bytes, 1, said.len, stdout);
    fflush(stdout);
    said.len = 0;
}

void say_queue(const char *where) {
    unsigned long error = ERR_peek_error();
    if (error)
        say("%s: error queue has reason %d\n", where, ERR_GET_REASON(error));
    ERR_clear_error();
}

/* Asks the proxy at the other end for a tunnel to the server, and reads its answer byte by byte. */
static void open_tunnel(int fd, const char *port) {
    char ask[128], answer[1024] = "";
    size_t len = 0;
    int n = snprintf(ask, sizeof ask, "CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n\r\n", atoi(port),
                     atoi(port));
    if (write(fd, ask, (size_t)n) != n)
        fail("write");
    while (!strstr(answer, "\r\n\r\n") && len < sizeof answer - 1 && read(fd, answer + len, 1) == 1)
        len++;
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0)
        fail("tunnel");
}

/* From "https://localhost:PORT/v1"; through the proxy "http://127.0.0.1:PORT" that the environment may name. */
int dial(const char *server) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    const char *server_port = strrchr(server, ':'), *proxy = getenv("https_proxy");
    const char *port = proxy ? strrchr(proxy, ':') : server_port;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons((uint16_t)(port ? atoi(port + 1) : 0));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (proxy)
        open_tunnel(fd, server_port + 1);
    return fd;
}

SSL_CTX *new_context(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (!ctx || SSL_CTX_set_default_verify_paths(ctx) != 1)
        fail("context");
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return ctx;
}

bool wait_for(const struct session *s, int error) {
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        return false;
    bool reads = error == SSL_ERROR_WANT_READ;
    if (!s->way->waits)
        return true;
    if (s->way->polls) {
        struct pollfd p = {s->fd, reads ? POLLIN : POLLOUT, 0};
        if (poll(&p, 1, 30000) != 1)
            fail("poll");
        return true;
    }
    fd_set set;
    struct timeval limit = {30, 0};
    FD_ZERO(&set);
    FD_SET(s->fd, &set);
    if (select(s->fd + 1, reads ? &set : NULL, reads ? NULL : &set, NULL, &limit) != 1)
        fail("select");
    return true;
}

void handshake(struct session *s) {
    int r;
    while ((r = SSL_connect(s->ssl)) != 1)
        if (!wait_for(s, SSL_get_error(s->ssl, r))) {
            say("handshake: %d, error %d\n", r, SSL_get_error(s->ssl, r));
            say_queue("handshake");
            show_text();
            exit(3);
        }
    say_queue("handshake");
}

void open_session(struct session *s, SSL_CTX *ctx, int fd, const struct way *way) {
    *s = (struct session){.way = way, .ssl = SSL_new(ctx), .fd = fd};
    if (!s->ssl || SSL_set_fd(s->ssl, fd) != 1)
        fail("session");
    SSL_set_tlsext_host_name(s->ssl, "localhost");
    SSL_set1_host(s->ssl, "localhost");
    SSL_set_mode(s->ssl, way->mode);
    SSL_clear_mode(s->ssl, way->not_mode);
    if (way->waits && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        fail("fcntl");
    handshake(s);
}

void close_session(struct session *s) {
    SSL_shutdown(s->ssl);
    say_queue("shutdown");
    SSL_free(s->ssl);
    close(s->fd);
}

struct text request_of(const char *prompt, size_t size, const char *more_headers) {
    static const char begin[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"", end[] = "\"}]}";
    struct text t = {0};
    char head[512];
    size_t body = sizeof begin + sizeof end - 2 + strlen(prompt);
    size_t more = size > body ? size - body : 0;
    int n = snprintf(head, sizeof head,
                     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "Authorization: Bearer secret-key-7351\r\n%sContent-Length: %zu\r\n\r\n",
                     more_headers, body + more);
    append(&t, head, (size_t)n);
    append(&t, begin, sizeof begin - 1);
    append(&t, prompt, strlen(prompt));
    for (size_t i = 0; i < more; i++)
        append(&t, "x", 1);
    append(&t, end, sizeof end - 1);
    return t;
}

static int write_once(struct session *s, const char *bytes, size_t n, size_t *done) {
    if (s->way->ex) {
        int r = SSL_write_ex(s->ssl, bytes, n, done);
        if (r != 0 && r != 1)
            say("SSL_write_ex: %d\n", r);
        return r ? 0 : SSL_get_error(s->ssl, r);
    }
    int r = SSL_write(s->ssl, bytes, (int)n);
    *done = r > 0 ? (size_t)r : 0;
    return r > 0 ? 0 : SSL_get_error(s->ssl, r);
}

bool write_all(struct session *s, const char *bytes, size_t len) {
    char *other = s->way->moves ? malloc(len) : NULL;
    for (size_t at = 0, done = 0; at < len; at += done) {
        size_t n = s->way->piece && len - at > s->way->piece ? s->way->piece : len - at;
        const char *from = bytes + at;
        int error;
        while ((error = write_once(s, from, n, &done)) != 0) {
            if (!wait_for(s, error)) {
                say("write: error %d\n", error);
                say_queue("write");
                return false;
            }
            if (other)
                from = memcpy(other, bytes + at, n);
        }
        if (done > n || (done < n && !(SSL_get_mode(s->ssl) & SSL_MODE_ENABLE_PARTIAL_WRITE)))
            say("write: %zu of %zu\n", done, n);
    }
    free(other);
    say_queue("write");
    return true;
}

static int get_once(struct session *s, bool peek, char *bytes, size_t n, size_t *got) {
    *got = 0;
    if (s->way->ex) {
        int r = peek ? SSL_peek_ex(s->ssl, bytes, n, got) : SSL_read_ex(s->ssl, bytes, n, got);
        if (r != 0 && r != 1)
            say("SSL_%s_ex: %d\n", peek ? "peek" : "read", r);
        return r ? 0 : SSL_get_error(s->ssl, r);
    }
    int r = peek ? SSL_peek(s->ssl, bytes, (int)n) : SSL_read(s->ssl, bytes, (int)n);
    *got = r > 0 ? (size_t)r : 0;
    return r > 0 ? 0 : SSL_get_error(s->ssl, r);
}

int read_once(struct session *s, char *bytes, size_t n, size_t *got) {
    char before[ROOM];
    size_t seen = 0;
    if (s->way->first && SSL_pending(s->ssl) == 0)
        wait_for(s, SSL_ERROR_WANT_READ);
    if (s->way->peeks && get_once(s, true, before, n, &seen) == 0 && SSL_pending(s->ssl) > 0 &&
        !SSL_has_pending(s->ssl))
        say("SSL_pending without SSL_has_pending\n");
    int error = get_once(s, false, bytes, n, got);
    if (seen && (error || *got < seen || memcmp(before, bytes, seen) != 0))
        say("peeked %zu bytes, then read %zu, error %d\n", seen, *got, error);
    return error;
}

/* How long the response will be: 0 while its head is not whole, or does not say it. */
static size_t length_of(const struct text *t) {
    const char *end = t->len ? strstr(t->bytes, "\r\n\r\n") : NULL;
    const char *length = end ? strcasestr(t->bytes, "\ncontent-length:") : NULL;
    return length && length < end ? (size_t)(end + 4 - t->bytes) + strtoul(length + 16, NULL, 10) : 0;
}

/* Until the response is whole, or to the end of the connection when `to_end`. Ended by a zero byte; must be freed. */
static struct text read_response(struct session *s, bool to_end) {
    static __thread char room[ROOM];
    struct text t = {0};
    size_t whole = 0;
    while (to_end || !whole || t.len < whole) {
        size_t got, n = s->way->step < sizeof room ? s->way->step : sizeof room;
        int error = read_once(s, room, n, &got);
        if (error == 0) {
            append(&t, room, got);
            whole = whole ? whole : length_of(&t);
        } else if (!wait_for(s, error)) {
            say("read: error %d, shutdown state %d\n", error, SSL_get_shutdown(s->ssl));
            break;
        }
    }
    say_queue("read");
    return t;
}

char *show_response(const char *label, const struct text *response) {
    const char *body = response->len ? strstr(response->bytes, "\r\n\r\n") : NULL;
    if (!body) {
        say("%s: no response, %zu bytes\n", label, response->len);
        return strdup("");
    }
    uint32_t sum = 2166136261u;
    for (const char *p = body + 4; p < response->bytes + response->len; p++)
        sum = (sum ^ (unsigned char)*p) * 16777619u;
    const char *content = strstr(body, "\"content\":\"");
    content = content ? content + 11 : "";
    int n = (int)strcspn(content, "\"");
    say("%s: %.*s, %zu bytes, sum %08x: %.*s\n", label, (int)strcspn(response->bytes, "\r"), response->bytes,
        response->len - (size_t)(body + 4 - response->bytes), sum, n > 60 ? 60 : n, content);
    return strndup(content, (size_t)n);
}

void send_request(struct session *s, const char *prompt, size_t size, const char *more_headers) {
    struct text request = request_of(prompt, size, more_headers);
    write_all(s, request.bytes, request.len);
    free(request.bytes);
}

char *get_answer(struct session *s, const char *label, bool to_end) {
    struct text response = read_response(s, to_end);
    char *answer = show_response(label, &response);
    free(response.bytes);
    return answer;
}

char *ask(struct session *s, const char *label, const char *prompt) {
    send_request(s, prompt, 0, "");
    char *answer = get_answer(s, label, false);
    show_text();
    return answer;
}
