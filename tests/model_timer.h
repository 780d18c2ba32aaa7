/*
 * Timers of the test model server: one thread and a heap, however many requests wait. A callback runs in the timer
 * thread with no lock held and must be short.
 */
#ifndef XCS_TESTS_MODEL_TIMER_H
#define XCS_TESTS_MODEL_TIMER_H

#include <stdbool.h>
#include <stdint.h>

/* Monotonic time in microseconds. */
uint64_t now_us(void);

/* Starts the thread. `expired` is called once for each timer. */
void timers_start(void (*expired)(void *arg));

/* Calls `before(arg)`, then has `expired(arg)` called after `us`. False, and neither, when timers have been stopped. */
bool timers_add(uint64_t us, void (*before)(void *arg), void *arg);

/* Expires all timers at once, accepts no more and ends the thread. */
void timers_stop(void);

#endif
