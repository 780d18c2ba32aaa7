/*
 * Interposed: dlopen(3).
 *
 * PHP loads its extensions with RTLD_DEEPBIND: their libraries would bind to libc past what is interposed. For the extensions
 * that speak to servers that flag is left out; every other call passes as it is.
 *
 * The real dlopen looks at its return address: whose run path, whose namespace. So it must be jumped to from here, never called.
 */
#include "real.h"
#include "shim.h"
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__clang__)
#define JUMP_TO __attribute__((musttail)) return
#define JUMPS
#else
#define JUMP_TO return
#define JUMPS __attribute__((optimize("O2", "optimize-sibling-calls")))
#endif

static const char *const speaking[] = {"/curl.so", "/openssl.so"};

static bool speaks(const char *file) {
    size_t len = file ? strlen(file) : 0;
    for (size_t i = 0; i < sizeof speaking / sizeof *speaking; i++) {
        size_t n = strlen(speaking[i]);
        if (len > n && strcmp(file + len - n, speaking[i]) == 0)
            return true;
    }
    return false;
}

XCS_EXPORT JUMPS void *dlopen(const char *file, int flags) {
    void *(*real)(const char *, int) = REAL(dlopen);
    if ((flags & RTLD_DEEPBIND) && xcs_mode == XCS_MODE_MAIN && speaks(file))
        flags &= ~RTLD_DEEPBIND;
    JUMP_TO real(file, flags);
}
