/*
 * See ahead.h. A run-ahead is not trusted more than the network: its bytes are parsed with the same bounds, and what it
 * tells of itself only ends it or makes it slower.
 */
#include "ahead.h"
#include "../shim/curl_call.h"
#include "clock.h"
#include "curl_frames.h"
#include "engine.h"
#include "keep.h"
#include "session_impl.h"
#include "trace.h"
#include <errno.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utlist.h>

/* The first piece of an answer: smaller than what any client reads at first, so that its being read shows (unread_on). */
#define FIRST_PIECE 128

/* A larger placeholder is made anew if it is ever needed again: a window of them would fill the memory. */
#define PLACEHOLDER_KEPT (64 * 1024)

struct ahead_conn {
    struct source source;
    struct ahead *ahead;
    struct xcs_addr addr;
    struct intake *intake;
    const struct trust *way; /* the peer on it, or one at the end of its tunnel; NULL: neither is known */
    bool begun;              /* something was said on it */
    bool asked;              /* by this run-ahead; main's request may have gone out through another descriptor */
    struct node *waiting;    /* its request waits for room in the window */
    struct buf out;
    size_t written;
    int unread; /* what lay there of the answer when it had been written and none of it been read (unread_on); 0: some has been read */
    bool close_after;
    struct ahead_conn *prev, *next;
};

static void conn_end(struct ahead_conn *c) {
    DL_DELETE(c->ahead->conns, c);
    source_end(&c->source);
    intake_free(c->intake);
    buf_free(&c->out);
    loop_free_later(c);
}

static void leave(struct ahead *a, struct node *n) {
    if (a->forked_at == n)
        a->forked_at = NULL;
    if (a->cursor == n)
        a->cursor = n == a->session->graph.pending ? NULL : n->prev;
}

void aheads_forget(struct session *s, struct node *n) {
    struct ahead *k;
    struct ahead_conn *c;
    DL_FOREACH(s->kept, k) leave(k, n);
    if (!s->ahead)
        return;
    leave(s->ahead, n);
    DL_FOREACH(s->ahead->conns, c) if (c->waiting == n) c->waiting = NULL;
}

bool ahead_waits(const struct ahead *a, const struct node *n) {
    const struct ahead_conn *c;
    DL_FOREACH(a->conns, c) if (c->waiting == n) return true;
    return false;
}

static void judge(struct ahead *a) {
    struct session *s = a->session;
    if (a->superseded || a->issued > 0 || a->is_kept)
        return;
    if (decide_found_nothing(a->site)) {
        session_debug(s, "site %016llx decided against: %s", (unsigned long long)a->site->id, a->site->off);
        trace_event(s->number, "decided against", a->site->id, a->site->off);
        s->stats.sites_off++;
    }
}

/* Continuations that it has left and that nobody has heard of yet. */
static void refuse_kept(struct ahead *a) {
    struct packet p;
    while (!a->is_kept && wire_receive(a->channel.fd, &p) == WIRE_PACKET) {
        if (p.msg.type == XCS_KEPT)
            keep_open(a, &p);
        packet_end(&p);
    }
}

void ahead_kill(int pidfd) {
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

void ahead_close(struct ahead *a, const char *why) {
    struct session *s = a->session;
    if (a->closed)
        return; /* in a step that its caller could not see */
    struct ahead_conn *c, *next;
    const char *what = a->is_kept ? "continuation" : "run-ahead";
    a->closed = true;
    session_debug(s, "%s %u ended after %u calls, %u issued: %s", what, a->id, a->calls, a->issued, why);
    trace_event(s->number, a->is_kept ? "continuation ended" : "run-ahead ended", a->id, why);
    if (a->process.active)
        ahead_kill(a->process.fd);
    DL_FOREACH_SAFE(a->conns, c, next)
    conn_end(c);
    refuse_kept(a);
    source_end(&a->channel);
    source_end(&a->process);
    if (a->is_kept)
        keep_ended(a);
    else
        s->ahead = NULL;
    judge(a);
    loop_free_later(a);
}

void ahead_supersede(struct session *s, const char *why) {
    if (!s->ahead)
        return;
    s->ahead->superseded = true;
    ahead_close(s->ahead, why);
}

/* --- answers --- */

/* In the kernel's measure (SIOCOUTQ of unix(7)): a piece counts until the whole of it has been read. */
static int unread_on(const struct ahead_conn *c) {
    int n = 0;
    return ioctl(c->source.fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

/* The first piece and the rest in one call: whom the one wakes finds the other too. */
static ssize_t send_out(const struct ahead_conn *c) {
    char *p = c->out.p + c->written;
    size_t n = c->out.len - c->written, first = c->written == 0 && n > FIRST_PIECE ? FIRST_PIECE : n;
    struct iovec parts[2] = {{p, first}, {p + first, n - first}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &parts[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &parts[1], .msg_iovlen = 1}}};
    int sent = sendmmsg(c->source.fd, m, first < n ? 2 : 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? -1 : (ssize_t)m[0].msg_len + (sent > 1 ? (ssize_t)m[1].msg_len : 0);
}

static void write_on(struct ahead_conn *c) {
    while (c->written < c->out.len) {
        ssize_t r = send_out(c);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0 && errno == EAGAIN) {
            source_events(&c->source, EPOLLIN | EPOLLOUT);
            return;
        }
        if (r <= 0)
            return; /* the run-ahead closed it: its end shows as EPOLLHUP */
        c->written += (size_t)r;
    }
    c->out.len = c->written = 0;
    source_events(&c->source, EPOLLIN);
    if (c->close_after)
        shutdown(c->source.fd, SHUT_WR);
}

void ahead_answer_on(struct ahead_conn *c, struct node *n) {
    struct graph *g = &c->ahead->session->graph;
    c->waiting = NULL;
    c->close_after = !n->request->keep_alive || (n->state == NODE_DONE && n->closes);
    if (n->state == NODE_DONE && n->raw) {
        buf_add(&c->out, n->raw, n->raw_len);
        c->ahead->guessed = false;
    } else {
        keep_ask(c->ahead, n);
        /* Past a call that was left out of a guess there is no guess any more. */
        c->ahead->guessed = n->site->branches && n->state != NODE_LEFT;
        const struct buf *b = graph_placeholder(g, n);
        if (!b) {
            ahead_close(c->ahead, "a placeholder would be too large");
            return;
        }
        if (xcs_is_call(&n->addr))
            curl_frames_from_response(&c->out, b->p, b->len, n->request);
        else
            buf_add(&c->out, b->p, b->len);
        if (b->len > PLACEHOLDER_KEPT)
            buf_free(&n->placeholder);
    }
    write_on(c);
    c->unread = unread_on(c);
}

void ahead_wait_on(struct ahead_conn *c, struct node *n) {
    c->waiting = n;
}

void ahead_answer(struct ahead *a, struct node *n) {
    struct ahead_conn *c;
    DL_FOREACH(a->conns, c) {
        if (c->waiting == n) {
            ahead_answer_on(c, n);
            return;
        }
    }
}

/* --- requests --- */

/* The first equal pending call that this run-ahead has not walked over. */
static struct node *adopt(struct ahead *a, const struct xcs_addr *addr, uint32_t trust, const struct request *r) {
    uint64_t hash = request_hash(addr, r);
    struct node *n;
    DL_FOREACH(a->session->graph.pending, n) {
        if (n->hash == hash && n->trust == trust && n->seen_by != a->id && n->state != NODE_DEPENDENT &&
            request_same(&n->addr, n->request, addr, r, NULL, 0))
            return n;
    }
    return NULL;
}

struct node *ahead_new_node(struct ahead *a, const struct xcs_addr *addr, uint32_t trust, struct request *r,
                            struct call call) {
    struct session *s = a->session;
    struct node *n = graph_add(&s->graph, session_next_id(), addr, r, call);
    n->site = session_site(s, n->request, &n->call);
    n->origin = session_origin(s, addr, trust);
    n->trust = trust;
    n->doubtful = a->random;
    n->forked_at = a->site;
    n->state = graph_link(&s->graph, n) ? NODE_DEPENDENT : NODE_READY;
    const char *against = decide_against_call(&s->decisions, n->site, n->doubtful, a->guessed);
    if (n->state == NODE_READY && against) {
        session_debug(s, "call %llu left to the program: %s", (unsigned long long)n->id, against);
        n->state = NODE_LEFT;
    }
    n->asked_ns = clock_ns();
    graph_pend(&s->graph, n, a->cursor);
    return n;
}

/*
 * Has it asked on another connection and read nothing of the answer? Then several calls of the program's will be under way at once, in an
 * order that is main's own. An answer that is given up in its middle is none of that: a stream of which the program has enough.
 */
static bool is_concurrent(const struct ahead_conn *c) {
    const struct ahead_conn *other;
    DL_FOREACH(c->ahead->conns, other) {
        if (other != c && other->asked && (other->waiting || (other->unread > 0 && unread_on(other) >= other->unread)))
            return true;
    }
    return false;
}

/* A model call of the run-ahead. */
static void model_call(struct ahead_conn *c, struct request *r, struct call call) {
    struct ahead *a = c->ahead;
    struct session *s = a->session;
    uint32_t trust = a->trust;
    a->trust = 0;
    const struct trust *peer = session_trust(s, trust);
    if ((trust && !peer) || !trust_same_tunnel(c->way, peer)) {
        request_free(r);
        json_decref(call.body);
        ahead_close(a, trust && !peer ? "a TLS peer that is not known"
                                      : "a TLS peer that is not at the end of that tunnel");
        return;
    }
    if (is_concurrent(c)) {
        request_free(r);
        json_decref(call.body);
        session_is_concurrent(s, NULL);
        return;
    }
    a->calls++;
    c->asked = true;
    if (a->is_kept) {
        keep_call(a, c, &c->addr, trust, r, call);
        return;
    }
    struct node *n = adopt(a, &c->addr, trust, r);
    if (n) {
        request_free(r);
        json_decref(call.body);
        /* Left out of a guess, and now it is none. */
        if (n->state == NODE_LEFT && !decide_against_call(&s->decisions, n->site, n->doubtful, a->guessed))
            n->state = NODE_READY;
    } else {
        n = ahead_new_node(a, &c->addr, trust, r, call);
    }
    a->random = false;
    a->cursor = n;
    a->seen_last = n->id;
    n->seen_by = a->id;
    a->dependents = n->state == NODE_DEPENDENT ? a->dependents + 1 : 0;
    if (a->dependents > WINDOW) {
        ahead_close(a, "nothing but calls that wait for answers");
        return;
    }
    if (n->state == NODE_DEPENDENT) {
        session_debug(s, "call %llu waits for the answer of an earlier one", (unsigned long long)n->id);
        trace_node(s->number, "dependent", n, NULL);
        keep_dependent(s, n);
    }
    if (n->state == NODE_READY) {
        c->waiting = n;
        session_pump(s);
        return;
    }
    ahead_answer_on(c, n);
}

static void on_request(struct ahead_conn *c, struct request *r) {
    char why[128];
    const char *reason = NULL;
    struct call call;
    if (detect(&c->addr, r, &call, &reason)) {
        model_call(c, r, call);
        return;
    }
    snprintf(why, sizeof why, "%.16s %.64s: %s", r->method, r->target, reason);
    why[strcspn(why, "?")] = '\0'; /* a query may hold a key */
    request_free(r);
    ahead_close(c->ahead, why);
}

/* The proxy's answer is the one that main was given. */
static void on_connect(struct ahead_conn *c, const char *bytes, size_t n) {
    const struct session *s = c->ahead->session;
    c->way = trust_asked(s->trusts, TRUSTS, &c->addr, bytes, n);
    if (!c->way) {
        ahead_close(c->ahead, "a tunnel that a proxy has not made for the program");
        return;
    }
    buf_add(&c->out, c->way->answer, strlen(c->way->answer));
    write_on(c);
}

static bool drain_channel(struct ahead *a);

static void conn_ready(struct source *src, uint32_t events) {
    struct ahead_conn *c = (struct ahead_conn *)src;
    char bytes[65536];
    if (events & EPOLLOUT) {
        c->unread = 0;
        write_on(c);
    }
    /* What it said of itself before it sent these bytes comes first. */
    if (!drain_channel(c->ahead) || !src->active)
        return;
    ssize_t n = recv(src->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_end(c);
        return;
    }
    bool first = !c->begun;
    c->begun = true;
    if (first && (size_t)n >= strlen("CONNECT ") && memcmp(bytes, "CONNECT ", strlen("CONNECT ")) == 0) {
        on_connect(c, bytes, (size_t)n);
        return;
    }
    struct request *r;
    enum intake_result result = c->waiting ? INTAKE_BAD : intake_feed(c->intake, bytes, (size_t)n, &r);
    if (result == INTAKE_REQUEST)
        on_request(c, r);
    else if (result == INTAKE_BAD)
        ahead_close(c->ahead, "bytes that are no HTTP request, or more than one");
}

static bool is_stream_socket(int fd) {
    int domain = 0, type = 0;
    socklen_t len = sizeof domain;
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static void conn_open(struct ahead *a, struct packet *p) {
    struct ahead_conn *c = xcalloc(1, sizeof *c);
    c->ahead = a;
    c->addr = p->msg.addr;
    c->way = session_trust(a->session, p->msg.arg);
    if (c->way && c->way->ask && !addr_same(&c->way->proxy, &c->addr))
        c->way = NULL;
    c->begun = c->way || p->msg.node;
    if (!is_stream_socket(p->fds[0]) || !source_add(&c->source, p->fds[0], EPOLLIN, conn_ready)) {
        free(c);
        return;
    }
    p->fds[0] = -1;
    c->intake = intake_new();
    DL_APPEND(a->conns, c);
    if (p->msg.node && a->is_kept)
        keep_begin(a, c, p->msg.node);
    else if (p->msg.node && a->forked_at && a->forked_at->id == p->msg.node)
        ahead_answer_on(c, a->forked_at);
}

/* False when the run-ahead is gone. */
static bool drain_channel(struct ahead *a) {
    struct packet p;
    enum wire_result r;
    while ((r = wire_receive(a->channel.fd, &p)) == WIRE_PACKET) {
        char why[80];
        int n = (int)strnlen(p.payload, sizeof why - 1);
        memcpy(why, p.payload, (size_t)n);
        why[n] = '\0';
        if (p.msg.type == XCS_CONN)
            conn_open(a, &p);
        else if (p.msg.type == XCS_RANDOM)
            a->random = true;
        else if (p.msg.type == XCS_KEPT)
            keep_open(a, &p);
        else if (p.msg.type == XCS_TRUST)
            a->trust = p.msg.arg;
        packet_end(&p);
        if (p.msg.type == XCS_BARRIER) {
            ahead_close(a, why);
            return false;
        }
    }
    if (r == WIRE_END) {
        ahead_close(a, "end of the program");
        return false;
    }
    return true;
}

static void channel_ready(struct source *src, uint32_t events) {
    struct ahead *a = (struct ahead *)((char *)src - offsetof(struct ahead, channel));
    (void)events;
    drain_channel(a);
}

static void process_ready(struct source *src, uint32_t events) {
    struct ahead *a = (struct ahead *)((char *)src - offsetof(struct ahead, process));
    (void)events;
    if (drain_channel(a))
        ahead_close(a, "killed or crashed");
}

struct ahead *ahead_new(struct session *s, struct node *n, uint32_t id, int channel, int pidfd) {
    struct ahead *a = xcalloc(1, sizeof *a);
    a->session = s;
    a->id = id;
    a->site = n->site;
    a->forked_at = n;
    if (!source_add(&a->channel, channel, EPOLLIN, channel_ready)) {
        close(channel);
        close(pidfd);
        free(a);
        return NULL;
    }
    if (!source_add(&a->process, pidfd, EPOLLIN, process_ready))
        close(pidfd);
    return a;
}

void ahead_open(struct session *s, struct node *n, uint32_t id, int channel, int pidfd) {
    struct ahead *a = ahead_new(s, n, id, channel, pidfd);
    if (!a)
        return;
    /* It will meet again, with other placeholders, the calls that waited for answers before it. */
    struct node *old, *next;
    DL_FOREACH_SAFE(s->graph.pending, old, next)
    if (old->state == NODE_DEPENDENT)
        session_waste(s, old);
    keep_close_all(s, "a new run-ahead");
    s->ahead = a;
    s->stats.run_aheads++;
    session_debug(s, "run-ahead %u forked at call %llu", id, (unsigned long long)n->id);
    trace_node(s->number, "run-ahead", n, NULL);
}
