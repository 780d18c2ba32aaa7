/* The server of test_dispatch.c: see scripted_server.h. */
#include "scripted_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define THREADS_MAX 512

struct scripted_server {
    int fd;
    struct xcs_addr addr;
    const struct script *scripts;
    size_t nscripts;
    pthread_t acceptor;
    pthread_mutex_t lock;
    char last[REQUEST_MAX], shown[REQUEST_MAX];
    unsigned connections, closed, requests;
    pthread_t threads[THREADS_MAX];
    int fds[THREADS_MAX];
};

struct served {
    struct scripted_server *s;
    int fd;
};

/* Length of the whole request at the front of `buf`, 0 when it is not there yet. */
static size_t request_length(const char *buf, size_t len) {
    const char *head_end = memmem(buf, len, "\r\n\r\n", 4);
    if (!head_end)
        return 0;
    size_t head = (size_t)(head_end - buf) + 4;
    const char *field = strcasestr(buf, "\r\nContent-Length:");
    if (field && field < head_end) {
        size_t body = strtoul(field + 17, NULL, 10);
        return head + body <= len ? head + body : 0;
    }
    field = strcasestr(buf, "\r\nTransfer-Encoding: chunked");
    if (!field || field > head_end)
        return head;
    const char *last = memmem(buf + head - 2, len - head + 2, "\r\n0\r\n\r\n", 7);
    return last ? (size_t)(last - buf) + 7 : 0;
}

static void say(int fd, const char *data, size_t len) {
    while (len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static void say_filler(int fd, size_t len) {
    static const char x[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char block[64 * 64];
    for (size_t i = 0; i < 64; i++)
        memcpy(block + 64 * i, x, 64);
    for (; len > sizeof(block); len -= sizeof(block))
        say(fd, block, sizeof(block));
    say(fd, block, len);
}

static const struct script *find_script(const struct scripted_server *s, const char *request) {
    const char *target = strchr(request, ' ');
    size_t len = target ? strcspn(target + 1, " ") : 0;
    for (size_t i = 0; target && i < s->nscripts; i++) {
        if (strlen(s->scripts[i].target) == len && strncmp(s->scripts[i].target, target + 1, len) == 0)
            return &s->scripts[i];
    }
    return NULL;
}

/* Answers one request; false when the connection is to be closed. */
static bool answer(struct scripted_server *s, int fd, const char *request) {
    const struct script *script = find_script(s, request);
    char byte;
    pthread_mutex_lock(&s->lock);
    s->requests++;
    snprintf(s->last, sizeof(s->last), "%s", request);
    pthread_mutex_unlock(&s->lock);
    if (!script)
        return false;
    if (script->hold) {
        while (recv(fd, &byte, 1, 0) > 0)
            ;
        return false;
    }
    const struct timespec delay = {script->delay_ms / 1000, (long)(script->delay_ms % 1000) * 1000000};
    nanosleep(&delay, NULL);
    say(fd, script->answer, strlen(script->answer));
    say_filler(fd, script->filler);
    if (script->later) {
        nanosleep(&delay, NULL);
        say(fd, script->later, strlen(script->later));
    }
    return !script->close;
}

static void *serve(void *arg) {
    struct served served = *(struct served *)arg;
    char *buf = calloc(1, REQUEST_MAX + 1);
    size_t len = 0;
    ssize_t n;
    free(arg);
    while ((n = recv(served.fd, buf + len, REQUEST_MAX - len, 0)) > 0) {
        len += (size_t)n;
        size_t whole = request_length(buf, len);
        if (!whole)
            continue;
        char *request = strndup(buf, whole);
        bool more = answer(served.s, served.fd, request);
        free(request);
        memmove(buf, buf + whole, len - whole + 1);
        len -= whole;
        memset(buf + len, 0, REQUEST_MAX - len);
        if (!more)
            break;
    }
    shutdown(served.fd, SHUT_RDWR);
    pthread_mutex_lock(&served.s->lock);
    served.s->closed++;
    pthread_mutex_unlock(&served.s->lock);
    free(buf);
    return NULL;
}

static void *accept_all(void *arg) {
    struct scripted_server *s = arg;
    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        struct served *served = malloc(sizeof(*served));
        *served = (struct served){s, fd};
        pthread_mutex_lock(&s->lock);
        unsigned i = s->connections++;
        s->fds[i] = fd;
        pthread_create(&s->threads[i], NULL, serve, served);
        pthread_mutex_unlock(&s->lock);
    }
}

struct scripted_server *server_start(int family, const struct script *scripts, size_t n) {
    struct scripted_server *s = calloc(1, sizeof(*s));
    s->scripts = scripts;
    s->nscripts = n;
    pthread_mutex_init(&s->lock, NULL);
    s->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (family == AF_INET6) {
        s->addr.u.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        s->addr.len = sizeof(s->addr.u.in6);
    } else {
        s->addr.u.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        s->addr.len = sizeof(s->addr.u.in);
    }
    socklen_t len = s->addr.len;
    if (s->fd < 0 || bind(s->fd, &s->addr.u.sa, len) < 0 || listen(s->fd, 512) < 0) {
        free(s);
        return NULL;
    }
    getsockname(s->fd, &s->addr.u.sa, &len);
    pthread_create(&s->acceptor, NULL, accept_all, s);
    return s;
}

struct xcs_addr server_addr(const struct scripted_server *s) {
    return s->addr;
}

const char *server_last_request(struct scripted_server *s) {
    pthread_mutex_lock(&s->lock);
    memcpy(s->shown, s->last, sizeof(s->shown));
    pthread_mutex_unlock(&s->lock);
    return s->shown;
}

static unsigned locked_read(struct scripted_server *s, const unsigned *value) {
    pthread_mutex_lock(&s->lock);
    unsigned now = *value;
    pthread_mutex_unlock(&s->lock);
    return now;
}

unsigned server_connections(struct scripted_server *s) {
    return locked_read(s, &s->connections);
}

unsigned server_requests(struct scripted_server *s) {
    return locked_read(s, &s->requests);
}

unsigned server_closed(struct scripted_server *s) {
    return locked_read(s, &s->closed);
}

void server_stop(struct scripted_server *s) {
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->acceptor, NULL);
    for (unsigned i = 0; i < s->connections; i++) {
        shutdown(s->fds[i], SHUT_RDWR);
        pthread_join(s->threads[i], NULL);
        close(s->fds[i]);
    }
    close(s->fd);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
