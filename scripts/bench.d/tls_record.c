/*
 * What a record costs on a TLS connection that XCS looks at and lets pass: KIND COUNT, where KIND is a row of the table. Client
 * and server on loopback take turns in one thread, so that neither waits for the other; COUNT small records go one way, in
 * batches, and the client's nanoseconds for each, in the quickest batch, are printed. Run without and with libxcs.so; the difference is
 * its cost.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECORD 64
#define BATCH 200 /* what a socket's buffer holds */

static int write_record(SSL *ssl, void *record, int n) {
    return SSL_write(ssl, record, n);
}

static const struct kind {
    const char *name;
    const char *greeting; /* what the client says first: how XCS takes the connection */
    int (*client)(SSL *, void *, int);
    int (*server)(SSL *, void *, int);
} kinds[] = {
    {"tls-write", "not a protocol that XCS knows", write_record, SSL_read},
    {"tls-read", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", SSL_read, write_record},
};

/* A key and a certificate for it, of this process alone. */
static SSL_CTX *server_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    if (!context || X509_sign(certificate, key, EVP_sha256()) <= 0 ||
        SSL_CTX_use_certificate(context, certificate) != 1 || SSL_CTX_use_PrivateKey(context, key) != 1)
        exit(1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static SSL *session_on(SSL_CTX *context, int fd) {
    SSL *ssl = SSL_new(context);
    int one = 1;
    SSL_CTX_free(context);
    if (!ssl || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || SSL_set_fd(ssl, fd) != 1)
        exit(1);
    return ssl;
}

static void connect_pair(SSL **client, SSL **server) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *addr = (struct sockaddr *)&here;
    socklen_t len = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(listener, 1) != 0 || getsockname(listener, addr, &len) != 0 || connect(fd, addr, len) != 0)
        exit(1);
    *client = session_on(SSL_CTX_new(TLS_client_method()), fd);
    *server = session_on(server_context(), accept(listener, NULL, NULL));
    for (int done = 0; !done;) {
        int near = SSL_connect(*client);
        done = SSL_accept(*server) == 1 && near == 1;
    }
}

static double now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static double batch(int (*once)(SSL *, void *, int), SSL *ssl) {
    char record[RECORD] = {0};
    double start = now_ns();
    for (int n = 0; n < BATCH; n++)
        if (once(ssl, record, RECORD) != RECORD)
            exit(1);
    return (now_ns() - start) / BATCH;
}

int main(int argc, char **argv) {
    const struct kind *kind = NULL;
    SSL *client, *server;
    double least = 0;
    char greeting[128];
    long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; count > 0 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0)
            kind = &kinds[i];
    if (!kind)
        return 2;
    connect_pair(&client, &server);
    int hello = (int)strlen(kind->greeting);
    if (SSL_write(client, kind->greeting, hello) != hello || SSL_read(server, greeting, sizeof greeting) != hello)
        return 1;
    for (long n = 0; n < count; n += BATCH) {
        double ns = 0;
        if (kind->server != SSL_read)
            batch(kind->server, server);
        ns = batch(kind->client, client);
        if (kind->server == SSL_read)
            batch(kind->server, server);
        least = least == 0 || ns < least ? ns : least;
    }
    printf("%.1f\n", least);
    return 0;
}
