/*
 * The engine's event loop: one thread, level-triggered, descriptors with a callback each.
 */
#ifndef XCS_LOOP_H
#define XCS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source;
typedef void source_ready(struct source *s, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP… */

/* Embedded as the first member of what it belongs to. Zeroed when not in the loop. */
struct source {
    int fd;
    uint32_t events;
    source_ready *ready;
    bool active;
};

bool loop_open(void);
void loop_close(void);

/* Takes the descriptor over; false leaves it with the caller. */
bool source_add(struct source *s, int fd, uint32_t events, source_ready *ready);
void source_events(struct source *s, uint32_t events);

/* Takes it out and closes the descriptor. */
void source_end(struct source *s);

/* Frees memory that may hold a source when the events at hand are done. */
void loop_free_later(void *p);

/* Calls `tick` when `ns` (CLOCK_MONOTONIC) has come; one at a time, the earlier wins. */
void loop_wake(uint64_t ns, void (*tick)(void));

void loop_run(void);
void loop_stop(void);

#endif
