/*
 * The dispatcher at a server that serves one connection at a time: links that lie idle give their place back, and calls that nobody
 * has taken are known as such.
 */
#include "../shim/curl_call.h"
#include "../src/clock.h"
#include "../src/dispatch.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000ull
#define CONNECTIONS 16

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

static struct server {
    int listener;
    struct xcs_addr addr;
    pthread_t thread;
    bool dumb;               /* takes connections and says nothing */
    char redirect[256];      /* the answer to the next request, in the place of the usual one */
    pthread_mutex_t silence; /* whoever holds it keeps the server from answering */
    pthread_mutex_t lock;
    unsigned served, ended;        /* connections */
    uint64_t idle_ns[CONNECTIONS]; /* from a connection's last answer to its end */
} server = {.silence = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER};
static struct dispatch *dispatcher;

/* Until the client closes. Requests are small: each comes in one read. */
static void serve(int fd) {
    char request[4096];
    uint64_t answered = clock_ns();
    while (recv(fd, request, sizeof(request), 0) > 0) {
        const char *text = *server.redirect ? server.redirect : answer;
        pthread_mutex_lock(&server.silence);
        pthread_mutex_unlock(&server.silence);
        if (!server.dumb && send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            break;
        *server.redirect = '\0';
        answered = clock_ns();
    }
    pthread_mutex_lock(&server.lock);
    if (server.ended < CONNECTIONS)
        server.idle_ns[server.ended++] = clock_ns() - answered;
    pthread_mutex_unlock(&server.lock);
    close(fd);
}

static void *accept_one_by_one(void *unused) {
    int fd;
    (void)unused;
    while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&server.lock);
        server.served++;
        pthread_mutex_unlock(&server.lock);
        serve(fd);
    }
    return NULL;
}

static unsigned count(const unsigned *what) {
    pthread_mutex_lock(&server.lock);
    unsigned n = *what;
    pthread_mutex_unlock(&server.lock);
    return n;
}

static int setup(void **state) {
    (void)state;
    server.served = server.ended = 0;
    server.dumb = false;
    *server.redirect = '\0';
    server.addr = (struct xcs_addr){.len = sizeof(server.addr.u.in)};
    server.addr.u.in.sin_family = AF_INET;
    server.addr.u.in.sin_addr.s_addr = htonl(INADDR_ANY);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, &server.addr.u.sa, server.addr.len) != 0 || listen(server.listener, 16) != 0 ||
        getsockname(server.listener, &server.addr.u.sa, &server.addr.len) != 0)
        return -1;
    server.addr.u.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    dispatcher = dispatch_start();
    return dispatcher && pthread_create(&server.thread, NULL, accept_one_by_one, NULL) == 0 ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    dispatch_stop(dispatcher);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    return 0;
}

static void submit_to(uint64_t id, const struct xcs_addr *addr) {
    static const char *const headers[] = {"Host: localhost", "Content-Length: 2"};
    struct dispatch_call call = {.id = id,
                                 .addr = *addr,
                                 .method = "POST",
                                 .target = "/v1/chat/completions",
                                 .headers = headers,
                                 .nheaders = 2,
                                 .body = "{}",
                                 .body_len = 2};
    assert_true(dispatch_submit(dispatcher, &call));
}

static void submit(uint64_t id) {
    submit_to(id, &server.addr);
}

static bool is_refused(int status) {
    struct pollfd p = {.fd = dispatch_fd(dispatcher), .events = POLLIN};
    struct dispatch_result r;
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_true(dispatch_next(dispatcher, &r));
    assert_int_equal(r.status, status);
    free(r.raw);
    return r.refused;
}

static void take_result(void) {
    assert_false(is_refused(200));
}

static void wait_for(const unsigned *what, unsigned n) {
    for (int i = 0; i < 20000 && count(what) < n; i++)
        usleep(1000);
    assert_true(count(what) >= n);
}

static void test_link_is_used_again(void **state) {
    (void)state;
    for (uint64_t id = 1; id <= 4; id++) {
        submit(id);
        take_result();
    }
    assert_int_equal(count(&server.served), 1);
}

static void test_idle_link_ends(void **state) {
    (void)state;
    submit(1);
    take_result();
    assert_int_equal(count(&server.ended), 0);
    wait_for(&server.ended, 1);
    submit(2); /* and libcurl finds out */
    take_result();
    assert_int_equal(count(&server.served), 2);
}

/* Connections that the server has not accepted yet: of a listener, tcpi_unacked is the length of its queue. */
static unsigned queued(void) {
    struct tcp_info info;
    socklen_t len = sizeof(info);
    assert_int_equal(getsockopt(server.listener, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_unacked;
}

/* The first idles until it is seen that others wait; from then on each makes room at once. */
static void test_links_make_room(void **state) {
    (void)state;
    pthread_mutex_lock(&server.silence);
    submit(1);
    wait_for(&server.served, 1);
    for (uint64_t id = 2; id <= 6; id++)
        submit(id);
    for (int i = 0; i < 20000 && queued() < 5; i++) /* an answer before that would leave a link to be used again */
        usleep(1000);
    pthread_mutex_unlock(&server.silence);
    for (int i = 0; i < 6; i++)
        take_result();
    wait_for(&server.ended, 6);
    for (int i = 1; i < 5; i++)
        assert_true(server.idle_ns[i] < server.idle_ns[0] / 2);
}

/* Where a server takes no more connections, none of ours lies idle. */
static void test_refusal_ends_idle_links(void **state) {
    (void)state;
    struct xcs_addr closed = server.addr;
    closed.u.in.sin_port = htons(1); /* nobody listens there */
    submit(1);
    take_result();
    submit_to(2, &closed);
    assert_true(is_refused(0));
    wait_for(&server.ended, 1);
    submit(3);
    take_result();
    wait_for(&server.ended, 2);
    assert_true(server.idle_ns[0] < 500 * MS && server.idle_ns[1] < 500 * MS);
}

static void wait_for_served(uint64_t id, enum dispatch_served expected) {
    for (int i = 0; i < 20000 && dispatch_served(dispatcher, id) != expected; i++)
        usleep(1000);
    assert_int_equal(dispatch_served(dispatcher, id), expected);
}

static void test_calls_that_nobody_took(void **state) {
    (void)state;
    server.dumb = true;
    submit(1);
    wait_for(&server.served, 1);
    submit(2);
    assert_int_equal(dispatch_served(dispatcher, 2), DISPATCH_SENT); /* for all that is known */
    wait_for_served(2, DISPATCH_UNSERVED);
    assert_int_equal(dispatch_served(dispatcher, 1), DISPATCH_SENT);
    dispatch_cancel(dispatcher, 1);
    wait_for_served(2, DISPATCH_SENT);
    dispatch_cancel(dispatcher, 2);
    assert_int_equal(dispatch_served(dispatcher, 2), DISPATCH_SENT);
}

/* A call of libcurl's own to the server, which sends it on to the other address first. */
static void submit_redirected(uint64_t id, const char *to) {
    char url[80];
    const char *const headers[] = {url, "xcs-52: =1"}; /* CURLOPT_URL, CURLOPT_FOLLOWLOCATION */
    struct dispatch_call call = {
        .id = id, .method = "POST", .target = "/v1/chat/completions", .headers = headers, .nheaders = 2, .body = "{}"};
    unsigned port = ntohs(server.addr.u.in.sin_port);
    call.body_len = 2;
    call.addr.len = sizeof(call.addr.u.in6);
    call.addr.u.sa.sa_family = XCS_AF_CALL;
    snprintf(url, sizeof(url), "xcs-10002: =http://127.0.0.1:%u/v1/chat/completions", port);
    snprintf(server.redirect, sizeof(server.redirect),
             "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation: http://%s:%u/else\r\n\r\n", to, port);
    assert_true(dispatch_submit(dispatcher, &call));
}

static void test_redirect_goes_the_same_way(void **state) {
    (void)state;
    struct xcs_addr closed = server.addr;
    closed.u.in.sin_port = htons(1);
    submit_to(1, &closed);
    assert_true(is_refused(0));
    submit_redirected(2, "127.0.0.1");
    take_result();
    assert_int_equal(count(&server.served), 1);
}

/* The link that it leaves keeps the place that it waits for. */
static void test_redirect_leaves_its_link(void **state) {
    (void)state;
    submit_redirected(1, "127.0.0.2");
    take_result();
    assert_int_equal(count(&server.served), 2);
}

/* openssl's server, with a key of its own in that directory; what it says goes through the two pipes. */
static pid_t tls_server(const char *directory, const struct xcs_addr *addr, int *to, int *from) {
    char command[512], port[8], *const argv[] = {"openssl", "s_server", "-quiet", "-accept", port,
                                                 "-cert",   "cert",     "-key",   "key",     NULL};
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    snprintf(command, sizeof(command),
             "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=localhost "
             "2>/dev/null && openssl pkey -in key -pubout -outform der -out public",
             directory);
    snprintf(port, sizeof(port), "%u", ntohs(addr->u.in.sin_port));
    assert_int_equal(system(command), 0); // NOLINT(bugprone-command-processor): a test's own
    assert_true(pipe(in) == 0 && pipe(out) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(2);
        close(in[1]);
        if (chdir(directory) == 0)
            execvp(argv[0], argv);
        _exit(1);
    }
    close(in[0]);
    close(out[1]);
    *to = in[1];
    *from = out[0];
    return pid;
}

static void wait_for_listener(const struct xcs_addr *addr) {
    int connected = -1;
    for (int i = 0; i < 1000 && connected != 0; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connected = connect(fd, &addr->u.sa, addr->len);
        close(fd);
        usleep(10000);
    }
    assert_int_equal(connected, 0);
}

/* A TLS server that takes its time is known to have the call, be it on a link that was there before. */
static void test_handshake_counts_for_later_calls(void **state) {
    (void)state;
    static const char *const headers[] = {"Host: localhost", "Content-Length: 2"};
    char directory[] = "/tmp/test_link.XXXXXX", key[64], request[4096];
    struct xcs_addr addr = server.addr;
    socklen_t len = sizeof(addr.u.in);
    int to, from, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    addr.u.in.sin_port = 0;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), 0);
    assert_true(bind(fd, &addr.u.sa, len) == 0 && getsockname(fd, &addr.u.sa, &len) == 0);
    assert_non_null(mkdtemp(directory));
    snprintf(key, sizeof(key), "%s/public", directory);
    pid_t pid = tls_server(directory, &addr, &to, &from);
    wait_for_listener(&addr);
    struct dispatch_call call = {.id = 1,
                                 .addr = addr,
                                 .method = "POST",
                                 .target = "/v1/chat/completions",
                                 .headers = headers,
                                 .nheaders = 2,
                                 .body = "{}",
                                 .body_len = 2,
                                 .tls_name = "localhost",
                                 .tls_key = key};
    assert_true(dispatch_submit(dispatcher, &call));
    assert_true(read(from, request, sizeof(request)) > 0);
    assert_true(write(to, answer, sizeof(answer) - 1) > 0);
    take_result();
    call.id = 2;
    assert_true(dispatch_submit(dispatcher, &call));
    wait_for_served(2, DISPATCH_SERVED);
    dispatch_cancel(dispatcher, 2);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(to);
    close(from);
    close(fd); /* it has kept the port: openssl says SO_REUSEADDR too, others do not */
    snprintf(request, sizeof(request), "rm -r %s", directory);
    assert_int_equal(system(request), 0); // NOLINT(bugprone-command-processor): a test's own
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_link_is_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_link_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_make_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusal_ends_idle_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_calls_that_nobody_took, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redirect_goes_the_same_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redirect_leaves_its_link, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handshake_counts_for_later_calls, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
