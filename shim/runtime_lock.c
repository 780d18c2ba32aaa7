/* The table of runtimes (runtime_lock.h). A runtime whose lock a thread must not take twice has no row. */
#include "runtime_lock.h"
#include <dlfcn.h>

static const struct {
    const char *acquire; /* int (void) */
    const char *release; /* void (int) */
    const char *running; /* int (void): false before the runtime is set up and after its end */
    const char *ending;  /* int (void): true while the runtime shuts down and acquiring would end the thread */
} runtimes[] = {
    /* CPython's GIL; "it is safe to call in any thread, nested" (docs.python.org, c-api/init) */
    {"PyGILState_Ensure", "PyGILState_Release", "Py_IsInitialized", "_Py_IsFinalizing"},
};

struct runtime_hold runtime_lock(void) {
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        int (*acquire)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, runtimes[i].acquire);
        void (*release)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, runtimes[i].release);
        int (*running)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, runtimes[i].running);
        int (*ending)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, runtimes[i].ending);
        if (acquire && release && running && running() && (!ending || !ending()))
            return (struct runtime_hold){release, acquire()};
    }
    return (struct runtime_hold){0};
}

void runtime_unlock(struct runtime_hold hold) {
    if (hold.release)
        hold.release(hold.state);
}
