/* Binds the real functions (real.h). Called by every wrapper at its first use. Must not call anything interposed. */
#include "real.h"
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

_Atomic(void *) xcs_real_table[XCS_REAL_COUNT];

static const struct {
    const char *name;
    int early;
} reals[XCS_REAL_COUNT] = {
#define X(name, early) {#name, early},
    XCS_REALS(X)
#undef X
};

void *xcs_real_bind(enum xcs_real_id id) {
    int saved = errno;
    void *p = dlsym(RTLD_NEXT, reals[id].name);
    if (p)
        atomic_store_explicit(&xcs_real_table[id], p, memory_order_release);
    errno = saved;
    return p;
}

void xcs_real_bind_early(void) {
    for (size_t i = 0; i < XCS_REAL_COUNT; i++)
        if (reals[i].early)
            xcs_real_bind((enum xcs_real_id)i);
}
