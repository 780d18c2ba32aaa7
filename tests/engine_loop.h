/*
 * Lets the engine's event loop (src/loop.h) do what there is to do and return, so that a test can look. For tests that link the
 * loop; once in a program.
 */
#ifndef XCS_TEST_ENGINE_LOOP_H
#define XCS_TEST_ENGINE_LOOP_H

#include "../src/loop.h"

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Rounds: what one event causes (a packet, then what it brings) comes in a later one. */
#define SETTLE_ROUNDS 6

static struct source round_end;

static void round_ended(struct source *s, uint32_t events) {
    (void)s, (void)events;
    loop_stop();
}

static bool engine_loop_open(void) {
    /* Always readable: each round of the loop is its last. */
    return loop_open() && source_add(&round_end, eventfd(1, EFD_CLOEXEC), EPOLLIN, round_ended);
}

static void engine_loop_settle(void) {
    for (int i = 0; i < SETTLE_ROUNDS; i++)
        loop_run();
}

static void engine_loop_close(void) {
    engine_loop_settle();
    source_end(&round_end);
    loop_close();
}

#endif
