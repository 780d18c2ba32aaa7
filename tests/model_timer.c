/*
 * A binary heap of timers and the thread that expires them (see model_timer.h).
 */
#include "model_timer.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct timer {
    uint64_t due;
    void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static struct timer *heap;
static size_t count, room;
static bool stopping;
static void (*on_expired)(void *arg);
static pthread_t thread;

uint64_t now_us(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static void swap(size_t a, size_t b) {
    struct timer t = heap[a];
    heap[a] = heap[b];
    heap[b] = t;
}

static void push(struct timer t) {
    if (count == room) {
        room = room ? room * 2 : 1024;
        heap = realloc(heap, room * sizeof *heap);
        if (!heap)
            abort();
    }
    size_t i = count++;
    heap[i] = t;
    for (; i > 0 && heap[i].due < heap[(i - 1) / 2].due; i = (i - 1) / 2)
        swap(i, (i - 1) / 2);
}

static void *pop(void) {
    void *arg = heap[0].arg;
    heap[0] = heap[--count];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
            if (child < count && heap[child].due < heap[least].due)
                least = child;
        if (least == i)
            return arg;
        swap(i, least);
        i = least;
    }
}

static void *run(void *unused) {
    (void)unused;
    pthread_mutex_lock(&lock);
    while (!stopping || count > 0) {
        if (count == 0) {
            pthread_cond_wait(&changed, &lock);
        } else if (!stopping && heap[0].due > now_us()) {
            uint64_t due = heap[0].due;
            struct timespec until = {.tv_sec = (time_t)(due / 1000000u), .tv_nsec = (long)(due % 1000000u) * 1000};
            pthread_cond_timedwait(&changed, &lock, &until);
        } else {
            void *arg = pop();
            pthread_mutex_unlock(&lock);
            on_expired(arg);
            pthread_mutex_lock(&lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void timers_start(void (*expired)(void *arg)) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&changed, &attr);
    pthread_condattr_destroy(&attr);
    on_expired = expired;
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort();
}

bool timers_add(uint64_t us, void (*before)(void *arg), void *arg) {
    pthread_mutex_lock(&lock);
    bool added = !stopping;
    if (added) {
        before(arg);
        push((struct timer){.due = now_us() + us, .arg = arg});
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&lock);
    return added;
}

void timers_stop(void) {
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(thread, NULL);
    free(heap);
}
