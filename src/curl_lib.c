/*
 * Opens libcurl and looks its functions up (see curl_lib.h). It is never closed: its TLS library leaves handlers behind
 * that run when the process ends.
 */
#include "curl_lib.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define ROW(name) {"curl_" #name, offsetof(struct curl_lib, name)},
    CURL_LIB_FUNCTIONS(ROW)
#undef ROW
};

bool curl_lib_load(struct curl_lib *lib) {
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return false;
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *found = dlsym(handle, functions[i].name);
        if (!found)
            return false;
        memcpy((char *)lib + functions[i].offset, &found, sizeof(found));
    }
    return lib->global_init(CURL_GLOBAL_NOTHING) == CURLE_OK;
}
