/*
 * The libcurl that a caller uses: one or several in a process, none linked by us. As with TLS libraries (tls_lib.h) the real functions are
 * looked up in the dependency scope of the object that called: bindings load their libcurl RTLD_LOCAL.
 */
#ifndef XCS_CURL_REAL_H
#define XCS_CURL_REAL_H

/* The type checks are macros of the functions' names, which are defined here; old names are what programs use. */
#define CURL_DISABLE_TYPECHECK
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#include <stdbool.h>

/* name, needed (without it all passes) */
#define XCS_CURL_FUNCTIONS(X)                                                                                          \
    X(easy_init, 1)                                                                                                    \
    X(easy_setopt, 1)                                                                                                  \
    X(easy_perform, 1)                                                                                                 \
    X(easy_getinfo, 1)                                                                                                 \
    X(easy_duphandle, 1)                                                                                               \
    X(easy_reset, 1)                                                                                                   \
    X(easy_cleanup, 1)                                                                                                 \
    X(easy_pause, 1)                                                                                                   \
    X(multi_add_handle, 1)                                                                                             \
    X(multi_remove_handle, 1)                                                                                          \
    X(free, 1)                                                                                                         \
    X(version_info, 0)                                                                                                 \
    X(easy_header, 0)                                                                                                  \
    X(easy_nextheader, 0)                                                                                              \
    X(url_get, 0)

struct curl_real {
#define X(name, needed) __typeof__(curl_##name) *name;
    XCS_CURL_FUNCTIONS(X)
#undef X
    bool usable;
};

/* The library of the object that `caller` (a return address) lies in; NULL: none is to be found. `inner`: the library itself calls. */
const struct curl_real *curl_real_of(void *caller, bool *inner);

/* In the child of a fork. */
void curl_real_child_reset(void);

#endif
