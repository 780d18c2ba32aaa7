/*
 * A GnuTLS client: URL JUDGES[,JUDGES] [WORD...]. Makes model calls and prints the answers and what it sees of the peer.
 *
 * JUDGES, how it decides about the peer: ask (after the handshake), typed (likewise, with gnutls_certificate_verify_peers), flag
 * (gnutls_session_set_verify_cert), callback, session-callback, never; a second one for the second half of the calls, made over new
 * connections; there also: strange (asks, with new credentials that trust nobody). A peer that it refuses makes it end with
 * status 3, any other failure with 4.
 *
 * WORDs: each (a connection for each call), nonblock, resume (goes on without its buffer after GNUTLS_E_AGAIN), bytes, sevens (reads so
 * many), large (1 MiB each way), fresh (new credentials for each connection), tls12, certificate (has one of its own),
 * resumes (a new connection resumes the session before), surprise (the last call cannot be foreseen), wait (0.15 s between two
 * calls), cork, close (asks the server to close), until-end (and reads until it does), threads
 * (several that do all this at once).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define CALLS 8
#define THREADS 4
#define LARGE (1u << 20)
#define ROOM (4u << 20)

static char **words;
static const char *judges; /* which way is in use */
static int port;

/* A thread's own. */
static __thread gnutls_certificate_credentials_t credentials;
static __thread gnutls_session_t session;
static __thread int fd = -1;
static __thread gnutls_datum_t resumption;
static __thread char *in, *out;
static __thread FILE *seen; /* where it prints */

static bool has(const char *word) {
    for (char **w = words; *w; w++)
        if (strcmp(*w, word) == 0)
            return true;
    return false;
}

static void end_with(int status, const char *what, int error) {
    fprintf(seen, "%s: %s\n", what, error == 0 ? "no" : gnutls_strerror(error));
    exit(status);
}

static void must(int r, const char *what) {
    if (r < 0)
        end_with(4, what, r);
}

/* --- the peer --- */

static bool accepts(gnutls_session_t s) {
    unsigned status = 1;
    gnutls_typed_vdata_st host = {GNUTLS_DT_DNS_HOSTNAME, (unsigned char *)"localhost", 0};
    int r = strcmp(judges, "typed") == 0 ? gnutls_certificate_verify_peers(s, &host, 1, &status)
                                         : gnutls_certificate_verify_peers3(s, "localhost", &status);
    return r == 0 && status == 0;
}

static bool asks(void) {
    return strcmp(judges, "ask") == 0 || strcmp(judges, "typed") == 0 || strcmp(judges, "strange") == 0;
}

static int callback(gnutls_session_t s) {
    return accepts(s) ? 0 : -1;
}

static void make_credentials(void) {
    must(gnutls_certificate_allocate_credentials(&credentials), "credentials");
    must(gnutls_certificate_set_x509_trust_file(credentials, getenv("SSL_CERT_FILE"), GNUTLS_X509_FMT_PEM), "trust");
    if (strcmp(judges, "callback") == 0)
        gnutls_certificate_set_verify_function(credentials, callback);
    if (has("certificate"))
        must(gnutls_certificate_set_x509_key_file(credentials, getenv("CLIENT_PEM"), getenv("CLIENT_KEY"),
                                                  GNUTLS_X509_FMT_PEM),
             "own certificate");
}

static void show_peer(void) {
    unsigned n = 0;
    gnutls_datum_t alpn;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
    fprintf(seen, "%s %s %s, %u certificates of %u bytes, %s\n",
            gnutls_protocol_get_name(gnutls_protocol_get_version(session)),
            gnutls_cipher_get_name(gnutls_cipher_get(session)), gnutls_mac_get_name(gnutls_mac_get(session)), n,
            chain ? chain->size / 100 * 100 : 0,
            gnutls_alpn_get_selected_protocol(session, &alpn) == 0 ? "a protocol" : "no protocol");
}

/* --- the connection --- */

static void wait_for(void) {
    struct pollfd p = {fd, gnutls_record_get_direction(session) ? POLLOUT : POLLIN, 0};
    if (poll(&p, 1, 30000) != 1)
        end_with(4, "poll", 0);
}

static bool once_more(ssize_t r) {
    if (r != GNUTLS_E_AGAIN && r != GNUTLS_E_INTERRUPTED)
        return false;
    if (has("nonblock"))
        wait_for();
    return true;
}

static void open_session(void) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int r;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (has("large")) /* so that it fills up */
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){16384}, sizeof(int));
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        end_with(4, "connect", 0);
    if (has("nonblock"))
        fcntl(fd, F_SETFL, O_NONBLOCK);
    if (has("fresh") || !credentials)
        make_credentials();
    must(gnutls_init(&session, GNUTLS_CLIENT | (has("nonblock") ? GNUTLS_NONBLOCK : 0u)), "init");
    must(gnutls_priority_set_direct(session, has("tls12") ? "NORMAL:-VERS-ALL:+VERS-TLS1.2" : "NORMAL", NULL),
         "priority");
    must(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials), "credentials");
    must(gnutls_server_name_set(session, GNUTLS_NAME_DNS, "localhost", 9), "name");
    if (strcmp(judges, "flag") == 0)
        gnutls_session_set_verify_cert(session, "localhost", 0);
    if (strcmp(judges, "session-callback") == 0)
        gnutls_session_set_verify_function(session, callback);
    gnutls_transport_set_int(session, fd);
    if (resumption.data)
        must(gnutls_session_set_data(session, resumption.data, resumption.size), "resumption");
    do
        r = gnutls_handshake(session);
    while (once_more(r));
    if (r < 0)
        end_with(r == GNUTLS_E_CERTIFICATE_ERROR || r == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ? 3 : 4, "handshake",
                 r);
    if (asks() && !accepts(session))
        end_with(3, "verification", 0);
    if (has("resumes")) {
        gnutls_free(resumption.data);
        must(gnutls_session_get_data2(session, &resumption), "session data");
    }
    show_peer();
}

static void close_session(void) {
    gnutls_bye(session, GNUTLS_SHUT_WR);
    gnutls_deinit(session);
    close(fd);
    fd = -1;
    if (has("fresh")) {
        gnutls_certificate_free_credentials(credentials);
        credentials = NULL;
    }
}

/* --- a call --- */

static void write_all(const char *p, size_t n) {
    while (n > 0) {
        ssize_t r = gnutls_record_send(session, p, n);
        while (once_more(r))
            r = has("resume") ? gnutls_record_send(session, NULL, 0) : gnutls_record_send(session, p, n);
        if (r <= 0)
            end_with(4, "send", (int)r);
        p += r;
        n -= (size_t)r;
    }
}

static bool is_whole(size_t have) {
    const char *end = strstr(in, "\r\n\r\n"), *length = strcasestr(in, "content-length:");
    return end && length && have >= (size_t)(end + 4 - in) + strtoul(length + 15, NULL, 10);
}

static void on_alarm(int number) {
    (void)number;
}

/* A timer of the program's own ends the wait for all answers but the first. */
static void abandon(int i) {
    struct sigaction action = {.sa_handler = on_alarm}; /* interrupts */
    struct itimerval limit = {.it_value = {i ? 0 : 5, i ? 400000 : 0}}, none = {.it_value = {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &limit, NULL);
    ssize_t r;
    do /* what came first may have been no answer */
        r = gnutls_record_recv(session, in, 1);
    while (r == GNUTLS_E_AGAIN);
    setitimer(ITIMER_REAL, &none, NULL);
    fprintf(seen, "%d %zd\n", i, r);
}

static size_t read_answer(void) {
    size_t have = 0, step = has("bytes") ? 1 : has("sevens") ? 7 : ROOM;
    for (;;) {
        if (!has("until-end") && is_whole(have))
            return have;
        ssize_t r = gnutls_record_recv(session, in + have, step < ROOM - 1 - have ? step : ROOM - 1 - have);
        if (once_more(r))
            continue;
        if (r == 0 && has("until-end"))
            return have;
        if (r <= 0)
            end_with(4, "recv", (int)r);
        in[have += (size_t)r] = '\0';
    }
}

static void call(const char *prompt, int i) {
    int n = snprintf(out, ROOM,
                     "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s %d%s\"}],\"pad\":\"%*s\"}",
                     prompt, i,
                     has("large")           ? " [[size=1048576]]"
                     : has("abandons") && i ? "[[latency=8000]]"
                                            : "",
                     has("large") ? (int)LARGE : 1, "");
    char head[512];
    int h = snprintf(head, sizeof head,
                     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     "Authorization: Bearer secret-key-7351\r\n%sContent-Length: %d\r\n\r\n",
                     has("close") ? "Connection: close\r\n" : "", n);
    if (has("cork"))
        gnutls_record_cork(session);
    write_all(head, (size_t)h);
    write_all(out, (size_t)n);
    if (has("cork"))
        must(gnutls_record_uncork(session, GNUTLS_RECORD_WAIT), "uncork");
    if (has("abandons")) {
        abandon(i);
        return;
    }
    size_t have = read_answer();
    const char *text = strstr(in, "\"content\"");
    unsigned sum = 0; /* of the body, as the head has a date; a surprise has another identifier each time */
    for (const char *p = strstr(in, "\r\n\r\n"); p && p < in + have; p++)
        sum = sum * 31 + (unsigned char)*p;
    fprintf(seen, "%d %.15s %.60s, sum %u, %zu left\n", i, in, text ? text : "?", strstr(in, "surprise") ? 0 : sum,
            gnutls_record_check_pending(session));
    fflush(seen);
}

/* Not to be printed: echoed, it would differ from run to run. */
static const char *surprise(void) {
    static char text[64];
    unsigned random[2];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        end_with(4, "getrandom", 0);
    snprintf(text, sizeof text, "[[say surprise]] %010u", random[0]);
    return text;
}

/* The second half begins: the other way to judge. */
static void turn(const char *other) {
    close_session();
    judges = other;
    if (strcmp(judges, "callback") == 0)
        gnutls_certificate_set_verify_function(credentials, callback);
    if (strcmp(judges, "strange") == 0) {
        gnutls_certificate_free_credentials(credentials);
        must(gnutls_certificate_allocate_credentials(&credentials), "credentials");
    }
}

static const char *other;

static void make_calls(void) {
    seen = seen ? seen : stdout;
    in = malloc(ROOM);
    out = malloc(ROOM);
    for (int i = 0; i < CALLS; i++) {
        bool turned = other && i >= CALLS / 2;
        if (other && i == CALLS / 2)
            turn(other);
        if (fd < 0)
            open_session();
        call(turned ? "verified prompt" : has("surprise") && i == CALLS - 1 ? surprise() : "secret prompt", i);
        if (turned || has("each") || has("close") || has("abandons") || i == CALLS - 1)
            close_session();
        if (has("wait"))
            usleep(150000);
    }
    gnutls_free(resumption.data);
    if (credentials)
        gnutls_certificate_free_credentials(credentials);
    free(in);
    free(out);
}

static void *thread(void *printed) {
    size_t n;
    seen = open_memstream(printed, &n);
    make_calls();
    fclose(seen);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    port = atoi(strrchr(argv[1], ':') + 1);
    judges = strtok(argv[2], ",");
    other = strtok(NULL, ",");
    words = argv + 3;
    if (!has("threads")) {
        make_calls();
        return 0;
    }
    pthread_t threads[THREADS];
    char *printed[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, thread, &printed[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        fputs(printed[i], stdout);
        free(printed[i]);
    }
    return 0;
}
