/*
 * Global locks of language runtimes. Held by us while the copy is taken, the lock is the copying thread's in the copy
 * too, which can release it there and go on; held by another thread it would be locked for ever.
 */
#ifndef XCS_RUNTIME_LOCK_H
#define XCS_RUNTIME_LOCK_H

#include <stddef.h>

struct runtime_hold {
    void (*release)(int);
    int state;
};

/*
 * Takes the lock of the runtime in this process, if it has one that any thread may take from outside. May wait for it, so
 * never with the state lock held: the lock's owner may be waiting for that one.
 */
struct runtime_hold runtime_lock(void);

/* Releases it; in the copy too. No-op for an empty hold. */
void runtime_unlock(struct runtime_hold hold);

#endif
