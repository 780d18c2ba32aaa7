/*
 * libcurl, loaded when it is needed. Linking with it would cost every start of xcs the loading of some thirty libraries,
 * which is more than all the rest of it; so the dispatcher's thread opens it, while main waits for its first answer.
 *
 * For the dispatcher only. The functions are listed once, and their types are those of <curl/curl.h>.
 */
#ifndef XCS_CURL_LIB_H
#define XCS_CURL_LIB_H

/* The type checks are macros of the functions' names; here the functions are members of a struct. */
#define CURL_DISABLE_TYPECHECK
/* Old names are what programs use. */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>
#include <stdbool.h>

#define CURL_LIB_FUNCTIONS(X)                                                                                          \
    X(global_init)                                                                                                     \
    X(easy_init)                                                                                                       \
    X(easy_setopt)                                                                                                     \
    X(easy_getinfo)                                                                                                    \
    X(easy_cleanup)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(slist_append)                                                                                                    \
    X(slist_free_all)                                                                                                  \
    X(multi_init)                                                                                                      \
    X(multi_setopt)                                                                                                    \
    X(multi_add_handle)                                                                                                \
    X(multi_remove_handle)                                                                                             \
    X(multi_perform)                                                                                                   \
    X(multi_poll)                                                                                                      \
    X(multi_wakeup)                                                                                                    \
    X(multi_info_read)                                                                                                 \
    X(multi_cleanup)

#define CURL_LIB_MEMBER(name) __typeof__(curl_##name) *name;

struct curl_lib {
    CURL_LIB_FUNCTIONS(CURL_LIB_MEMBER)
};

/* Opens libcurl and fills `lib`. False when it is not there or lacks a function. It stays loaded. */
bool curl_lib_load(struct curl_lib *lib);

#endif
