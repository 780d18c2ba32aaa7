/* See tls_lib.h. Libraries found are kept for ever: programs do not unload OpenSSL, and its address tells them apart. */
#include "tls_lib.h"
#include "shim.h"
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define LIBS 64
#define EX_SESSION 0 /* CRYPTO_EX_INDEX_SSL */
#define EX_CONTEXT 1

static struct tls_lib libs[LIBS];
static size_t nlibs;
static pthread_mutex_t bind_lock = PTHREAD_MUTEX_INITIALIZER;

struct tls_caller tls_callers[TLS_CALLERS];
__thread const struct tls_lib *tls_lib_in_use __attribute__((tls_model("initial-exec")));

static const void *own_base(void) {
    static _Atomic(void *) base;
    Dl_info info;
    if (!atomic_load(&base) && dladdr((void *)own_base, &info))
        atomic_store(&base, info.dli_fbase);
    return atomic_load(&base);
}

/* A scope to look names up in: the caller's, or what comes after us when the caller is the program itself. */
void *tls_scope_of(void *caller, const void **base) {
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(caller, &info, (void **)&map, RTLD_DL_LINKMAP) || !map)
        return NULL;
    *base = info.dli_fbase;
    if (!map->l_name || !*map->l_name)
        return RTLD_NEXT;
    void *handle = dlopen(map->l_name, RTLD_LAZY | RTLD_NOLOAD);
    /* Where the name of the preloaded shim comes first in the object's own scope, the next definition is the one. */
    /* Kept open: the library must stay as long as we call it. */
    // cppcheck-suppress resourceLeak
    return handle ? handle : RTLD_NEXT;
}

void *tls_look_up(void *scope, const char *name) {
    Dl_info info;
    void *p = dlsym(scope, name);
    if (p && dladdr(p, &info) && info.dli_fbase == own_base())
        p = dlsym(RTLD_NEXT, name);
    return p;
}

static const struct tls_lib *bind(void *scope);

static int find_library(struct dl_phdr_info *info, size_t size, void *found) {
    (void)size;
    void **handle = found;
    if (info->dlpi_name && strstr(info->dlpi_name, "libssl"))
        *handle = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
    return *handle != NULL;
}

/* No scope to go by and no library met yet: the first that is loaded. */
static const struct tls_lib *bind_any(void) {
    void *handle = NULL;
    dl_iterate_phdr(find_library, &handle);
    return handle ? bind(handle) : NULL;
}

static int find_code(struct dl_phdr_info *info, size_t size, void *of) {
    struct tls_lib *lib = of;
    (void)size;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && (uintptr_t)lib->id - from < part->p_memsz) {
            lib->code = from;
            lib->code_end = from + part->p_memsz;
        }
    }
    return lib->code != 0;
}

static const struct tls_lib *bind(void *scope) {
    struct tls_lib lib = {0};
    bool whole = true, lazy = true;
    lib.id = tls_look_up(scope, "SSL_read");
    if (!lib.id)
        return tls_lib_in_use ? tls_lib_in_use : nlibs ? &libs[0] : bind_any();
    for (size_t i = 0; i < nlibs; i++)
        if (libs[i].id == lib.id)
            return &libs[i];
#define BIND(type, name, args, needed)                                                                                 \
    lib.name = (type(*) args)tls_look_up(scope, #name);                                                                \
    whole &= lib.name || (needed) != 1;                                                                                \
    lazy &= lib.name || (needed) != 2;
    XCS_TLS_FUNCTIONS(BIND)
#undef BIND
#define BIND(type, name, params, args, needed)                                                                         \
    lib.name = (type(*) params)tls_look_up(scope, #name);                                                              \
    whole &= lib.name || (needed) != 1;                                                                                \
    lazy &= lib.name || (needed) != 2;
    XCS_TLS_SETTLED(BIND)
#undef BIND
    dl_iterate_phdr(find_code, &lib);
    lib.usable = whole;
    if (whole && lazy) {
        lib.session_mark = lib.CRYPTO_get_ex_new_index(EX_SESSION, 0, NULL, NULL, NULL, NULL);
        lib.context_mark = lib.CRYPTO_get_ex_new_index(EX_CONTEXT, 0, NULL, NULL, NULL, NULL);
        lib.lazy = lib.session_mark >= 0 && lib.context_mark >= 0;
    }
    if (nlibs == LIBS)
        return NULL;
    libs[nlibs] = lib;
    return &libs[nlibs++];
}

const struct tls_lib *tls_lib_find(void *caller, bool *nested) {
    struct tls_caller *slot = &tls_callers[((uintptr_t)caller >> 2) % TLS_CALLERS];
    const struct tls_lib *lib;
    int saved = errno;
    const void *base = NULL;
    pthread_mutex_lock(&bind_lock);
    void *scope = tls_scope_of(caller, &base);
    *nested = base == own_base() && tls_lib_in_use;
    if (*nested)
        lib = tls_lib_in_use;
    else if ((lib = bind(scope))) {
        atomic_store(&slot->address, NULL);
        atomic_store(&slot->lib, lib);
        atomic_store(&slot->address, caller);
    }
    pthread_mutex_unlock(&bind_lock);
    tls_lib_in_use = lib;
    errno = saved;
    return lib;
}

void *tls_peer_certificate(const struct tls_lib *lib, const void *ssl) {
    return lib->SSL_get1_peer_certificate ? lib->SSL_get1_peer_certificate(ssl) : lib->SSL_get_peer_certificate(ssl);
}

void tls_child_reset(void) {
    pthread_mutex_init(&bind_lock, NULL);
}
