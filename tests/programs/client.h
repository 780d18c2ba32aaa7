/*
 * What the test programs in C share: the address in argv[1], a request's bytes, and printing the text of an answer.
 * Small on purpose: each program shows its own way of using a socket.
 */
#ifndef XCS_TESTS_CLIENT_H
#define XCS_TESTS_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#define CALLS 8
#define ANSWER_ROOM 65536

static inline void fail(const char *what) {
    printf("%s: %s\n", what, strerror(errno));
    exit(1);
}

/* From "http://127.0.0.1:PORT/v1". */
static inline struct sockaddr_in address_of(const char *url) {
    struct sockaddr_in to = {.sin_family = AF_INET};
    const char *port = strrchr(url, ':');
    to.sin_port = htons((unsigned short)(port ? atoi(port + 1) : 0));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return to;
}

static inline int dial(const char *url) {
    struct sockaddr_in to = address_of(url);
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    return s;
}

/* Writes a request to `head` and `body`; both end with a zero byte. */
static inline void request_of(const char *prompt, const char *more_headers, char head[512], char body[512]) {
    snprintf(body, 512, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", prompt);
    snprintf(head, 512,
             "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n%s"
             "Content-Length: %zu\r\n\r\n",
             more_headers, strlen(body));
}

/* Whether `text` (ended by a zero byte) holds a whole response. */
static inline int is_whole(const char *text, size_t len) {
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "content-length:");
    return end && length && len >= (size_t)(end + 4 - text) + strtoul(length + 15, NULL, 10);
}

/* Sends a request for `prompt`. */
static inline void ask(int s, const char *prompt) {
    char head[512], body[512];
    request_of(prompt, "", head, body);
    if (send(s, head, strlen(head), MSG_NOSIGNAL) < 0 || send(s, body, strlen(body), MSG_NOSIGNAL) < 0)
        fail("send");
}

/* Reads what is left of an answer of which `len` bytes are in `text` (ANSWER_ROOM bytes). */
static inline void answer_rest(int s, char *text, size_t len) {
    memset(text + len, 0, ANSWER_ROOM - len);
    while (!is_whole(text, len)) {
        ssize_t n = recv(s, text + len, ANSWER_ROOM - 1 - len, 0);
        if (n < 0)
            fail("recv");
        if (n == 0) {
            printf("the end after %zu bytes\n", len);
            exit(1);
        }
        len += (size_t)n;
    }
}

/* Prints the first "content" of an answer. */
static inline void show(const char *text) {
    const char *content = strstr(text, "\"content\":\"");
    if (!content) {
        printf("no content: %.40s\n", text);
        return;
    }
    content += 11;
    printf("%.*s\n", (int)strcspn(content, "\""), content);
    fflush(stdout);
}

#endif
