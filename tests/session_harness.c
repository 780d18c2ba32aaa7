/* See session_harness.h. */
#include "session_harness.h"

#include "../src/clock.h"
#include "../src/dispatch.h"
#include "../src/engine.h"
#include "engine_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ISSUED_MAX 1024

static const struct sock_filter filter[] = {{.code = BPF_RET | BPF_K, .k = 0x7fff0000u}};
static struct {
    uint64_t id;
    char *body, *tls_name, *tunnel;
    bool cancelled, ended;
} calls[ISSUED_MAX];
static size_t ncalls;
static uint32_t last_runner;
static char answer[1 << 20];
static struct stats before;

int main_channel;
struct xcs_addr harness_origin;
uint32_t harness_trust;
uint64_t harness_thread;
enum dispatch_served harness_served;

/* --- in place of dispatch.c and engine.c --- */

struct dispatch *engine_dispatcher(void) {
    return NULL;
}

const struct sock_filter *engine_filter(size_t *bytes) {
    *bytes = sizeof(filter);
    return filter;
}

void engine_session_ended(void) {
}

bool dispatch_submit(struct dispatch *d, const struct dispatch_call *call) {
    (void)d;
    assert_true(ncalls < ISSUED_MAX);
    calls[ncalls].id = call->id;
    calls[ncalls].body = strndup(call->body, call->body_len);
    calls[ncalls].tls_name = call->tls_name ? strdup(call->tls_name) : NULL;
    calls[ncalls].tunnel = call->tunnel ? strdup(call->tunnel) : NULL;
    assert_int_equal(call->tls_name != NULL, call->peer != 0);
    assert_int_equal(call->tls_name != NULL, call->tls_key != NULL);
    calls[ncalls].cancelled = calls[ncalls].ended = false;
    ncalls++;
    return true;
}

void dispatch_cancel(struct dispatch *d, uint64_t id) {
    (void)d;
    for (size_t i = 0; i < ncalls; i++) {
        if (calls[i].id == id)
            calls[i].cancelled = true;
    }
}

enum dispatch_served dispatch_served(struct dispatch *d, uint64_t id) {
    (void)d, (void)id;
    return harness_served;
}

void harness_settle(void) {
    engine_loop_settle();
}

void harness_pass(unsigned ms) {
    uint64_t end = clock_ns() + ms * 1000000ull;
    while (clock_ns() < end) {
        struct timespec one = {0, 1000000};
        nanosleep(&one, NULL);
        harness_settle();
    }
}

uint64_t issued(size_t i) {
    return i < ncalls ? calls[i].id : 0;
}

size_t issued_count(void) {
    return ncalls;
}

const char *issued_body(size_t i) {
    return calls[i].body;
}

const char *issued_tls_name(size_t i) {
    return calls[i].tls_name;
}

const char *issued_tunnel(size_t i) {
    return calls[i].tunnel;
}

bool cancelled(size_t i) {
    return calls[i].cancelled;
}

uint64_t harness_latency_ns;
unsigned harness_retry_after;
bool harness_refused, harness_no_tunnel;

void finish(size_t i, int status, const char *body) {
    struct dispatch_result r = {
        .id = calls[i].id, .status = status, .started_ns = 1000, .retry_after = harness_retry_after};
    r.finished_ns = r.started_ns + harness_latency_ns;
    r.refused = status == 0 && harness_refused;
    r.no_tunnel = r.refused && harness_no_tunnel;
    assert_true(i < ncalls && !calls[i].ended);
    calls[i].ended = true;
    if (calls[i].cancelled)
        return;
    if (status) {
        char text[4096];
        snprintf(text, sizeof(text), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
        r.raw = strdup(text);
        r.raw_len = strlen(text);
    }
    sessions_result(&r);
    engine_loop_settle();
}

/* --- packets --- */

static const struct xcs_addr usual_origin = {
    .len = sizeof(struct sockaddr_in),
    .u.in = {.sin_family = AF_INET, .sin_port = 0x401f, .sin_addr = {0x0100007f}},
};

static void transmit(int fd, struct xcs_msg m, const void *payload, size_t len, const int *fds, size_t nfds) {
    union {
        char buf[CMSG_SPACE(sizeof(int) * 2)];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{&m, sizeof(m)}, {(void *)(uintptr_t)payload, len}};
    struct msghdr h = {.msg_iov = iov, .msg_iovlen = 2};
    m.proto = m.proto ? m.proto : XCS_PROTO;
    m.len = m.len ? m.len : len;
    if (nfds) {
        memset(&control, 0, sizeof(control));
        h.msg_control = control.buf;
        h.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&h);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    }
    assert_true(sendmsg(fd, &h, MSG_NOSIGNAL) >= 0);
    engine_loop_settle();
}

static ssize_t receive(struct xcs_msg *m, void *payload, size_t size, int *fd) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{m, sizeof(*m)}, {payload, size}};
    struct msghdr h = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
    ssize_t r = recvmsg(main_channel, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = r > 0 ? CMSG_FIRSTHDR(&h) : NULL;
    *fd = -1;
    if (c)
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    return r;
}

/* --- main --- */

void main_tell(enum xcs_type type, uint64_t node, uint32_t arg) {
    transmit(main_channel, (struct xcs_msg){.type = (uint16_t)type, .node = node, .arg = arg}, NULL, 0, NULL, 0);
}

void main_trusts(uint32_t number, const char *name, const char *key) {
    char payload[256];
    int n = snprintf(payload, sizeof(payload), "%s%c%s", name, 0, key);
    struct xcs_msg m = {.type = XCS_TRUST, .arg = number};
    transmit(main_channel, m, payload, (size_t)n, NULL, 0);
}

void main_tunnels(uint32_t number, const char *ask, const char *answer_head) {
    char payload[1024];
    int n = snprintf(payload, sizeof(payload), "%s%c%s", ask, 0, answer_head);
    struct xcs_msg m = {.type = XCS_TUNNEL, .arg = number, .addr = harness_origin};
    transmit(main_channel, m, payload, (size_t)n, NULL, 0);
}

void main_pass(struct xcs_msg m, int fd) {
    transmit(main_channel, m, NULL, 0, &fd, 1);
}

struct verdict main_ask_raw(const void *request, size_t len) {
    struct xcs_msg m = {.type = XCS_LOOKUP, .arg = harness_trust, .node = harness_thread, .addr = harness_origin};
    char none[8];
    int fd;
    transmit(main_channel, m, request, len, NULL, 0);
    assert_int_equal(receive(&m, none, sizeof(none), &fd), sizeof(m));
    assert_int_equal(m.type, XCS_VERDICT);
    assert_int_equal(m.verdict == XCS_HIT, fd >= 0);
    return (struct verdict){(enum xcs_verdict)m.verdict, m.node, (m.flags & XCS_F_FORK) != 0, fd};
}

static size_t request_text(char *text, size_t size, const char *header, const char *prompt) {
    char body[8192];
    snprintf(body, sizeof(body), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", prompt);
    int n = snprintf(text, size, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s",
                     header, strlen(body), body);
    assert_in_range(n, 1, (int)size - 1);
    return (size_t)n;
}

struct verdict main_ask_with(const char *header, const char *prompt) {
    char text[10000];
    size_t n = request_text(text, sizeof(text), header, prompt);
    return main_ask_raw(text, n);
}

struct verdict main_ask(const char *prompt) {
    return main_ask_with("", prompt);
}

bool main_is_cut_off(void) {
    char byte;
    engine_loop_settle();
    return recv(main_channel, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

struct stats main_end(void) {
    close(main_channel);
    main_channel = -1;
    engine_loop_settle();
    assert_false(sessions_any());
    struct stats s = *sessions_total();
    unsigned long made = 0, used = 0, wasted = 0;
    for (const struct site_stats *site = s.sites; site; site = site->hh.next) {
        made += site->issued;
        used += site->used;
        wasted += site->wasted;
    }
    /* The sites add up to the whole. */
    assert_int_equal(made, s.issued);
    assert_int_equal(used, s.hits);
    assert_int_equal(wasted, s.wasted);
    s.calls -= before.calls;
    s.hits -= before.hits;
    s.misses -= before.misses;
    s.issued -= before.issued;
    s.wasted -= before.wasted;
    s.rounds -= before.rounds;
    s.run_aheads -= before.run_aheads;
    s.sites_off -= before.sites_off;
    return s;
}

size_t main_reap(int32_t *pids, size_t max, bool last) {
    struct xcs_msg m = {.type = XCS_REAP, .arg = (uint32_t)max, .flags = last ? XCS_F_LAST : 0};
    int fd;
    transmit(main_channel, m, NULL, 0, NULL, 0);
    ssize_t n = receive(&m, pids, max * sizeof(*pids), &fd);
    assert_true(n >= (ssize_t)sizeof(m));
    assert_int_equal(m.type, XCS_STATE);
    return ((size_t)n - sizeof(m)) / sizeof(*pids);
}

uint64_t main_foresees(uint32_t trust) {
    struct xcs_msg m = {.type = XCS_FORESEEN, .arg = trust};
    int fd;
    transmit(main_channel, m, NULL, 0, NULL, 0);
    assert_int_equal(receive(&m, NULL, 0, &fd), sizeof(m));
    assert_int_equal(m.type, XCS_STATE);
    return m.node;
}

ssize_t hit_read(int hit, char *text, size_t size) {
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov = {text, size - 1};
    struct msghdr h = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf, .msg_controllen = sizeof(control.buf)};
    engine_loop_settle();
    ssize_t r = recvmsg(hit, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = r > 0 ? CMSG_FIRSTHDR(&h) : NULL;
    int copy = -1;
    if (c)
        memcpy(&copy, CMSG_DATA(c), sizeof(copy));
    assert_int_equal(copy >= 0, r > 0);
    if (copy >= 0)
        close(copy);
    text[r > 0 ? r : 0] = '\0';
    return r;
}

/* --- a run-ahead --- */

void runner_tell(const struct runner *r, enum xcs_type type, const char *payload) {
    transmit(r->channel, (struct xcs_msg){.type = (uint16_t)type, .arg = harness_trust}, payload, strlen(payload), NULL,
             0);
}

/* A process that does nothing. No end of a socket is open in it when this returns. */
static pid_t start_process(void) {
    int closed[2];
    char none;
    assert_int_equal(pipe(closed), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close_range(0, ~0u, 0);
        for (;;)
            pause();
    }
    close(closed[1]);
    assert_int_equal(read(closed[0], &none, 1), 0);
    close(closed[0]);
    return pid;
}

/* A connection of its, which awaits the answer to `node` if that is not 0. */
static int connect_from(const struct runner *r, uint64_t node) {
    int conn[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn), 0);
    struct xcs_msg m = {.type = XCS_CONN, .node = node, .arg = harness_trust, .addr = harness_origin};
    transmit(r->channel, m, NULL, 0, &conn[1], 1);
    close(conn[1]);
    return conn[0];
}

/* A copy with its channel and one connection, told of by a message of that type on `teller`. */
static struct runner runner_new(int teller, enum xcs_type type, uint64_t node, uint32_t id) {
    struct runner r = {.id = id};
    int channel[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    r.pid = start_process();
    int fds[2] = {channel[1], (int)syscall(SYS_pidfd_open, r.pid, 0)};
    uint32_t arg = type == XCS_KEPT ? (uint32_t)r.pid : id;
    assert_true(fds[1] >= 0);
    transmit(teller, (struct xcs_msg){.type = (uint16_t)type, .node = node, .arg = arg}, NULL, 0, fds, 2);
    r.channel = channel[0];
    r.conn = connect_from(&r, node);
    close(fds[0]);
    close(fds[1]);
    return r;
}

void runner_dials(struct runner *r) {
    int conn[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn), 0);
    close(r->conn);
    r->conn = conn[0];
    transmit(r->channel, (struct xcs_msg){.type = XCS_CONN, .addr = harness_origin}, NULL, 0, &conn[1], 1);
    close(conn[1]);
}

struct runner runner_fork(uint64_t node) {
    return runner_new(main_channel, XCS_AHEAD, node, ++last_runner);
}

struct runner runner_beside(const struct runner *r) {
    struct runner other = *r;
    other.conn = connect_from(r, 0);
    return other;
}

uint64_t runner_asked(const struct runner *r) {
    struct xcs_msg m;
    engine_loop_settle();
    if (recv(r->channel, &m, sizeof(m), MSG_DONTWAIT) != sizeof(m))
        return 0;
    assert_int_equal(m.type, XCS_KEEP);
    return m.node;
}

struct runner runner_keep(const struct runner *r, uint64_t node) {
    return runner_new(r->channel, XCS_KEPT, node, 0);
}

void runner_send(const struct runner *r, const char *bytes) {
    size_t len = strlen(bytes);
    assert_int_equal(send(r->conn, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    engine_loop_settle();
}

void runner_ask(const struct runner *r, const char *prompt) {
    char text[10000];
    request_text(text, sizeof(text), "", prompt);
    runner_send(r, text);
}

void runner_guess(const struct runner *r, const char *format, ...) {
    char prompt[200];
    va_list more;
    va_start(more, format);
    vsnprintf(prompt, sizeof(prompt), format, more);
    va_end(more);
    runner_ask(r, prompt);
    assert_non_null(runner_answer(r));
}

const char *runner_answer(const struct runner *r) {
    engine_loop_settle();
    ssize_t n = recv(r->conn, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    answer[n > 0 ? n : 0] = '\0';
    return n > 0 ? answer : NULL;
}

const char *runner_text(void) {
    static char text[64];
    const char *p = strstr(answer, "\"content\":\"");
    assert_non_null(p);
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(p + 11, "\""), p + 11);
    return text;
}

bool runner_is_dead(const struct runner *r) {
    siginfo_t info = {0};
    usleep(20000);
    waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid == r->pid && info.si_status == SIGKILL;
}

void runner_free(struct runner *r) {
    close(r->channel);
    close(r->conn);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    engine_loop_settle();
}

/* --- setup and teardown --- */

int session_setup(void **state) {
    struct xcs_msg m = {.type = XCS_HELLO, .node = 1};
    int pair[2], fd;
    char payload[256];
    (void)state;
    if (!engine_loop_open() || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    before = *sessions_total();
    harness_origin = usual_origin;
    harness_trust = 0;
    harness_thread = 1;
    harness_latency_ns = 1000;
    harness_retry_after = 0;
    harness_refused = harness_no_tunnel = false;
    main_channel = pair[0];
    session_open(pair[1]);
    transmit(main_channel, m, NULL, 0, NULL, 0);
    assert_int_equal(receive(&m, payload, sizeof(payload), &fd), sizeof(m) + sizeof(filter));
    assert_int_equal(m.type, XCS_WELCOME);
    assert_memory_equal(payload, filter, sizeof(filter));
    return 0;
}

int session_teardown(void **state) {
    (void)state;
    if (main_channel >= 0)
        close(main_channel);
    engine_loop_settle();
    engine_loop_close();
    for (size_t i = 0; i < ncalls; i++) {
        free(calls[i].body);
        free(calls[i].tls_name);
        free(calls[i].tunnel);
    }
    ncalls = 0;
    return sessions_any();
}

/* --- calls --- */

/* Main's first call: a MISS from which a run-ahead is forked, which has read its placeholder. */
struct runner start(uint64_t *node) {
    struct verdict v = main_ask("first");
    assert_int_equal(v.kind, XCS_MISS);
    assert_true(v.fork);
    struct runner r = runner_fork(v.node);
    assert_non_null(runner_answer(&r));
    *node = v.node;
    return r;
}

void check_miss(const char *prompt, bool fork) {
    struct verdict v = main_ask(prompt);
    assert_int_equal(v.kind, XCS_MISS);
    assert_int_equal(v.fork, fork);
    main_tell(XCS_ANSWERED, v.node, 0);
}

void check_hit_text(int hit, const char *body) {
    char text[4096];
    assert_true(hit_read(hit, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, body));
    close(hit);
}

int ask_hit(const char *prompt) {
    struct verdict v = main_ask(prompt);
    assert_int_equal(v.kind, XCS_HIT);
    assert_false(v.fork);
    return v.hit;
}
