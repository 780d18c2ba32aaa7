/*
 * What a record costs on a TLS connection that XCS looks at and lets pass: LIBRARY KIND COUNT, where KIND is a row of the table. Client
 * and server on loopback take turns in one thread, so that neither waits for the other; COUNT small records go one way, in
 * batches, and the client's nanoseconds for each, in the quickest batch, are printed. Run without and with libxcs.so; the difference is
 * its cost.
 */
#include "record.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECORD 64
#define BATCH 200 /* what a socket's buffer holds */

static const struct library *const libraries[] = {&openssl, &gnutls};

static const struct kind {
    const char *name;
    const char *greeting; /* what the client says first: how XCS takes the connection */
    bool client_sends;
} kinds[] = {
    {"write", "not a protocol that XCS knows", true},
    {"read", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false},
};

static void prepare(int fd) {
    int one = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
        exit(1);
}

static struct pair connect_pair(const struct library *library) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *addr = (struct sockaddr *)&here;
    socklen_t len = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(listener, 1) != 0 || getsockname(listener, addr, &len) != 0 || connect(fd, addr, len) != 0)
        exit(1);
    int accepted = accept(listener, NULL, NULL);
    prepare(fd);
    prepare(accepted);
    return library->open(fd, accepted);
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* One direction at a time. */
static double send_batch(const struct library *library, void *session) {
    static const char record[RECORD];
    double start = now_ns();
    for (int n = 0; n < BATCH; n++)
        if (library->send(session, record, RECORD) != RECORD)
            exit(1);
    return (now_ns() - start) / BATCH;
}

static double receive_batch(const struct library *library, void *session) {
    char record[RECORD];
    double start = now_ns();
    /* On a busy machine what was sent may come a moment later: such a batch is not the quickest. */
    for (int n = 0, empty = 0; n < BATCH;) {
        long r = library->receive(session, record, RECORD);
        if (r == RECORD)
            n++;
        else if (r > 0 || ++empty > 1000000)
            exit(1);
    }
    return (now_ns() - start) / BATCH;
}

static double batch(const struct library *library, const struct pair *pair, bool client_sends) {
    double sent = send_batch(library, client_sends ? pair->client : pair->server);
    double received = receive_batch(library, client_sends ? pair->server : pair->client);
    return client_sends ? sent : received;
}

/* The greeting arrives, and whatever the server's handshake left on the way (session tickets) is taken in. */
static void greet(const struct library *library, const struct pair *pair, const char *greeting) {
    char text[128], byte;
    long n = (long)strlen(greeting);
    if (library->send(pair->client, greeting, (size_t)n) != n || library->receive(pair->server, text, sizeof text) != n)
        exit(1);
    for (int i = 0; i < 4; i++)
        if (library->receive(pair->client, &byte, 1) > 0)
            exit(1);
}

int main(int argc, char **argv) {
    const struct library *library = NULL;
    const struct kind *kind = NULL;
    double least = 0;
    long count = argc > 3 ? strtol(argv[3], NULL, 10) : 0;
    for (size_t i = 0; count > 0 && i < sizeof libraries / sizeof *libraries; i++)
        if (strcmp(libraries[i]->name, argv[1]) == 0)
            library = libraries[i];
    for (size_t i = 0; count > 0 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[2]) == 0)
            kind = &kinds[i];
    if (!library || !kind)
        return 2;
    struct pair pair = connect_pair(library);
    greet(library, &pair, kind->greeting);
    for (long n = 0; n < count; n += BATCH) {
        double ns = batch(library, &pair, kind->client_sends);
        least = least == 0 || ns < least ? ns : least;
    }
    printf("%.1f\n", least);
    return 0;
}
