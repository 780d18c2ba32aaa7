/*
 * The test model server: a server on 127.0.0.1 that speaks like OpenAI and others, whose answers are a function of the request, with the
 * latency, the sizes and the failures that a test asks for. The tests and the benchmark run it as a program of its own.
 *
 * One network thread (libmicrohttpd, epoll) and one timer thread: a request that waits is a suspended connection, not a
 * thread, so that thousands can wait at once. All request state belongs to the network thread; the timer thread only
 * resumes connections.
 */
#include "model_answer.h"
#include "model_log.h"
#include "model_timer.h"
#include "sha256.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uthash.h>

#define BODY_MAX (256u * 1024u * 1024u)
#define SLICE (64u * 1024u) /* most that is handed to the network library at once */

struct client {
    uint64_t id;
    unsigned long served;
};

struct request {
    struct MHD_Connection *connection;
    struct client *client;
    char *target;
    char *body;
    size_t room;
    struct log_entry entry;
    struct behaviour how;
    unsigned occurrence;
    char hash[SHA256_HEX];
    bool seen, waited;
};

/* An answer on its way; owned by the library's response object. */
struct delivery {
    struct MHD_Connection *connection;
    struct answer answer;
    size_t next_pause;
    size_t end; /* where a drop cuts it, or the answer's length */
    bool reset;
};

/* How often a request has been seen, by its hash. */
struct seen {
    char hash[SHA256_HEX];
    unsigned count;
    UT_hash_handle hh;
};

static struct behaviour common;
static unsigned long max_requests, max_concurrent;
static struct seen *seen_requests;
static uint64_t next_seq, next_client;
static unsigned in_flight;

static void die(const char *what) {
    fprintf(stderr, "model_server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *must(void *p) {
    if (!p)
        die("memory");
    return p;
}

/* ---- delivering ---- */

static void suspend(void *connection) {
    MHD_suspend_connection(connection);
}

static void resume(void *connection) {
    MHD_resume_connection(connection);
}

/* Has the connection wait. False (when the server is ending): it does not. */
static bool wait_ms(struct MHD_Connection *connection, long ms) {
    return ms > 0 && timers_add((uint64_t)ms * 1000u, suspend, connection);
}

static void delivery_free(void *cls) {
    struct delivery *d = cls;
    free(d->answer.body);
    free(d->answer.pauses);
    free(d);
}

static void set_linger_reset(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (info)
        setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static ssize_t deliver(void *cls, uint64_t pos, char *buf, size_t room) {
    struct delivery *d = cls;
    const struct answer *a = &d->answer;
    if (d->next_pause < a->npauses && a->pauses[d->next_pause] == pos) {
        d->next_pause++;
        if (wait_ms(d->connection, a->gap_ms))
            return 0;
    }
    if (pos >= d->end) {
        if (d->end == a->len)
            return MHD_CONTENT_READER_END_OF_STREAM;
        if (d->reset)
            set_linger_reset(d->connection);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    size_t upto = d->next_pause < a->npauses && a->pauses[d->next_pause] < d->end ? a->pauses[d->next_pause] : d->end;
    size_t n = upto - pos < room ? upto - pos : room;
    memcpy(buf, a->body + pos, n);
    return (ssize_t)n;
}

/* The response object for an answer, which it takes over. */
static struct MHD_Response *response_for(struct request *req, struct answer *a) {
    const struct behaviour *how = &req->how;
    long cut = how->reset >= 0 ? how->reset : how->drop;
    if (how->slow_body_ms > 0 && !a->pauses) {
        a->pauses = must(calloc(1, sizeof *a->pauses));
        a->npauses = 1;
        a->gap_ms = how->slow_body_ms;
    }
    bool plain = cut < 0 && !a->pauses && !how->chunked;
    if (plain)
        return MHD_create_response_from_buffer(a->len, a->body, MHD_RESPMEM_MUST_FREE);
    struct delivery *d = must(calloc(1, sizeof *d));
    d->connection = req->connection;
    d->answer = *a;
    d->end = cut >= 0 && (size_t)cut < a->len ? (size_t)cut : a->len;
    d->reset = how->reset >= 0;
    bool chunked = how->chunked || a->chunked;
    return MHD_create_response_from_callback(chunked ? MHD_SIZE_UNKNOWN : a->len, SLICE, deliver, d, delivery_free);
}

static struct request_view view_of(const struct request *req) {
    return (struct request_view){req->entry.method,   req->target, req->body,
                                 req->entry.body_len, req->hash,   req->occurrence};
}

static enum MHD_Result queue_answer(struct request *req) {
    struct request_view view = view_of(req);
    struct answer a;
    req->client->served++;
    if (req->how.hangup)
        return MHD_NO;
    if (max_concurrent && req->entry.concurrent > max_concurrent)
        req->how.status = 429;
    answer_make(&view, &req->how, &a);
    int status = a.status;
    struct MHD_Response *response = must(response_for(req, &a));
    char number[32];
    MHD_add_response_header(response, "Content-Type", a.type);
    snprintf(number, sizeof number, "req-%.16s", req->hash);
    MHD_add_response_header(response, "x-request-id", number);
    if (status == 429 || status == 503) {
        snprintf(number, sizeof number, "%ld", req->how.retry_after);
        MHD_add_response_header(response, "Retry-After", number);
    }
    if (req->how.close || (max_requests && req->client->served >= max_requests))
        MHD_add_response_header(response, "Connection", "close");
    req->entry.status = status;
    req->entry.answer_us = now_us();
    enum MHD_Result queued = MHD_queue_response(req->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- receiving ---- */

static void *on_request_line(void *cls, const char *uri, struct MHD_Connection *connection) {
    (void)cls;
    struct request *req = must(calloc(1, sizeof *req));
    req->connection = connection;
    req->target = must(strdup(uri));
    req->entry.seq = ++next_seq;
    req->entry.start_us = now_us();
    req->entry.concurrent = ++in_flight;
    return req;
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    log_header(cls, name, value ? value : "");
    return MHD_YES;
}

static void note_head(struct request *req, const char *method) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    req->client = info->socket_context;
    req->entry.connection = req->client->id;
    req->entry.method = method;
    req->entry.target = req->target;
    req->entry.headers = must(json_array());
    MHD_get_connection_values(req->connection, MHD_HEADER_KIND, on_header, req->entry.headers);
    req->seen = true;
}

static bool append_body(struct request *req, const char *data, size_t n) {
    size_t len = req->entry.body_len;
    if (n > BODY_MAX - len)
        return false;
    if (len + n + 1 > req->room) {
        req->room = (len + n + 1) * 2;
        req->body = must(realloc(req->body, req->room));
    }
    if (n > 0)
        memcpy(req->body + len, data, n);
    req->body[len + n] = '\0';
    req->entry.body_len = len + n;
    req->entry.body = req->body;
    return true;
}

/* The request is complete: name it by its content and see what is to be done with it. */
static void consider(struct request *req) {
    char body_hash[SHA256_HEX];
    char *all = NULL;
    append_body(req, "", 0);
    sha256_hex(req->body, req->entry.body_len, body_hash);
    int n = asprintf(&all, "%s %s %s", req->entry.method, req->target, body_hash);
    if (n < 0)
        die("memory");
    sha256_hex(all, (size_t)n, req->hash);
    free(all);
    struct seen *seen;
    HASH_FIND_STR(seen_requests, req->hash, seen);
    if (!seen) {
        seen = must(calloc(1, sizeof *seen));
        memcpy(seen->hash, req->hash, sizeof seen->hash);
        HASH_ADD_STR(seen_requests, hash, seen);
    }
    req->occurrence = ++seen->count;
    req->how = common;
    behaviour_from_body(&req->how, req->body, req->entry.body_len);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **state) {
    struct request *req = *state;
    (void)cls;
    (void)url;
    (void)version;
    if (!req->seen) {
        note_head(req, method);
        return MHD_YES;
    }
    if (*data_len > 0) {
        bool fits = append_body(req, data, *data_len);
        *data_len = 0;
        return fits ? MHD_YES : MHD_NO;
    }
    if (!req->waited) {
        req->waited = true;
        consider(req);
        struct request_view view = view_of(req);
        if (wait_ms(connection, req->how.latency_ms / (answer_streams(&view) ? 2 : 1)))
            return MHD_YES;
    }
    return queue_answer(req);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why) {
    struct request *req = *state;
    (void)cls;
    (void)connection;
    if (!req)
        return;
    in_flight--;
    req->entry.end_us = now_us();
    req->entry.whole = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    if (req->seen)
        log_write(&req->entry);
    json_decref(req->entry.headers);
    free(req->target);
    free(req->body);
    free(req);
    *state = NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what) {
    (void)cls;
    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct client *client = must(calloc(1, sizeof *client));
        client->id = ++next_client;
        *state = client;
    } else {
        free(*state);
        *state = NULL;
    }
}

/* ---- starting and ending ---- */

static void usage(int status) {
    printf("usage: model_server [--port N] [--port-file FILE] [--log FILE] [--keepalive-timeout S]\n"
           "                    [--max-requests N (per connection)] [--max-concurrent N (429 above it)]\n"
           "                    [--max-connections N (others wait to be accepted)]\n"
           "and for all requests, or as [[name=N]] in the body of one:\n");
    behaviour_usage();
    exit(status);
}

struct settings {
    unsigned short port;
    unsigned keepalive;
    unsigned connections; /* served at a time: others wait in the backlog */
    const char *port_file;
    const char *log;
};

/* The value of "--name=value" or "--name value"; null when the argument is another. */
static const char *option(char **argv, int *i, const char *name) {
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0)
        return NULL;
    if (argv[*i][n] == '=')
        return argv[*i] + n + 1;
    return argv[*i][n] == '\0' && argv[*i + 1] ? argv[++*i] : NULL;
}

static bool behaviour_option(char **argv, int *i) {
    if (strncmp(argv[*i], "--", 2) != 0)
        return false;
    const char *name = argv[*i] + 2;
    size_t n = strcspn(name, "=");
    const char *value = name[n] == '=' ? name + n + 1 : NULL;
    if (!value && argv[*i + 1] && argv[*i + 1][0] != '-')
        value = argv[++*i];
    return behaviour_set(&common, name, n, value);
}

static void read_options(char **argv, struct settings *s) {
    common = behaviour_default;
    for (int i = 1; argv[i]; i++) {
        const char *v;
        if ((v = option(argv, &i, "--port")))
            s->port = (unsigned short)strtoul(v, NULL, 10);
        else if ((v = option(argv, &i, "--port-file")))
            s->port_file = v;
        else if ((v = option(argv, &i, "--log")))
            s->log = v;
        else if ((v = option(argv, &i, "--keepalive-timeout")))
            s->keepalive = (unsigned)strtoul(v, NULL, 10);
        else if ((v = option(argv, &i, "--max-connections")))
            s->connections = (unsigned)strtoul(v, NULL, 10);
        else if ((v = option(argv, &i, "--max-requests")))
            max_requests = strtoul(v, NULL, 10);
        else if ((v = option(argv, &i, "--max-concurrent")))
            max_concurrent = strtoul(v, NULL, 10);
        else if (strcmp(argv[i], "--help") == 0)
            usage(0);
        else if (!behaviour_option(argv, &i))
            usage(2);
    }
}

static struct MHD_Daemon *start(const struct settings *s) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(s->port)};
    struct rlimit files;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    return MHD_start_daemon(flags, s->port, NULL, NULL, on_request, NULL, MHD_OPTION_SOCK_ADDR, &here,
                            MHD_OPTION_CONNECTION_LIMIT, s->connections, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u,
                            MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_CONNECTION_TIMEOUT, s->keepalive,
                            MHD_OPTION_URI_LOG_CALLBACK, on_request_line, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL, MHD_OPTION_END);
}

/* Whole or not at all: who waits for the file must not read half of it. */
static void write_port_file(const char *path, unsigned port) {
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.tmp", path) < 0)
        die("memory");
    FILE *f = fopen(temporary, "we");
    if (!f || fprintf(f, "%u\n", port) < 0 || fclose(f) != 0 || rename(temporary, path) != 0)
        die(path);
    free(temporary);
}

int main(int argc, char **argv) {
    (void)argc;
    struct settings s = {.connections = 16000};
    read_options(argv, &s);
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!log_open(s.log))
        die(s.log);
    timers_start(resume);
    struct MHD_Daemon *daemon = start(&s);
    if (!daemon)
        die("cannot listen");
    unsigned port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    printf("listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    if (s.port_file)
        write_port_file(s.port_file, port);
    int sig;
    sigwait(&ends, &sig);
    timers_stop();
    MHD_stop_daemon(daemon);
    struct seen *seen;
    struct seen *next;
    HASH_ITER(hh, seen_requests, seen, next) {
        HASH_DEL(seen_requests, seen);
        free(seen);
    }
    return 0;
}
