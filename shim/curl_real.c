/* See curl_real.h. Libraries found are kept for ever, and so are those of callers: only then can they be called later. */
#include "curl_real.h"
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#define LIBS 16
#define CALLERS 256

static struct curl_real libs[LIBS];
static size_t nlibs;
static pthread_mutex_t bind_lock = PTHREAD_MUTEX_INITIALIZER;

/* Which library a calling address uses: a cache, refilled when two addresses share a slot. */
static struct {
    _Atomic(void *) caller;
    _Atomic(const struct curl_real *) lib;
    _Atomic bool inner;
} callers[CALLERS];

static const void *base_of(const void *address) {
    Dl_info info;
    return dladdr(address, &info) ? info.dli_fbase : NULL;
}

/* The next definition after ours when the caller is the program itself, or cannot be told. */
static void *scope_of(void *caller) {
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !map->l_name || !*map->l_name)
        return RTLD_NEXT;
    void *handle = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
    // cppcheck-suppress resourceLeak
    return handle ? handle : RTLD_NEXT;
}

static void *look_up(void *scope, const char *name) {
    static const char ours;
    void *p = dlsym(scope, name);
    return p && base_of(p) == base_of(&ours) ? dlsym(RTLD_NEXT, name) : p;
}

static const struct curl_real *bind_lib(void *scope) {
    struct curl_real lib = {.usable = true};
    lib.easy_perform = (__typeof__(lib.easy_perform))look_up(scope, "curl_easy_perform");
    if (!lib.easy_perform)
        return nlibs ? &libs[0] : NULL; /* a binding's helper object, without a libcurl of its own in its scope */
    for (size_t i = 0; i < nlibs; i++)
        if (libs[i].easy_perform == lib.easy_perform)
            return &libs[i];
#define X(name, needed)                                                                                                \
    lib.name = (__typeof__(lib.name))look_up(scope, "curl_" #name);                                                    \
    lib.usable &= lib.name || !(needed);
    XCS_CURL_FUNCTIONS(X)
#undef X
    if (nlibs == LIBS)
        return NULL;
    libs[nlibs] = lib;
    return &libs[nlibs++];
}

const struct curl_real *curl_real_of(void *caller, bool *inner) {
    size_t slot = ((uintptr_t)caller >> 2) % CALLERS;
    const struct curl_real *lib = atomic_load_explicit(&callers[slot].lib, memory_order_acquire);
    if (XCS_LIKELY(atomic_load_explicit(&callers[slot].caller, memory_order_acquire) == caller && lib)) {
        *inner = atomic_load_explicit(&callers[slot].inner, memory_order_relaxed);
        return lib;
    }
    int saved = errno;
    bool locks = xcs_mode != XCS_MODE_AHEAD; /* alone there, and the lock may be another thread's for ever */
    if (locks)
        pthread_mutex_lock(&bind_lock);
    lib = bind_lib(scope_of(caller));
    *inner = lib && base_of(caller) == base_of((void *)lib->easy_perform);
    if (lib) {
        atomic_store(&callers[slot].caller, NULL);
        atomic_store(&callers[slot].lib, lib);
        atomic_store(&callers[slot].inner, *inner);
        atomic_store(&callers[slot].caller, caller);
    }
    if (locks)
        pthread_mutex_unlock(&bind_lock);
    errno = saved;
    return lib;
}

void curl_real_child_reset(void) {
    pthread_mutex_init(&bind_lock, NULL);
}
