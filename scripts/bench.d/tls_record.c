/*
 * What a record costs on a TLS connection that XCS looks at and lets pass: KIND COUNT, where KIND is a row of the table. A client
 * on loopback, a server in a second thread; COUNT small records go one way, and the client's processor time for each is
 * printed in nanoseconds. Run without and with libxcs.so; the difference is its cost.
 */
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define RECORD 64
#define GREETING_MAX 128

struct kind {
    const char *name;
    const char *greeting; /* what the client says first: how XCS takes the connection */
    void *(*server)(void *);
    int (*client)(SSL *, void *, int);
};

static const struct kind *kind;
static long count;
static int listener;

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

static SSL *accepted(void) {
    char greeting[GREETING_MAX];
    SSL_CTX *context = server_context();
    SSL *ssl = SSL_new(context);
    int want = (int)strlen(kind->greeting);
    SSL_CTX_free(context);
    if (SSL_set_fd(ssl, accept(listener, NULL, NULL)) != 1 || SSL_accept(ssl) != 1)
        exit(1);
    for (int n = 0; n < want;) {
        int r = SSL_read(ssl, greeting + n, want - n);
        if (r <= 0)
            exit(1);
        n += r;
    }
    return ssl;
}

static void *serve_writes(void *unused) {
    char record[RECORD];
    SSL *ssl = accepted();
    for (long n = 0; n < count; n++)
        if (SSL_read(ssl, record, RECORD) <= 0)
            exit(1);
    return unused;
}

static void *serve_reads(void *unused) {
    char record[RECORD] = {0};
    SSL *ssl = accepted();
    for (long n = 0; n < count; n++)
        if (SSL_write(ssl, record, RECORD) != RECORD)
            exit(1);
    return unused;
}

static int write_record(SSL *ssl, void *record, int n) {
    return SSL_write(ssl, record, n);
}

static const struct kind kinds[] = {
    {"tls-write", "not a protocol that XCS knows", serve_writes, write_record},
    {"tls-read", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", serve_reads, SSL_read},
};

static SSL *connected(void) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *addr = (struct sockaddr *)&here;
    socklen_t len = sizeof here;
    SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    int fd = socket(AF_INET, SOCK_STREAM, 0), greeting = (int)strlen(kind->greeting);
    if (getsockname(listener, addr, &len) != 0 || connect(fd, addr, len) != 0 || SSL_set_fd(ssl, fd) != 1 ||
        SSL_connect(ssl) != 1 || SSL_write(ssl, kind->greeting, greeting) != greeting)
        exit(1);
    return ssl;
}

static double processor_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

int main(int argc, char **argv) {
    pthread_t server;
    char record[RECORD] = {0};
    count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (size_t i = 0; count > 0 && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, argv[1]) == 0)
            kind = &kinds[i];
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (!kind || listen(listener, 1) != 0 || pthread_create(&server, NULL, kind->server, NULL) != 0)
        return 2;
    SSL *ssl = connected();
    double start = processor_ns();
    for (long n = 0; n < count; n++)
        if (kind->client(ssl, record, RECORD) != RECORD)
            return 1;
    double ns = processor_ns() - start;
    pthread_join(server, NULL);
    printf("%.1f\n", ns / (double)count);
    return 0;
}
