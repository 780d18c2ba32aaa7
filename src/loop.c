/* See loop.h. Memory freed by a callback may still be named by an event of the same round, hence the list. */
#include "loop.h"
#include "buf.h"
#include "clock.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define ROUND 64

struct later {
    void *p;
    struct later *next;
};

static int epoll_fd = -1;
static bool running;
static uint64_t wake_ns; /* 0: none */
static void (*on_wake)(void);
static struct later *garbage;

bool loop_open(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return epoll_fd >= 0;
}

static void collect(void) {
    while (garbage) {
        struct later *next = garbage->next;
        free(garbage->p);
        free(garbage);
        garbage = next;
    }
}

void loop_close(void) {
    collect();
    close(epoll_fd);
    epoll_fd = -1;
}

void loop_wake(uint64_t ns, void (*tick)(void)) {
    on_wake = tick;
    if (!wake_ns || ns < wake_ns)
        wake_ns = ns;
}

/* Milliseconds until the wake-up, -1 for none. */
static int patience(void) {
    uint64_t now = clock_ns();
    if (!wake_ns)
        return -1;
    if (wake_ns <= now)
        return 0;
    uint64_t ms = (wake_ns - now) / 1000000u + 1;
    return ms > 60000 ? 60000 : (int)ms;
}

static void wake(void) {
    if (!wake_ns || wake_ns > clock_ns())
        return;
    wake_ns = 0;
    on_wake();
}

void loop_free_later(void *p) {
    struct later *l = xcalloc(1, sizeof *l);
    *l = (struct later){p, garbage};
    garbage = l;
}

bool source_add(struct source *s, int fd, uint32_t events, source_ready *ready) {
    struct epoll_event e = {.events = events, .data.ptr = s};
    *s = (struct source){fd, events, ready, true};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0)
        return true;
    s->active = false;
    return false;
}

void source_events(struct source *s, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = s};
    if (!s->active || s->events == events)
        return;
    s->events = events;
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, s->fd, &e);
}

void source_end(struct source *s) {
    if (!s->active)
        return;
    s->active = false;
    /* Another process may hold the open file too: closing alone would not take it out. */
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    close(s->fd);
    s->fd = -1;
}

void loop_run(void) {
    struct epoll_event events[ROUND];
    running = true;
    while (running) {
        int n = epoll_wait(epoll_fd, events, ROUND, patience());
        if (n < 0 && errno != EINTR)
            break;
        for (int i = 0; i < n; i++) {
            struct source *s = events[i].data.ptr;
            if (s->active)
                s->ready(s, events[i].events);
        }
        wake();
        collect();
    }
}

void loop_stop(void) {
    running = false;
}
