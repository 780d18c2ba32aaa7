/*
 * Modes of openssl_client.c in which a session is not simply one thread's, on one descriptor of its own.
 */
#include "openssl_session.h"
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct in_thread {
    SSL_CTX *ctx;
    const struct way *way;
    int number;
};

static void *thread_calls(void *p) {
    const struct in_thread *t = p;
    struct session s;
    open_session(&s, t->ctx, dial(url), t->way);
    for (int i = 0; i < CALLS; i++) {
        char prompt[64];
        snprintf(prompt, sizeof prompt, "question %d of thread %d", i, t->number);
        send_request(&s, prompt, 0, "");
        free(get_answer(&s, prompt, false));
    }
    close_session(&s);
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
    static int turn;
    pthread_mutex_lock(&lock);
    while (turn != t->number)
        pthread_cond_wait(&turned, &lock);
    show_text();
    turn++;
    pthread_cond_broadcast(&turned);
    pthread_mutex_unlock(&lock);
    return NULL;
}

void mode_threads(SSL_CTX *ctx, const struct way *way) {
    pthread_t threads[2];
    struct in_thread of[2] = {{ctx, way, 0}, {ctx, way, 1}};
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, thread_calls, &of[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

/* What is to go out, and what is there to come in, between memory BIOs and the socket. */
static void pump(SSL *ssl, int fd, bool in) {
    char room[16384];
    int n;
    while ((n = BIO_read(SSL_get_wbio(ssl), room, sizeof room)) > 0)
        for (int at = 0; at < n;) {
            ssize_t r = send(fd, room + at, (size_t)(n - at), MSG_NOSIGNAL);
            if (r <= 0)
                exit(4);
            at += (int)r;
        }
    if (in) {
        ssize_t r = recv(fd, room, sizeof room, 0);
        if (r <= 0)
            exit(4);
        BIO_write(SSL_get_rbio(ssl), room, (int)r);
    }
}

void mode_memory(SSL_CTX *ctx, const struct way *way) {
    SSL *ssl = SSL_new(ctx);
    int fd = dial(url), r;
    char room[16384], prompt[64];
    (void)way;
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_tlsext_host_name(ssl, "localhost");
    while ((r = SSL_connect(ssl)) != 1)
        pump(ssl, fd, SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ);
    for (int i = 0; i < 4; i++) {
        question(prompt, i);
        struct text request = request_of(prompt, 0, "");
        SSL_write(ssl, request.bytes, (int)request.len);
        while ((r = SSL_read(ssl, room, sizeof room - 1)) <= 0)
            pump(ssl, fd, SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ);
        struct text response = {.bytes = room, .len = (size_t)r};
        room[r] = '\0';
        free(show_response(prompt, &response));
        say_queue("memory");
        show_text();
        free(request.bytes);
    }
    SSL_free(ssl);
    close(fd);
}

/* Reads on one descriptor, writes on another, of the same connection. */
void mode_descriptors(SSL_CTX *ctx, const struct way *way) {
    struct session s = {.way = way, .ssl = SSL_new(ctx), .fd = dial(url)};
    int other = dup(s.fd);
    SSL_set_rfd(s.ssl, s.fd);
    SSL_set_wfd(s.ssl, other);
    SSL_set_tlsext_host_name(s.ssl, "localhost");
    handshake(&s);
    for (int i = 0; i < CALLS; i++) {
        say("descriptors differ: %d\n", SSL_get_rfd(s.ssl) != SSL_get_wfd(s.ssl));
        free(ask_question(&s, i));
    }
    close_session(&s);
    close(other);
}

/* Every third session is handed to the library's own layer after its handshake. */
void mode_layered(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64], room[16385];
    for (int i = 0; i < CALLS; i++) {
        question(prompt, i);
        open_session(&s, ctx, dial(url), way);
        if (i % 3 != 2) {
            free(ask(&s, prompt, prompt));
            close_session(&s);
            continue;
        }
        BIO *layer = BIO_new(BIO_f_ssl());
        BIO_set_ssl(layer, s.ssl, BIO_CLOSE);
        struct text request = request_of(prompt, 0, "");
        say("written all %d\n", BIO_write(layer, request.bytes, (int)request.len) == (int)request.len);
        int r, n = 0;
        while ((r = BIO_read(layer, room + n, (int)sizeof room - 1 - n)) > 0 && room[(n += r) - 1] != '}')
            ;
        struct text response = {.bytes = room, .len = (size_t)n};
        room[n] = '\0';
        free(show_response(prompt, &response));
        say("shutdown %d\n", SSL_shutdown(s.ssl));
        say_queue("layer");
        show_text();
        free(request.bytes);
        BIO_free_all(layer); /* ends the session once more; what comes of that is left in the queue */
        ERR_clear_error();
        close(s.fd);
    }
}

static int tell_certificate(int ok, X509_STORE_CTX *verification) {
    say("certificate at %d: %d\n", X509_STORE_CTX_get_error_depth(verification), ok);
    return ok;
}

static void tell_handshake(const SSL *ssl, int where, int ret) {
    (void)ssl;
    (void)ret;
    if (where & SSL_CB_HANDSHAKE_START)
        say("a handshake begins\n");
}

/* A handshake that the program has not asked for must not be seen either: the server closes the connection while answers come from elsewhere. */
void mode_seen(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tell_certificate);
    SSL_CTX_set_info_callback(ctx, tell_handshake);
    open_session(&s, ctx, dial(url), way);
    free(ask(&s, "first", "first [[latency=200]]"));
    char *answer = NULL;
    for (int i = 0; i < 4; i++) {
        free(answer);
        answer = ask_question(&s, i);
    }
    free(ask(&s, "last", answer));
    free(answer);
    close_session(&s);
}

/* Its reads have a time limit, which is over before the last answer comes: also on a connection that had to be made again. */
void mode_limit(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[1024] = "last [[latency=2500]]", some;
    struct timeval limit = {1, 0};
    int fd = dial(url);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    open_session(&s, ctx, fd, way);
    free(ask(&s, "first", "first [[latency=200]]"));
    for (int i = 0; i < 4; i++) {
        char *answer = ask_question(&s, i);
        strncat(prompt, answer, sizeof prompt - strlen(prompt) - 1);
        free(answer);
    }
    send_request(&s, prompt, 0, "");
    int r = SSL_read(s.ssl, &some, 1);
    say("the last answer: %d, error %d\n", r, SSL_get_error(s.ssl, r));
    say_queue("limit");
    SSL_free(s.ssl);
    close(s.fd);
}

static int see(int ok, X509_STORE_CTX *verification) {
    (void)verification;
    return ok;
}

/*
 * The server is asked to end each connection, and the program reads no further than the response goes: what its own end of the session is
 * answered with. Of the second half of the calls no handshake can be put off.
 */
void mode_exact(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64];
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, see);
        question(prompt, i);
        open_session(&s, ctx, dial(url), way);
        send_request(&s, prompt, 0, "Connection: close\r\n");
        free(get_answer(&s, prompt, false));
        int first = SSL_shutdown(s.ssl), second = SSL_shutdown(s.ssl);
        say("shutdown %d, %d, state %d\n", first, second, SSL_get_shutdown(s.ssl));
        say_queue("shutdown");
        show_text();
        SSL_free(s.ssl);
        close(s.fd);
    }
}

/* Reads until the response is whole: `n` bytes of it are there. How many are then. */
static int read_on(struct session *s, char *room, int size, int n) {
    int r = 1;
    while (r > 0 && (n == 0 || room[n - 1] != '}') && (r = SSL_read(s->ssl, room + n, size - 1 - n)) > 0)
        n += r;
    room[n] = '\0';
    return n;
}

/*
 * The program ends its side of the session and reads on: the rest of a response that is there, or to the server's own end. Before that it
 * makes sure once more that hands are shaken. Of the second half of the calls no handshake can be put off.
 */
void mode_parting(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64], room[16385];
    for (int i = 0; i < CALLS; i++) {
        if (i == CALLS / 2)
            SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, see);
        question(prompt, i);
        open_session(&s, ctx, dial(url), way);
        send_request(&s, prompt, 0, i % 2 ? "Connection: close\r\n" : "");
        say("once more %d\n", SSL_do_handshake(s.ssl));
        int r = SSL_read(s.ssl, room, 10), n = r > 0 ? r : 0;
        if (i % 2)
            n = read_on(&s, room, sizeof room, n);
        usleep(20000); /* the server's end of the session is there too, or the rest of its response */
        say("shutdown %d\n", SSL_shutdown(s.ssl));
        n = read_on(&s, room, sizeof room, n);
        struct text response = {.bytes = room, .len = (size_t)n};
        free(show_response(prompt, &response));
        if (i % 2) {
            r = SSL_read(s.ssl, room, 1);
            say("read on: %d, error %d\n", r, SSL_get_error(s.ssl, r));
            say("shutdown %d\n", SSL_shutdown(s.ssl));
        }
        if (i == CALLS - 1) { /* it is where a run-ahead ends */
            r = SSL_write(s.ssl, "x", 1);
            say("write %d, error %d\n", r, SSL_get_error(s.ssl, r));
        }
        ERR_clear_error();
        show_text();
        SSL_free(s.ssl);
        close(s.fd);
    }
}

static void on_alarm(int number) {
    (void)number;
}

/* A timer of the program's own ends the wait for all answers but the first, and the program then ends the session in both its halves. */
void mode_abandons(SSL_CTX *ctx, const struct way *way) {
    struct session s;
    char prompt[64], c;
    struct sigaction action = {.sa_handler = on_alarm}; /* interrupts */
    sigaction(SIGALRM, &action, NULL);
    for (int i = 0; i < CALLS; i++) {
        struct itimerval limit = {.it_value = {i ? 0 : 5, i ? 400000 : 0}}, none = {.it_value = {0, 0}};
        if (i == CALLS / 2)
            SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, see);
        snprintf(prompt, sizeof prompt, "question %d%s", i, i ? "[[latency=8000]]" : "");
        open_session(&s, ctx, dial(url), way);
        send_request(&s, prompt, 0, "");
        setitimer(ITIMER_REAL, &limit, NULL);
        int r = SSL_read(s.ssl, &c, 1);
        setitimer(ITIMER_REAL, &none, NULL);
        say("read %d, error %d\n", r, SSL_get_error(s.ssl, r));
        show_text();
        SSL_shutdown(s.ssl); /* what comes of it depends on whether there was a handshake */
        ERR_clear_error();
        SSL_free(s.ssl);
        close(s.fd);
    }
}

/* OpenSSL's own connection and session objects, one behind the other. */
void mode_bio(SSL_CTX *ctx, const struct way *way) {
    BIO *chain = BIO_new_ssl_connect(ctx);
    SSL *ssl = NULL;
    char room[16384], prompt[64], where[64] = "127.0.0.1";
    (void)way;
    strncat(where, strrchr(url, ':'), 20);
    where[strcspn(where, "/")] = '\0';
    BIO_get_ssl(chain, &ssl);
    SSL_set_tlsext_host_name(ssl, "localhost");
    BIO_set_conn_hostname(chain, where);
    if (BIO_do_connect(chain) != 1)
        exit(4);
    for (int i = 0; i < CALLS; i++) {
        question(prompt, i);
        struct text request = request_of(prompt, 0, "");
        int r = BIO_write(chain, request.bytes, (int)request.len), n = 0;
        say("written all %d, flush %d\n", r == (int)request.len, (int)BIO_flush(chain));
        while (!(n > 3 && strstr(room, "\r\n\r\n") && room[n - 1] == '}') &&
               (r = BIO_read(chain, room + n, (int)sizeof room - 1 - n)) > 0) {
            n += r;
            room[n] = '\0';
        }
        struct text response = {.bytes = room, .len = (size_t)n};
        free(show_response(prompt, &response));
        say("pending %d, retry %d\n", (int)BIO_pending(chain), BIO_should_retry(chain));
        say_queue("chain");
        show_text();
        free(request.bytes);
    }
    BIO_ssl_shutdown(chain);
    BIO_free_all(chain);
}
