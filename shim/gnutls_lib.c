/* See gnutls_lib.h. A library found is kept for ever. Under a lock of its own, never with the state lock held. */
#include "gnutls_lib.h"
#include "gnutls_session.h"
#include "shim.h"
#include "tls_lib.h"
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define LIBS 8
#define CALLERS 1024

static struct gnutls_lib libs[LIBS];
static size_t nlibs;
static pthread_mutex_t bind_lock = PTHREAD_MUTEX_INITIALIZER;

/* What is known of a calling address. Written once, before a slot points to it; when all are used the rest is looked up anew. */
struct caller {
    void *address;
    const struct gnutls_lib *lib;
    bool pass;
};
static struct caller pool[CALLERS];
static size_t npool;
static _Atomic(const struct caller *) callers[CALLERS];

/* The library that this thread's last call went to: its tail calls show us as the caller. */
static __thread const struct gnutls_lib *in_use __attribute__((tls_model("initial-exec")));

/* The ends of libxcs.so, which the linker knows. */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static bool is_ours(const void *address) {
    return (uintptr_t)address >= (uintptr_t)__ehdr_start && (uintptr_t)address < (uintptr_t)_end;
}

static const struct gnutls_lib *bind(void *scope) {
    struct gnutls_lib lib = {.usable = true};
    void *id = tls_look_up(scope, "gnutls_record_recv");
    if (!id && (scope = dlopen("libgnutls.so.30", RTLD_LAZY | RTLD_NOLOAD))) /* found by dlsym(RTLD_DEFAULT) */
        id = dlsym(scope, "gnutls_record_recv");
    for (size_t i = 0; i < nlibs; i++)
        if (!id || (void *)libs[i].gnutls_record_recv == id)
            return &libs[i];
    if (!id || nlibs == LIBS)
        return NULL;
#define X(type, name, args)                                                                                            \
    lib.name = (type(*) args)tls_look_up(scope, #name);                                                                \
    lib.usable &= lib.name != NULL;
    XCS_GNUTLS_FUNCTIONS(X)
#undef X
#define X(name)                                                                                                        \
    lib.facts[FACT_##name] = (int (*)(void *))tls_look_up(scope, #name);                                               \
    lib.usable &= lib.facts[FACT_##name] != NULL;
    XCS_GNUTLS_FACTS(X)
#undef X
#define X(type, name, parameters, arguments) lib.name = (type(*) parameters)tls_look_up(scope, #name);
    XCS_GNUTLS_UNFOLLOWED(X)
    XCS_GNUTLS_MOVES(X)
    XCS_GNUTLS_CHANGES(X)
#undef X
    libs[nlibs] = lib;
    return &libs[nlibs++];
}

static bool lies_in(const void *address, const void *base) {
    Dl_info info;
    return dladdr(address, &info) && info.dli_fbase == base;
}

static bool passes(void *caller, const struct gnutls_lib *lib) {
    Dl_info info;
    return !lib->usable || !dladdr(caller, &info) || (info.dli_fname && strstr(info.dli_fname, "libcurl")) ||
           lies_in((const void *)lib->gnutls_record_recv, info.dli_fbase);
}

static void remember(void *caller, const struct gnutls_lib *lib, bool pass) {
    size_t i = 0;
    while (i < npool && pool[i].address != caller)
        i++;
    if (i == CALLERS)
        return;
    if (i == npool) {
        pool[i] = (struct caller){caller, lib, pass};
        npool++;
    }
    atomic_store_explicit(&callers[((uintptr_t)caller >> 2) % CALLERS], &pool[i], memory_order_release);
}

const struct gnutls_lib *gnutls_lib_of(void *caller, bool *pass) {
    const struct caller *known =
        atomic_load_explicit(&callers[((uintptr_t)caller >> 2) % CALLERS], memory_order_acquire);
    if (XCS_LIKELY(known && known->address == caller)) {
        *pass = known->pass;
        in_use = known->lib;
        return known->lib;
    }
    if (is_ours(caller) && in_use) {
        *pass = true;
        return in_use;
    }
    int saved = errno;
    const void *base = NULL;
    const struct gnutls_lib *lib;
    pthread_mutex_lock(&bind_lock);
    void *scope = tls_scope_of(caller, &base);
    if ((lib = bind(scope))) {
        *pass = passes(caller, lib);
        remember(caller, lib, *pass);
    }
    pthread_mutex_unlock(&bind_lock);
    in_use = lib;
    errno = saved;
    return lib;
}

void gnutls_child_reset(void) {
    pthread_mutex_init(&bind_lock, NULL);
    gnutls_session_child_reset();
}
